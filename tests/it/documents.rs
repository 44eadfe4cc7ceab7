//! The documents of the REST interface, and chunk bodies as storage holds them.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::ipc::writer::StreamWriter;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use lz4_flex::frame::{FrameEncoder, FrameInfo};
use serde_json::{Value, json};

pub(crate) const STATEMENT_ID: &str = "01f0-statement";

/// The paths of the interface.
pub(crate) const SESSIONS: &str = "/api/2.0/sql/sessions";
pub(crate) const SESSION: &str = "/api/2.0/sql/sessions/*";
pub(crate) const STATEMENTS: &str = "/api/2.0/sql/statements";
pub(crate) const STATEMENT: &str = "/api/2.0/sql/statements/*";
pub(crate) const CANCEL: &str = "/api/2.0/sql/statements/*/cancel";
pub(crate) const CHUNK: &str = "/api/2.0/sql/statements/*/result/chunks/*";
/// Where our storage keeps the bodies.
pub(crate) const BODY: &str = "/bodies/*";

/// A statement in this state, without a result.
pub(crate) fn in_state(state: &str) -> Value {
    json!({"statement_id": STATEMENT_ID, "status": {"state": state}})
}

/// A statement that failed.
pub(crate) fn failed(message: &str) -> Value {
    json!({
        "statement_id": STATEMENT_ID,
        "status": {
            "state": "FAILED",
            "error": {"error_code": "BAD_REQUEST", "message": message},
        },
    })
}

/// A statement that succeeded, with its manifest and its first data.
pub(crate) fn succeeded(manifest: &Value, result: &Value) -> Value {
    json!({
        "statement_id": STATEMENT_ID,
        "status": {"state": "SUCCEEDED"},
        "manifest": manifest,
        "result": result,
    })
}

/// A small result inside the answer: rows 0, 1, 2 and so on of one column.
pub(crate) fn with_attachment(state: &str, rows: i64) -> Value {
    let table = Table::new([u64::try_from(rows).unwrap()]);
    let attachment = BASE64_STANDARD.encode(chunk_body(0..rows));
    let result = json!({
        "chunk_index": 0, "row_offset": 0, "row_count": rows, "attachment": attachment,
    });
    let mut document = succeeded(&table.manifest(), &result);
    document["status"]["state"] = state.into();
    document
}

/// What DDL gives.
pub(crate) fn without_rows(state: &str) -> Value {
    let mut document = in_state(state);
    document["manifest"] = json!({
        "format": "ARROW_STREAM", "schema": {"column_count": 0}, "total_chunk_count": 0,
    });
    document["result"] = json!({});
    document
}

/// A result behind links: the numbers from 0 in one BIGINT column, in chunks of these sizes.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) sizes: Vec<u64>,
    /// How many links the answer of the statement holds.
    pub(crate) first: u64,
    /// How many links the answer for one chunk holds.
    pub(crate) page: u64,
}

impl Table {
    pub(crate) fn new(sizes: impl Into<Vec<u64>>) -> Self {
        Self {
            sizes: sizes.into(),
            first: 1,
            page: 1,
        }
    }

    pub(crate) fn chunks(&self) -> u64 {
        self.sizes.len().try_into().unwrap()
    }

    pub(crate) fn rows(&self) -> u64 {
        self.sizes.iter().sum()
    }

    pub(crate) fn numbers(&self) -> Vec<i64> {
        (0..self.rows().try_into().unwrap()).collect()
    }

    fn size(&self, chunk: u64) -> u64 {
        self.sizes[usize::try_from(chunk).unwrap()]
    }

    fn offset(&self, chunk: u64) -> u64 {
        (0..chunk).map(|before| self.size(before)).sum()
    }

    pub(crate) fn range(&self, chunk: u64) -> Range<i64> {
        let start = i64::try_from(self.offset(chunk)).unwrap();
        start..start + i64::try_from(self.size(chunk)).unwrap()
    }

    pub(crate) fn body(&self, chunk: u64) -> Vec<u8> {
        chunk_body(self.range(chunk))
    }

    pub(crate) fn manifest(&self) -> Value {
        let chunks = (0..self.chunks()).map(|chunk| {
            json!({
                "chunk_index": chunk,
                "row_offset": self.offset(chunk),
                "row_count": self.size(chunk),
                "byte_count": self.size(chunk) * 8,
            })
        });
        json!({
            "format": "ARROW_STREAM",
            "schema": {"column_count": 1, "columns": [
                {"name": "n", "type_text": "BIGINT", "type_name": "LONG", "position": 0},
            ]},
            "total_chunk_count": self.chunks(),
            "total_row_count": self.rows(),
            "total_byte_count": self.rows() * 8,
            "truncated": false,
            "chunks": chunks.collect::<Vec<_>>(),
            "result_compression": "LZ4_FRAME",
        })
    }

    pub(crate) fn link(&self, storage: &str, chunk: u64) -> Value {
        let mut link = json!({
            "external_link": format!("{storage}/bodies/{chunk}?signature=s3cret"),
            "expiration": expiration(Utc::now() + TimeDelta::minutes(15)),
            "chunk_index": chunk,
            "row_offset": self.offset(chunk),
            "row_count": self.size(chunk),
            "byte_count": self.size(chunk) * 8,
        });
        if chunk + 1 < self.chunks() {
            link["next_chunk_index"] = json!(chunk + 1);
        }
        link
    }

    /// The links from `chunk` on, `count` at most.
    pub(crate) fn links(&self, storage: &str, chunk: u64, count: u64) -> Value {
        let end = self.chunks().min(chunk + count);
        let links = (chunk..end).map(|chunk| self.link(storage, chunk));
        json!({"external_links": links.collect::<Vec<_>>()})
    }
}

pub(crate) fn expiration(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A moment as HTTP headers write it.
pub(crate) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// An Arrow stream of numbers, in two concatenated LZ4 frames with all checksums.
pub(crate) fn chunk_body(numbers: Range<i64>) -> Vec<u8> {
    lz4_frames(&arrow_stream("n", Int64Array::from_iter_values(numbers)))
}

/// An Arrow stream of one column, in two batches.
pub(crate) fn arrow_stream(name: &str, column: Int64Array) -> Vec<u8> {
    let rows = column.len();
    let batch = RecordBatch::try_from_iter([(name, Arc::new(column) as ArrayRef)]).unwrap();
    stream_of(&[
        batch.slice(0, rows / 2),
        batch.slice(rows / 2, rows - rows / 2),
    ])
}

pub(crate) fn stream_of(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = StreamWriter::try_new(Vec::new(), &batches[0].schema()).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.into_inner().unwrap()
}

pub(crate) fn lz4_frames(body: &[u8]) -> Vec<u8> {
    let (first, second) = body.split_at(body.len() / 2);
    let frames = [first, second].map(|part| {
        let info = FrameInfo::new()
            .block_checksums(true)
            .content_checksum(true);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(part).unwrap();
        encoder.finish().unwrap()
    });
    frames.concat()
}
