//! `manifest` of a statement's answer: its schema and its chunks.

use serde::{Deserialize, Deserializer, Serialize};

/// The layout of result data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Format {
    /// Arrow IPC streams.
    #[default]
    ArrowStream,
    /// JSON arrays of rows of texts.
    JsonArray,
    /// Anything else.
    #[serde(other)]
    Unknown,
}

/// How chunk bodies and attachments are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Concatenated LZ4 frames.
    Lz4Frame,
    /// Anything else.
    #[serde(other)]
    Unknown,
}

/// What is known of a result before its data.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ResultManifest {
    /// The layout of the data.
    pub format: Format,
    /// The columns.
    #[serde(deserialize_with = "null_as_default")]
    pub schema: ResultSchema,
    /// How many chunks there are, where that is known.
    pub total_chunk_count: Option<u64>,
    /// How many rows there are, where that is known.
    pub total_row_count: Option<u64>,
    /// A hint of the size of the data, in bytes.
    pub total_byte_count: Option<u64>,
    /// Whether a limit cut the result.
    #[serde(deserialize_with = "null_as_default")]
    pub truncated: bool,
    /// The chunks, where they are listed.
    #[serde(deserialize_with = "null_as_default")]
    pub chunks: Vec<ChunkInfo>,
    /// How the data are compressed.
    pub result_compression: Option<Compression>,
    /// Whether this answers PUT, GET or REMOVE of a volume file.
    #[serde(deserialize_with = "null_as_default")]
    pub is_volume_operation: bool,
    /// Whether this answers a metadata statement in the columns of JDBC already.
    #[serde(deserialize_with = "null_as_default")]
    pub is_native_metadata_result: bool,
}

/// The columns of a result.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ResultSchema {
    /// How many columns there are; 0 after DDL.
    pub column_count: usize,
    /// The columns in order.
    #[serde(deserialize_with = "null_as_default")]
    pub columns: Vec<ColumnInfo>,
}

/// One column as the service describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ColumnInfo {
    /// The name; it may be empty and need not be unique.
    pub name: String,
    /// The SQL type with its parameters, for example `DECIMAL(10,2)`.
    pub type_text: String,
    /// The base type, for example `LONG`.
    pub type_name: String,
    /// The place among the columns, from 0.
    pub position: usize,
    /// Digits of a DECIMAL.
    pub type_precision: Option<i32>,
    /// Digits after the point of a DECIMAL.
    pub type_scale: Option<i32>,
    /// The qualifier of an INTERVAL, for example `YEAR TO MONTH`.
    pub type_interval_type: Option<String>,
    /// The type as a JSON document.
    pub type_json: Option<String>,
}

/// One chunk as the manifest lists it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChunkInfo {
    /// The place among the chunks, from 0.
    pub chunk_index: u64,
    /// How many rows come before it.
    pub row_offset: u64,
    /// How many rows it has.
    pub row_count: u64,
    /// A hint of its size, in bytes.
    pub byte_count: Option<u64>,
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_missing_or_null() {
        let nulls = r#"{"schema":null,"chunks":null,"truncated":null,"is_volume_operation":null}"#;
        for json in [
            "{}",
            nulls,
            r#"{"schema":{"column_count":0,"columns":null}}"#,
        ] {
            let manifest: ResultManifest = serde_json::from_str(json).expect(json);
            assert!(manifest.schema.columns.is_empty() && manifest.chunks.is_empty());
        }
    }
}
