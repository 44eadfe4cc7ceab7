//! Executing a statement: submit, poll, result; cancel and close in every phase.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

use super::control::{StatementControl, Stop, StopSignal, cancelled};
use super::open_session::{OpenSession, OpenStatement};
use super::results::ResultStream;
use super::transport::{Call, Repeat};
use super::wire::{
    Compression, Disposition, ExecuteStatementRequest, Format, StatementParameter,
    StatementResponse, StatementState, StatementStatus,
};
use super::{Error, ErrorCode, Result};

/// What is to be executed.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    /// The SQL text.
    pub sql: String,
    /// Values for its markers: all named or all by place.
    pub parameters: Vec<StatementParameter>,
    /// Most rows that are wanted.
    pub row_limit: Option<u64>,
    /// Most time that may be spent waiting for the service, results included.
    pub timeout: Option<Duration>,
}

/// A statement that succeeded, and its result.
pub struct ExecutedStatement {
    id: String,
    modified_rows: Option<i64>,
    stream: ResultStream,
}

impl ExecutedStatement {
    /// The statement's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How many rows DML changed, where the service says so beside the result.
    #[must_use]
    pub fn modified_rows(&self) -> Option<i64> {
        self.modified_rows
    }

    /// The result.
    #[must_use]
    pub fn into_stream(self) -> ResultStream {
        self.stream
    }

    /// The result, to be looked at.
    #[must_use]
    pub fn stream(&self) -> &ResultStream {
        &self.stream
    }
}

/// Runs a statement to its end. It must be polled to completion: its POST may not be dropped.
pub(crate) async fn run(
    session: Arc<OpenSession>,
    statement: Statement,
    control: StatementControl,
) -> Result<ExecutedStatement> {
    let started = Instant::now();
    let mut signal = control.signal();
    let response = match submit(&session, &statement, &signal).await {
        Err(error) if *signal.borrow() != Stop::No && !error.maybe_executed() => {
            return Err(cancelled());
        }
        other => other?,
    };
    let id = response.statement_id.clone();
    if !id.is_empty() {
        control.known_as(&id);
    }
    let mut open = OpenStatement::new(Arc::clone(&session), id.clone());
    let response = match poll(&session, response, &mut signal).await {
        Ok(response) => response,
        Err(error) if id.is_empty() => return Err(error),
        Err(error) => return Err(error.with_statement_id(id)),
    };
    if response.status.state == StatementState::Closed {
        open.forget();
    }
    let left = statement
        .timeout
        .map(|whole| (whole, whole.saturating_sub(started.elapsed())));
    let modified_rows = response.status.num_modified_rows;
    let stream = ResultStream::start(&session, response, open, left, signal)
        .await
        .map_err(|error| error.with_statement_id(id.clone()))?;
    Ok(ExecutedStatement {
        id,
        modified_rows,
        stream,
    })
}

async fn submit(
    session: &OpenSession,
    statement: &Statement,
    signal: &StopSignal,
) -> Result<StatementResponse> {
    let disposition = session.disposition();
    match post(session, statement, disposition, signal).await {
        Err(error) if refuses_hybrid(&error, disposition) => {
            session.remember_hybrid_refused();
            post(session, statement, Disposition::ExternalLinks, signal).await
        }
        other => other,
    }
}

fn refuses_hybrid(error: &Error, disposition: Disposition) -> bool {
    let message = error.message().to_ascii_lowercase();
    disposition == Disposition::InlineOrExternalLinks
        && error.http_status() == Some(400)
        && (message.contains("supported disposition")
            || message.contains("inline_or_external_links"))
}

/// How long the service may hold the answer. A statement can be cancelled only after that, so one with
/// little time is not held beyond it.
fn wait_timeout(timeout: Option<Duration>) -> &'static str {
    match timeout.map(|timeout| timeout.as_secs()) {
        Some(..5) => "0s",
        Some(5..10) => "5s",
        _ => "10s",
    }
}

async fn post(
    session: &OpenSession,
    statement: &Statement,
    disposition: Disposition,
    signal: &StopSignal,
) -> Result<StatementResponse> {
    let inline = disposition == Disposition::Inline;
    let request = ExecuteStatementRequest {
        warehouse_id: session.transport().endpoint().warehouse_id(),
        session_id: session.id(),
        session_version: session.version(),
        statement: &statement.sql,
        parameters: &statement.parameters,
        disposition,
        format: if inline {
            Format::JsonArray
        } else {
            Format::ArrowStream
        },
        result_compression: (!inline).then_some(Compression::Lz4Frame),
        wait_timeout: wait_timeout(statement.timeout),
        on_wait_timeout: "CONTINUE",
        row_limit: statement.row_limit,
    };
    let body = serde_json::to_vec(&request).map_err(|why| {
        Error::invalid_argument("the statement cannot be written as JSON").with_source(why)
    })?;
    let mut call = Call::new(Method::POST, &["api", "2.0", "sql", "statements"]);
    call.body = Some(body);
    call.repeat = Repeat::UnlessMaybeExecuted;
    call.stop = Some(signal.clone());
    let answer = session.transport().call::<StatementResponse>(call).await;
    let response = answer.map_err(session_lost)?;
    session.note_version(response.status.session_version);
    Ok(response)
}

/// Recognises that the service does not know the session any more.
fn session_lost(error: Error) -> Error {
    let names_session = error.message().to_ascii_lowercase().contains("session");
    if error.code() == ErrorCode::NotFound && names_session {
        return error
            .with_code(ErrorCode::SessionLost)
            .with_context("the session expired or was closed by the service; connect again");
    }
    error
}

/// Waits until the statement has ended well; everything else is an error.
async fn poll(
    session: &OpenSession,
    mut response: StatementResponse,
    signal: &mut StopSignal,
) -> Result<StatementResponse> {
    const FIRST_WAIT: Duration = Duration::from_millis(50);
    const LONGEST_WAIT: Duration = Duration::from_secs(1);
    let id = response.statement_id.clone();
    let mut wait = FIRST_WAIT;
    let mut heeded = Stop::No;
    loop {
        if let Some(outcome) = outcome(&mut response.status) {
            return outcome.map(|()| response);
        }
        if id.is_empty() {
            return Err(
                Error::data_loss("the service runs the statement but did not name it")
                    .with_maybe_executed(),
            );
        }
        let wish = *signal.borrow_and_update();
        if wish > heeded {
            heeded = wish;
            session.cancel_statement(&id).await;
            wait = FIRST_WAIT;
        }
        if heeded == Stop::Abandon {
            return Err(cancelled());
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            Ok(()) = signal.changed() => continue,
        }
        wait = (wait * 2).min(LONGEST_WAIT);
        let path = ["api", "2.0", "sql", "statements", &id];
        let answer = session.transport().call(Call::new(Method::GET, &path));
        tokio::select! {
            answer = answer => response = answer?,
            Ok(()) = signal.changed() => continue,
        }
        session.note_version(response.status.session_version);
    }
}

fn outcome(status: &mut StatementStatus) -> Option<Result<()>> {
    match status.state {
        StatementState::Pending | StatementState::Running => None,
        StatementState::Succeeded | StatementState::Closed => Some(Ok(())),
        StatementState::Failed => Some(Err(failed(status))),
        StatementState::Canceled => Some(Err(cancelled())),
        StatementState::Unknown => Some(Err(Error::new(
            ErrorCode::Unknown,
            "the statement is in a state that this driver does not know",
        ))),
    }
}

fn failed(status: &mut StatementStatus) -> Error {
    let document = status.error.take().unwrap_or_default();
    let message = document
        .message()
        .unwrap_or_else(|| "the statement failed, and the service gave no reason".to_owned());
    let sql_state = status.sql_state.take().or_else(|| document.sql_state());
    Error::new(ErrorCode::SqlError, message)
        .with_sql_state(sql_state)
        .with_vendor_code(document.code())
        .with_diagnostics(
            status.diagnostic_info.take(),
            status.display_message.take(),
            status.error_details_json.take(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_is_not_held_beyond_the_time_out() {
        let held = [None, Some(4), Some(5), Some(9), Some(10), Some(600)]
            .map(|seconds| wait_timeout(seconds.map(Duration::from_secs)));
        assert_eq!(held, ["10s", "0s", "5s", "5s", "10s", "10s"]);
    }
}
