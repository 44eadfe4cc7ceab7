//! Intervals as texts wherever they are, also inside nested values.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, MapArray, OffsetSizeTrait,
    StringArray, StructArray,
};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Field, FieldRef, IntervalDayTimeType, IntervalMonthDayNanoType,
    IntervalUnit, IntervalYearMonthType, TimeUnit,
};
use arrow::error::ArrowError;

use super::intervals::{day_time_text, month_day_nano_text, year_month_text};

/// The intervals that shall be texts.
#[derive(Clone, Copy, Debug)]
pub struct Leaves(pub fn(&DataType) -> bool);

/// Whether it is an interval of either family.
#[must_use]
pub fn is_interval(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(_) | DataType::Duration(_))
}

/// Whether it is an interval of years and months, which pyarrow cannot read.
#[must_use]
pub fn is_year_month(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Interval(IntervalUnit::YearMonth))
}

impl Leaves {
    /// Whether there are any in `data_type`.
    #[must_use]
    pub fn are_in(self, data_type: &DataType) -> bool {
        match data_type {
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::FixedSizeList(field, _)
            | DataType::Map(field, _) => self.are_in(field.data_type()),
            DataType::Struct(fields) => fields.iter().any(|field| self.are_in(field.data_type())),
            leaf => self.0(leaf),
        }
    }

    /// `data_type` with texts for them.
    #[must_use]
    pub fn text_type(self, data_type: &DataType) -> DataType {
        match data_type {
            DataType::List(item) => DataType::List(self.text_field(item)),
            DataType::LargeList(item) => DataType::LargeList(self.text_field(item)),
            DataType::FixedSizeList(item, size) => {
                DataType::FixedSizeList(self.text_field(item), *size)
            }
            DataType::Map(entries, sorted) => DataType::Map(self.text_field(entries), *sorted),
            DataType::Struct(fields) => {
                DataType::Struct(fields.iter().map(|field| self.text_field(field)).collect())
            }
            leaf if self.0(leaf) => DataType::Utf8,
            leaf => leaf.clone(),
        }
    }

    /// `field` with texts for them.
    #[must_use]
    pub fn text_field(self, field: &FieldRef) -> FieldRef {
        if !self.are_in(field.data_type()) {
            return Arc::clone(field);
        }
        let data_type = self.text_type(field.data_type());
        Arc::new(Field::clone(field).with_data_type(data_type))
    }

    /// `array` with texts for them.
    ///
    /// # Errors
    /// Those of arrays that contradict themselves.
    pub fn text_array(self, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        if !self.are_in(array.data_type()) {
            return Ok(Arc::clone(array));
        }
        Ok(match array.data_type() {
            DataType::List(item) => Arc::new(self.text_list(array.as_list::<i32>(), item)?),
            DataType::LargeList(item) => Arc::new(self.text_list(array.as_list::<i64>(), item)?),
            DataType::FixedSizeList(item, size) => {
                let list = array.as_fixed_size_list();
                let (item, values) = (self.text_field(item), self.text_array(list.values())?);
                let nulls = list.nulls().cloned();
                Arc::new(FixedSizeListArray::try_new(item, *size, values, nulls)?)
            }
            DataType::Map(entries, sorted) => {
                let map = array.as_map();
                let texts = self.text_struct(map.entries())?;
                let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
                let entries = self.text_field(entries);
                Arc::new(MapArray::try_new(entries, offsets, texts, nulls, *sorted)?)
            }
            DataType::Struct(_) => Arc::new(self.text_struct(array.as_struct())?),
            _ => Arc::new(leaf_texts(array)?),
        })
    }

    fn text_list<O: OffsetSizeTrait>(
        self,
        list: &GenericListArray<O>,
        item: &FieldRef,
    ) -> Result<GenericListArray<O>, ArrowError> {
        let values = self.text_array(list.values())?;
        let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
        GenericListArray::try_new(self.text_field(item), offsets, values, nulls)
    }

    fn text_struct(self, array: &StructArray) -> Result<StructArray, ArrowError> {
        let fields = array
            .fields()
            .iter()
            .map(|field| self.text_field(field))
            .collect();
        let columns = array
            .columns()
            .iter()
            .map(|column| self.text_array(column))
            .collect::<Result<_, _>>()?;
        StructArray::try_new_with_length(fields, columns, array.nulls().cloned(), array.len())
    }
}

/// The texts of an array of intervals.
fn leaf_texts(array: &ArrayRef) -> Result<StringArray, ArrowError> {
    let texts = |text: &dyn Fn(usize) -> String| {
        (0..array.len())
            .map(|row| array.is_valid(row).then(|| text(row)))
            .collect()
    };
    macro_rules! durations {
        ($type:ty, $nanoseconds:expr) => {{
            let values = array.as_primitive::<$type>();
            texts(&|row| day_time_text(i128::from(values.value(row)) * $nanoseconds))
        }};
    }
    Ok(match array.data_type() {
        DataType::Duration(TimeUnit::Second) => durations!(DurationSecondType, 1_000_000_000),
        DataType::Duration(TimeUnit::Millisecond) => durations!(DurationMillisecondType, 1_000_000),
        DataType::Duration(TimeUnit::Microsecond) => durations!(DurationMicrosecondType, 1_000),
        DataType::Duration(TimeUnit::Nanosecond) => durations!(DurationNanosecondType, 1),
        DataType::Interval(IntervalUnit::YearMonth) => {
            let values = array.as_primitive::<IntervalYearMonthType>();
            texts(&|row| year_month_text(values.value(row).into()))
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let values = array.as_primitive::<IntervalDayTimeType>();
            texts(&|row| {
                let value = values.value(row);
                month_day_nano_text(0, value.days, i64::from(value.milliseconds) * 1_000_000)
            })
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let values = array.as_primitive::<IntervalMonthDayNanoType>();
            texts(&|row| {
                let value = values.value(row);
                month_day_nano_text(value.months, value.days, value.nanoseconds)
            })
        }
        other => {
            let message = format!("{other} is no interval");
            return Err(ArrowError::SchemaError(message));
        }
    })
}
