//! The schema that a consumer asks for: another representation of the same data, or none.

use std::sync::Arc;

use arrow::{
    array::{RecordBatch, RecordBatchOptions},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Field, FieldRef, Schema, SchemaRef},
    error::ArrowError,
};
use pyo3::{exceptions::PyValueError, prelude::*};

use super::capsule::schema_in;

/// What becomes of batches for a consumer.
#[derive(Clone, Debug)]
pub(crate) struct Requested {
    schema: SchemaRef,
    casts: bool,
}

impl Requested {
    /// What `wish`, a capsule of a schema, makes of batches of `schema`.
    pub(crate) fn of(schema: &SchemaRef, wish: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        match wish.filter(|wish| !wish.is_none()) {
            None => Ok(Self::as_is(schema)),
            Some(wish) => {
                Self::negotiated(schema, &schema_in(wish)?).map_err(PyValueError::new_err)
            }
        }
    }

    fn as_is(schema: &SchemaRef) -> Self {
        Self {
            schema: Arc::clone(schema),
            casts: false,
        }
    }

    /// The wish where all of it holds the same data, else the schema as it is. Other columns are an error.
    fn negotiated(schema: &SchemaRef, wish: &Schema) -> Result<Self, String> {
        let names = |schema: &Schema| -> Vec<String> {
            let fields = schema.fields().iter();
            fields.map(|field| field.name().clone()).collect()
        };
        let (given, wanted) = (names(schema), names(wish));
        if given != wanted {
            return Err(format!(
                "the requested schema has the columns ({}), but the result has ({})",
                wanted.join(", "),
                given.join(", ")
            ));
        }
        let pairs = || schema.fields().iter().zip(wish.fields());
        if pairs().all(|(field, wanted)| field.data_type() == wanted.data_type())
            || !pairs().all(|(field, wanted)| holds(wanted.data_type(), field.data_type()))
        {
            return Ok(Self::as_is(schema));
        }
        let fields = pairs().map(|(field, wanted)| -> FieldRef {
            let field = Field::clone(field).with_data_type(wanted.data_type().clone());
            Arc::new(field)
        });
        let fields: Vec<FieldRef> = fields.collect();
        Ok(Self {
            schema: Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())),
            casts: true,
        })
    }

    /// The columns that come out.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The same rows, or an error where a type cannot hold a value.
    pub(crate) fn batch(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        if !self.casts {
            return Ok(batch);
        }
        // Never null for what does not fit.
        let strict = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns = columns
            .map(|(column, field)| cast_with_options(column, field.data_type(), &strict))
            .collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

/// Whether `wanted` is another representation of what `given` holds: no value is altered by a cast, though some may
/// not fit.
fn holds(wanted: &DataType, given: &DataType) -> bool {
    use DataType::{
        Binary, BinaryView, Decimal128, Decimal256, Dictionary, Float32, Float64, LargeBinary,
        LargeList, LargeUtf8, List, Null, Timestamp, Utf8, Utf8View,
    };
    let is_text = |it: &DataType| matches!(it, Utf8 | LargeUtf8 | Utf8View);
    let is_binary = |it: &DataType| matches!(it, Binary | LargeBinary | BinaryView);
    match (wanted, given) {
        _ if wanted == given => true,
        (_, Null) | (Float64, Float32) => true,
        (Dictionary(_, wanted), _) => holds(wanted, given),
        (Decimal128(_, wanted) | Decimal256(_, wanted), Decimal128(_, given)) => wanted >= given,
        (Timestamp(wanted, wanted_zone), Timestamp(given, given_zone)) => {
            wanted >= given && wanted_zone.is_some() == given_zone.is_some()
        }
        (List(wanted) | LargeList(wanted), List(given) | LargeList(given)) => {
            holds(wanted.data_type(), given.data_type())
        }
        _ => {
            is_text(wanted) && is_text(given)
                || is_binary(wanted) && is_binary(given)
                || wanted.is_integer() && given.is_integer()
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
    use arrow::datatypes::{Int32Type, TimeUnit};

    use super::*;

    fn batch() -> RecordBatch {
        let columns: [(&str, ArrayRef); 2] = [
            ("a", Arc::new(Int64Array::from(vec![Some(1), None]))),
            ("b", Arc::new(StringArray::from(vec!["x", "y"]))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn wish(a: DataType, b: DataType) -> Schema {
        Schema::new(vec![Field::new("a", a, true), Field::new("b", b, true)])
    }

    #[test]
    fn other_representations_of_the_same_data_are_given() {
        let batch = batch();
        let wish = wish(DataType::Int32, DataType::Utf8View);
        let requested = Requested::negotiated(&batch.schema(), &wish).unwrap();
        let given = requested.batch(batch).unwrap();
        assert_eq!(given.schema().field(1).data_type(), &DataType::Utf8View);
        let numbers = given.column(0).as_primitive::<Int32Type>();
        assert!(numbers.value(0) == 1 && numbers.is_null(1));
        assert_eq!(given.column(1).as_string_view().value(1), "y");
    }

    #[test]
    fn other_data_are_not_given() {
        let schema = batch().schema();
        for other in [
            wish(DataType::Utf8, DataType::Utf8),
            wish(DataType::Float64, DataType::LargeUtf8),
            wish(DataType::Int32, DataType::Binary),
        ] {
            let requested = Requested::negotiated(&schema, &other).unwrap();
            assert_eq!(requested.schema(), &schema);
        }
        let fewer = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
        let error = Requested::negotiated(&schema, &fewer).unwrap_err();
        assert!(error.contains("(a), but the result has (a, b)"), "{error}");
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error_and_not_null() {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1 << 40]));
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let wish = Schema::new(vec![Field::new("a", DataType::Int32, true)]);
        let requested = Requested::negotiated(&batch.schema(), &wish).unwrap();
        assert!(requested.batch(batch).is_err());
    }

    #[test]
    fn finer_times_and_scales_hold_coarser_ones() {
        let zone: Option<Arc<str>> = Some("UTC".into());
        let time = |unit, zone: &Option<Arc<str>>| DataType::Timestamp(unit, zone.clone());
        let (micro, nano) = (TimeUnit::Microsecond, TimeUnit::Nanosecond);
        assert!(holds(&time(nano, &zone), &time(micro, &zone)));
        assert!(!holds(&time(TimeUnit::Second, &zone), &time(micro, &zone)));
        assert!(!holds(&time(micro, &None), &time(micro, &zone)));
        let decimal = DataType::Decimal128;
        assert!(holds(&decimal(38, 4), &decimal(10, 2)));
        assert!(!holds(&decimal(38, 0), &decimal(10, 2)));
        let texts = |text: DataType| DataType::new_list(text, true);
        assert!(holds(&texts(DataType::LargeUtf8), &texts(DataType::Utf8)));
        assert!(!holds(&texts(DataType::Int8), &texts(DataType::Utf8)));
    }
}
