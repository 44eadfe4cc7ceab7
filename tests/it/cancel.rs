//! Cancelling in every phase, and deadlines, which cancel too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use databricks_sql_kernel::client::auth::{Token, TokenFuture, TokenSource};
use databricks_sql_kernel::client::{ErrorCode, Session, Statement, StatementControl};
use serde_json::json;

use crate::clock::{Clock, settle};
use crate::documents::{
    BODY, CANCEL, STATEMENT, STATEMENT_ID, STATEMENTS, Table, in_state, succeeded, with_attachment,
};
use crate::exchange::Reply;
use crate::warehouse::{Warehouse, fetch, numbers, query};

/// A running execution and what cancels it.
fn start(
    session: &Session,
    statement: Statement,
) -> (
    StatementControl,
    tokio::task::JoinHandle<Result<(), databricks_sql_kernel::client::Error>>,
) {
    let control = StatementControl::default();
    let running = tokio::spawn({
        let (session, control) = (session.clone(), control.clone());
        async move { session.execute(statement, &control).await.map(drop) }
    });
    (control, running)
}

fn within(seconds: u64) -> Statement {
    Statement {
        timeout: Some(Duration::from_secs(seconds)),
        ..query()
    }
}

/// After a cancel the service says so at the next look.
fn cancels(warehouse: &Warehouse) {
    warehouse
        .workspace
        .always("GET", STATEMENT, |_| Reply::json(&in_state("CANCELED")));
}

#[tokio::test]
async fn before_the_sending_nothing_is_sent() {
    let warehouse = Warehouse::start().await;
    let session = warehouse.open().await;
    let control = StatementControl::default();
    control.cancel();
    let error = session.execute(query(), &control).await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert_eq!(warehouse.posts(), 0);
}

#[tokio::test]
async fn while_a_token_is_waited_for_nothing_is_sent() {
    /// Has a token until it is told to have none.
    #[derive(Debug)]
    struct Stalling(Arc<AtomicBool>);

    impl TokenSource for Stalling {
        fn token<'a>(&'a self, _: Option<&'a Token>) -> TokenFuture<'a> {
            if self.0.load(Ordering::Relaxed) {
                return Box::pin(std::future::pending());
            }
            Box::pin(std::future::ready(Token::try_new("t".into())))
        }
    }

    for submits in [false, true] {
        let warehouse = Warehouse::start().await;
        let stalls = Arc::new(AtomicBool::default());
        let session = warehouse.open_as(Stalling(Arc::clone(&stalls))).await;
        let session = session.unwrap();
        stalls.store(true, Ordering::Relaxed);
        let control = StatementControl::default();
        let running = tokio::spawn({
            let control = control.clone();
            async move {
                if submits {
                    session.submit(query(), &control).await.err()
                } else {
                    session.execute(query(), &control).await.err()
                }
            }
        });
        settle().await;
        assert!(!running.is_finished());
        control.cancel();
        let error = running.await.unwrap().unwrap();
        assert_eq!(error.code(), ErrorCode::Cancelled);
        assert!(!error.maybe_executed());
        assert_eq!(warehouse.posts(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn during_the_sending_it_is_remembered_until_the_id_is_known() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    cancels(&warehouse);
    let (reply, release) = Reply::json(&in_state("PENDING")).held();
    warehouse.workspace.on("POST", STATEMENTS, [reply]);
    let session = warehouse.open().await;
    let (control, running) = start(&session, query());
    warehouse.workspace.arrival("POST", STATEMENTS, 1).await;
    control.cancel();
    settle().await;
    assert_eq!(control.statement_id(), None);
    assert_eq!(warehouse.workspace.count("POST", CANCEL), 0);
    release.go();
    control.named().await;
    let (ended, _) = clock.run(Duration::from_millis(10), running).await;
    let error = ended.unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert_eq!(error.sql_state(), Some("HY008"));
    assert_eq!(error.statement_id(), Some(STATEMENT_ID));
    assert!(!error.maybe_executed());
    warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
    session.close().await;
    let log = warehouse.workspace.log();
    let calls: Vec<_> = log
        .iter()
        .skip(2)
        .map(|request| (request.method.as_str(), request.path.as_str()))
        .collect();
    let statement = format!("{STATEMENTS}/{STATEMENT_ID}");
    assert_eq!(
        calls,
        [
            ("POST", format!("{statement}/cancel").as_str()),
            ("GET", &statement),
            ("DELETE", &statement),
            ("DELETE", "/api/2.0/sql/sessions/session-1"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_let_go_while_the_answer_is_held() {
    let clock = Clock::hold();
    for submits in [false, true] {
        let warehouse = Warehouse::start().await;
        let (reply, release) = Reply::json(&in_state("RUNNING")).held();
        warehouse.workspace.on("POST", STATEMENTS, [reply]);
        let session = warehouse.open().await;
        let control = StatementControl::default();
        let running = tokio::spawn({
            let (session, control) = (session.clone(), control.clone());
            async move {
                if submits {
                    session.submit(query(), &control).await.err()
                } else {
                    session.execute(query(), &control).await.err()
                }
            }
        });
        warehouse.workspace.arrival("POST", STATEMENTS, 1).await;
        control.cancel();
        let (ended, took) = clock.run(Duration::from_millis(10), running).await;
        assert!(took <= Duration::from_millis(500), "{took:?}");
        let error = ended.unwrap().unwrap();
        assert_eq!(error.code(), ErrorCode::Cancelled);
        assert_eq!(error.sql_state(), Some("HY008"));
        assert_eq!(error.statement_id(), None);
        assert!(error.maybe_executed() && !error.is_retryable());
        assert_eq!(warehouse.workspace.count("POST", CANCEL), 0);
        release.go();
        warehouse.workspace.arrival("POST", CANCEL, 1).await;
        warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
        assert_eq!(warehouse.workspace.count("GET", STATEMENT), 0);
        assert_eq!(warehouse.workspace.count("POST", CANCEL), 1);
        assert_eq!(warehouse.posts(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_let_go_and_had_ended_is_closed() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    let (reply, release) = Reply::json(&with_attachment("SUCCEEDED", 1)).held();
    warehouse.workspace.on("POST", STATEMENTS, [reply]);
    let session = warehouse.open().await;
    let (control, running) = start(&session, query());
    warehouse.workspace.arrival("POST", STATEMENTS, 1).await;
    control.cancel();
    let (ended, _) = clock.run(Duration::from_millis(10), running).await;
    assert!(ended.unwrap().unwrap_err().maybe_executed());
    release.go();
    warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
    assert_eq!(warehouse.workspace.count("POST", CANCEL), 0);
    assert_eq!(warehouse.posts(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_let_go_is_neither_sent_again_nor_waited_for() {
    let clock = Clock::hold();
    for status in [429, 401, 400, 503, 0] {
        let warehouse = Warehouse::start().await;
        let refused = json!({"message": "not a supported disposition"});
        let reply = Reply::status(status).document(&refused);
        let (reply, release) = reply.header("retry-after", "0").held();
        warehouse.workspace.on("POST", STATEMENTS, [reply]);
        let session = warehouse.open().await;
        let (control, running) = start(&session, query());
        warehouse.workspace.arrival("POST", STATEMENTS, 1).await;
        control.cancel();
        let (ended, _) = clock.run(Duration::from_millis(10), running).await;
        assert!(ended.unwrap().unwrap_err().maybe_executed());
        if status == 0 {
            release.drop_connection();
        } else {
            release.go();
        }
        clock.advance(Duration::from_secs(60)).await;
        assert_eq!(warehouse.posts(), 1, "{status}");
        warehouse.answer(with_attachment("SUCCEEDED", 1));
        assert_eq!(fetch(&session).await.unwrap(), [0], "{status}");
    }
}

fn named(sql: &str) -> Statement {
    Statement {
        sql: sql.to_owned(),
        ..Statement::default()
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_transaction_waits_until_what_was_let_go_is_cancelled() {
    let clock = Clock::hold();
    for (end, drops) in [
        ("COMMIT", false),
        ("ROLLBACK", true),
        ("SET AUTOCOMMIT = TRUE", true),
    ] {
        let warehouse = Warehouse::start().await;
        let (reply, release) = Reply::json(&in_state("RUNNING")).held();
        warehouse.workspace.on("POST", STATEMENTS, [reply]);
        let session = warehouse.open().await;
        let (control, running) = start(&session, named("INSERT INTO t VALUES (1)"));
        warehouse.workspace.arrival("POST", STATEMENTS, 1).await;
        if drops {
            running.abort();
            assert!(running.await.is_err());
        } else {
            control.cancel();
            let (ended, _) = clock.run(Duration::from_millis(10), running).await;
            assert!(ended.unwrap().is_err());
        }
        warehouse.answer(with_attachment("SUCCEEDED", 1));
        // Another end that is cancelled meanwhile was not sent.
        let (impatient, waiting) = start(&session, named(end));
        settle().await;
        impatient.cancel();
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Cancelled);
        assert!(!error.maybe_executed());
        let (_, ending) = start(&session, named(end));
        assert_eq!(fetch(&session).await.unwrap(), [0]);
        assert_eq!(warehouse.posts(), 2);
        release.go();
        ending.await.unwrap().unwrap();
        let log = warehouse.workspace.log();
        let cancelled = log
            .iter()
            .position(|request| request.path.ends_with("/cancel"));
        let ended = log
            .iter()
            .position(|request| request.body["statement"] == end);
        assert!(cancelled.unwrap() < ended.unwrap(), "{end}");
        assert_eq!(warehouse.posts(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_what_was_let_go() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    warehouse.workspace.on("POST", STATEMENTS, [Reply::never()]);
    let session = warehouse.open().await;
    let (control, running) = start(&session, query());
    warehouse.workspace.arrival("POST", STATEMENTS, 1).await;
    control.cancel();
    let (ended, _) = clock.run(Duration::from_millis(10), running).await;
    assert_eq!(ended.unwrap().unwrap_err().code(), ErrorCode::Cancelled);
    let closing = async { session.close().await };
    let ((), took) = clock.run(Duration::from_millis(10), closing).await;
    assert!(took <= Duration::from_secs(2), "{took:?}");
    // The service ends what runs in a session with it.
    let log = warehouse.workspace.log();
    let last = log.last().unwrap();
    assert_eq!(
        (last.method.as_str(), last.path.as_str()),
        ("DELETE", "/api/2.0/sql/sessions/session-1")
    );
}

#[tokio::test(start_paused = true)]
async fn between_two_polls_it_is_sent_at_once() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("PENDING"));
    cancels(&warehouse);
    let session = warehouse.open().await;
    let (control, running) = start(&session, query());
    settle().await;
    assert_eq!(control.statement_id().as_deref(), Some(STATEMENT_ID));
    control.cancel();
    control.cancel();
    settle().await;
    assert_eq!(warehouse.workspace.count("POST", CANCEL), 1);
    let (ended, took) = clock.run(Duration::from_millis(10), running).await;
    assert_eq!(ended.unwrap().unwrap_err().code(), ErrorCode::Cancelled);
    assert!(took <= Duration::from_millis(100), "{took:?}");
    assert_eq!(warehouse.workspace.count("POST", CANCEL), 1);
}

#[tokio::test(start_paused = true)]
async fn it_does_not_wait_for_a_poll_on_its_way() {
    let fails = || Reply::status(503).header("retry-after", "30");
    for poll in [Reply::never(), fails()] {
        let clock = Clock::hold();
        let warehouse = Warehouse::start().await;
        warehouse.answer(in_state("RUNNING"));
        cancels(&warehouse);
        warehouse.workspace.on("GET", STATEMENT, [poll]);
        let session = warehouse.open().await;
        let (control, running) = start(&session, query());
        settle().await;
        clock.advance(Duration::from_millis(50)).await;
        assert_eq!(warehouse.workspace.count("GET", STATEMENT), 1);
        control.cancel();
        settle().await;
        assert_eq!(warehouse.workspace.count("POST", CANCEL), 1);
        let (ended, took) = clock.run(Duration::from_millis(10), running).await;
        assert_eq!(ended.unwrap().unwrap_err().code(), ErrorCode::Cancelled);
        assert!(took <= Duration::from_millis(100), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_service_is_busy_it_ends_the_sending() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    warehouse.workspace.always("POST", STATEMENTS, |_| {
        Reply::status(429).header("retry-after", "20")
    });
    let session = warehouse.open().await;
    let (control, running) = start(&session, query());
    settle().await;
    assert_eq!(warehouse.posts(), 1);
    control.cancel();
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert!(!error.maybe_executed());
    clock.advance(Duration::from_secs(100)).await;
    assert_eq!(warehouse.posts(), 1);
}

#[tokio::test]
async fn a_sending_whose_answer_is_lost_stays_in_doubt() {
    let warehouse = Warehouse::start().await;
    let (reply, release) = Reply::status(502).held();
    warehouse.workspace.on("POST", STATEMENTS, [reply]);
    let session = warehouse.open().await;
    let (control, running) = start(&session, query());
    warehouse.workspace.arrival("POST", STATEMENTS, 1).await;
    control.cancel();
    release.go();
    assert!(running.await.unwrap().unwrap_err().maybe_executed());
    assert_eq!(warehouse.posts(), 1);
}

#[tokio::test]
async fn a_statement_may_succeed_first() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("RUNNING"));
    warehouse.workspace.always("GET", STATEMENT, |_| {
        Reply::json(&with_attachment("SUCCEEDED", 2))
    });
    warehouse
        .workspace
        .on("POST", CANCEL, [Reply::status(404), Reply::status(404)]);
    let session = warehouse.open().await;
    let (control, running) = start(&session, query());
    warehouse.workspace.arrival("GET", STATEMENT, 1).await;
    control.cancel();
    assert!(running.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_is_never_answered_holds_nothing_up() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("RUNNING"));
    cancels(&warehouse);
    warehouse
        .workspace
        .always("POST", CANCEL, |_| Reply::never());
    let session = warehouse.open().await;
    let (control, running) = start(&session, query());
    settle().await;
    control.cancel();
    let (ended, took) = clock.run(Duration::from_millis(100), running).await;
    assert_eq!(ended.unwrap().unwrap_err().code(), ErrorCode::Cancelled);
    assert!(took <= Duration::from_secs(11), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_statement_that_does_not_end_holds_nothing_up() {
    let silent = || Reply::never();
    let running = || Reply::json(&in_state("RUNNING"));
    for poll in [silent, running] {
        let clock = Clock::hold();
        let warehouse = Warehouse::start().await;
        warehouse.answer(in_state("RUNNING"));
        warehouse
            .workspace
            .always("POST", CANCEL, |_| Reply::json(&json!({})));
        warehouse
            .workspace
            .always("GET", STATEMENT, move |_| poll());
        let session = warehouse.open().await;
        let (control, execution) = start(&session, query());
        settle().await;
        control.cancel();
        let (ended, took) = clock.run(Duration::from_millis(100), execution).await;
        assert_eq!(ended.unwrap().unwrap_err().code(), ErrorCode::Cancelled);
        assert!(took <= Duration::from_secs(11), "{took:?}");
    }
}

#[tokio::test]
async fn during_the_download_it_ends_the_reading() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2, 2, 2]));
    warehouse
        .storage
        .on("GET", "/bodies/1", [Reply::never(), Reply::never()]);
    let session = warehouse.open().await;
    let control = StatementControl::default();
    let executed = session.execute(query(), &control).await.unwrap();
    let mut stream = executed.into_stream();
    let reading = tokio::spawn(async move { (numbers(&mut stream).await, stream) });
    warehouse.storage.arrival("GET", "/bodies/1", 1).await;
    control.cancel();
    let (ended, mut stream) = reading.await.unwrap();
    let error = ended.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert_eq!(error.statement_id(), Some(STATEMENT_ID));
    assert!(stream.next_batch().await.is_err());
    warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_sending_cancels_once_the_id_is_known() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    let (reply, release) = Reply::json(&in_state("RUNNING")).held();
    warehouse.workspace.on("POST", STATEMENTS, [reply]);
    let session = warehouse.open().await;
    let (_, running) = start(&session, within(3));
    let (ended, took) = clock.run(Duration::from_millis(100), running).await;
    let error = ended.unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Timeout);
    assert_eq!(error.sql_state(), Some("HYT00"));
    assert!(error.maybe_executed());
    assert_eq!(took.as_secs(), 3);
    assert_eq!(warehouse.workspace.count("POST", CANCEL), 0);
    release.go();
    warehouse.workspace.arrival("POST", CANCEL, 1).await;
    warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
    assert_eq!(warehouse.posts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_while_polling_cancels_at_once() {
    let clock = Clock::hold();
    for hangs in [false, true] {
        let warehouse = Warehouse::start().await;
        warehouse.answer(in_state("PENDING"));
        warehouse.workspace.always("GET", STATEMENT, move |_| {
            if hangs {
                Reply::never()
            } else {
                Reply::json(&in_state("RUNNING"))
            }
        });
        let session = warehouse.open().await;
        let (_, running) = start(&session, within(3));
        let (ended, took) = clock.run(Duration::from_millis(100), running).await;
        let error = ended.unwrap().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Timeout);
        assert_eq!(error.statement_id(), Some(STATEMENT_ID));
        assert_eq!(took.as_secs(), 3);
        settle().await;
        assert_eq!(warehouse.workspace.count("POST", CANCEL), 1, "{hangs}");
        warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_download_counts_all_waiting_before_it() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2, 2]));
    let table = Table::new([2, 2]);
    let links = table.links(&warehouse.storage.url(), 0, 1);
    let (slow, release) = Reply::json(&succeeded(&table.manifest(), &links)).held();
    warehouse.workspace.on("POST", STATEMENTS, [slow]);
    warehouse.storage.always("GET", BODY, |_| Reply::never());
    let session = warehouse.open().await;
    let control = StatementControl::default();
    let executing = tokio::spawn(async move { session.execute(within(10), &control).await });
    settle().await;
    clock.advance(Duration::from_secs(4)).await;
    release.go();
    let mut stream = executing.await.unwrap().unwrap().into_stream();
    let (ended, took) = clock
        .run(Duration::from_millis(100), numbers(&mut stream))
        .await;
    let error = ended.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Timeout);
    assert_eq!(error.statement_id(), Some(STATEMENT_ID));
    assert!((5..=6).contains(&took.as_secs()), "{took:?}");
    warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_stays_in_doubt() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("RUNNING"));
    warehouse
        .workspace
        .always("GET", STATEMENT, |_| Reply::json(&in_state("RUNNING")));
    let session = warehouse.open().await;
    for (sql, in_doubt) in [("INSERT INTO t VALUES (1)", true), ("SELECT 1", false)] {
        let statement = Statement {
            sql: sql.into(),
            ..Statement::default()
        };
        let (control, running) = start(&session, statement);
        control.named().await;
        control.abandon();
        let error = running.await.unwrap().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Cancelled);
        assert_eq!(error.maybe_executed(), in_doubt, "{sql}");
    }
}
