//! What a failed attempt was, and what it says about another one.

use chrono::{DateTime, Utc};
use reqwest::Response;
use rustls::{CertificateError, Error as TlsError, OtherError};
use serde_json::Value;

use super::Repeat;
use super::retry::{Verdict, is_transient, retry_after};
use super::tls::RefusedCertificate;
use crate::client::wire::{ApiError, NestedError};
use crate::client::{Error, ErrorCode, OptionNames};

/// Longest error document that is read.
const LONGEST_ERROR: usize = 64 << 10;

/// An attempt that did not bring what was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) verdict: Verdict,
    connected: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            verdict: Verdict::Final,
            connected: true,
        }
    }
}

impl Failure {
    /// No answer came, or not the whole of it.
    pub(super) fn no_answer(
        why: reqwest::Error,
        host: &str,
        proxy: Option<&str>,
        repeat: Repeat,
        names: &OptionNames,
    ) -> Self {
        if let Some(own) = source::<Error>(&why) {
            // It is the body of ours that failed.
            return own.clone().into();
        }
        let why = why.without_url();
        let through = proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
        let message = format!(
            "{} {host}{through}: {}",
            what_failed(&why),
            gist(&why, names)
        );
        let certificate = source::<TlsError>(&why).is_some();
        let not_sent = why.is_connect();
        let verdict = match () {
            () if certificate => Verdict::Final,
            // A time-out has had its repetitions, by TCP.
            () if not_sent && why.is_timeout() => Verdict::Final,
            () if not_sent => Verdict::Briefly,
            () if repeat == Repeat::Always => Verdict::Again(None),
            () => Verdict::Final,
        };
        let error = Error::new(ErrorCode::NetworkError, message)
            .with_retryable(!certificate)
            .with_source(why);
        Self {
            error: lost(error, repeat, !not_sent),
            verdict,
            connected: !not_sent,
        }
    }

    /// Says that a certificate was asked for; who asks may insist on it.
    pub(super) fn without_certificate(mut self, names: &OptionNames) -> Self {
        let context = format!(
            "a client certificate was asked for, which {} takes",
            names.client_certificate
        );
        self.error = self.error.with_context(&context);
        self
    }

    /// Says `context` first where no connection was made.
    pub(crate) fn unless_connected(mut self, context: &str) -> Self {
        if !self.connected {
            self.error = self.error.with_context(context);
        }
        self
    }

    /// Storage began to give the body of a chunk and stopped.
    pub(super) fn broken_off(why: reqwest::Error, host: &str, names: &OptionNames) -> Self {
        if why.is_timeout() {
            return Self::no_answer(why, host, None, Repeat::Always, names);
        }
        let why = why.without_url();
        let message = format!("the body from {host} breaks off: {}", gist(&why, names));
        Self {
            error: Error::data_loss(message)
                .with_retryable(true)
                .with_source(why),
            verdict: Verdict::Again(None),
            connected: true,
        }
    }

    /// Storage neither takes what it is sent nor says anything.
    pub(super) fn silence(host: &str, names: &OptionNames) -> Self {
        let message = format!(
            "time-out waiting for {host}: {}",
            nothing_within(names.silence_timeout)
        );
        Self {
            error: Error::new(ErrorCode::NetworkError, message).with_retryable(true),
            verdict: Verdict::Again(None),
            connected: true,
        }
    }

    /// A successful answer that is not the document it should be.
    pub(super) fn not_understood(
        why: &serde_json::Error,
        status: u16,
        host: &str,
        repeat: Repeat,
    ) -> Self {
        // The text of a serde error can quote the document.
        let error = Error::data_loss(format!(
            "the answer of {host} is no document that this driver understands ({:?} error at line {} column {})",
            why.classify(),
            why.line(),
            why.column()
        ))
        .with_http_status(status);
        let verdict = match repeat {
            Repeat::Always => Verdict::Briefly,
            Repeat::UnlessMaybeExecuted => Verdict::Final,
        };
        Self {
            error: lost(error, repeat, true),
            verdict,
            connected: true,
        }
    }

    /// A successful answer that is longer than any document of the service.
    pub(super) fn too_long(most: usize, status: u16, host: &str, repeat: Repeat) -> Self {
        let message = format!("the answer of {host} is longer than {most} bytes");
        let error = Error::data_loss(message).with_http_status(status);
        Self {
            error: lost(error, repeat, true),
            verdict: Verdict::Final,
            connected: true,
        }
    }

    /// The workspace refused the request.
    pub(super) async fn refused(
        response: Response,
        host: &str,
        repeat: Repeat,
        now: DateTime<Utc>,
    ) -> Self {
        let status = response.status().as_u16();
        let wait = retry_after(response.headers(), now);
        let reason = response
            .headers()
            .get("x-databricks-reason-phrase")
            .cloned();
        let document = error_document(response).await;
        let message = document
            .message()
            .or_else(|| reason.and_then(|reason| reason.to_str().ok().map(str::to_owned)))
            .unwrap_or_else(|| format!("{host} gave no reason"));
        let error = status_error(status, &message)
            .with_vendor_code(document.code())
            .with_sql_state(document.sql_state());
        let may_repeat = match repeat {
            Repeat::Always => is_transient(status),
            Repeat::UnlessMaybeExecuted => status == 429,
        };
        let verdict = if may_repeat {
            Verdict::Again(wait)
        } else {
            Verdict::Final
        };
        Self {
            error: lost(error, repeat, leaves_open(status)),
            verdict,
            connected: true,
        }
    }

    /// Storage did not give the body of a chunk.
    pub(super) fn storage(response: &Response, host: &str, now: DateTime<Utc>) -> Self {
        let status = response.status().as_u16();
        let message = format!("storage at {host} did not give the data");
        let error = match status {
            // The data themselves are gone, or cut.
            404 | 410 | 416 => {
                Error::data_loss(format!("HTTP {status}: {message}")).with_http_status(status)
            }
            _ => status_error(status, &message),
        };
        let verdict = if is_transient(status) {
            Verdict::Again(retry_after(response.headers(), now))
        } else {
            Verdict::Final
        };
        Self {
            error,
            verdict,
            connected: true,
        }
    }

    /// Storage did not do what a statement about a file is for.
    pub(super) fn file(response: &Response, host: &str, now: DateTime<Utc>) -> Self {
        let status = response.status().as_u16();
        let what = match status {
            401 | 403 => {
                "refuses the transfer; its URL may have expired, so execute the statement again"
            }
            404 | 410 => "has no such file",
            413 => "takes no file of that size",
            416 => "has no more of the file than was read before",
            _ => "did not do the transfer",
        };
        let message = format!("storage at {host} {what}");
        let (code, retryable) = code_of(status);
        let message = format!("Staging operation over HTTP was unsuccessful: {status}: {message}");
        let verdict = match status {
            416 => Verdict::Briefly,
            _ if is_transient(status) => Verdict::Again(retry_after(response.headers(), now)),
            _ => Verdict::Final,
        };
        Self {
            error: Error::new(code, message)
                .with_http_status(status)
                .with_retryable(retryable),
            verdict,
            connected: true,
        }
    }
}

/// Whether a status comes from someone who may have passed the request on: 499 is a gateway's that did not wait.
fn leaves_open(status: u16) -> bool {
    matches!(status, 408 | 499 | 500..)
}

/// Marks the loss of an answer to a statement that may have run.
fn lost(error: Error, repeat: Repeat, maybe_executed: bool) -> Error {
    if maybe_executed && repeat == Repeat::UnlessMaybeExecuted {
        error
            .with_retryable(false)
            .with_context(
                "the answer was lost and the statement may have run; look before it is sent again",
            )
            .with_maybe_executed()
    } else {
        error
    }
}

/// The error of an HTTP status.
fn status_error(status: u16, message: &str) -> Error {
    let (code, retryable) = code_of(status);
    Error::new(code, format!("HTTP {status}: {message}"))
        .with_http_status(status)
        .with_retryable(retryable)
}

/// The code of an HTTP status, and whether what it says may pass.
fn code_of(status: u16) -> (ErrorCode, bool) {
    match status {
        401 => (ErrorCode::Unauthenticated, false),
        403 => (ErrorCode::PermissionDenied, false),
        404 => (ErrorCode::NotFound, false),
        429 => (ErrorCode::ResourceExhausted, true),
        400..=499 => (ErrorCode::InvalidArgument, false),
        503 => (ErrorCode::Unavailable, true),
        504 => (ErrorCode::Timeout, true),
        _ => (ErrorCode::Internal, false),
    }
}

async fn error_document(mut response: Response) -> ApiError {
    let mut body = Vec::new();
    while let Ok(Some(part)) = response.chunk().await {
        body.extend_from_slice(&part);
        if body.len() > LONGEST_ERROR {
            return ApiError::default();
        }
    }
    serde_json::from_slice(&body).unwrap_or_default()
}

impl ApiError {
    /// The message, nested or not.
    pub(crate) fn message(&self) -> Option<String> {
        let own = self.message.clone().filter(|message| !message.is_empty());
        own.or_else(|| match (self.error.as_ref()?, &self.error_description) {
            (NestedError::Document(document), _) => document.message(),
            (NestedError::Word(word), Some(meaning)) => Some(format!("{word}: {meaning}")),
            (NestedError::Word(word), None) => Some(word.clone()),
        })
    }

    /// The code as text, nested or not.
    pub(crate) fn code(&self) -> Option<String> {
        match self.error_code.as_ref().or(self.code.as_ref()) {
            Some(Value::String(code)) => Some(code.clone()),
            Some(Value::Number(code)) => Some(code.to_string()),
            _ => self.nested()?.code(),
        }
    }

    /// The SQLSTATE, nested or not.
    pub(crate) fn sql_state(&self) -> Option<String> {
        self.sql_state
            .clone()
            .or_else(|| self.nested()?.sql_state())
    }

    fn nested(&self) -> Option<&Self> {
        match self.error.as_ref()? {
            NestedError::Document(document) => Some(document),
            NestedError::Word(_) => None,
        }
    }
}

fn what_failed(why: &reqwest::Error) -> &'static str {
    if why.is_connect() {
        "no connection to"
    } else if why.is_timeout() {
        "time-out waiting for"
    } else {
        "connection lost to"
    }
}

fn nothing_within(option: &str) -> String {
    format!("nothing came from it within {option}")
}

/// The innermost cause, which names the failure best.
fn gist(why: &reqwest::Error, names: &OptionNames) -> String {
    if why.is_timeout() {
        let option = if why.is_connect() {
            names.connect_timeout
        } else {
            names.silence_timeout
        };
        return nothing_within(option);
    }
    let mut innermost: &dyn std::error::Error = why;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let mut text = innermost.to_string();
    if let Some(TlsError::InvalidCertificate(CertificateError::Other(OtherError(refused)))) =
        source::<TlsError>(why)
        && let Some(refused) = refused.downcast_ref::<RefusedCertificate>()
    {
        text = refused.told(names);
    }
    if text.contains("close_notify") {
        "it closed the connection".clone_into(&mut text);
    }
    if text.contains("proxy authorization required") {
        text.push_str(
            "; the proxy's URL takes user and password, 'http://user:password@host:port'",
        );
    }
    text
}

fn source<T: std::error::Error + 'static>(why: &reqwest::Error) -> Option<&T> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(why);
    while let Some(error) = next {
        if let Some(found) = unwrapped(error).downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What is in the io errors of streams, which name the source of it and not itself as their own.
fn unwrapped<'a>(
    mut error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    while let Some(inner) = error
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref)
    {
        error = inner;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(json: &str) -> ApiError {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn codes_may_be_texts_or_numbers_and_documents_nested() {
        let cases = [
            (
                r#"{"error_code":"NOT_FOUND","message":"m"}"#,
                Some("NOT_FOUND"),
                Some("m"),
            ),
            (
                r#"{"error_code":403,"message":"m"}"#,
                Some("403"),
                Some("m"),
            ),
            (
                r#"{"error":{"error_code":"X","message":"m"}}"#,
                Some("X"),
                Some("m"),
            ),
            (
                r#"{"error":{"code":"X","message":"m"}}"#,
                Some("X"),
                Some("m"),
            ),
            (
                r#"{"error_code":"Y","code":7,"error":"w","message":"m"}"#,
                Some("Y"),
                Some("m"),
            ),
            (
                r#"{"error":"w","error_description":"d"}"#,
                None,
                Some("w: d"),
            ),
            (r#"{"error":"w"}"#, None, Some("w")),
            (r#"{"error":null}"#, None, None),
            (r#"{"message":""}"#, None, None),
            ("{}", None, None),
        ];
        for (json, code, message) in cases {
            let document = document(json);
            assert_eq!(document.code().as_deref(), code, "{json}");
            assert_eq!(document.message().as_deref(), message, "{json}");
        }
    }

    #[test]
    fn statuses_have_their_codes() {
        let cases = [
            (400, ErrorCode::InvalidArgument, false),
            (401, ErrorCode::Unauthenticated, false),
            (403, ErrorCode::PermissionDenied, false),
            (404, ErrorCode::NotFound, false),
            (410, ErrorCode::InvalidArgument, false),
            (429, ErrorCode::ResourceExhausted, true),
            (302, ErrorCode::Internal, false),
            (500, ErrorCode::Internal, false),
            (503, ErrorCode::Unavailable, true),
            (504, ErrorCode::Timeout, true),
        ];
        for (status, code, retryable) in cases {
            let error = status_error(status, "m");
            assert_eq!(
                (error.code(), error.is_retryable()),
                (code, retryable),
                "{status}"
            );
        }
    }
}
