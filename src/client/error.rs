//! The one error of the core. Each Python surface maps it to its own exceptions, once.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The result of everything in the core that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it was. The names are those that the official connector knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// An argument was refused, by us or by the service.
    InvalidArgument,
    /// There was no credential, or it was not accepted.
    Unauthenticated,
    /// The credential is known but may not do this.
    PermissionDenied,
    /// The service does not know the named thing.
    NotFound,
    /// A limit of the service was reached, for example its request rate.
    ResourceExhausted,
    /// The service cannot answer now.
    Unavailable,
    /// A deadline passed.
    Timeout,
    /// The statement was cancelled.
    Cancelled,
    /// An answer was damaged, incomplete or not understood.
    DataLoss,
    /// The session expired or was closed by the service.
    SessionLost,
    /// The service failed.
    Internal,
    /// The object was closed before.
    InvalidStatementHandle,
    /// No answer came: connection, TLS or name resolution failed.
    NetworkError,
    /// The SQL statement failed.
    SqlError,
    /// None of the others.
    Unknown,
}

impl ErrorCode {
    /// Every code, for tables and tests.
    pub const ALL: [Self; 15] = [
        Self::InvalidArgument,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::NotFound,
        Self::ResourceExhausted,
        Self::Unavailable,
        Self::Timeout,
        Self::Cancelled,
        Self::DataLoss,
        Self::SessionLost,
        Self::Internal,
        Self::InvalidStatementHandle,
        Self::NetworkError,
        Self::SqlError,
        Self::Unknown,
    ];

    /// The name under which users see the code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "InvalidArgument",
            Self::Unauthenticated => "Unauthenticated",
            Self::PermissionDenied => "PermissionDenied",
            Self::NotFound => "NotFound",
            Self::ResourceExhausted => "ResourceExhausted",
            Self::Unavailable => "Unavailable",
            Self::Timeout => "Timeout",
            Self::Cancelled => "Cancelled",
            Self::DataLoss => "DataLoss",
            Self::SessionLost => "SessionLost",
            Self::Internal => "Internal",
            Self::InvalidStatementHandle => "InvalidStatementHandle",
            Self::NetworkError => "NetworkError",
            Self::SqlError => "SqlError",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

type Source = Arc<dyn StdError + Send + Sync>;

/// A failure of the core: a code, a message and whatever the service said of it.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: ErrorCode,
    message: String,
    sql_state: Option<String>,
    error_class: Option<String>,
    vendor_code: Option<String>,
    http_status: Option<u16>,
    statement_id: Option<String>,
    diagnostic_info: Option<String>,
    display_message: Option<String>,
    details_json: Option<String>,
    retryable: bool,
    maybe_executed: bool,
    source: Option<Source>,
}

impl Error {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            sql_state: None,
            error_class: None,
            vendor_code: None,
            http_status: None,
            statement_id: None,
            diagnostic_info: None,
            display_message: None,
            details_json: None,
            retryable: false,
            maybe_executed: false,
            source: None,
        }))
    }

    pub(crate) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, message)
    }

    pub(crate) fn data_loss(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::DataLoss, message)
    }

    pub(crate) fn with_code(mut self, code: ErrorCode) -> Self {
        self.0.code = code;
        self
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Sets the SQLSTATE and the error class; what is not given is read from the server's message.
    pub(crate) fn with_sql_state(mut self, sql_state: Option<String>) -> Self {
        self.0.sql_state = sql_state.or_else(|| sql_state_in(&self.0.message));
        self.0.error_class = error_class_in(&self.0.message);
        self
    }

    pub(crate) fn with_vendor_code(mut self, vendor_code: Option<String>) -> Self {
        self.0.vendor_code = vendor_code;
        self
    }

    pub(crate) fn with_http_status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self
    }

    pub(crate) fn with_statement_id(mut self, id: impl Into<String>) -> Self {
        self.0.statement_id.get_or_insert(id.into());
        self
    }

    pub(crate) fn with_diagnostics(
        mut self,
        diagnostic_info: Option<String>,
        display_message: Option<String>,
        details_json: Option<String>,
    ) -> Self {
        self.0.diagnostic_info = diagnostic_info;
        self.0.display_message = display_message;
        self.0.details_json = details_json;
        self
    }

    pub(crate) fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    pub(crate) fn with_maybe_executed(mut self) -> Self {
        self.0.maybe_executed = true;
        self
    }

    pub(crate) fn with_context(mut self, context: &str) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// The message; the server's own text is in it whole.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The five characters of the SQLSTATE.
    #[must_use]
    pub fn sql_state(&self) -> Option<&str> {
        self.0.sql_state.as_deref()
    }

    /// The error class of the service, for example `TABLE_OR_VIEW_NOT_FOUND`.
    #[must_use]
    pub fn error_class(&self) -> Option<&str> {
        self.0.error_class.as_deref()
    }

    /// The service's `error_code`, as text.
    #[must_use]
    pub fn vendor_code(&self) -> Option<&str> {
        self.0.vendor_code.as_deref()
    }

    /// The HTTP status, where an HTTP answer was the failure.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The statement that failed, once its id is known.
    #[must_use]
    pub fn statement_id(&self) -> Option<&str> {
        self.0.statement_id.as_deref()
    }

    /// The service's stack trace or the like.
    #[must_use]
    pub fn diagnostic_info(&self) -> Option<&str> {
        self.0.diagnostic_info.as_deref()
    }

    /// The service's shorter message for end users.
    #[must_use]
    pub fn display_message(&self) -> Option<&str> {
        self.0.display_message.as_deref()
    }

    /// The service's machine-readable details.
    #[must_use]
    pub fn details_json(&self) -> Option<&str> {
        self.0.details_json.as_deref()
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Whether the statement may have run although its answer was lost.
    #[must_use]
    pub fn maybe_executed(&self) -> bool {
        self.0.maybe_executed
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The five alphanumerics after `SQLSTATE:`.
fn sql_state_in(message: &str) -> Option<String> {
    let (_, after) = message.rsplit_once("SQLSTATE:")?;
    let state: String = after
        .trim_start()
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    (state.len() == 5).then_some(state)
}

/// The first bracketed name of capitals, underscores and dots.
fn error_class_in(message: &str) -> Option<String> {
    message.split('[').skip(1).find_map(|rest| {
        let (name, _) = rest.split_once(']')?;
        let is_class = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || "_.".contains(c));
        is_class.then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_state_and_error_class_are_read_from_the_message() {
        let message =
            "\n[PARSE_SYNTAX_ERROR] Syntax error at or near 'X'. SQLSTATE: 42601 (line 1)";
        let error = Error::new(ErrorCode::SqlError, message).with_sql_state(None);
        assert_eq!(error.sql_state(), Some("42601"));
        assert_eq!(error.error_class(), Some("PARSE_SYNTAX_ERROR"));
        assert_eq!(error.message(), message);
    }

    #[test]
    fn a_given_sql_state_wins_over_the_message() {
        let error = Error::new(ErrorCode::SqlError, "[A_B.C_2] x SQLSTATE: 42601")
            .with_sql_state(Some("22012".into()));
        assert_eq!(error.sql_state(), Some("22012"));
        assert_eq!(error.error_class(), Some("A_B.C_2"));
    }

    #[test]
    fn messages_without_them_have_neither() {
        for message in ["", "[", "a[0] b", "SQLSTATE: 42", "[lower] [x"] {
            let error = Error::new(ErrorCode::SqlError, message).with_sql_state(None);
            assert_eq!(
                (error.sql_state(), error.error_class()),
                (None, None),
                "{message}"
            );
        }
    }
}
