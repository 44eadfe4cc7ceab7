"""From DuckDB's errors to the service's conditions and SQLSTATEs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from .errors import Position, StatementError, sql_error
from .functions import DIVIDE_BY_ZERO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .tables import Reference

_SERVICE_WORDED = re.compile(r"\[[A-Z_.]+\].* SQLSTATE: (\w{5})", re.DOTALL)
_VERIFY = (
    "Verify the spelling and correctness of the schema and catalog.\n"
    "If you did not qualify the name with a schema, verify the current_schema() output, or "
    "qualify the name with the correct schema and catalog.\n"
    "To tolerate the error on drop use DROP VIEW IF EXISTS or DROP TABLE IF EXISTS."
)


def from_duckdb(
    error: duckdb.Error, statement: str, references: Sequence[Reference]
) -> StatementError:
    """The service's error for an error of the engine."""
    kind, _, text = str(error).partition(": ")
    text = text.split("\n\nLINE ")[0].strip()
    if match := _SERVICE_WORDED.search(text):
        return StatementError(match[0], match[1])
    for pattern, build in _RULES:
        if match := re.search(pattern, text, re.DOTALL):
            return build(match, statement, references)
    if isinstance(error, duckdb.ParserException):
        return sql_error("PARSE_SYNTAX_ERROR", text, "42601")
    return sql_error("INTERNAL_ERROR", f"{kind}: {text}", "XX000")


def _named(name: str, references: Sequence[Reference]) -> tuple[str, Position | None]:
    last = name.strip('"').split(".")[-1].lower()
    for reference in references:
        if reference.name == last:
            return reference.shown, reference.position
    return f"`{last}`", None


def _missing_table(match: re.Match[str], _: str, references: Sequence[Reference]) -> StatementError:
    return _not_found(*_named(match[1], references))


def missing_table(names: Sequence[str], statement: str) -> StatementError:
    """A table or view that a command names and that does not exist."""
    shown = ".".join(f"`{name}`" for name in names)
    return _not_found(shown, _position(names[0], statement))


def _not_found(shown: str, position: Position | None) -> StatementError:
    text = f"The table or view {shown} cannot be found. {_VERIFY}"
    return sql_error("TABLE_OR_VIEW_NOT_FOUND", text, "42P01", position)


def _existing_table(
    match: re.Match[str], _: str, references: Sequence[Reference]
) -> StatementError:
    shown, _position = _named(match[1], references)
    text = (
        f"Cannot create table or view {shown} because it already exists.\nChoose a different "
        "name, drop or replace the existing object, add the IF NOT EXISTS clause to tolerate "
        "pre-existing objects, or refresh the table."
    )
    return sql_error("TABLE_OR_VIEW_ALREADY_EXISTS", text, "42P07")


def _unresolved_column(match: re.Match[str], statement: str, _: object) -> StatementError:
    name = match[1]
    bindings = match.re.pattern and re.search(r"Candidate bindings: (.*)", match.string)
    shown = ".".join(f"`{part}`" for part in name.split("."))
    text = f"A column, variable, or function parameter with name {shown} cannot be resolved."
    position = _position(name.split(".")[-1], statement)
    if not bindings:
        return sql_error("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", text, "42703", position)
    candidates = ", ".join(f"`{item}`" for item in re.findall(r'"([^"]+)"', bindings[1]))
    text += f" Did you mean one of the following? [{candidates}]."
    return sql_error("UNRESOLVED_COLUMN.WITH_SUGGESTION", text, "42703", position)


def _position(name: str, statement: str) -> Position | None:
    found = re.search(rf"(?<![\w`.'\"])`?{re.escape(name)}\b", statement, re.IGNORECASE)
    if found is None:
        return None
    before = statement[: found.start()]
    return Position(before.count("\n") + 1, len(before) - before.rfind("\n") - 1)


_TYPE_NAMES = {"INT8": "TINYINT", "INT16": "SMALLINT", "INT32": "INT", "INT64": "BIGINT"}


def _invalid_cast(match: re.Match[str], _: str, __: object) -> StatementError:
    value, target = match["value"], match["type"].strip().rstrip(".!")
    target = _TYPE_NAMES.get(target, {"BOOL": "BOOLEAN"}.get(target, target))
    text = (
        f'The value \'{value}\' of the type "STRING" cannot be cast to "{target}" because it is '
        "malformed. Correct the value as per the syntax, or change its target type. Use "
        "`try_cast` to tolerate malformed input and return NULL instead."
    )
    return sql_error("CAST_INVALID_INPUT", text, "22018")


def _invalid_temporal(match: re.Match[str], _: str, __: object) -> StatementError:
    target = {"date": "DATE"}.get(match["kind"], "TIMESTAMP")
    text = (
        f'The value \'{match["value"]}\' of the type "STRING" cannot be cast to "{target}" '
        "because it is malformed. Correct the value as per the syntax, or change its target type. "
        "Use `try_cast` to tolerate malformed input and return NULL instead."
    )
    return sql_error("CAST_INVALID_INPUT", text, "22018")


def _ambiguous(match: re.Match[str], statement: str, _: object) -> StatementError:
    found = ", ".join(_quoted(name) for name in re.findall(r"'([^']+)'", match["found"]))
    text = f"Reference `{match['name']}` is ambiguous, could be: [{found}]."
    return sql_error("AMBIGUOUS_REFERENCE", text, "42704", _position(match["name"], statement))


def _quoted(name: str) -> str:
    return ".".join(f"`{part}`" for part in name.split("."))


def _fixed(condition: str, text: str, sql_state: str) -> _Builder:
    def build(match: re.Match[str], _: str, __: object) -> StatementError:
        return sql_error(condition, match.expand(text), sql_state)

    return build


if TYPE_CHECKING:
    _Builder = Callable[[re.Match[str], str, Sequence[Reference]], StatementError]

_RULES: list[tuple[str, _Builder]] = [
    (r"Division by zero", lambda *_: StatementError(DIVIDE_BY_ZERO, "22012")),
    (r"(?:Table|View) with name (\"[^\"]+\"|\S+) does not exist", _missing_table),
    (r"(?:Table|View) with name (\"[^\"]+\"|\S+) already exists", _existing_table),
    (
        r"Schema with name (\S+) does not exist|schema \"?([\w.]+)\"? does not exist",
        _fixed(
            "SCHEMA_NOT_FOUND",
            "The schema cannot be found. Verify the spelling and correctness of the schema and "
            "catalog.",
            "42704",
        ),
    ),
    (
        r'Schema with name "?([^"\s]+)"? already exists',
        _fixed(
            "SCHEMA_ALREADY_EXISTS",
            "Cannot create schema `\\1` because it already exists.\nChoose a different name, "
            "drop the existing schema, or add the IF NOT EXISTS clause to tolerate pre-existing "
            "schema.",
            "42P06",
        ),
    ),
    (r'(?:Referenced column|column named|Values list) "([^"]+)"', _unresolved_column),
    (r'does not have a column with name "([^"]+)"', _unresolved_column),
    (r"Referenced update column (\S+) not found", _unresolved_column),
    (
        r'Ambiguous reference to column name "(?P<name>[^"]+)" \(use: (?P<found>.*)\)',
        _ambiguous,
    ),
    (
        r'column "([^"]+)" must appear in the GROUP BY clause',
        _fixed(
            "MISSING_AGGREGATION",
            'The non-aggregating expression "\\1" is based on columns which are not participating '
            "in the GROUP BY clause.\nAdd the columns or the expression to the GROUP BY, aggregate "
            'the expression, or use "any_value(\\1)" if you do not care which of the values within '
            "a group is returned.",
            "42803",
        ),
    ),
    (
        r"Set operations can only apply to expressions with the same number of result columns",
        _fixed(
            "NUM_COLUMNS_MISMATCH",
            "Set operations can only be performed on inputs with the same number of columns.",
            "42826",
        ),
    ),
    (
        r'Column with name "?([^"]+?)"? already exists',
        _fixed(
            "COLUMN_ALREADY_EXISTS",
            r"The column `\1` already exists. Choose another name or rename the existing column.",
            "42711",
        ),
    ),
    (
        r'Existing object "?([^"]+?)"? is of type (\w+), trying to (\w+) type (\w+)',
        _fixed(
            "WRONG_COMMAND_FOR_OBJECT_TYPE",
            r"The operation \3 requires a \4. But `\1` is a \2. Use the command for a \2 instead.",
            "42809",
        ),
    ),
    (
        r'Cannot drop entry "([^"]+)" because there are entries that depend on it',
        _fixed(
            "SCHEMA_NOT_EMPTY",
            r"Cannot drop a schema `\1` because it contains objects. Use DROP SCHEMA ... CASCADE "
            "to drop the schema and all its objects.",
            "2BP01",
        ),
    ),
    (
        r"Cannot extract field '([^']+)' from expression \"(.*?)\" because",
        _fixed(
            "INVALID_EXTRACT_BASE_FIELD_TYPE",
            r"""Can't extract a value from "\2". Need a complex type [STRUCT, ARRAY, MAP].""",
            "42000",
        ),
    ),
    (
        r'Could not find key "([^"]+)" in struct',
        _fixed("FIELD_NOT_FOUND", r"No such struct field `\1`.", "42704"),
    ),
    (
        r"LIMIT/OFFSET cannot be negative",
        _fixed(
            "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE",
            "The limit like expression is invalid. It must be equal to or greater than 0.",
            "42K0E",
        ),
    ),
    (
        r"More than one row returned by a subquery used as an expression",
        _fixed(
            "SCALAR_SUBQUERY_TOO_MANY_ROWS",
            "More than one row returned by a subquery used as an expression.",
            "21000",
        ),
    ),
    (
        r"(?P<kind>date|timestamp) field value out of range: \"(?P<value>.*?)\"",
        _invalid_temporal,
    ),
    (
        r"(?i)CHECK constraint failed on table .*length\(\W*(\w+)\W*\) <= (\d+)",
        _fixed(
            "DELTA_EXCEED_CHAR_VARCHAR_LIMIT",
            r"Value exceeds char/varchar type length limitation: column `\1` takes \2 characters.",
            "22001",
        ),
    ),
    (
        r"(?:Scalar|Table|Aggregate) Function with name (\S+) does not exist",
        _fixed(
            "UNRESOLVED_ROUTINE",
            r"Cannot resolve routine `\1` on search path [`system`.`builtin`, `system`.`session`].",
            "42883",
        ),
    ),
    (r"Could not convert string ['\"](?P<value>.*)['\"] to (?P<type>[\w(),]+)", _invalid_cast),
    (
        r"invalid (?P<kind>date|timestamp) field format: \"(?P<value>.*?)\"",
        _invalid_temporal,
    ),
    (
        r"Duplicate key \"([^\"]*)\"",
        _fixed("DUPLICATE_KEY", r"Found duplicate keys '\1'.", "23505"),
    ),
    (
        r"NOT NULL constraint failed: (\S+?)\.(\S+)",
        _fixed(
            "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
            r"NOT NULL constraint violated for column: \2.",
            "23502",
        ),
    ),
    (
        r"CHECK constraint failed on table \"?([^\"]+)\"? with expression CHECK(.*)",
        _fixed(
            "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES",
            r"CHECK constraint \2 violated by row of table `\1`.",
            "23001",
        ),
    ),
    (
        r"Overflow|out of range|[Oo]ut of Range|Could not cast value .* to DECIMAL",
        _fixed(
            "NUMERIC_VALUE_OUT_OF_RANGE",
            "The value cannot be represented in the target numeric type.",
            "22003",
        ),
    ),
    (
        r"[Cc]onflict on |write-write conflict",
        _fixed(
            "DELTA_CONCURRENT_WRITE",
            "The transaction conflicts with another one that changed the same rows.",
            "2D521",
        ),
    ),
    (
        r"Malformed JSON",
        _fixed(
            "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION",
            "Malformed records are detected in record parsing: the text is not JSON.\n"
            "Parse Mode: FAILFAST. To process malformed records as null result, try setting the "
            "option 'mode' as 'PERMISSIVE'.",
            "22023",
        ),
    ),
    (
        r"table (\S+) has (\d+) columns but (\d+) values were supplied",
        _fixed(
            "INSERT_COLUMN_ARITY_MISMATCH",
            r"Cannot write to `\1`, the reason is that \3 values do not fit \2 columns.",
            "21S01",
        ),
    ),
    (
        r"No function matches the given name|Cannot (?:compare|mix) values|Could not choose a best",
        _fixed(
            "DATATYPE_MISMATCH",
            "Cannot resolve the expression due to data type mismatch.",
            "42K09",
        ),
    ),
]
