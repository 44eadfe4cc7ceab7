use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray,
    Int64Array, LargeStringArray, ListArray, ListBuilder, NullArray, StringArray, StringBuilder,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::ipc::writer::StreamWriter;
use lz4_flex::frame::FrameEncoder;
use proptest::prelude::*;

use super::*;
use crate::client::ErrorCode;

const LIMIT: usize = 1 << 20;
const END: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];

fn batch(rows: usize) -> RecordBatch {
    let numbers = (0..rows).map(|row| i64::try_from(row).unwrap());
    let lists = (0..rows).map(|row| (row % 3 > 0).then(|| vec![Some(1), None]));
    let columns: [(&str, ArrayRef); 6] = [
        ("n", Arc::new(numbers.clone().collect::<Int64Array>())),
        (
            "s",
            Arc::new(
                (0..rows)
                    .map(|row| Some("é".repeat(row % 4)))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "b",
            Arc::new(
                (0..rows)
                    .map(|row| Some(row % 2 > 0))
                    .collect::<BooleanArray>(),
            ),
        ),
        (
            "d",
            Arc::new(
                numbers
                    .map(|n| (n % 5 > 0).then(|| n.into()))
                    .collect::<Decimal128Array>(),
            ),
        ),
        (
            "l",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)),
        ),
        ("v", Arc::new(NullArray::new(rows))),
    ];
    let columns = columns
        .into_iter()
        .map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn stream(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batch(0).schema()).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.into_inner().unwrap()
}

fn framed(data: &[u8]) -> Vec<u8> {
    let mut encoder = FrameEncoder::new(Vec::new());
    std::io::Write::write_all(&mut encoder, data).unwrap();
    encoder.finish().unwrap()
}

fn decode(body: Vec<u8>) -> Result<DecodedChunk> {
    decode_arrow(Buffer::from_vec(body))
}

/// What got through must be sound, whatever it says.
fn validate(chunk: &DecodedChunk) {
    for column in chunk.batches.iter().flat_map(RecordBatch::columns) {
        column.to_data().validate_full().unwrap();
    }
}

fn message(result: Result<DecodedChunk>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DataLoss);
    error.message().to_owned()
}

#[test]
fn batches_come_back_in_order_from_every_framing() {
    let batches = [batch(5), batch(0), batch(300)];
    let plain = stream(&batches);
    let (first, rest) = plain.split_at(plain.len() / 2);
    let frames = [framed(first), framed(b""), framed(rest)].concat();
    let cases = [
        (plain.clone(), Compression::None),
        (plain.clone(), Compression::Lz4Frame),
        (plain, Compression::Unknown),
        (frames.clone(), Compression::Lz4Frame),
        (frames.clone(), Compression::None),
        (frames, Compression::Unknown),
    ];
    for (body, compression) in cases {
        let chunk = decode_body(body.into(), compression, LIMIT).unwrap();
        assert_eq!(chunk.schema, batch(0).schema());
        assert_eq!(chunk.batches, batches);
    }
}

#[test]
fn aligned_columns_point_into_the_body() {
    let body = Buffer::from_vec(stream(&[batch(100)]));
    let within = body.as_ptr_range();
    let chunk = decode_arrow(body.clone()).unwrap();
    let data = chunk.batches[0].column(0).to_data();
    assert!(within.contains(&data.buffers()[0].as_ptr()));
}

#[test]
fn misaligned_bodies_are_copied_not_refused() {
    let shifted = [&[0][..], &stream(&[batch(9)])].concat();
    let chunk = decode_arrow(Buffer::from_vec(shifted).slice(1)).unwrap();
    assert_eq!(chunk.batches, [batch(9)]);
}

#[test]
fn a_stream_without_rows_keeps_its_schema() {
    let chunk = decode(stream(&[])).unwrap();
    assert_eq!((chunk.schema, chunk.batches.len()), (batch(0).schema(), 0));
}

#[test]
fn incomplete_and_overlong_bodies_are_named() {
    let whole = stream(&[batch(5)]);
    let no_end = whole[..whole.len() - END.len()].to_vec();
    let length = no_end.len();
    let tail = [&whole[..], b"more"].concat();
    let cases = [
        (
            decode(no_end),
            format!(
                "the Arrow stream stops after {length} bytes and 1 batches, before its end marker"
            ),
        ),
        (
            decode(tail),
            "4 bytes follow the end of the Arrow stream".into(),
        ),
        (
            decode([whole.clone(), whole.clone()].concat()),
            format!("{} bytes follow the end of the Arrow stream", whole.len()),
        ),
        (
            decode(END.to_vec()),
            "the Arrow stream has no schema".into(),
        ),
        (
            decode(Vec::new()),
            "the Arrow stream stops after 0 bytes and 0 batches, before its end marker".into(),
        ),
        (
            decode_body(Bytes::new(), Compression::None, LIMIT),
            "the chunk body is empty".into(),
        ),
        (
            decode_body(Bytes::from_static(b"zstd"), Compression::Unknown, LIMIT),
            "the chunk body is compressed in an unknown way".into(),
        ),
        (
            decode_body(whole.clone().into(), Compression::None, 9),
            format!("the chunk body has {} bytes, 9 are allowed", whole.len()),
        ),
        (
            decode_body(Bytes::from_static(b"<html>"), Compression::Lz4Frame, LIMIT),
            "LZ4 frame 1 starts with 6d74683c, which is no LZ4 magic number".into(),
        ),
    ];
    for (result, expected) in cases {
        assert_eq!(message(result), expected);
    }
}

#[test]
fn a_body_that_ends_like_a_stream_inside_a_message_is_refused() {
    let column: ArrayRef = Arc::new(Int64Array::from(vec![0xFFFF_FFFF; 8]));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    let mut body = writer.into_inner().unwrap();
    body.truncate(body.len() - END.len());
    assert!(body.ends_with(&END));
    assert!(message(decode(body)).contains("before its end marker"));
}

#[test]
fn every_cut_is_an_error() {
    let whole = stream(&[batch(3), batch(2)]);
    for length in 0..whole.len() {
        assert!(decode(whole[..length].to_vec()).is_err(), "{length}");
    }
}

/// Text of every kind, some of it inside other types and some numbered by a dictionary if asked for.
fn texts(dictionary: bool) -> RecordBatch {
    let words = || {
        ["plain", "", "здесь", "日本語", "👍 ok"]
            .into_iter()
            .cycle()
            .take(50)
    };
    let some = || {
        words()
            .enumerate()
            .map(|(row, word)| (row % 3 > 0).then_some(word))
    };
    let mut lists = ListBuilder::new(StringBuilder::new());
    words().for_each(|word| lists.append_value([Some(word), None]));
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("s", Arc::new(some().collect::<StringArray>())),
        (
            "t",
            Arc::new(words().map(Some).collect::<LargeStringArray>()),
        ),
        ("l", Arc::new(lists.finish())),
        (
            "b",
            Arc::new(
                some()
                    .collect::<StringArray>()
                    .slice(3, 40)
                    .iter()
                    .chain([None; 10])
                    .map(|word| word.map(str::as_bytes))
                    .collect::<BinaryArray>(),
            ),
        ),
    ];
    if dictionary {
        columns.push((
            "d",
            Arc::new(some().collect::<DictionaryArray<Int32Type>>()),
        ));
    }
    RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

#[test]
fn text_comes_back_with_its_schema() {
    for dictionary in [false, true] {
        let batch = texts(dictionary);
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        writer.write(&batch.slice(7, 30)).unwrap();
        let chunk = decode(writer.into_inner().unwrap()).unwrap();
        assert_eq!(chunk.schema, batch.schema());
        assert_eq!(chunk.batches, [batch.clone(), batch.slice(7, 30)]);
        validate(&chunk);
    }
}

#[test]
fn text_points_into_the_body() {
    let batch = texts(false);
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    let body = Buffer::from_vec(writer.into_inner().unwrap());
    let chunk = decode_arrow(body.clone()).unwrap();
    let values = chunk.batches[0]
        .column(0)
        .as_string::<i32>()
        .values()
        .as_ptr();
    assert!(body.as_ptr_range().contains(&values));
}

#[test]
fn invalid_text_is_refused() {
    let column: ArrayRef = Arc::new(StringArray::from(vec!["needle"]));
    let batch = RecordBatch::try_from_iter([("s", column)]).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    let mut body = writer.into_inner().unwrap();
    let at = body
        .windows(6)
        .position(|bytes| bytes == b"needle")
        .unwrap();
    body[at] = 0xFF;
    assert!(message(decode(body)).contains("is damaged"));
}

#[test]
fn flipped_bits_never_escape_as_panics() {
    let whole = stream(&[batch(3)]);
    for at in 0..whole.len() {
        for bit in [0, 3, 7] {
            let mut body = whole.clone();
            body[at] ^= 1 << bit;
            decode(body).iter().for_each(validate);
        }
    }
}

#[test]
fn columns_without_names_or_values_decode() {
    let schema = Schema::new(vec![Field::new("", DataType::Null, true); 2]);
    let columns = vec![Arc::new(NullArray::new(2)) as ArrayRef; 2];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    assert_eq!(
        decode(writer.into_inner().unwrap()).unwrap().batches,
        [batch]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_bytes_never_escape_as_panics(
        start in prop::sample::select(vec![vec![], vec![0xFF; 4], stream(&[])]),
        keep in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let keep = keep.index(start.len() + 1);
        let body = [&start[..keep], &noise, &END].concat();
        if let Ok(chunk) = decode(body) {
            prop_assert!(chunk.batches.is_empty());
        }
    }

    #[test]
    fn damaged_numbers_never_escape_as_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 1..4),
    ) {
        let mut body = stream(&[batch(3)]);
        for (at, value) in damage {
            let at = at.index(body.len() / 4) * 4;
            body[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        decode(body).iter().for_each(validate);
    }
}

proptest! {
    #[test]
    fn what_the_arrow_reader_refuses_is_refused(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let batch = texts(false);
        let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        writer.write(&batch).unwrap();
        let mut body = writer.into_inner().unwrap();
        // Damage that the messages themselves do not show.
        let rows = whole_messages(&body).unwrap();
        for (at, byte) in damage {
            body[rows.rows..rows.end][at.index(rows.end - rows.rows)] = byte;
        }
        let plain = arrow::ipc::reader::StreamReader::try_new(body.as_slice(), None).unwrap();
        let expected = plain.collect::<Result<Vec<_>, _>>();
        match decode(body) {
            Ok(chunk) => prop_assert_eq!(chunk.batches, expected.unwrap()),
            Err(_) => prop_assert!(expected.is_err()),
        }
    }
}

/// Follows a stream that comes in pieces of `size` bytes.
fn follow(stream: &[u8], size: usize) -> Result<()> {
    let mut outline = Outline::default();
    let come = (0..stream.len()).step_by(size).map(|at| at + size);
    come.map(|end| &stream[..end.min(stream.len())])
        .try_for_each(|stream| outline.follow(0, stream, LIMIT))
}

#[test]
fn the_outline_of_a_whole_stream_is_no_error_however_it_comes() {
    let whole = stream(&[batch(5), batch(0), batch(7)]);
    for size in [1, 3, 8, 100, usize::MAX / 2] {
        follow(&whole, size).unwrap();
        // Old writers put no mark in front of lengths.
        follow(&whole[4..], size).unwrap();
    }
}

#[test]
fn what_cannot_become_a_stream_is_noticed_at_once() {
    let whole = stream(&[batch(5)]);
    let behind = |bytes: &[u8]| [&whole, bytes].concat();
    let cases = [
        (behind(b"x"), "more bytes follow"),
        (behind(&whole), "more bytes follow"),
        (vec![0; 9], "more bytes follow"),
        (
            b"<html>busy</html>".to_vec(),
            "byte 0: a message has an impossible length",
        ),
        (vec![0xFF; 8], "byte 0: a message has an impossible length"),
        (
            [&[0xFF; 4], &16_i32.to_le_bytes()[..], &[7; 16]].concat(),
            "byte 0: ",
        ),
    ];
    for (stream, expected) in cases {
        for size in [1, usize::MAX / 2] {
            let error = follow(&stream, size).unwrap_err();
            assert_eq!(error.code(), ErrorCode::DataLoss);
            assert!(error.message().contains(expected), "{error}");
        }
    }
}

#[test]
fn the_body_of_a_message_is_within_the_limit() {
    let mut outline = Outline::default();
    let error = outline.follow(0, &stream(&[batch(500)]), 100).unwrap_err();
    assert!(
        error
            .message()
            .contains("the body of a message has an impossible length"),
        "{error}"
    );
}
