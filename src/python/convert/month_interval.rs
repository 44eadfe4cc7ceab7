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

/// The same data with texts for month intervals, at any depth.
pub(crate) fn without_month_intervals(
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let mut fields = schema.fields().iter();
    if !fields.any(|field| MONTHS.are_in(field.data_type())) {
        return Ok((schema, batches));
    }
    let fields: Vec<FieldRef> = schema
        .fields()
        .iter()
        .map(|field| MONTHS.text_field(field))
        .collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let batches = batches
        .iter()
        .map(|batch| {
            let columns = batch
                .columns()
                .iter()
                .map(|column| MONTHS.text_array(column))
                .collect::<Result<_, _>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
        })
        .collect::<Result<_, _>>()?;
    Ok((schema, batches))
}
