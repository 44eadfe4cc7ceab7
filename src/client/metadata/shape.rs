//! The columns that are given out, and how they come of the service's.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int16Array, Int32Array, RecordBatch,
    RecordBatchOptions, StringArray, new_null_array,
};
use arrow::compute::{
    SortColumn, cast, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::Table;
use super::answer::{Answer, unreadable};
use super::type_info::type_code;
use crate::client::{Error, Result};

/// The kinds of answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Catalogs,
    Schemas,
    Tables,
    Columns,
    TableTypes,
    PrimaryKeys,
    ForeignKeys,
    Functions,
    Procedures,
}

/// A column: its name, its type, and whether it may be null.
type Column = (&'static str, DataType, bool);

const TEXT: DataType = DataType::Utf8;
const INT: DataType = DataType::Int32;
const SHORT: DataType = DataType::Int16;

const CATALOGS: &[Column] = &[("TABLE_CAT", TEXT, true)];
const SCHEMAS: &[Column] = &[("TABLE_SCHEM", TEXT, false), ("TABLE_CATALOG", TEXT, true)];
const TABLES: &[Column] = &[
    ("TABLE_CAT", TEXT, true),
    ("TABLE_SCHEM", TEXT, true),
    ("TABLE_NAME", TEXT, false),
    ("TABLE_TYPE", TEXT, false),
    ("REMARKS", TEXT, true),
    ("TYPE_CAT", TEXT, true),
    ("TYPE_SCHEM", TEXT, true),
    ("TYPE_NAME", TEXT, true),
    ("SELF_REFERENCING_COL_NAME", TEXT, true),
    ("REF_GENERATION", TEXT, true),
];
const COLUMNS: &[Column] = &[
    ("TABLE_CAT", TEXT, true),
    ("TABLE_SCHEM", TEXT, true),
    ("TABLE_NAME", TEXT, false),
    ("COLUMN_NAME", TEXT, false),
    ("DATA_TYPE", INT, false),
    ("TYPE_NAME", TEXT, false),
    ("COLUMN_SIZE", INT, true),
    ("BUFFER_LENGTH", DataType::Int8, true),
    ("DECIMAL_DIGITS", INT, true),
    ("NUM_PREC_RADIX", INT, true),
    ("NULLABLE", INT, false),
    ("REMARKS", TEXT, true),
    ("COLUMN_DEF", TEXT, true),
    ("SQL_DATA_TYPE", INT, true),
    ("SQL_DATETIME_SUB", INT, true),
    ("CHAR_OCTET_LENGTH", INT, true),
    ("ORDINAL_POSITION", INT, true),
    ("IS_NULLABLE", TEXT, false),
    ("SCOPE_CATALOG", TEXT, true),
    ("SCOPE_SCHEMA", TEXT, true),
    ("SCOPE_TABLE", TEXT, true),
    ("SOURCE_DATA_TYPE", SHORT, true),
    ("IS_AUTO_INCREMENT", TEXT, false),
];
const TABLE_TYPES: &[Column] = &[("TABLE_TYPE", TEXT, false)];
const PRIMARY_KEYS: &[Column] = &[
    ("TABLE_CAT", TEXT, true),
    ("TABLE_SCHEM", TEXT, true),
    ("TABLE_NAME", TEXT, false),
    ("COLUMN_NAME", TEXT, false),
    ("KEY_SEQ", INT, true),
    ("PK_NAME", TEXT, true),
];
const FOREIGN_KEYS: &[Column] = &[
    ("PKTABLE_CAT", TEXT, true),
    ("PKTABLE_SCHEM", TEXT, true),
    ("PKTABLE_NAME", TEXT, false),
    ("PKCOLUMN_NAME", TEXT, false),
    ("FKTABLE_CAT", TEXT, true),
    ("FKTABLE_SCHEM", TEXT, true),
    ("FKTABLE_NAME", TEXT, false),
    ("FKCOLUMN_NAME", TEXT, false),
    ("KEY_SEQ", INT, true),
    ("UPDATE_RULE", SHORT, true),
    ("DELETE_RULE", SHORT, true),
    ("FK_NAME", TEXT, true),
    ("PK_NAME", TEXT, true),
    ("DEFERRABILITY", SHORT, true),
];
const FUNCTIONS: &[Column] = &[
    ("FUNCTION_CAT", TEXT, true),
    ("FUNCTION_SCHEM", TEXT, true),
    ("FUNCTION_NAME", TEXT, false),
    ("REMARKS", TEXT, true),
    ("FUNCTION_TYPE", SHORT, true),
    ("SPECIFIC_NAME", TEXT, true),
];
const PROCEDURES: &[Column] = &[
    ("PROCEDURE_CAT", TEXT, true),
    ("PROCEDURE_SCHEM", TEXT, true),
    ("PROCEDURE_NAME", TEXT, false),
    ("RESERVED1", TEXT, true),
    ("RESERVED2", TEXT, true),
    ("RESERVED3", TEXT, true),
    ("REMARKS", TEXT, true),
    ("PROCEDURE_TYPE", SHORT, true),
    ("SPECIFIC_NAME", TEXT, true),
];

impl Shape {
    fn columns(self) -> &'static [Column] {
        match self {
            Self::Catalogs => CATALOGS,
            Self::Schemas => SCHEMAS,
            Self::Tables => TABLES,
            Self::Columns => COLUMNS,
            Self::TableTypes => TABLE_TYPES,
            Self::PrimaryKeys => PRIMARY_KEYS,
            Self::ForeignKeys => FOREIGN_KEYS,
            Self::Functions => FUNCTIONS,
            Self::Procedures => PROCEDURES,
        }
    }

    fn schema(self) -> SchemaRef {
        let field =
            |(name, data_type, nullable): &Column| Field::new(*name, data_type.clone(), *nullable);
        Arc::new(Schema::new(
            self.columns().iter().map(field).collect::<Vec<_>>(),
        ))
    }

    /// No rows.
    pub(super) fn empty(self) -> Table {
        Table {
            schema: self.schema(),
            batches: Vec::new(),
        }
    }

    /// One answer, if there is any.
    pub(super) fn of(
        self,
        answer: Option<&Answer>,
        shaped: impl Fn(&Answer) -> Result<Table>,
    ) -> Result<Table> {
        answer.map_or_else(|| Ok(self.empty()), shaped)
    }

    /// The answers about several catalogs, one after the other.
    pub(super) fn of_all(
        self,
        asked: Vec<(Option<String>, Answer)>,
        shaped: impl Fn(Option<&str>, &Answer) -> Result<Table>,
    ) -> Result<Table> {
        let mut all = self.empty();
        for (catalog, answer) in asked {
            all.batches
                .extend(shaped(catalog.as_deref(), &answer)?.batches);
        }
        Ok(all)
    }

    /// The rows of an answer that has these columns already.
    fn native(self, answer: &Answer) -> Result<Table> {
        let batch = answer.batch()?;
        let schema = self.schema();
        let (found, expected) = (batch.num_columns(), schema.fields().len());
        if found != expected {
            return Err(Error::data_loss(format!(
                "the answer to a metadata statement has {found} columns, not {expected}"
            )));
        }
        let columns = batch
            .columns()
            .iter()
            .zip(schema.fields())
            .map(|(column, field)| cast(column, field.data_type()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(unreadable)?;
        self.table(columns, batch.num_rows())
    }

    /// A table of `columns`; what is missing at its end is null.
    fn table(self, mut columns: Vec<ArrayRef>, rows: usize) -> Result<Table> {
        let schema = self.schema();
        for field in &schema.fields()[columns.len()..] {
            columns.push(new_null_array(field.data_type(), rows));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
            .map_err(unreadable)?;
        Ok(Table {
            schema,
            batches: vec![batch],
        })
    }
}

pub(super) fn catalogs(answer: &Answer) -> Result<Table> {
    if answer.is_native() {
        return Shape::Catalogs.native(answer);
    }
    let names = answer.text(&["catalog", "catalogName", "TABLE_CAT"])?;
    Shape::Catalogs.table(vec![Arc::new(names)], answer.rows())
}

pub(super) fn schemas(answer: &Answer, catalog: Option<&str>) -> Result<Table> {
    if answer.is_native() {
        return Shape::Schemas.native(answer);
    }
    let names = answer.text(&["databaseName", "namespace", "TABLE_SCHEM"])?;
    let catalogs = answer.text(&["catalog", "catalogName", "TABLE_CATALOG"])?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(or(&names, Some(""))),
        Arc::new(or(&catalogs, catalog)),
    ];
    Shape::Schemas.table(columns, answer.rows())
}

pub(super) fn tables(
    answer: &Answer,
    catalog: Option<&str>,
    types: Option<&[String]>,
) -> Result<Table> {
    let mut table = if answer.is_native() {
        Shape::Tables.native(answer)?
    } else {
        let catalogs = answer.text(&["catalogName", "catalog"])?;
        let schemas = answer.text(&["namespace", "databaseName"])?;
        let names = answer.text(&["tableName"])?;
        let kinds = answer.text(&["tableType"])?;
        let remarks = answer.text(&["remarks", "comment"])?;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(or(&catalogs, catalog)),
            Arc::new(schemas),
            Arc::new(or(&names, Some(""))),
            // Older answers name no types, and a table of the Hive metastore has none.
            Arc::new(or(&kinds, Some("TABLE"))),
            Arc::new(or(&remarks, Some(""))),
        ];
        Shape::Tables.table(columns, answer.rows())?
    };
    if let Some(wanted) = types {
        table = keep(&table, "TABLE_TYPE", |kind| {
            wanted.iter().any(|type_| type_.eq_ignore_ascii_case(kind))
        })?;
    }
    if let Some(catalog) = catalog.filter(|_| answer.is_native()) {
        table = keep(&table, "TABLE_CAT", |name| {
            name.eq_ignore_ascii_case(catalog)
        })?;
    }
    Ok(table)
}

pub(super) fn columns(answer: &Answer, catalog: Option<&str>) -> Result<Table> {
    if answer.is_native() {
        return Shape::Columns.native(answer);
    }
    let rows = answer.rows();
    let types = or(&answer.text(&["columnType"])?, Some(""));
    let codes: Int32Array = types.iter().map(|text| text.map(type_code)).collect();
    let nullable = answer.text(&["isNullable"])?;
    let may_be_null = |text: Option<&str>| {
        !text.is_some_and(|text| {
            text.eq_ignore_ascii_case("false") || text.eq_ignore_ascii_case("no")
        })
    };
    let flags: Int32Array = nullable
        .iter()
        .map(|text| Some(i32::from(may_be_null(text))))
        .collect();
    let yes_no: StringArray = nullable
        .iter()
        .map(|text| Some(if may_be_null(text) { "YES" } else { "NO" }))
        .collect();
    let increments = answer.text(&["isAutoIncrement"])?;
    let null = |data_type: &DataType| new_null_array(data_type, rows);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(or(&answer.text(&["catalogName"])?, catalog)),
        Arc::new(answer.text(&["namespace"])?),
        Arc::new(or(&answer.text(&["tableName"])?, Some(""))),
        Arc::new(or(&answer.text(&["col_name", "columnName"])?, Some(""))),
        Arc::new(codes),
        Arc::new(types),
        Arc::new(answer.int(&["columnSize"])?),
        null(&DataType::Int8),
        Arc::new(answer.int(&["decimalDigits"])?),
        Arc::new(answer.int(&["radix"])?),
        Arc::new(flags),
        Arc::new(or(&answer.text(&["remarks"])?, Some(""))),
        null(&TEXT),
        null(&INT),
        null(&INT),
        null(&INT),
        Arc::new(answer.int(&["ordinalPosition"])?),
        Arc::new(yes_no),
        null(&TEXT),
        null(&TEXT),
        null(&TEXT),
        null(&SHORT),
        Arc::new(or(&increments, Some("NO"))),
    ];
    Shape::Columns.table(columns, rows)
}

pub(super) fn primary_keys(answer: &Answer) -> Result<Table> {
    if answer.is_native() {
        return Shape::PrimaryKeys.native(answer);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(answer.text(&["catalogName"])?),
        Arc::new(answer.text(&["namespace"])?),
        Arc::new(or(&answer.text(&["tableName"])?, Some(""))),
        Arc::new(or(&answer.text(&["col_name", "columnName"])?, Some(""))),
        Arc::new(answer.int(&["keySeq"])?),
        Arc::new(answer.text(&["constraintName"])?),
    ];
    Shape::PrimaryKeys.table(columns, answer.rows())
}

pub(super) fn foreign_keys(answer: &Answer, parent: [Option<&str>; 3]) -> Result<Table> {
    let mut table = if answer.is_native() {
        Shape::ForeignKeys.native(answer)?
    } else {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(answer.text(&["parentCatalogName"])?),
            Arc::new(answer.text(&["parentNamespace"])?),
            Arc::new(or(&answer.text(&["parentTableName"])?, Some(""))),
            Arc::new(or(&answer.text(&["parentColName"])?, Some(""))),
            Arc::new(answer.text(&["catalogName"])?),
            Arc::new(answer.text(&["namespace"])?),
            Arc::new(or(&answer.text(&["tableName"])?, Some(""))),
            Arc::new(or(&answer.text(&["col_name", "columnName"])?, Some(""))),
            Arc::new(answer.int(&["keySeq"])?),
            short(&answer.int(&["updateRule"])?),
            short(&answer.int(&["deleteRule"])?),
            Arc::new(answer.text(&["constraintName"])?),
            Arc::new(answer.text(&["pkName", "parentConstraintName"])?),
            short(&answer.int(&["deferrability"])?),
        ];
        Shape::ForeignKeys.table(columns, answer.rows())?
    };
    let names = ["PKTABLE_CAT", "PKTABLE_SCHEM", "PKTABLE_NAME"];
    for (column, wanted) in names.into_iter().zip(parent) {
        if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) {
            table = keep(&table, column, |name| name.eq_ignore_ascii_case(wanted))?;
        }
    }
    Ok(table)
}

pub(super) fn functions(answer: &Answer) -> Result<Table> {
    if answer.is_native() {
        return Shape::Functions.native(answer);
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(answer.text(&["catalogName"])?),
        Arc::new(answer.text(&["namespace"])?),
        Arc::new(or(&answer.text(&["functionName"])?, Some(""))),
        Arc::new(answer.text(&["remarks"])?),
        short(&answer.int(&["functionType"])?),
        Arc::new(answer.text(&["specificName"])?),
    ];
    Shape::Functions.table(columns, answer.rows())
}

pub(super) fn procedures(answer: &Answer) -> Result<Table> {
    /// The procedure may or may not return a result.
    const RESULT_UNKNOWN: i16 = 0;
    let rows = answer.rows();
    let null = || new_null_array(&TEXT, rows);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(answer.text(&["routine_catalog"])?),
        Arc::new(answer.text(&["routine_schema"])?),
        Arc::new(or(&answer.text(&["routine_name"])?, Some(""))),
        null(),
        null(),
        null(),
        Arc::new(answer.text(&["comment"])?),
        Arc::new(Int16Array::from(vec![RESULT_UNKNOWN; rows])),
        Arc::new(answer.text(&["specific_name"])?),
    ];
    Shape::Procedures.table(columns, rows)
}

pub(super) fn table_types() -> Table {
    let types = ["SYSTEM TABLE", "TABLE", "VIEW", "METRIC_VIEW"];
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(types));
    Shape::TableTypes
        .table(vec![column], types.len())
        .unwrap_or_else(|_| Shape::TableTypes.empty())
}

/// The rows in the order of `names`.
pub(super) fn sorted(table: &Table, names: &[&str]) -> Result<Table> {
    let rows = concat_batches(&table.schema, &table.batches).map_err(unreadable)?;
    let columns: Vec<SortColumn> = names
        .iter()
        .filter_map(|name| rows.column_by_name(name))
        .map(|column| SortColumn {
            values: Arc::clone(column),
            options: None,
        })
        .collect();
    let order = lexsort_to_indices(&columns, None).map_err(unreadable)?;
    let rows = take_record_batch(&rows, &order).map_err(unreadable)?;
    Ok(Table {
        schema: Arc::clone(&table.schema),
        batches: vec![rows],
    })
}

/// The rows whose text in a column is wanted.
fn keep(table: &Table, name: &str, wanted: impl Fn(&str) -> bool) -> Result<Table> {
    let batches = table
        .batches
        .iter()
        .map(|batch| {
            let texts = batch
                .column_by_name(name)
                .and_then(|column| column.as_string_opt::<i32>());
            let kept: BooleanArray = match texts {
                Some(texts) => texts.iter().map(|text| text.map(&wanted)).collect(),
                None => BooleanArray::from(vec![true; batch.num_rows()]),
            };
            filter_record_batch(batch, &kept).map_err(unreadable)
        })
        .collect::<Result<_>>()?;
    Ok(Table {
        schema: Arc::clone(&table.schema),
        batches,
    })
}

/// `column` with `other` for nulls.
fn or(column: &StringArray, other: Option<&str>) -> StringArray {
    if column.null_count() == 0 {
        return column.clone();
    }
    column.iter().map(|text| text.or(other)).collect()
}

fn short(column: &Int32Array) -> ArrayRef {
    let shorts = column
        .iter()
        .map(|value| value.and_then(|value| i16::try_from(value).ok()));
    Arc::new(shorts.collect::<Int16Array>())
}
