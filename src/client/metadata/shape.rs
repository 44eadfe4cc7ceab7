//! From the service's columns to those that are given out.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int16Array, Int32Array, RecordBatch, RecordBatchOptions, StringArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::Table;
use super::answer::{Answer, unreadable};
use super::columns::{INT, SHORT, Shape, TEXT};
use super::rows::{keep, or, short};
use super::type_info::type_code;
use crate::client::{Error, Result};

impl Shape {
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
