//! Answers about sessions and statements, and the documents of refused requests.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::chunk::ResultData;
use super::manifest::ResultManifest;

/// Answer of `POST /api/2.0/sql/sessions`.
#[derive(Clone, Debug, Deserialize)]
pub struct CreateSessionResponse {
    /// The new session.
    pub session_id: String,
    /// The state that it is in.
    #[serde(default)]
    pub session_version: Option<SessionVersion>,
}

/// Answer of `GET /api/2.0/sql/warehouses/{id}`, as far as it matters here.
#[derive(Clone, Debug, Deserialize)]
pub struct WarehouseResponse {
    /// `RUNNING`, `STARTING`, `STOPPED` and so on.
    pub state: String,
}

/// The state of a session as the service numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionVersion {
    /// The number.
    pub version_id: i64,
}

/// Answer to executing and to polling a statement.
#[derive(Clone, Debug, Deserialize)]
pub struct StatementResponse {
    /// The statement.
    #[serde(default)]
    pub statement_id: String,
    /// How far it is.
    pub status: StatementStatus,
    /// What is known of its result.
    #[serde(default)]
    pub manifest: Option<ResultManifest>,
    /// The first data.
    #[serde(default)]
    pub result: Option<ResultData>,
}

/// How far a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StatementState {
    /// It waits for the warehouse.
    Pending,
    /// It runs.
    Running,
    /// It is done.
    Succeeded,
    /// It failed.
    Failed,
    /// It was cancelled.
    Canceled,
    /// It is done, and the service has let go of it.
    Closed,
    /// A state that this driver does not know.
    #[serde(other)]
    Unknown,
}

/// `status` of a statement's answer.
#[derive(Clone, Debug, Deserialize)]
pub struct StatementStatus {
    /// How far it is.
    pub state: StatementState,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<ApiError>,
    /// SQLSTATE of the failure.
    #[serde(default)]
    pub sql_state: Option<String>,
    /// The session's state after it.
    #[serde(default)]
    pub session_version: Option<SessionVersion>,
    /// Rows that DML changed.
    #[serde(default, deserialize_with = "number_or_text")]
    pub num_modified_rows: Option<i64>,
    /// A shorter message for end users.
    #[serde(default)]
    pub display_message: Option<String>,
    /// A stack trace or the like.
    #[serde(default)]
    pub diagnostic_info: Option<String>,
    /// Machine-readable details.
    #[serde(default)]
    pub error_details_json: Option<String>,
}

/// An error document: inside `status`, or as the body of a refused request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ApiError {
    /// A name, or in answers of a gateway a number.
    pub error_code: Option<Value>,
    /// The message.
    pub message: Option<String>,
    /// SQLSTATE, where some answers have it.
    pub sql_state: Option<String>,
    /// The code of nested documents.
    pub code: Option<Value>,
    /// The same document, nested.
    pub error: Option<NestedError>,
    /// What an `error` that is a word means.
    pub error_description: Option<String>,
}

/// What some documents have as `error`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum NestedError {
    /// Another document.
    Document(Box<ApiError>),
    /// A word, such as identity providers give.
    Word(String),
}

/// 64-bit numbers may be JSON numbers or texts.
fn number_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(match Option::<Value>::deserialize(deserializer)? {
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modified_rows_may_be_a_number_or_a_text() {
        let cases = [
            ("3", Some(3)),
            ("\"3\"", Some(3)),
            ("null", None),
            ("\"x\"", None),
        ];
        for (written, rows) in cases {
            let json = format!(r#"{{"state":"SUCCEEDED","num_modified_rows":{written}}}"#);
            let status: StatementStatus = serde_json::from_str(&json).unwrap();
            assert_eq!(status.num_modified_rows, rows, "{written}");
        }
    }
}
