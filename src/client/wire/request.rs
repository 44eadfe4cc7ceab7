//! What is sent to create a session and to execute a statement.

use std::collections::BTreeMap;

use serde::Serialize;

use super::manifest::{Compression, Format};
use super::status::SessionVersion;

/// Body of `POST /api/2.0/sql/sessions`.
#[derive(Clone, Debug, Serialize)]
pub struct CreateSessionRequest {
    /// The SQL warehouse.
    pub warehouse_id: String,
    /// The catalog that unqualified names start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catalog: Option<String>,
    /// The schema that unqualified names start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Session settings, verbatim.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub session_confs: BTreeMap<String, String>,
}

/// Where result data shall come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Disposition {
    /// In the answer.
    Inline,
    /// Behind links.
    ExternalLinks,
    /// In the answer when they are small, else behind links.
    InlineOrExternalLinks,
}

/// Body of `POST /api/2.0/sql/statements`.
#[derive(Clone, Debug, Serialize)]
pub struct ExecuteStatementRequest<'a> {
    /// The SQL warehouse.
    pub warehouse_id: &'a str,
    /// The session that the statement runs in.
    pub session_id: &'a str,
    /// The state of the session, as last heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_version: Option<SessionVersion>,
    /// The SQL text.
    pub statement: &'a str,
    /// Values for the markers in it.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub parameters: &'a [StatementParameter],
    /// Where the data shall come.
    pub disposition: Disposition,
    /// Their layout.
    pub format: Format,
    /// Their compression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result_compression: Option<Compression>,
    /// How long the service may hold the answer: `0s` or `5s` to `50s`.
    pub wait_timeout: &'static str,
    /// What happens when that is over.
    pub on_wait_timeout: &'static str,
    /// Most rows that are wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_limit: Option<u64>,
    /// What the statement is marked with.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub query_tags: &'a [QueryTag],
}

/// A mark of a statement in the query history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QueryTag {
    /// The name; any text.
    pub key: String,
    /// The value; a tag may have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// One value for a marker: `:name` when it has a name, the `ordinal`-th `?` (from 1) when it has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementParameter {
    /// The name, without its colon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The place among the `?`, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u32>,
    /// The SQL type.
    #[serde(rename = "type")]
    pub sql_type: String,
    /// The value as text; NULL when absent.
    pub value: Option<String>,
}
