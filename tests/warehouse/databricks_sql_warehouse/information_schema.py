"""The relations of `information_schema`: their columns, and how a query is led to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from .data_types import BIGINT, INT, STRING, Column, timestamp

if TYPE_CHECKING:
    from .data_types import DataType
    from .sessions import Session

SCHEMA = "information_schema"
SYSTEM = "system"
_PREFIX = "warehouse_information"
_MOMENTS = ("created", "last_altered")
_NUMBERS = ("ordinal_position", "position_in_unique_constraint", "numeric_precision")


@dataclass(frozen=True)
class Relation:
    """A relation that a statement reads; a catalog of `system` means all catalogs."""

    catalog: str
    name: str

    @property
    def table(self) -> str:
        """The name under which DuckDB finds its rows."""
        return f"{_PREFIX}_{self.catalog}_{self.name}"


_AUDIT = "created created_by last_altered last_altered_by"
_ROUTINE = "routine_catalog routine_schema routine_name"
_SPECIFIC = "specific_catalog specific_schema specific_name"
_CONSTRAINT = "constraint_catalog constraint_schema constraint_name"
_TABLE = "table_catalog table_schema table_name"
_COLUMNS = {
    "catalogs": f"catalog_name catalog_owner comment {_AUDIT}",
    "information_schema_catalog_name": "catalog_name",
    "schemata": f"catalog_name schema_name schema_owner comment {_AUDIT}",
    "tables": f"{_TABLE} table_type is_insertable_into commit_action table_owner comment {_AUDIT} "
    "data_source_format storage_path storage_sub_directory",
    "views": f"{_TABLE} view_definition check_option is_updatable is_insertable_into "
    "sql_path is_materialized",
    "columns": f"{_TABLE} column_name ordinal_position column_default is_nullable full_data_type "
    "data_type character_maximum_length character_octet_length numeric_precision "
    "numeric_precision_radix numeric_scale datetime_precision interval_type interval_precision "
    "maximum_cardinality is_identity identity_generation identity_start identity_increment "
    "identity_maximum identity_minimum identity_cycle is_generated generation_expression "
    "is_system_time_period_start is_system_time_period_end system_time_period_timestamp_generation "
    "is_updatable partition_index comment",
    "routines": f"{_SPECIFIC} {_ROUTINE} routine_type data_type full_data_type routine_body "
    "routine_definition external_name external_language parameter_style is_deterministic "
    f"sql_data_access is_null_call security_type sql_path comment {_AUDIT} routine_owner",
    "parameters": f"{_SPECIFIC} ordinal_position parameter_mode is_result parameter_name data_type "
    "full_data_type parameter_default comment",
    "table_constraints": f"{_CONSTRAINT} {_TABLE} constraint_type is_deferrable "
    "initially_deferred enforced comment",
    "key_column_usage": f"{_CONSTRAINT} {_TABLE} column_name ordinal_position "
    "position_in_unique_constraint",
    "referential_constraints": f"{_CONSTRAINT} unique_constraint_catalog "
    "unique_constraint_schema unique_constraint_name match_option update_rule delete_rule",
    "constraint_table_usage": f"{_TABLE} {_CONSTRAINT}",
    "constraint_column_usage": f"{_TABLE} column_name {_CONSTRAINT}",
    # Nothing is tagged, masked or filtered here.
    "catalog_tags": "catalog_name tag_name tag_value",
    "schema_tags": "catalog_name schema_name tag_name tag_value",
    "table_tags": "catalog_name schema_name table_name tag_name tag_value",
    "column_tags": "catalog_name schema_name table_name column_name tag_name tag_value",
    "volume_tags": "catalog_name schema_name volume_name tag_name tag_value",
    "column_masks": f"{_TABLE} column_name mask_name using_columns",
    "row_filters": f"{_TABLE} filter_name target_columns",
    "volumes": "volume_catalog volume_schema volume_name volume_type volume_owner comment "
    f"storage_location {_AUDIT}",
}


def relations() -> list[str]:
    """The names of all relations."""
    return sorted(_COLUMNS)


def columns(relation: str, zone: str) -> list[Column]:
    """The columns of a relation."""
    return [Column(name, _type(name, zone)) for name in _COLUMNS[relation].split()]


def _type(name: str, zone: str) -> DataType:
    if name in _MOMENTS:
        return timestamp(zone)
    if name in _NUMBERS or name in _INTEGERS:
        return INT
    return BIGINT if name in _LONGS else STRING


_INTEGERS = (
    "character_maximum_length",
    "numeric_precision_radix",
    "numeric_scale",
    "datetime_precision",
    "interval_precision",
    "partition_index",
)
_LONGS = ("maximum_cardinality",)


def replace(tree: exp.Expr, session: Session) -> list[Relation]:
    """Lead each table of information_schema below `tree` to rows that are made for it."""
    found: list[Relation] = []
    for table in list(tree.find_all(exp.Table)):
        schema = (table.db or session.schema).lower()
        name = table.name.lower()
        if schema != SCHEMA or name not in _COLUMNS or _is_cte(table):
            continue
        relation = Relation((table.catalog or session.catalog).lower(), name)
        found.append(relation)
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
        for level in ("catalog", "db"):
            table.set(level, None)
        table.set("this", exp.to_identifier(relation.table, quoted=True))
        table.meta["ready"] = True
    return found


def _is_cte(table: exp.Table) -> bool:
    if table.db:
        return False
    root = table.root()
    return any(cte.alias.lower() == table.name.lower() for cte in root.find_all(exp.CTE))
