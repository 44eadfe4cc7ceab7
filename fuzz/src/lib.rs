//! What is done with inputs that nobody can trust. An error is as good as rows; a panic is a finding.

use std::sync::{Arc, LazyLock};

use arrow::array::Array;
use arrow::buffer::Buffer;
use arrow::datatypes::{Field, Schema, SchemaRef};
use databricks_sql_kernel::client::results::decode::{decode_arrow, decode_body};
use databricks_sql_kernel::client::results::json_array::{decode_json_rows, parse_json_body};
use databricks_sql_kernel::client::results::type_text::parse_type;
use databricks_sql_kernel::client::wire::Compression;

/// Most that a body may become.
const MOST: usize = 16 << 20;

const TYPES: [&str; 16] = [
    "BOOLEAN",
    "TINYINT",
    "INT",
    "BIGINT",
    "FLOAT",
    "DOUBLE",
    "DECIMAL(38,10)",
    "STRING",
    "BINARY",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMP_NTZ",
    "INTERVAL DAY TO SECOND",
    "ARRAY<INT>",
    "MAP<STRING,DECIMAL(10,2)>",
    "STRUCT<a:INT,b:ARRAY<STRING>>",
];

static SCHEMAS: LazyLock<Vec<SchemaRef>> = LazyLock::new(|| {
    let schema = |text: &&str| {
        let field = Field::new("c", parse_type(text, "Europe/Berlin"), true);
        Arc::new(Schema::new(vec![field]))
    };
    TYPES.iter().map(schema).collect()
});

/// A chunk body of LZ4 frames.
pub fn lz4(body: &[u8]) {
    drop(decode_body(
        body.to_vec().into(),
        Compression::Lz4Frame,
        MOST,
    ));
}

/// A chunk body as a plain Arrow stream. What is accepted is valid.
pub fn arrow(body: &[u8]) {
    let Ok(chunk) = decode_arrow(Buffer::from(body)) else {
        return;
    };
    for column in chunk.batches.iter().flat_map(|batch| batch.columns()) {
        column.to_data().validate_full().expect("valid data");
    }
}

/// A chunk body in the JSON format, after a byte that picks the type of its one column.
pub fn json(input: &[u8]) {
    let Some((which, body)) = input.split_first() else {
        return;
    };
    let schema = &SCHEMAS[usize::from(*which) % SCHEMAS.len()];
    if let Ok(rows) = parse_json_body(body)
        && let Ok(batch) = decode_json_rows(&rows, schema)
    {
        assert_eq!(batch.num_rows(), rows.len());
    }
    if let Ok(text) = std::str::from_utf8(body) {
        let cell = vec![vec![Some(text.to_owned())]];
        drop(decode_json_rows(&cell, schema));
    }
}
