//! Columns of text, whose bytes are checked in a quicker way than that of the Arrow reader.
//!
//! The reader takes them for binary data, of which it checks everything but the text.
#![expect(unsafe_code, reason = "text is not checked a second time")]

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, GenericBinaryArray, GenericStringArray, OffsetSizeTrait, RecordBatch,
    RecordBatchOptions,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::convert::{try_fb_to_schema, try_schema_from_ipc_buffer};
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;

use super::message;

/// The columns of a stream that hold text and are read as binary data.
#[derive(Debug)]
pub(super) struct Texts {
    /// The schema as the stream gives it.
    pub(super) schema: SchemaRef,
    columns: Vec<usize>,
}

impl Texts {
    /// Of a stream that begins with its schema, and has text: its columns, a decoder that has read the
    /// schema with them as binary data, and the length of what stands for it in the stream.
    pub(super) fn begin(stream: &[u8]) -> Option<(Self, StreamDecoder, usize)> {
        let first = message(stream)?;
        let schema = try_fb_to_schema(first.header.header_as_schema()?).ok()?;
        let is_dictionary = |data_type: &DataType| matches!(data_type, DataType::Dictionary(..));
        let mut fields = schema.flattened_fields().into_iter();
        // Writing the schema would number its dictionaries anew.
        if fields.any(|field| is_dictionary(field.data_type())) {
            return None;
        }
        let mut columns = Vec::new();
        let fields = schema.fields().iter().enumerate();
        let fields = fields.map(|(column, field)| {
            let binary = match field.data_type() {
                DataType::Utf8 => DataType::Binary,
                DataType::LargeUtf8 => DataType::LargeBinary,
                _ => return Arc::clone(field),
            };
            columns.push(column);
            Arc::new(field.as_ref().clone().with_data_type(binary))
        });
        let hidden = Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata.clone());
        if columns.is_empty() {
            return None;
        }
        let writer = StreamWriter::try_new(Vec::new(), &hidden).ok()?;
        let written = writer.get_ref().as_slice();
        if try_schema_from_ipc_buffer(written).ok()? != hidden {
            return None;
        }
        let mut decoder = StreamDecoder::new();
        decoder.decode(&mut Buffer::from(written)).ok()?;
        let texts = Self {
            schema: Arc::new(schema),
            columns,
        };
        Some((texts, decoder, first.length))
    }

    /// The same rows with text where there is text.
    pub(super) fn restored(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        let (_, mut columns, rows) = batch.into_parts();
        for &place in &self.columns {
            let column = &columns[place];
            columns[place] = match column.data_type() {
                DataType::LargeBinary => text(column.as_binary::<i64>()),
                _ => text(column.as_binary::<i32>()),
            }?;
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &rows)
    }
}

fn text<O: OffsetSizeTrait>(binary: &GenericBinaryArray<O>) -> Result<ArrayRef, ArrowError> {
    let (offsets, values, nulls) = binary.clone().into_parts();
    let text = if is_text(&offsets, &values) {
        // SAFETY: the offsets rise, as those of each OffsetBuffer do; they lie within the values and between
        // characters of valid UTF-8; there are as many nulls as in the array that they come from.
        unsafe { GenericStringArray::<O>::new_unchecked(offsets, values, nulls) }
    } else {
        // It knows what is wrong.
        GenericStringArray::<O>::try_new(offsets, values, nulls)?
    };
    Ok(Arc::new(text))
}

/// Whether all that lies between two offsets is UTF-8.
fn is_text<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>, values: &[u8]) -> bool {
    let first = offsets[0].as_usize();
    let Some(values) = values.get(first..offsets[offsets.len() - 1].as_usize()) else {
        return false;
    };
    values.is_ascii()
        || simdutf8::basic::from_utf8(values).is_ok_and(|text| {
            let mut starts = offsets.iter().map(|offset| offset.as_usize() - first);
            starts.all(|start| text.is_char_boundary(start))
        })
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, StringArray};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Bytes that are text now and then.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let parts = prop_oneof![
            8 => any::<String>().prop_map(String::into_bytes),
            4 => "[a-z]{0,40}".prop_map(String::into_bytes),
            1 => vec(any::<u8>(), 0..4),
        ];
        vec(parts, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn what_is_text_is_what_arrow_takes_for_it(
            bytes in bytes(),
            cuts in vec(any::<prop::sample::Index>(), 1..20),
        ) {
            let mut offsets: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            offsets.sort_unstable();
            let offsets: Vec<_> = offsets.into_iter().map(|at| i32::try_from(at).unwrap()).collect();
            let offsets = OffsetBuffer::new(offsets.into());
            let values = Buffer::from(bytes);
            let expected = StringArray::try_new(offsets.clone(), values.clone(), None);
            let binary = BinaryArray::try_new(offsets.clone(), values.clone(), None).unwrap();
            match (text(&binary), expected) {
                (Ok(found), Ok(expected)) => {
                    prop_assert_eq!(found.as_string::<i32>(), &expected);
                    prop_assert!(is_text(&offsets, &values));
                }
                (found, expected) => prop_assert_eq!(
                    found.map_err(|error| error.to_string()).err(),
                    expected.map_err(|error| error.to_string()).err()
                ),
            }
        }
    }

    #[test]
    fn offsets_outside_or_within_characters_are_not_those_of_text() {
        let is_text = |offsets: &[i32], values: &str| {
            is_text(
                &OffsetBuffer::new(offsets.to_vec().into()),
                values.as_bytes(),
            )
        };
        assert!(!is_text(&[0, 4], "abc"));
        assert!(is_text(&[0, 1, 3], "abc"));
        assert!(is_text(&[0, 0], ""));
        assert!(is_text(&[0, 2], "é"));
        assert!(!is_text(&[0, 1, 2], "é"));
    }
}
