//! Values as compact JSON: what `to_json` of the service writes, numbers with all their digits.

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::DateTime;
use serde_json::to_string;

use super::nested::{Leaves, is_interval};
use super::unchangeable;
use crate::client::{Error, Result};

/// How timestamps are written: the time of day in their zone, without its name.
const TIMESTAMP: &str = "%Y-%m-%d %H:%M:%S%.6f";

/// The values of an array, one text each.
pub(super) fn texts(array: &ArrayRef) -> Result<StringArray> {
    // Intervals have no other form in JSON than their texts.
    let array = Leaves(is_interval)
        .text_array(array)
        .map_err(unchangeable)?;
    let mut texts = StringBuilder::with_capacity(array.len(), 0);
    let mut text = String::new();
    for row in 0..array.len() {
        if is_null(array.as_ref(), row) {
            texts.append_null();
        } else {
            text.clear();
            write_value(&mut text, array.as_ref(), row)?;
            texts.append_value(&text);
        }
    }
    Ok(texts.finish())
}

/// Arrays without a type note nowhere that they have no values.
fn is_null(array: &dyn Array, row: usize) -> bool {
    array.is_null(row) || array.data_type() == &DataType::Null
}

fn write_value(out: &mut String, array: &dyn Array, row: usize) -> Result<()> {
    if is_null(array, row) {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Boolean => out.push_str(if array.as_boolean().value(row) {
            "true"
        } else {
            "false"
        }),
        DataType::Int8 => out.push_str(&array.as_primitive::<Int8Type>().value(row).to_string()),
        DataType::Int16 => out.push_str(&array.as_primitive::<Int16Type>().value(row).to_string()),
        DataType::Int32 => out.push_str(&array.as_primitive::<Int32Type>().value(row).to_string()),
        DataType::Int64 => out.push_str(&array.as_primitive::<Int64Type>().value(row).to_string()),
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            write_float(out, value.into(), &format!("{value:?}"));
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            write_float(out, value, &format!("{value:?}"));
        }
        DataType::Decimal128(_, _) => {
            out.push_str(&array.as_primitive::<Decimal128Type>().value_as_string(row));
        }
        DataType::Decimal256(_, _) => {
            out.push_str(&array.as_primitive::<Decimal256Type>().value_as_string(row));
        }
        DataType::Utf8 => write_text(out, array.as_string::<i32>().value(row))?,
        DataType::LargeUtf8 => write_text(out, array.as_string::<i64>().value(row))?,
        DataType::Binary => {
            write_text(
                out,
                &BASE64_STANDARD.encode(array.as_binary::<i32>().value(row)),
            )?;
        }
        DataType::LargeBinary => {
            write_text(
                out,
                &BASE64_STANDARD.encode(array.as_binary::<i64>().value(row)),
            )?;
        }
        DataType::List(_) => write_list(out, &array.as_list::<i32>().value(row))?,
        DataType::LargeList(_) => write_list(out, &array.as_list::<i64>().value(row))?,
        DataType::FixedSizeList(_, _) => write_list(out, &array.as_fixed_size_list().value(row))?,
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            out.push('{');
            for (place, (field, column)) in fields.iter().zip(columns).enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_text(out, field.name())?;
                out.push(':');
                write_value(out, column.as_ref(), row)?;
            }
            out.push('}');
        }
        DataType::Map(_, _) => write_map(out, &array.as_map().value(row))?,
        _ => write_text(out, &plain(array, row)?)?,
    }
    Ok(())
}

fn write_list(out: &mut String, items: &ArrayRef) -> Result<()> {
    out.push('[');
    for row in 0..items.len() {
        if row > 0 {
            out.push(',');
        }
        write_value(out, items.as_ref(), row)?;
    }
    out.push(']');
    Ok(())
}

fn write_map(out: &mut String, entries: &arrow::array::StructArray) -> Result<()> {
    let (keys, values) = (entries.column(0), entries.column(1));
    out.push('{');
    for row in 0..entries.len() {
        if row > 0 {
            out.push(',');
        }
        // Keys are texts in JSON, whatever they were.
        let mut key = String::new();
        write_value(&mut key, keys.as_ref(), row)?;
        if key.starts_with('"') {
            out.push_str(&key);
        } else {
            write_text(out, &key)?;
        }
        out.push(':');
        write_value(out, values.as_ref(), row)?;
    }
    out.push('}');
    Ok(())
}

/// JSON has no number for these, and null would lose them.
fn write_float(out: &mut String, value: f64, text: &str) {
    if value.is_nan() {
        out.push_str("\"NaN\"");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 {
            "\"Infinity\""
        } else {
            "\"-Infinity\""
        });
    } else {
        out.push_str(text);
    }
}

fn write_text(out: &mut String, text: &str) -> Result<()> {
    let quoted = to_string(text)
        .map_err(|why| Error::data_loss("a text cannot be written as JSON").with_source(why))?;
    out.push_str(&quoted);
    Ok(())
}

/// Dates, timestamps and whatever else has no other form than a text.
pub(super) fn plain(array: &dyn Array, row: usize) -> Result<String> {
    let DataType::Timestamp(TimeUnit::Microsecond, zone) = array.data_type() else {
        let formatter =
            ArrayFormatter::try_new(array, &FormatOptions::default()).map_err(unchangeable)?;
        return formatter.value(row).try_to_string().map_err(unchangeable);
    };
    let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
    let instant = DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| Error::data_loss("a timestamp is out of range"))?;
    let zone = zone.as_deref().unwrap_or("UTC");
    let text = if let Ok(region) = zone.parse::<chrono_tz::Tz>() {
        instant.with_timezone(&region).format(TIMESTAMP).to_string()
    } else if let Ok(offset) = zone.parse::<Tz>() {
        instant.with_timezone(&offset).format(TIMESTAMP).to_string()
    } else {
        let message = format!("the time zone '{zone}' is not known");
        return Err(Error::data_loss(message));
    };
    Ok(text.strip_suffix(".000000").unwrap_or(&text).to_owned())
}
