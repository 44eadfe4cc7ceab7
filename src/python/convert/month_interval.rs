//! Month intervals as texts, for those who have no type for them.

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    datatypes::{FieldRef, Schema, SchemaRef},
    error::ArrowError,
};

use crate::client::represent::{Leaves, is_year_month, year_month_text};

/// The intervals that pyarrow cannot read.
const MONTHS: Leaves = Leaves(is_year_month);

/// The text of an interval of months: years and months, `1-2` or `-1-2`.
pub(super) fn text(months: i32) -> String {
    year_month_text(months.into())
}

/// A result with texts for its month intervals, at any depth.
#[derive(Clone, Debug)]
pub(crate) struct MonthsAsText {
    schema: SchemaRef,
    has_months: bool,
}

impl MonthsAsText {
    /// The texts of a result of `schema`.
    pub(crate) fn of(schema: SchemaRef) -> Self {
        let mut fields = schema.fields().iter();
        if !fields.any(|field| MONTHS.are_in(field.data_type())) {
            return Self {
                schema,
                has_months: false,
            };
        }
        let fields = schema.fields().iter();
        let fields: Vec<FieldRef> = fields.map(|field| MONTHS.text_field(field)).collect();
        Self {
            schema: Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())),
            has_months: true,
        }
    }

    /// The columns as they come out.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The same rows with texts.
    pub(crate) fn batch(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        if !self.has_months {
            return Ok(batch);
        }
        let columns = batch.columns().iter();
        let columns = columns
            .map(|column| MONTHS.text_array(column))
            .collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}
