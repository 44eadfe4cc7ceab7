//! Executing a statement: submit, poll, result; cancel and close in every phase.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use tokio::time::Instant;

use super::control::{Phase, StatementControl, Stop, StopSignal, cancelled};
use super::counts::are_counts;
use super::open_session::{OpenSession, OpenStatement};
use super::results::ResultStream;
use super::sql::{alters_session, ends_transaction, only_looks, only_queries, only_reads};
use super::transport::{Call, Repeat};
use super::wire::{
    Compression, Disposition, ExecuteStatementRequest, Format, QueryTag, StatementParameter,
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
    /// How much of that time statements before it have taken, of the same call.
    pub spent: Duration,
    /// What it is marked with in the query history.
    pub query_tags: Vec<QueryTag>,
    /// The metadata operation that it stands for; such a statement changes nothing, and is repeated.
    pub operation: Option<&'static str>,
    /// How its result comes, where that is not the session's way.
    pub delivery: Delivery,
    /// Whether its thread waits for another one meanwhile; the session notes it.
    pub is_nested: bool,
}

impl Statement {
    /// Its time-out, and what is left of it before it is sent.
    pub(crate) fn time_left(&self) -> Option<(Duration, Duration)> {
        let whole = self.timeout?;
        Some((whole, whole.saturating_sub(self.spent)))
    }
}

/// What one statement wants otherwise of its result's way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// As inline JSON.
    pub inline: bool,
    /// Without compression.
    pub uncompressed: bool,
}

/// A statement that succeeded, and its result.
pub struct ExecutedStatement {
    id: String,
    modified_rows: Option<i64>,
    announced: Announced,
    /// Whether the statement may have done more than read.
    changes: bool,
    stream: ResultStream,
}

/// What the service says of a result beside its rows.
struct Announced {
    native_metadata: bool,
    volume_operation: bool,
    compressed: bool,
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

    /// Whether the result is the row of counts that tells what DML changed.
    #[must_use]
    pub fn is_count_row(&self) -> bool {
        self.changes && are_counts(self.stream.columns())
    }

    /// Whether a metadata statement was answered in the columns of JDBC.
    pub(crate) fn is_native_metadata(&self) -> bool {
        self.announced.native_metadata
    }

    /// Whether the result says what is to be done with a file of a volume.
    #[must_use]
    pub fn is_volume_operation(&self) -> bool {
        self.announced.volume_operation
    }

    /// Whether the service compressed the result.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.announced.compressed
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
    if ends_transaction(&statement.sql) {
        // What was cancelled in it may still be on its way, and would get into the next.
        session.settled(&signal).await?;
    }
    let host = session.transport().endpoint().authority();
    let (response, open) = loop {
        let turn = session
            .turns()
            .take(&host, &signal, statement.is_nested)
            .await?;
        match ended(&session, &statement, &control, &mut signal).await {
            // It did not run; its next turn is its own.
            Err(error) if turn.had_too_much_company(&host, &statement.sql, &error) => {
                control.unknown();
            }
            other => break other?,
        }
    };
    if response.status.state == StatementState::Closed {
        open.forget();
    }
    let left = statement
        .time_left()
        .map(|(whole, left)| (whole, left.saturating_sub(started.elapsed())));
    let changes = changes(&statement.sql);
    result_of(&session, response, open, (left, changes), signal).await
}

/// Sends a statement and waits until it has ended well.
async fn ended(
    session: &Arc<OpenSession>,
    statement: &Statement,
    control: &StatementControl,
    signal: &mut StopSignal,
) -> Result<(StatementResponse, OpenStatement)> {
    let silence = session.transport().config().silence_timeout;
    // An answer that is held tells nothing of how far the statement is.
    let hold = if control.is_observed() {
        "0s"
    } else {
        hold(statement.time_left().map(|(_, left)| left), silence)
    };
    let response = submit(session, statement, hold, signal).await?;
    let id = response.statement_id.clone();
    if !id.is_empty() {
        control.known_as(&id);
    }
    let open = OpenStatement::new(Arc::clone(session), id.clone());
    let changes = changes(&statement.sql);
    match poll(session, response, (control, signal), changes).await {
        Ok(response) => Ok((response, open)),
        Err(error) if id.is_empty() => Err(error),
        Err(error) => Err(in_doubt(error.with_statement_id(id), changes)),
    }
}

/// The result of a statement that has ended well.
pub(crate) async fn result_of(
    session: &OpenSession,
    response: StatementResponse,
    open: OpenStatement,
    (timeout, changes): (Option<(Duration, Duration)>, bool),
    signal: StopSignal,
) -> Result<ExecutedStatement> {
    let id = response.statement_id.clone();
    let modified_rows = response.status.num_modified_rows;
    let manifest = response.manifest.as_ref();
    let announced = Announced {
        native_metadata: manifest.is_some_and(|manifest| manifest.is_native_metadata_result),
        volume_operation: manifest.is_some_and(|manifest| manifest.is_volume_operation),
        compressed: manifest.and_then(|manifest| manifest.result_compression)
            == Some(Compression::Lz4Frame),
    };
    let stream = ResultStream::start(session, response, open, timeout, signal)
        .await
        .map_err(|error| in_doubt(error.with_statement_id(id.clone()), changes))?
        .of_a_change(changes);
    Ok(ExecutedStatement {
        id,
        modified_rows,
        announced,
        changes,
        stream,
    })
}

/// Sends a statement; the service holds its answer for `hold` at most.
pub(crate) async fn submit(
    session: &OpenSession,
    statement: &Statement,
    hold: &'static str,
    signal: &StopSignal,
) -> Result<StatementResponse> {
    let disposition = if statement.delivery.inline {
        Disposition::Inline
    } else {
        session.disposition()
    };
    let answer = match post_again(session, statement, disposition, hold, signal).await {
        Err(error) if refuses_hybrid(&error, disposition) => {
            session.remember_hybrid_refused();
            post_again(session, statement, Disposition::ExternalLinks, hold, signal).await
        }
        other => other,
    };
    match answer {
        Err(error) if *signal.borrow() != Stop::No && !error.maybe_executed() => Err(cancelled()),
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
/// little time is not held beyond it; nor does a service that holds an answer seem silent.
fn hold(timeout: Option<Duration>, silence: Duration) -> &'static str {
    let silence = silence.saturating_sub(Duration::from_secs(1));
    match timeout
        .map_or(silence, |timeout| timeout.min(silence))
        .as_secs()
    {
        ..5 => "0s",
        5..10 => "5s",
        _ => "10s",
    }
}

/// Sends a statement, in a new session where the old one is lost and nothing with it: it did not run then.
async fn post_again(
    session: &OpenSession,
    statement: &Statement,
    disposition: Disposition,
    hold: &'static str,
    signal: &StopSignal,
) -> Result<StatementResponse> {
    let altered = if statement.operation.is_none() && alters_session(&statement.sql) {
        session.alter()
    } else {
        session.is_altered()
    };
    let id = session.id();
    let answer = post(session, &id, (statement, disposition), hold, signal).await;
    let lost = match answer {
        Err(error) if error.code() == ErrorCode::SessionLost => error,
        other => return other,
    };
    if altered {
        return Err(lost.with_context(
            "what was changed in the session (USE, SET, temporary objects, a transaction) is lost",
        ));
    }
    if !session.reopen(&id, signal.clone()).await? {
        return Err(lost);
    }
    tracing::info!("session {id} was lost; {} takes its place", session.id());
    post(
        session,
        &session.id(),
        (statement, disposition),
        hold,
        signal,
    )
    .await
}

async fn post(
    session: &OpenSession,
    session_id: &str,
    (statement, disposition): (&Statement, Disposition),
    hold: &'static str,
    signal: &StopSignal,
) -> Result<StatementResponse> {
    let inline = disposition == Disposition::Inline;
    let request = ExecuteStatementRequest {
        warehouse_id: session.transport().endpoint().warehouse_id(),
        session_id,
        session_version: session.version(),
        statement: &statement.sql,
        parameters: &statement.parameters,
        disposition,
        format: if inline {
            Format::JsonArray
        } else {
            Format::ArrowStream
        },
        result_compression: (!inline && !statement.delivery.uncompressed)
            .then_some(Compression::Lz4Frame),
        wait_timeout: hold,
        on_wait_timeout: "CONTINUE",
        row_limit: statement.row_limit,
        query_tags: &statement.query_tags,
    };
    let body = serde_json::to_vec(&request).map_err(|why| {
        Error::invalid_argument("the statement cannot be written as JSON").with_source(why)
    })?;
    let mut call = Call::new(Method::POST, &["api", "2.0", "sql", "statements"]);
    call.body = Some(body);
    let operation = statement.operation.map(metadata_headers);
    if let Some(headers) = &operation {
        call.headers = headers;
    } else if !(only_looks(&statement.sql)
        || session.config().retry_reads && only_queries(&statement.sql))
    {
        call.repeat = Repeat::UnlessMaybeExecuted;
    }
    call.stop = Some(signal.clone());
    let answer = session.transport().call::<StatementResponse>(call).await;
    let response = answer.map_err(session_lost)?;
    let (id, state) = (&response.statement_id, response.status.state);
    tracing::debug!(
        "sent statement {id} of {} bytes: {state:?}",
        statement.sql.len()
    );
    session.note_version(response.status.session_version);
    Ok(response)
}

/// What marks a metadata statement, and asks for its answer in the columns of JDBC.
fn metadata_headers(operation: &'static str) -> [(&'static str, &'static str); 3] {
    [
        ("x-databricks-sea-can-run-fully-sync", "true"),
        ("x-databricks-metadata-operation-type", operation),
        ("x-databricks-require-thrift-native-metadata", "true"),
    ]
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
pub(crate) async fn poll(
    session: &Arc<OpenSession>,
    mut response: StatementResponse,
    (control, signal): (&StatementControl, &mut StopSignal),
    changes: bool,
) -> Result<StatementResponse> {
    const FIRST_WAIT: Duration = Duration::from_millis(50);
    const LONGEST_WAIT: Duration = Duration::from_secs(1);
    /// How long a cancelled statement may take to end; whoever cancelled it has something else to do.
    const LONGEST_END: Duration = Duration::from_secs(10);
    let id = response.statement_id.clone();
    let mut wait = FIRST_WAIT;
    let mut heeded = Stop::No;
    let mut warehouse = WarehouseWatch::new();
    let mut end = None;
    loop {
        match response.status.state {
            StatementState::Running => control.is_in(Phase::Running),
            StatementState::Pending => warehouse.look(session, control),
            _ => {}
        }
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
            end = Some(tokio::time::Instant::now() + LONGEST_END);
            drop(session.cancel_statement(&id).await);
            wait = FIRST_WAIT;
        }
        if heeded == Stop::Abandon {
            return Err(cancelled_unseen(changes));
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = reached(end) => return Err(cancelled_unseen(changes)),
            Ok(()) = signal.changed() => continue,
        }
        wait = (wait * 2).min(LONGEST_WAIT);
        tokio::select! {
            answer = look(session, &id) => response = answer?,
            () = reached(end) => return Err(cancelled_unseen(changes)),
            Ok(()) = signal.changed() => {}
        }
    }
}

/// Looks now and then whether it is the warehouse that a statement waits for.
struct WarehouseWatch {
    next: Instant,
}

impl WarehouseWatch {
    /// Statements that hardly wait are not worth a request.
    const FIRST: Duration = Duration::from_millis(500);
    const PAUSE: Duration = Duration::from_secs(2);

    fn new() -> Self {
        Self {
            next: Instant::now() + Self::FIRST,
        }
    }

    fn look(&mut self, session: &Arc<OpenSession>, control: &StatementControl) {
        if !control.is_observed() || Instant::now() < self.next {
            return;
        }
        self.next = Instant::now() + Self::PAUSE;
        let (session, control) = (Arc::clone(session), control.clone());
        tokio::spawn(async move {
            // Who may not look at warehouses waits in a queue, as far as is known.
            let phase = match session.warehouse_is_starting().await {
                Ok(true) => Phase::StartingWarehouse,
                _ => Phase::Queued,
            };
            if control.phase() != Phase::Running {
                control.is_in(phase);
            }
        });
    }
}

/// The error of a statement that was cancelled, and whose end nobody has seen.
pub(crate) fn cancelled_unseen(changes: bool) -> Error {
    if changes {
        cancelled().with_maybe_executed()
    } else {
        cancelled()
    }
}

/// Whether a statement may do more than read.
pub(crate) fn changes(sql: &str) -> bool {
    !only_reads(sql)
}

/// Marks that nothing was heard of the end of a statement that the service has taken, unless it changes nothing.
pub(crate) fn in_doubt(error: Error, changes: bool) -> Error {
    let is_its_end = matches!(error.code(), ErrorCode::SqlError | ErrorCode::Cancelled);
    if changes && !is_its_end {
        error.with_retryable(false).with_maybe_executed()
    } else {
        error
    }
}

/// Waits for a moment, or for ever where there is none.
async fn reached(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Asks how far a statement is.
pub(crate) async fn look(session: &OpenSession, id: &str) -> Result<StatementResponse> {
    let path = ["api", "2.0", "sql", "statements", id];
    let call = Call::new(Method::GET, &path);
    let mut response: StatementResponse = session.transport().call(call).await?;
    if response.statement_id.is_empty() {
        id.clone_into(&mut response.statement_id);
    }
    if response.statement_id != id {
        let message = format!("the service was asked for statement {id} and answered for another");
        return Err(Error::data_loss(message));
    }
    session.note_version(response.status.session_version);
    tracing::debug!("statement {id} is {:?}", response.status.state);
    Ok(response)
}

/// What has become of a statement, once it has ended.
pub(crate) fn outcome(status: &mut StatementStatus) -> Option<Result<()>> {
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
        let silence = Duration::from_secs(60);
        let held = [None, Some(4), Some(5), Some(9), Some(10), Some(600)]
            .map(|seconds| hold(seconds.map(Duration::from_secs), silence));
        assert_eq!(held, ["10s", "0s", "5s", "5s", "10s", "10s"]);
    }

    #[test]
    fn a_service_that_holds_the_answer_does_not_seem_silent() {
        let held = [2, 6, 10, 11].map(|seconds| hold(None, Duration::from_secs(seconds)));
        assert_eq!(held, ["0s", "5s", "5s", "10s"]);
    }
}
