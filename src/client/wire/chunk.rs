//! `result` of a statement's answer, and the answer of a chunk request.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;

/// Data of one chunk, or links to the data of some.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ResultData {
    /// The chunk that inline data belong to.
    pub chunk_index: Option<u64>,
    /// How many rows come before inline data.
    pub row_offset: Option<u64>,
    /// How many rows inline data have.
    pub row_count: Option<u64>,
    /// A hint of the size of inline data, in bytes.
    pub byte_count: Option<u64>,
    /// Rows of texts, in the JSON format.
    pub data_array: Option<Vec<Vec<Option<String>>>>,
    /// A chunk body in Base64.
    pub attachment: Option<String>,
    /// Where chunk bodies are.
    pub external_links: Option<Vec<ExternalLink>>,
    /// The chunk that follows.
    pub next_chunk_index: Option<u64>,
}

/// Where the body of one chunk can be read for some minutes.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct ExternalLink {
    /// The presigned URL: a secret.
    pub external_link: SecretString,
    /// When the URL stops working, in RFC 3339.
    pub expiration: Option<String>,
    /// The chunk's place, from 0.
    pub chunk_index: u64,
    /// How many rows come before the chunk.
    pub row_offset: Option<u64>,
    /// How many rows the chunk has.
    pub row_count: Option<u64>,
    /// A hint of the size, in bytes.
    pub byte_count: Option<u64>,
    /// Headers that the store asks for: secrets, too.
    pub http_headers: Option<BTreeMap<String, SecretString>>,
    /// The chunk that follows.
    pub next_chunk_index: Option<u64>,
}

impl fmt::Debug for ExternalLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalLink")
            .field("chunk_index", &self.chunk_index)
            .field("row_offset", &self.row_offset)
            .field("row_count", &self.row_count)
            .field("expiration", &self.expiration)
            .finish_non_exhaustive()
    }
}
