"""The docstrings of the extension are the first lines of those in the stubs."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import databricks_sql_kernel
from databricks_sql_kernel import connector, dbapi

if TYPE_CHECKING:
    from types import ModuleType

STUBS = Path(__file__).parents[2] / "stubs"
FILES = {"connector.pyi": connector, "dbapi.pyi": dbapi, "__init__.pyi": databricks_sql_kernel}
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


def at_runtime(module: ModuleType, name: str) -> Any:
    """The object of a dotted name, without what it inherits."""
    owner, _, attribute = name.rpartition(".")
    return vars(getattr(module, owner))[attribute] if owner else getattr(module, name)


def documented_in(file: str) -> dict[str, Definition]:
    return definitions(ast.parse((STUBS / file).read_text(encoding="utf-8")).body)


def first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def public_members(module: ModuleType) -> set[str]:
    """All that the module and its classes have of their own."""
    names: set[str] = set()
    for name in module.__all__:
        thing = getattr(module, name)
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


@pytest.mark.parametrize("file", FILES)
def test_docstrings_begin_as_in_the_stubs(file: str) -> None:
    module, documented = FILES[file], documented_in(file)
    assert len(documented) > 30
    differing = {
        name: (
            first_line(at_runtime(module, name).__doc__),
            first_line(ast.get_docstring(node)),
        )
        for name, node in documented.items()
        if first_line(at_runtime(module, name).__doc__) != first_line(ast.get_docstring(node))
    }
    assert differing == {}


@pytest.mark.parametrize("file", FILES)
def test_the_stubs_have_all_that_there_is_with_a_docstring(file: str) -> None:
    documented = documented_in(file)
    found = public_members(FILES[file])
    assert len(found) > 30
    assert found - set(documented) == set()
    assert [name for name, node in documented.items() if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("file", FILES)
def test_methods_have_real_signatures(file: str) -> None:
    module = FILES[file]
    names = [name for name in public_members(module) if callable(at_runtime(module, name))]
    assert len(names) > 20
    without = []
    for name in names:
        thing = at_runtime(module, name)
        if inspect.isclass(thing):
            continue
        try:
            inspect.signature(thing)
        except ValueError:
            without.append(name)
    assert without == []


def test_execute_takes_what_pep_249_says_first() -> None:
    assert list(inspect.signature(dbapi.Cursor.execute).parameters) == [
        "self",
        "operation",
        "parameters",
        "timeout",
        "query_tags",
        "input_stream",
        "output_stream",
        "progress",
    ]
