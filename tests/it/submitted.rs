//! Statements that run by themselves: looking, fetching, cancelling, closing, attaching.

use std::time::Duration;

use databricks_sql_kernel::client::wire::{QueryTag, StatementState};
use databricks_sql_kernel::client::{
    ErrorCode, Result, Session, Statement, StatementControl, SubmittedStatement,
};
use serde_json::json;

use crate::clock::{Clock, settle};
use crate::documents::{
    CANCEL, STATEMENT, STATEMENT_ID, STATEMENTS, failed, in_state, with_attachment,
};
use crate::exchange::Reply;
use crate::warehouse::{Warehouse, numbers, query};

async fn submit(session: &Session) -> Result<SubmittedStatement> {
    session.submit(query(), &StatementControl::default()).await
}

fn looks(warehouse: &Warehouse, document: serde_json::Value) {
    warehouse
        .workspace
        .always("GET", STATEMENT, move |_| Reply::json(&document));
}

#[tokio::test]
async fn submitting_does_not_wait_for_the_end() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("PENDING"));
    let session = warehouse.open().await;
    let statement = Statement {
        query_tags: vec![
            QueryTag {
                key: "a:b".into(),
                value: Some("c,d".into()),
            },
            QueryTag {
                key: "bare".into(),
                value: None,
            },
        ],
        ..query()
    };
    let control = StatementControl::default();
    let submitted = session.submit(statement, &control).await.unwrap();
    assert_eq!(submitted.id(), STATEMENT_ID);
    let sent = warehouse.workspace.requests("POST", STATEMENTS)[0]
        .body
        .clone();
    assert_eq!(sent["wait_timeout"], "0s");
    assert_eq!(
        sent["query_tags"],
        json!([{"key": "a:b", "value": "c,d"}, {"key": "bare"}])
    );
    assert_eq!(warehouse.workspace.count("GET", STATEMENT), 0);
}

#[tokio::test]
async fn its_result_can_be_fetched_again_and_again() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("RUNNING"));
    looks(&warehouse, with_attachment("SUCCEEDED", 3));
    let session = warehouse.open().await;
    let submitted = submit(&session).await.unwrap();
    for _ in 0..2 {
        let mut stream = submitted.await_result().await.unwrap().into_stream();
        assert_eq!(numbers(&mut stream).await.unwrap(), [0, 1, 2]);
    }
    let mut stream = submitted
        .reader()
        .fetch_result()
        .await
        .unwrap()
        .into_stream();
    assert_eq!(numbers(&mut stream).await.unwrap(), [0, 1, 2]);
    settle().await;
    assert_eq!(warehouse.workspace.count("DELETE", STATEMENT), 0);
    submitted.close().await.unwrap();
    submitted.close().await.unwrap();
    assert_eq!(warehouse.workspace.count("DELETE", STATEMENT), 1);
}

#[tokio::test]
async fn it_is_closed_when_the_last_who_reads_it_goes() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("RUNNING"));
    looks(&warehouse, with_attachment("SUCCEEDED", 3));
    let session = warehouse.open().await;
    let submitted = submit(&session).await.unwrap();
    let reader = submitted.reader();
    drop(submitted);
    settle().await;
    assert_eq!(warehouse.workspace.count("DELETE", STATEMENT), 0);
    drop(reader);
    warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
}

#[tokio::test]
async fn a_result_that_is_not_there_yet_is_no_result() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("RUNNING"));
    looks(&warehouse, in_state("RUNNING"));
    let session = warehouse.open().await;
    let submitted = submit(&session).await.unwrap();
    let error = submitted.fetch_result().await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert_eq!(error.statement_id(), Some(STATEMENT_ID));
    let progress = submitted.progress().await.unwrap();
    assert_eq!(progress.state, StatementState::Running);
    assert!(progress.failure.is_none());
}

#[tokio::test]
async fn a_failure_is_told_by_the_state() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("RUNNING"));
    looks(&warehouse, failed("[DIVIDE_BY_ZERO] no. SQLSTATE: 22012"));
    let session = warehouse.open().await;
    let submitted = submit(&session).await.unwrap();
    let progress = submitted.progress().await.unwrap();
    assert_eq!(progress.state, StatementState::Failed);
    let failure = progress.failure.unwrap();
    assert_eq!(failure.sql_state(), Some("22012"));
    assert_eq!(failure.statement_id(), Some(STATEMENT_ID));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_wakes_those_who_wait_for_the_result() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("RUNNING"));
    looks(&warehouse, in_state("RUNNING"));
    let session = warehouse.open().await;
    let submitted = submit(&session).await.unwrap();
    let waiting = tokio::spawn({
        let submitted = submitted.clone();
        async move { submitted.await_result().await.map(drop) }
    });
    clock.advance(Duration::from_secs(5)).await;
    looks(&warehouse, in_state("CANCELED"));
    submitted.cancel().await.unwrap();
    assert_eq!(warehouse.workspace.count("POST", CANCEL), 1);
    let (ended, took) = clock.run(Duration::from_millis(10), waiting).await;
    assert_eq!(ended.unwrap().unwrap_err().code(), ErrorCode::Cancelled);
    assert!(took <= Duration::from_millis(50), "{took:?}");
}

#[tokio::test]
async fn who_waits_no_longer_leaves_it_to_run() {
    // The second look is the one that is waited for.
    for waits_for_an_answer in [false, true] {
        let warehouse = Warehouse::start().await;
        looks(&warehouse, in_state("RUNNING"));
        let (held, _release) = Reply::json(&in_state("RUNNING")).held();
        if waits_for_an_answer {
            let first = Reply::json(&in_state("RUNNING"));
            warehouse.workspace.on("GET", STATEMENT, [first, held]);
        }
        let session = warehouse.open().await;
        let attached = session.attach(STATEMENT_ID).await.unwrap();
        let control = StatementControl::default();
        let waiting = tokio::spawn({
            let control = control.clone();
            async move { attached.await_result_observed(&control).await.map(drop) }
        });
        warehouse.workspace.arrival("GET", STATEMENT, 2).await;
        control.abandon();
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Cancelled);
        session.close().await;
        assert_eq!(warehouse.workspace.count("POST", CANCEL), 0);
        assert_eq!(warehouse.workspace.count("DELETE", STATEMENT), 0);
    }
}

#[tokio::test]
async fn what_was_only_attached_to_is_neither_cancelled_nor_closed() {
    let warehouse = Warehouse::start().await;
    looks(&warehouse, with_attachment("SUCCEEDED", 3));
    let session = warehouse.open().await;
    let attached = session.attach(STATEMENT_ID).await.unwrap();
    let error = attached.cancel().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    let mut stream = attached.await_result().await.unwrap().into_stream();
    assert_eq!(numbers(&mut stream).await.unwrap(), [0, 1, 2]);
    attached.close().await.unwrap();
    drop((attached, stream));
    session.close().await;
    assert_eq!(warehouse.workspace.count("DELETE", STATEMENT), 0);
    assert_eq!(warehouse.workspace.count("POST", CANCEL), 0);
}

#[tokio::test]
async fn an_unknown_statement_cannot_be_attached_to() {
    let warehouse = Warehouse::start().await;
    warehouse
        .workspace
        .always("GET", STATEMENT, |_| Reply::status(404));
    let session = warehouse.open().await;
    let error = session.attach("01f0-gone").await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert_eq!(error.statement_id(), Some("01f0-gone"));
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_asks_for_is_kept_alive() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("RUNNING"));
    looks(&warehouse, in_state("RUNNING"));
    let session = warehouse.open().await;
    let submitted = submit(&session).await.unwrap();
    for minutes in [10, 20] {
        clock.advance(Duration::from_secs(600)).await;
        assert_eq!(warehouse.workspace.count("GET", STATEMENT), minutes / 10);
    }
    drop(submitted);
    settle().await;
    clock.advance(Duration::from_secs(3600)).await;
    assert_eq!(warehouse.workspace.count("GET", STATEMENT), 2);
}

#[tokio::test]
async fn a_cancel_before_the_sending_sends_nothing() {
    let warehouse = Warehouse::start().await;
    let session = warehouse.open().await;
    let control = StatementControl::default();
    control.cancel();
    let error = session.submit(query(), &control).await.err().unwrap();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert_eq!(warehouse.posts(), 0);
}
