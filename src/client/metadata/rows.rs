//! Rows of tables: in an order, chosen, and without nulls.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int16Array, Int32Array, StringArray};
use arrow::compute::{
    SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch,
};

use super::Table;
use super::answer::unreadable;
use crate::client::Result;

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
pub(super) fn keep(table: &Table, name: &str, wanted: impl Fn(&str) -> bool) -> Result<Table> {
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
pub(super) fn or(column: &StringArray, other: Option<&str>) -> StringArray {
    if column.null_count() == 0 {
        return column.clone();
    }
    column.iter().map(|text| text.or(other)).collect()
}

pub(super) fn short(column: &Int32Array) -> ArrayRef {
    let shorts = column
        .iter()
        .map(|value| value.and_then(|value| i16::try_from(value).ok()));
    Arc::new(shorts.collect::<Int16Array>())
}
