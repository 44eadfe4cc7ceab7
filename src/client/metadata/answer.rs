//! What the service answers, column by column and by name.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int32Type, SchemaRef};

use crate::client::{Error, Result};

/// The rows of a metadata statement.
#[derive(Debug)]
pub(super) struct Answer {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    native: bool,
}

impl Answer {
    pub(super) fn new(schema: &SchemaRef, batches: Vec<RecordBatch>, native: bool) -> Self {
        Self {
            schema: Arc::clone(schema),
            batches,
            native,
        }
    }

    /// Whether the columns are those of JDBC already.
    pub(super) fn is_native(&self) -> bool {
        self.native
    }

    /// All rows in one batch.
    pub(super) fn batch(&self) -> Result<RecordBatch> {
        concat_batches(&self.schema, &self.batches).map_err(unreadable)
    }

    pub(super) fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The texts of the first column that has one of these names; nulls where there is none.
    pub(super) fn text(&self, names: &[&str]) -> Result<StringArray> {
        match self.column(names, &DataType::Utf8)? {
            Some(column) => Ok(column.as_string::<i32>().clone()),
            None => Ok(StringArray::new_null(self.rows())),
        }
    }

    /// The same, for numbers.
    pub(super) fn int(&self, names: &[&str]) -> Result<Int32Array> {
        match self.column(names, &DataType::Int32)? {
            Some(column) => Ok(column.as_primitive::<Int32Type>().clone()),
            None => Ok(Int32Array::new_null(self.rows())),
        }
    }

    /// The same texts one by one.
    pub(super) fn texts(&self, names: &[&str]) -> Result<Vec<Option<String>>> {
        let column = self.text(names)?;
        Ok(column.iter().map(|text| text.map(str::to_owned)).collect())
    }

    /// The first value, if it is a text.
    pub(super) fn first_text(&self) -> Option<String> {
        let column = Arc::clone(self.batches.first()?.columns().first()?);
        let texts = column.as_string_opt::<i32>()?;
        (!texts.is_empty() && texts.is_valid(0)).then(|| texts.value(0).to_owned())
    }

    fn column(&self, names: &[&str], data_type: &DataType) -> Result<Option<ArrayRef>> {
        let place = names.iter().find_map(|name| {
            let fields = self.schema.fields().iter();
            fields
                .enumerate()
                .find(|(_, field)| field.name().eq_ignore_ascii_case(name))
                .map(|(place, _)| place)
        });
        let Some(place) = place else {
            return Ok(None);
        };
        let batch = self.batch()?;
        cast(batch.column(place), data_type)
            .map(Some)
            .map_err(unreadable)
    }
}

pub(super) fn unreadable(why: arrow::error::ArrowError) -> Error {
    Error::data_loss("the answer to a metadata statement has unexpected columns").with_source(why)
}
