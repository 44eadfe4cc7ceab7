"""The rows of `information_schema`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import information_schema
from .catalog import Catalog
from .engine import rows_outcome
from .functions import USER
from .information_schema import SCHEMA, SYSTEM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .catalog import Listed, ListedColumn
    from .data_types import DataType
    from .declarations import Declarations, Key, TableKey
    from .engine import Run
    from .information_schema import Relation

    Row = dict[str, Any]

_BITS = {"BYTE": 8, "SHORT": 16, "INT": 32, "LONG": 64, "FLOAT": 24, "DOUBLE": 53}
_FRACTIONS = {"DATE": 0, "TIMESTAMP": 3, "TIMESTAMP_NTZ": 3}


def fill(run: Run, relations: list[Relation], declarations: Declarations) -> None:
    """Hand the rows of the relations that a statement reads over to DuckDB."""
    for relation in relations:
        columns = information_schema.columns(relation.name, run.zone)
        rows = list(_rows(relation, Catalog(run, declarations), declarations))
        values = [[row.get(column.name) for column in columns] for row in rows]
        table = rows_outcome(columns, values).table
        run.register(relation.table, table)


def _rows(relation: Relation, catalog: Catalog, declarations: Declarations) -> Iterator[Row]:
    wanted = None if relation.catalog == SYSTEM else relation.catalog
    build = _BUILDERS.get(relation.name)
    return build(wanted, catalog, declarations) if build else iter(())


def _owned(comment: str | None = None) -> Row:
    return {"comment": comment, "created_by": USER, "last_altered_by": USER}


def _catalogs(wanted: str | None, catalog: Catalog, _: Declarations) -> Iterator[Row]:
    for name in catalog.catalogs():
        if wanted in (None, name):
            yield {"catalog_name": name, "catalog_owner": USER, **_owned()}


def _schemata(wanted: str | None, catalog: Catalog, known: Declarations) -> Iterator[Row]:
    for schema, name in catalog.schemas(wanted):
        comment = known.schema_comments.get((name, schema))
        yield {
            "catalog_name": name,
            "schema_name": schema,
            "schema_owner": USER,
            **_owned(comment),
        }


def _named(key: TableKey, prefix: str = "table") -> Row:
    return dict(zip((f"{prefix}_catalog", f"{prefix}_schema", f"{prefix}_name"), key, strict=True))


def _tables(wanted: str | None, catalog: Catalog, known: Declarations) -> Iterator[Row]:
    for listed in catalog.relations(wanted):
        table = known.of(listed.key)
        is_view = listed.kind == "VIEW"
        yield {
            **_named(listed.key),
            "table_type": "VIEW" if is_view else "MANAGED",
            "is_insertable_into": "NO" if is_view else "YES",
            "commit_action": "PRESERVE",
            "table_owner": USER,
            **_owned(table.comment),
            "created": table.created,
            "last_altered": table.created,
            "data_source_format": "UNKNOWN_DATA_SOURCE_FORMAT" if is_view else "DELTA",
        }


def _views(wanted: str | None, catalog: Catalog, known: Declarations) -> Iterator[Row]:
    for listed in catalog.relations(wanted):
        if listed.kind == "VIEW" and listed.schema != SCHEMA:
            yield {
                **_named(listed.key),
                "view_definition": known.of(listed.key).query,
                "check_option": "NONE",
                "is_updatable": "NO",
                "is_insertable_into": "NO",
                "is_materialized": "NO",
            }


def _columns(wanted: str | None, catalog: Catalog, _: Declarations) -> Iterator[Row]:
    for listed in catalog.relations(wanted):
        for column in catalog.columns(listed):
            yield _column(listed, column)


def _column(listed: Listed, column: ListedColumn) -> Row:
    kind = column.type
    return {
        **_named(listed.key),
        "column_name": column.name,
        "ordinal_position": column.position - 1,
        "column_default": column.default,
        "is_nullable": "YES" if column.nullable else "NO",
        "full_data_type": kind.text.lower(),
        "data_type": kind.name,
        **_numbers(kind),
        "datetime_precision": _FRACTIONS.get(kind.name),
        "interval_type": kind.interval,
        "is_identity": "NO",
        "is_generated": "NO",
        "is_system_time_period_start": "NO",
        "is_system_time_period_end": "NO",
        "is_updatable": "YES" if listed.kind == "TABLE" else "NO",
        "comment": column.comment,
    }


def _numbers(kind: DataType) -> Row:
    bits, inexact = _BITS.get(kind.name), kind.name in ("FLOAT", "DOUBLE")
    numbers: tuple[int | None, int | None, int | None] = (kind.precision, 10, kind.scale)
    if kind.precision is None:
        numbers = (bits, 2 if bits else None, 0 if bits and not inexact else None)
    names = ("numeric_precision", "numeric_precision_radix", "numeric_scale")
    return dict(zip(names, numbers, strict=True))


def _routines(wanted: str | None, _: Catalog, known: Declarations) -> Iterator[Row]:
    for key, routine in sorted(known.routines.items()):
        if wanted in (None, key[0]):
            yield {
                **_named(key, "specific"),
                **_named(key, "routine"),
                "routine_type": routine.kind,
                "data_type": routine.returns,
                "full_data_type": routine.returns and routine.returns.lower(),
                "routine_body": "SQL",
                "routine_definition": routine.body,
                "parameter_style": "SQL",
                "is_deterministic": "YES",
                "sql_data_access": "CONTAINS_SQL",
                "is_null_call": "YES",
                "security_type": "DEFINER",
                **_owned(routine.comment),
                "routine_owner": USER,
            }


def _parameters(wanted: str | None, _: Catalog, known: Declarations) -> Iterator[Row]:
    for key, routine in sorted(known.routines.items()):
        for position, (name, kind) in enumerate(routine.parameters):
            if wanted in (None, key[0]):
                yield {
                    **_named(key, "specific"),
                    "ordinal_position": position,
                    "parameter_mode": "IN",
                    "is_result": "NO",
                    "parameter_name": name,
                    "data_type": kind,
                    "full_data_type": kind.lower(),
                }


def keys(wanted: str | None, known: Declarations) -> Iterator[tuple[TableKey, Key]]:
    """All keys of the tables of a catalog, or of all."""
    for table, declared in sorted(known.tables.items()):
        if wanted in (None, table[0]):
            first = [declared.primary_key] if declared.primary_key else []
            for key in [*first, *declared.foreign_keys]:
                yield table, key


def _constraint(table: TableKey, key: Key) -> Row:
    return _named((table[0], table[1], key.name), "constraint")


def _table_constraints(wanted: str | None, _: Catalog, known: Declarations) -> Iterator[Row]:
    for table, key in keys(wanted, known):
        yield {
            **_constraint(table, key),
            **_named(table),
            "constraint_type": "FOREIGN KEY" if key.parent else "PRIMARY KEY",
            "is_deferrable": "YES",
            "initially_deferred": "YES",
            "enforced": "NO",
        }


def _key_column_usage(wanted: str | None, _: Catalog, known: Declarations) -> Iterator[Row]:
    for table, key in keys(wanted, known):
        for position, column in enumerate(key.columns, 1):
            yield {
                **_constraint(table, key),
                **_named(table),
                "column_name": column,
                "ordinal_position": position,
                "position_in_unique_constraint": position if key.parent else None,
            }


def _referential_constraints(wanted: str | None, _: Catalog, known: Declarations) -> Iterator[Row]:
    for table, key in keys(wanted, known):
        if key.parent:
            primary = known.of(key.parent).primary_key
            parent = (*key.parent[:2], primary.name if primary else None)
            yield {
                **_constraint(table, key),
                "unique_constraint_catalog": parent[0],
                "unique_constraint_schema": parent[1],
                "unique_constraint_name": parent[2],
                "match_option": "FULL",
                "update_rule": "NO ACTION",
                "delete_rule": "NO ACTION",
            }


def _constraint_tables(wanted: str | None, _: Catalog, known: Declarations) -> Iterator[Row]:
    for table, key in keys(wanted, known):
        yield {**_named(key.parent or table), **_constraint(table, key)}


def _constraint_columns(wanted: str | None, _: Catalog, known: Declarations) -> Iterator[Row]:
    for table, key in keys(wanted, known):
        for column in key.parent_columns if key.parent else key.columns:
            used = {**_named(key.parent or table), "column_name": column}
            yield {**used, **_constraint(table, key)}


def _volumes(wanted: str | None, catalog: Catalog, known: Declarations) -> Iterator[Row]:
    for schema, name in catalog.schemas(wanted):
        for volume in known.volume_names(name, schema):
            yield {
                **_named((name, schema, volume), "volume"),
                "volume_type": "MANAGED",
                "volume_owner": USER,
                **_owned(),
            }


if TYPE_CHECKING:
    _Builder = Callable[[str | None, Catalog, Declarations], Iterator[Row]]

_BUILDERS: dict[str, _Builder] = {
    "catalogs": _catalogs,
    "information_schema_catalog_name": _catalogs,
    "schemata": _schemata,
    "tables": _tables,
    "views": _views,
    "columns": _columns,
    "routines": _routines,
    "parameters": _parameters,
    "table_constraints": _table_constraints,
    "key_column_usage": _key_column_usage,
    "referential_constraints": _referential_constraints,
    "constraint_table_usage": _constraint_tables,
    "constraint_column_usage": _constraint_columns,
    "volumes": _volumes,
}
