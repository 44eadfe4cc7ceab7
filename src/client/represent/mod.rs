//! Other Arrow types for those who cannot read the service's own: intervals and nested values as texts,
//! shapes on the earth as binary.

mod geospatial;
mod intervals;
mod json;
mod nested;
mod shown;
mod stream;
mod wkt;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

pub use self::intervals::{day_time_text, year_month_text};
pub use self::nested::{Leaves, is_interval, is_year_month};
pub use self::shown::shown;
pub use self::stream::RepresentedStream;
use super::{Error, Result};

/// Which columns shall have another type.
#[derive(Clone, Copy, Debug, Default)]
pub struct Representation {
    /// Intervals become texts, `1-2` and `3 04:05:06.000000000`, inside nested values too.
    pub intervals_as_text: bool,
    /// ARRAY, MAP and STRUCT become JSON texts.
    pub complex_as_json: bool,
    /// GEOMETRY and GEOGRAPHY become `struct<srid: int32, wkb: binary>`.
    pub geospatial_as_struct: bool,
}

/// The changes that the columns of one result need.
#[derive(Debug)]
pub struct Represented {
    schema: SchemaRef,
    /// `None` when every column stays as it is.
    changes: Option<Vec<Change>>,
}

/// What happens to a column.
#[derive(Clone, Debug)]
enum Change {
    Keep,
    /// A column without a type holds nulls; the text type can, too.
    Nulls,
    IntervalTexts,
    Json,
    /// With the reference system of values that name none.
    Geospatial(i32),
}

impl Representation {
    /// The changes for results of `schema`, whose fields carry the labels of the service.
    #[must_use]
    pub fn of(self, schema: &SchemaRef) -> Represented {
        let changes: Vec<Change> = schema.fields().iter().map(|it| self.change(it)).collect();
        if changes.iter().all(|change| matches!(change, Change::Keep)) {
            return Represented {
                schema: Arc::clone(schema),
                changes: None,
            };
        }
        let fields: Vec<FieldRef> = schema
            .fields()
            .iter()
            .zip(&changes)
            .map(|(field, change)| change.field(field))
            .collect();
        Represented {
            schema: Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())),
            changes: Some(changes),
        }
    }

    fn change(self, field: &Field) -> Change {
        let label = |key: &str| field.metadata().get(key).map_or("", String::as_str);
        let data_type = field.data_type();
        match data_type {
            DataType::Null => Change::Nulls,
            DataType::Utf8 if self.geospatial_as_struct => geospatial::default_srid(
                label("databricks.type_name"),
                label("databricks.type_text"),
            )
            .map_or(Change::Keep, Change::Geospatial),
            _ if self.complex_as_json && data_type.is_nested() => Change::Json,
            _ if self.intervals_as_text && Leaves(is_interval).are_in(data_type) => {
                Change::IntervalTexts
            }
            _ => Change::Keep,
        }
    }
}

impl Change {
    fn field(&self, field: &FieldRef) -> FieldRef {
        let data_type = match self {
            Self::Keep => return Arc::clone(field),
            Self::Nulls | Self::Json => DataType::Utf8,
            Self::IntervalTexts => Leaves(is_interval).text_type(field.data_type()),
            Self::Geospatial(_) => geospatial::data_type(),
        };
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    }

    fn array(&self, array: &ArrayRef) -> Result<ArrayRef> {
        Ok(match self {
            Self::Keep => Arc::clone(array),
            Self::Nulls => new_null_array(&DataType::Utf8, array.len()),
            Self::IntervalTexts => Leaves(is_interval)
                .text_array(array)
                .map_err(unchangeable)?,
            Self::Json => Arc::new(json::texts(array)?),
            Self::Geospatial(srid) => Arc::new(geospatial::structs(array, *srid)?),
        })
    }
}

impl Represented {
    /// The columns as they come out.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The same rows in the new types.
    ///
    /// # Errors
    /// `DataLoss` when a value is not what its type promises.
    pub fn batch(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let Some(changes) = &self.changes else {
            return Ok(batch);
        };
        let columns = batch
            .columns()
            .iter()
            .zip(changes)
            .zip(self.schema.fields())
            .map(|((column, change), field)| {
                change
                    .array(column)
                    .map_err(|error| error.with_context(&format!("column '{}'", field.name())))
            })
            .collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(unchangeable)
    }
}

fn unchangeable(why: arrow::error::ArrowError) -> Error {
    Error::data_loss(format!("the values cannot be given in another type: {why}")).with_source(why)
}

#[cfg(test)]
mod tests;
