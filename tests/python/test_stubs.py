"""The docstrings of the extension are the first lines of those in the stubs."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

from databricks_sql_kernel import dbapi

STUBS = Path(__file__).parents[2] / "stubs" / "dbapi.pyi"
Definition = ast.FunctionDef | ast.ClassDef


def definitions(body: list[ast.stmt], prefix: str = "") -> dict[str, Definition]:
    """The public classes, functions, methods and properties of a stub, by their dotted names."""
    found: dict[str, Definition] = {}
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            found.setdefault(prefix + node.name, node)
            if isinstance(node, ast.ClassDef):
                found |= definitions(node.body, f"{node.name}.")
    return found


def at_runtime(name: str) -> Any:
    """The object of a dotted name, without what it inherits."""
    owner, _, attribute = name.rpartition(".")
    return vars(getattr(dbapi, owner))[attribute] if owner else getattr(dbapi, name)


def first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def public_members() -> set[str]:
    """All that the module and its classes have of their own."""
    names: set[str] = set()
    for name in dbapi.__all__:
        thing = getattr(dbapi, name)
        if inspect.isclass(thing):
            if thing.__name__ == name:
                names.add(name)
                names |= {
                    f"{name}.{member}"
                    for member, value in vars(thing).items()
                    if not member.startswith("_")
                    and (callable(value) or inspect.isdatadescriptor(value))
                    and not inspect.isclass(value)
                }
        elif callable(thing):
            names.add(name)
    return names


def test_docstrings_begin_as_in_the_stubs() -> None:
    documented = definitions(ast.parse(STUBS.read_text(encoding="utf-8")).body)
    assert len(documented) > 50
    differing = {
        name: (first_line(at_runtime(name).__doc__), first_line(ast.get_docstring(node)))
        for name, node in documented.items()
        if first_line(at_runtime(name).__doc__) != first_line(ast.get_docstring(node))
    }
    assert differing == {}


def test_the_stubs_have_all_that_there_is_with_a_docstring() -> None:
    documented = definitions(ast.parse(STUBS.read_text(encoding="utf-8")).body)
    found = public_members()
    assert len(found) > 50
    assert found - set(documented) == set()
    assert [name for name, node in documented.items() if not ast.get_docstring(node)] == []


def test_methods_have_real_signatures() -> None:
    names = [name for name in public_members() if callable(at_runtime(name))]
    assert len(names) > 30
    without = []
    for name in names:
        thing = at_runtime(name)
        if inspect.isclass(thing):
            continue
        try:
            inspect.signature(thing)
        except ValueError:
            without.append(name)
    assert without == []
    assert list(inspect.signature(dbapi.Cursor.execute).parameters) == [
        "self",
        "operation",
        "parameters",
        "timeout",
    ]
