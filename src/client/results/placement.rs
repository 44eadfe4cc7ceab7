//! Where the arrays of a batch lie: in the buffer that they were decoded into, or by themselves.
//!
//! Decimals that lie at an odd multiple of eight bytes are copied by the Arrow reader. So buffers are
//! placed for the decimals to be aligned, as most batches of a result have them at like places. Where they
//! are not and are much of a result, the buffer would be held by the rest: then that is copied, too.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayData, MutableArrayData, make_array};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::client::{Error, Result};

/// One byte of so many that was copied makes it worth while to copy all.
const SHARE: usize = 8;

/// Bytes that lie inside a buffer, and those that do not.
#[derive(Default)]
pub(super) struct Placement {
    inside: usize,
    /// Of those inside, the bytes of values that have to be aligned.
    aligned: usize,
    outside: usize,
}

impl Placement {
    /// How `batches` lie, which were read from `buffer`.
    pub(super) fn of(batches: &[RecordBatch], buffer: &Buffer) -> Self {
        let within = buffer.as_ptr_range();
        let mut placement = Self::default();
        for column in batches.iter().flat_map(RecordBatch::columns) {
            placement.note(&column.to_data(), &within);
        }
        placement
    }

    /// Whether so much lies outside that nothing should keep the buffer.
    pub(super) fn is_scattered(&self) -> bool {
        self.inside > 0 && self.outside > (self.inside + self.outside) / SHARE
    }

    /// Whether most of what has to be aligned was not.
    pub(super) fn is_misaligned(&self) -> bool {
        self.outside > self.aligned
    }
}

/// The same rows with nothing inside `buffer`.
pub(super) fn moved_out(batches: Vec<RecordBatch>, buffer: &Buffer) -> Result<Vec<RecordBatch>> {
    let within = buffer.as_ptr_range();
    batches
        .into_iter()
        .map(|batch| {
            let columns = batch.columns().iter().map(|column| {
                let data = column.to_data();
                let mut placement = Placement::default();
                placement.note(&data, &within);
                if placement.inside == 0 {
                    return Ok(Arc::clone(column));
                }
                let mut copy = MutableArrayData::new(vec![&data], false, data.len());
                copy.try_extend(0, 0, data.len())?;
                Ok(make_array(copy.freeze()))
            });
            let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            columns
                .collect::<Result<_, ArrowError>>()
                .and_then(|columns| {
                    RecordBatch::try_new_with_options(batch.schema(), columns, &rows)
                })
                .map_err(|why| Error::data_loss("a batch cannot be copied").with_source(why))
        })
        .collect()
}

/// Whether values need more alignment than Arrow promises.
fn is_wide(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Decimal128(..) | DataType::Decimal256(..)
    )
}

impl Placement {
    fn note(&mut self, data: &ArrayData, within: &Range<*const u8>) {
        let nulls = data.nulls().map(NullBuffer::buffer);
        for buffer in data.buffers().iter().chain(nulls) {
            if within.contains(&buffer.as_ptr()) {
                self.inside += buffer.len();
                if is_wide(data.data_type()) {
                    self.aligned += buffer.len();
                }
            } else {
                self.outside += buffer.len();
            }
        }
        for child in data.child_data() {
            self.note(child, within);
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Decimal128Array, Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int32Type;
    use arrow::ipc::writer::StreamWriter;

    use super::super::decode::decode_arrow;
    use super::*;

    fn batch(decimals: usize) -> RecordBatch {
        let mut columns: Vec<(String, ArrayRef)> = vec![
            (
                "n".into(),
                Arc::new(Int64Array::from_iter([Some(1), None, Some(3)])),
            ),
            (
                "s".into(),
                Arc::new(StringArray::from_iter([Some("a"), None, Some("ccc")])),
            ),
            (
                "l".into(),
                Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([
                    Some(vec![Some(1), None]),
                    None,
                    Some(vec![]),
                ])),
            ),
        ];
        for at in 0..decimals {
            let decimal = Decimal128Array::from_iter([Some(1), None, Some(at as i128)]);
            columns.push((format!("d{at}"), Arc::new(decimal)));
        }
        RecordBatch::try_from_iter_with_nullable(
            columns
                .iter()
                .map(|(name, column)| (name, Arc::clone(column), true)),
        )
        .unwrap()
    }

    fn written(batch: &RecordBatch, shift: usize) -> (Buffer, Vec<RecordBatch>) {
        let mut writer = StreamWriter::try_new(vec![0; shift], &batch.schema()).unwrap();
        writer.write(batch).unwrap();
        let body = Buffer::from_vec(writer.into_inner().unwrap()).slice(shift);
        let batches = decode_arrow(body.clone()).unwrap().batches;
        (body, batches)
    }

    #[test]
    fn decimals_that_were_copied_take_the_rest_along() {
        let batch = batch(9);
        let (body, batches) = written(&batch, 8);
        let placement = Placement::of(&batches, &body);
        assert!(placement.is_scattered() && placement.is_misaligned());
        let moved = moved_out(batches, &body).unwrap();
        assert_eq!(moved, [batch]);
        assert_eq!(Placement::of(&moved, &body).inside, 0);
    }

    #[test]
    fn what_lies_in_its_buffer_stays_there() {
        for decimals in [0, 9] {
            let (body, batches) = written(&batch(decimals), 0);
            let placement = Placement::of(&batches, &body);
            assert!(!placement.is_scattered() && !placement.is_misaligned());
        }
    }
}
