"""Prints the surface of whichever kernel this interpreter has, as JSON."""

import inspect
import json
import sys

import databricks_sql_kernel as kernel

KINDS = ["method", "property", "attribute"]


def signature(thing: object) -> list[list[str]] | None:
    try:
        parameters = inspect.signature(thing).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return [[each.name, each.kind.name, str(each.default)] for each in parameters]


def members(owner: type) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, member in vars(owner).items():
        if name.startswith("_") and name != "__repr__":
            continue
        found[name] = signature(member) if callable(member) else "property"
    return found


def failure() -> dict[str, object]:
    """The attributes of an error that the library raises by itself."""
    try:
        kernel.Session("https://localhost", "/nothing", access_token="x")
    except kernel.KernelError as error:
        return {
            "attributes": sorted(vars(error)),
            "args": len(error.args),
            "code": error.code,
            "text": str(error) == error.message,
        }
    return {}


def cannot_be_made(name: str) -> bool:
    try:
        getattr(kernel, name)()
    except TypeError:
        return True
    return False


names = [name for name in kernel.__all__ if name not in {"__version__", "dbapi", "connector"}]
classes = [name for name in names if inspect.isclass(getattr(kernel, name))]
print(
    json.dumps(
        {
            "version": kernel.__version__,
            "names": sorted(names),
            "session": signature(kernel.Session),
            "members": {name: members(getattr(kernel, name)) for name in classes},
            "functions": {
                name: signature(getattr(kernel, name)) for name in set(names) - set(classes)
            },
            "failure": failure(),
            "bases": [base.__name__ for base in kernel.KernelError.__mro__],
            "not made": sorted(name for name in classes if cannot_be_made(name)),
        }
    )
)
sys.stdout.flush()
