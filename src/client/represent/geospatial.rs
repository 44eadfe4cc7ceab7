//! GEOMETRY and GEOGRAPHY: texts to `struct<srid, wkb>`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, Int32Builder, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};

use super::wkt::{self, Shape};
use crate::client::{Error, Result};

/// The reference system of GEOGRAPHY.
const WGS_84: i32 = 4326;

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("srid", DataType::Int32, false),
        Field::new("wkb", DataType::Binary, false),
    ])
}

/// The type of such columns.
pub(super) fn data_type() -> DataType {
    DataType::Struct(fields())
}

/// The reference system of values that name none; `None` for columns of other types.
pub(super) fn default_srid(type_name: &str, type_text: &str) -> Option<i32> {
    let name = if type_name.is_empty() {
        type_text
    } else {
        type_name
    };
    let name = name.split('(').next().unwrap_or_default().trim();
    let fallback = match name.to_ascii_uppercase().as_str() {
        "GEOMETRY" => 0,
        "GEOGRAPHY" => WGS_84,
        _ => return None,
    };
    let declared = type_text
        .split_once('(')
        .and_then(|(_, rest)| rest.split([')', ',']).next()?.trim().parse().ok());
    Some(declared.unwrap_or(fallback))
}

/// The values of a column of texts.
pub(super) fn structs(array: &ArrayRef, default_srid: i32) -> Result<StructArray> {
    let texts = array
        .as_string_opt::<i32>()
        .ok_or_else(|| Error::data_loss("a geospatial column is not text"))?;
    let mut srids = Int32Builder::with_capacity(texts.len());
    let mut bodies = BinaryBuilder::new();
    let mut body = Vec::new();
    for text in texts {
        body.clear();
        let mut srid = default_srid;
        if let Some(text) = text {
            let Shape { reference, wkb } = wkt::parse(text)?;
            srid = reference.unwrap_or(default_srid);
            body = wkb;
        }
        srids.append_value(srid);
        bodies.append_value(&body);
    }
    let columns: Vec<ArrayRef> = vec![Arc::new(srids.finish()), Arc::new(bodies.finish())];
    let nulls: Option<NullBuffer> = texts.nulls().cloned();
    StructArray::try_new(fields(), columns, nulls).map_err(super::unchangeable)
}
