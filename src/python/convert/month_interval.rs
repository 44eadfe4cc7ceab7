//! Month intervals as texts, for those who have no type for them.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait,
        RecordBatch, RecordBatchOptions, StringArray, StructArray,
    },
    datatypes::{
        DataType, Field, FieldRef, IntervalUnit, IntervalYearMonthType, Schema, SchemaRef,
    },
    error::ArrowError,
};

/// The text of an interval of months: years and months, `1-2` or `-1-2`.
pub(super) fn text(months: i32) -> String {
    let sign = if months < 0 { "-" } else { "" };
    let months = months.unsigned_abs();
    format!("{sign}{}-{}", months / 12, months % 12)
}

/// The same data with texts for month intervals, at any depth.
pub(crate) fn without_month_intervals(
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    if !schema
        .fields()
        .iter()
        .any(|field| holds_months(field.data_type()))
    {
        return Ok((schema, batches));
    }
    let fields: Vec<FieldRef> = schema.fields().iter().map(text_field).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()));
    let batches = batches
        .iter()
        .map(|batch| {
            let columns = batch
                .columns()
                .iter()
                .map(text_array)
                .collect::<Result<_, _>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)
        })
        .collect::<Result<_, _>>()?;
    Ok((schema, batches))
}

/// Whether there are month intervals in `data_type`.
fn holds_months(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(IntervalUnit::YearMonth) => true,
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => holds_months(field.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| holds_months(field.data_type())),
        _ => false,
    }
}

/// `field` with texts for month intervals.
fn text_field(field: &FieldRef) -> FieldRef {
    if !holds_months(field.data_type()) {
        return Arc::clone(field);
    }
    let data_type = match field.data_type() {
        DataType::List(item) => DataType::List(text_field(item)),
        DataType::LargeList(item) => DataType::LargeList(text_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(text_field(item), *size),
        DataType::Map(entries, sorted) => DataType::Map(text_field(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(text_field).collect()),
        _ => DataType::Utf8,
    };
    Arc::new(Field::clone(field).with_data_type(data_type))
}

/// `array` with texts for month intervals.
fn text_array(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if !holds_months(array.data_type()) {
        return Ok(Arc::clone(array));
    }
    Ok(match array.data_type() {
        DataType::List(item) => Arc::new(text_list(array.as_list::<i32>(), item)?),
        DataType::LargeList(item) => Arc::new(text_list(array.as_list::<i64>(), item)?),
        DataType::FixedSizeList(item, size) => {
            let list = array.as_fixed_size_list();
            let values = text_array(list.values())?;
            let nulls = list.nulls().cloned();
            Arc::new(FixedSizeListArray::try_new(
                text_field(item),
                *size,
                values,
                nulls,
            )?)
        }
        DataType::Map(entries, sorted) => {
            let map = array.as_map();
            let texts = text_struct(map.entries())?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Arc::new(MapArray::try_new(
                text_field(entries),
                offsets,
                texts,
                nulls,
                *sorted,
            )?)
        }
        DataType::Struct(_) => Arc::new(text_struct(array.as_struct())?),
        _ => {
            let months = array.as_primitive::<IntervalYearMonthType>();
            Arc::new(
                months
                    .iter()
                    .map(|value| value.map(text))
                    .collect::<StringArray>(),
            )
        }
    })
}

fn text_list<O: OffsetSizeTrait>(
    list: &GenericListArray<O>,
    item: &FieldRef,
) -> Result<GenericListArray<O>, ArrowError> {
    let values = text_array(list.values())?;
    GenericListArray::try_new(
        text_field(item),
        list.offsets().clone(),
        values,
        list.nulls().cloned(),
    )
}

fn text_struct(array: &StructArray) -> Result<StructArray, ArrowError> {
    let fields = array.fields().iter().map(text_field).collect();
    let columns = array
        .columns()
        .iter()
        .map(text_array)
        .collect::<Result<_, _>>()?;
    StructArray::try_new_with_length(fields, columns, array.nulls().cloned(), array.len())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{Array, AsArray, IntervalYearMonthArray, RecordBatch, StructArray},
        datatypes::{DataType, Field, Fields, IntervalUnit, Schema},
    };

    use super::{text, without_month_intervals};

    #[test]
    fn months_are_written_as_years_and_months() {
        let texts = [0, 2, 14, -14, -1, i32::MIN].map(text);
        assert_eq!(texts, ["0-0", "0-2", "1-2", "-1-2", "-0-1", "-178956970-8"]);
    }

    #[test]
    fn nested_month_intervals_become_texts() {
        let months = Arc::new(IntervalYearMonthArray::from(vec![Some(14), None]));
        let month = Field::new("m", DataType::Interval(IntervalUnit::YearMonth), true);
        let fields = Fields::from(vec![month]);
        let structs = StructArray::new(fields.clone(), vec![months], None);
        let schema = Arc::new(Schema::new(vec![Field::new(
            "s",
            DataType::Struct(fields),
            true,
        )]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(structs)])
            .expect("a batch of its schema");
        let (_, batches) = without_month_intervals(schema, vec![batch]).expect("texts");
        let texts = batches[0]
            .column(0)
            .as_struct()
            .column(0)
            .as_string::<i32>()
            .clone();
        assert_eq!((texts.value(0), texts.is_null(1)), ("1-2", true));
    }
}
