//! Rows of texts, as the JSON format has them, to a typed record batch.
//!
//! Values of nested types are JSON documents, whose numbers are read as text, too, so that decimals
//! keep every digit.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, ListArray, MapArray, NullArray,
    PrimitiveArray, RecordBatch, RecordBatchOptions, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DurationMicrosecondType, Field, FieldRef, Fields,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalUnit,
    IntervalYearMonthType, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cell_text::{self, Zone};
use crate::client::{Error, Result};

/// The text of one value; `None` is NULL.
type Cell<'a> = Option<Cow<'a, str>>;

/// Reads the body of a link in the JSON format: an array of rows, each an array of texts or nulls.
pub fn parse_json_body(body: &[u8]) -> Result<Vec<Vec<Option<String>>>> {
    serde_json::from_slice(body).map_err(|error| {
        let message = format!(
            "the JSON chunk body is no array of rows of texts: line {} column {}",
            error.line(),
            error.column()
        );
        Error::data_loss(message).with_source(error)
    })
}

/// Converts rows of texts to one batch of `schema`. Errors count rows from 1.
pub fn decode_json_rows(rows: &[Vec<Option<String>>], schema: &SchemaRef) -> Result<RecordBatch> {
    let width = schema.fields().len();
    if let Some((row, cells)) = rows
        .iter()
        .enumerate()
        .find(|(_, cells)| cells.len() != width)
    {
        return Err(Error::data_loss(format!(
            "row {} has {} cells where the manifest declares {width} columns",
            row + 1,
            cells.len()
        )));
    }
    let columns = schema.fields().iter().enumerate().map(|(at, field)| {
        let cells: Vec<_> = rows
            .iter()
            .map(|row| row[at].as_deref().map(Cow::Borrowed))
            .collect();
        build_field(field, &cells, None).map_err(|fault| fault.into_error(field))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|error| {
        Error::data_loss(format!("the rows make no batch: {error}")).with_source(error)
    })
}

/// Why a column cannot be built.
enum Fault {
    /// This cell, from 0, is not a value of the type.
    Cell(usize),
    Arrow(ArrowError),
}

impl Fault {
    /// The same fault one level up, where cell `i` holds the items before `offsets[i + 1]`.
    fn outside(self, offsets: &[i32]) -> Self {
        match self {
            Self::Cell(at) => {
                let ends = offsets.iter().skip(1);
                Self::Cell(
                    ends.take_while(|end| usize::try_from(**end).is_ok_and(|end| end <= at))
                        .count(),
                )
            }
            Self::Arrow(_) => self,
        }
    }

    fn into_error(self, field: &Field) -> Error {
        let sql = match field.metadata().get("databricks.type_text") {
            Some(text) if !text.is_empty() => text.clone(),
            _ => field.data_type().to_string(),
        };
        match self {
            Self::Cell(row) => {
                let (row, name) = (row + 1, field.name());
                Error::data_loss(format!(
                    "row {row} of column {name:?} holds no value of {sql}"
                ))
            }
            Self::Arrow(error) => {
                let message = format!(
                    "column {:?} of {sql} cannot be built: {error}",
                    field.name()
                );
                Error::data_loss(message).with_source(error)
            }
        }
    }
}

impl From<ArrowError> for Fault {
    fn from(error: ArrowError) -> Self {
        Self::Arrow(error)
    }
}

type Built<T = ArrayRef> = Result<T, Fault>;

/// Builds a column or child; a NULL that the field forbids is a fault, except below a NULL parent.
fn build_field(field: &Field, cells: &[Cell<'_>], parents: Option<&NullBuffer>) -> Built {
    if !field.is_nullable() {
        let forbidden =
            |at: &usize| cells[*at].is_none() && parents.is_none_or(|nulls| nulls.is_valid(*at));
        if let Some(at) = (0..cells.len()).find(forbidden) {
            return Err(Fault::Cell(at));
        }
    }
    build(field.data_type(), cells)
}

fn build(data_type: &DataType, cells: &[Cell<'_>]) -> Built {
    Ok(match data_type {
        DataType::Null => nothing(cells)?,
        DataType::Boolean => booleans(cells)?,
        DataType::Int8 => numbers::<Int8Type>(cells)?,
        DataType::Int16 => numbers::<Int16Type>(cells)?,
        DataType::Int32 => numbers::<Int32Type>(cells)?,
        DataType::Int64 => numbers::<Int64Type>(cells)?,
        DataType::Float32 => numbers::<Float32Type>(cells)?,
        DataType::Float64 => numbers::<Float64Type>(cells)?,
        DataType::Decimal128(precision, scale) => decimals(*precision, *scale, cells)?,
        DataType::Utf8 => texts(cells)?,
        DataType::Binary => binaries(cells)?,
        DataType::Date32 => Arc::new(primitives::<Date32Type>(cells, cell_text::date)?),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => timestamps(zone.as_ref(), cells)?,
        DataType::Interval(IntervalUnit::YearMonth) => Arc::new(
            primitives::<IntervalYearMonthType>(cells, cell_text::year_month)?,
        ),
        DataType::Duration(TimeUnit::Microsecond) => Arc::new(
            primitives::<DurationMicrosecondType>(cells, cell_text::day_time)?,
        ),
        DataType::List(element) => lists(element, cells)?,
        DataType::Map(entries, sorted) => maps(entries, *sorted, cells)?,
        DataType::Struct(fields) => structs(fields, cells)?,
        other => {
            let message = format!("{other} has no form in JSON");
            return Err(ArrowError::NotYetImplemented(message).into());
        }
    })
}

/// Parses every cell that is not NULL.
fn parsed<'c, T>(
    cells: &'c [Cell<'_>],
    parse: impl Fn(&'c str) -> Option<T>,
) -> impl Iterator<Item = Built<Option<T>>> {
    cells.iter().enumerate().map(move |(at, cell)| match cell {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or(Fault::Cell(at)),
    })
}

fn primitives<T: ArrowPrimitiveType>(
    cells: &[Cell<'_>],
    parse: impl Fn(&str) -> Option<T::Native>,
) -> Built<PrimitiveArray<T>> {
    let values = parsed(cells, parse).collect::<Built<Vec<_>>>()?;
    Ok(PrimitiveArray::from_iter(values))
}

fn numbers<T: ArrowPrimitiveType>(cells: &[Cell<'_>]) -> Built
where
    T::Native: std::str::FromStr,
{
    Ok(Arc::new(primitives::<T>(cells, |text| text.parse().ok())?))
}

fn nothing(cells: &[Cell<'_>]) -> Built {
    match cells.iter().position(Option::is_some) {
        Some(at) => Err(Fault::Cell(at)),
        None => Ok(Arc::new(NullArray::new(cells.len()))),
    }
}

fn booleans(cells: &[Cell<'_>]) -> Built {
    let parse = |text: &str| text.to_ascii_lowercase().parse().ok();
    Ok(Arc::new(
        parsed(cells, parse).collect::<Built<BooleanArray>>()?,
    ))
}

fn decimals(precision: u8, scale: i8, cells: &[Cell<'_>]) -> Built {
    let parse = |text: &str| cell_text::decimal(text, precision, scale);
    let values = primitives::<Decimal128Type>(cells, parse)?;
    Ok(Arc::new(values.with_precision_and_scale(precision, scale)?))
}

fn timestamps(zone: Option<&Arc<str>>, cells: &[Cell<'_>]) -> Built {
    let session = zone.and_then(|name| Zone::parse(name));
    let values = primitives::<TimestampMicrosecondType>(cells, |text| match zone {
        Some(_) => cell_text::timestamp(text, session),
        None => cell_text::timestamp_ntz(text),
    })?;
    Ok(Arc::new(values.with_timezone_opt(zone.cloned())))
}

fn texts(cells: &[Cell<'_>]) -> Built {
    offsets(
        cells
            .iter()
            .map(|cell| cell.as_ref().map_or(0, |text| text.len())),
    )?;
    Ok(Arc::new(
        cells.iter().map(Option::as_deref).collect::<StringArray>(),
    ))
}

fn binaries(cells: &[Cell<'_>]) -> Built {
    let values = parsed(cells, |text| STANDARD.decode(text).ok()).collect::<Built<Vec<_>>>()?;
    offsets(
        values
            .iter()
            .map(|value| value.as_ref().map_or(0, Vec::len)),
    )?;
    Ok(Arc::new(values.into_iter().collect::<BinaryArray>()))
}

fn lists(element: &FieldRef, cells: &[Cell<'_>]) -> Built {
    let values = parsed(cells, json_items).collect::<Built<Vec<_>>>()?;
    let nulls = validity(&values);
    let offsets = offsets(
        values
            .iter()
            .map(|items| items.as_ref().map_or(0, Vec::len)),
    )?;
    let items: Vec<Cell<'_>> = values.into_iter().flatten().flatten().collect();
    let items = build_field(element, &items, None).map_err(|fault| fault.outside(&offsets))?;
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(element),
        offsets,
        items,
        nulls,
    )?))
}

fn maps(entries: &FieldRef, sorted: bool, cells: &[Cell<'_>]) -> Built {
    let DataType::Struct(fields) = entries.data_type() else {
        return Err(ArrowError::SchemaError("a map without entries".to_owned()).into());
    };
    let [key, value] = &fields[..] else {
        return Err(ArrowError::SchemaError("a map without key and value".to_owned()).into());
    };
    let values = parsed(cells, json_entries).collect::<Built<Vec<_>>>()?;
    let nulls = validity(&values);
    let offsets = offsets(
        values
            .iter()
            .map(|entries| entries.as_ref().map_or(0, Vec::len)),
    )?;
    let (keys, items): (Vec<_>, Vec<_>) = values.into_iter().flatten().flatten().unzip();
    let child = |field, cells: &[Cell<'_>]| {
        build_field(field, cells, None).map_err(|fault| fault.outside(&offsets))
    };
    let columns = vec![child(key, &keys)?, child(value, &items)?];
    let items = StructArray::try_new(fields.clone(), columns, None)?;
    Ok(Arc::new(MapArray::try_new(
        Arc::clone(entries),
        offsets,
        items,
        nulls,
        sorted,
    )?))
}

fn structs(fields: &Fields, cells: &[Cell<'_>]) -> Built {
    let mut objects = parsed(cells, |text| json_struct(text, fields)).collect::<Built<Vec<_>>>()?;
    let nulls = validity(&objects);
    let columns = fields.iter().enumerate().map(|(at, field)| {
        let cells: Vec<_> = objects
            .iter_mut()
            .map(|object| object.as_mut()?.get_mut(at)?.take())
            .collect();
        build_field(field, &cells, nulls.as_ref())
    });
    let columns = columns.collect::<Built<Vec<_>>>()?;
    Ok(Arc::new(StructArray::try_new_with_length(
        fields.clone(),
        columns,
        nulls,
        cells.len(),
    )?))
}

fn validity<T>(values: &[Option<T>]) -> Option<NullBuffer> {
    let nulls: NullBuffer = values.iter().map(Option::is_some).collect();
    (nulls.null_count() > 0).then_some(nulls)
}

/// Offsets of items of `lengths`; Arrow counts them in 31 bits.
fn offsets(lengths: impl Iterator<Item = usize>) -> Built<OffsetBuffer<i32>> {
    let mut end = 0_i32;
    let mut offsets = vec![0];
    for length in lengths {
        end = i32::try_from(length)
            .ok()
            .and_then(|length| end.checked_add(length))
            .ok_or_else(|| ArrowError::OffsetOverflowError(length))?;
        offsets.push(end);
    }
    Ok(OffsetBuffer::new(offsets.into()))
}

/// A JSON value as a cell: a string without its quotes, anything else as it is written.
fn cell_of(raw: &RawValue) -> Option<Cell<'_>> {
    let text = raw.get();
    Some(match text.as_bytes().first()? {
        b'n' => None,
        b'"' => Some(Cow::Owned(serde_json::from_str(text).ok()?)),
        _ => Some(Cow::Borrowed(text)),
    })
}

fn json_items(text: &str) -> Option<Vec<Cell<'_>>> {
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    items.into_iter().map(cell_of).collect()
}

/// The entries of a map: an object, or an array of objects with `key` and `value`.
fn json_entries(text: &str) -> Option<Vec<(Cell<'_>, Cell<'_>)>> {
    if !text.trim_start().starts_with('[') {
        let members = json_members(text)?;
        return Some(
            members
                .into_iter()
                .map(|(key, value)| (Some(key.into()), value))
                .collect(),
        );
    }
    let entries: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let entry = |raw: &'_ RawValue| {
        let mut found = [None, None];
        for (name, cell) in json_members(raw.get())? {
            let place = ["key", "value"].iter().position(|known| *known == name)?;
            found[place] = cell.map(Cow::into_owned).map(Cow::Owned);
        }
        let [key, value] = found;
        Some((key, value))
    };
    entries.into_iter().map(entry).collect()
}

/// One cell per field. A field may be left out when it is NULL; an unknown one is a fault.
fn json_struct<'t>(text: &'t str, fields: &Fields) -> Option<Vec<Cell<'t>>> {
    let mut cells = vec![None; fields.len()];
    let mut seen = vec![false; fields.len()];
    for (name, cell) in json_members(text)? {
        let at = (0..fields.len()).find(|at| !seen[*at] && *fields[*at].name() == name)?;
        (cells[at], seen[at]) = (cell, true);
    }
    Some(cells)
}

/// The members of a JSON object in their order, repeated names included.
fn json_members(text: &str) -> Option<Vec<(String, Cell<'_>)>> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = access.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Members).ok()?;
    reader.end().ok()?;
    members
        .into_iter()
        .map(|(name, raw)| Some((name, cell_of(raw)?)))
        .collect()
}

#[cfg(test)]
mod tests;
