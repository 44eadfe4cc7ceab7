//! Statements are closed when nothing is wanted of them any more, and never waited for.

use databricks_sql_kernel::client::ErrorCode;
use serde_json::json;

use crate::clock::settle;
use crate::documents::{
    BODY, SESSION, STATEMENT, STATEMENT_ID, STATEMENTS, Table, failed, in_state, with_attachment,
    without_rows,
};
use crate::exchange::Reply;
use crate::warehouse::{Warehouse, execute, fetch, numbers, refusal};

/// How many statements have been closed once their session is.
async fn closed(warehouse: &Warehouse) -> usize {
    warehouse.workspace.arrival("DELETE", SESSION, 1).await;
    let closed = warehouse.workspace.requests("DELETE", STATEMENT);
    let path = format!("/api/2.0/sql/statements/{STATEMENT_ID}");
    assert!(closed.iter().all(|request| request.path == path));
    closed.len()
}

#[tokio::test]
async fn a_result_that_was_read_to_its_end_closes_its_statement_in_the_background() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2, 2]));
    let (reply, release) = Reply::json(&json!({})).held();
    warehouse.workspace.on("DELETE", STATEMENT, [reply]);
    let session = warehouse.open().await;
    let mut stream = execute(&session).await.unwrap().into_stream();
    assert_eq!(numbers(&mut stream).await.unwrap(), [0, 1, 2, 3]);
    warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
    assert!(stream.next_batch().await.unwrap().is_none());
    release.go();
    drop((stream, session));
    assert_eq!(closed(&warehouse).await, 1);
}

#[tokio::test]
async fn a_statement_that_has_given_everything_is_closed_before_it_is_read() {
    for document in [with_attachment("SUCCEEDED", 2), without_rows("SUCCEEDED")] {
        let warehouse = Warehouse::start().await;
        warehouse.answer(document);
        let session = warehouse.open().await;
        let executed = execute(&session).await.unwrap();
        warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
        drop((executed, session));
        assert_eq!(closed(&warehouse).await, 1);
    }
}

#[tokio::test]
async fn a_statement_that_the_service_closed_is_not_closed_again() {
    for document in [with_attachment("CLOSED", 2), without_rows("CLOSED")] {
        let warehouse = Warehouse::start().await;
        warehouse.answer(document);
        fetch(&warehouse.open().await).await.unwrap();
        assert_eq!(closed(&warehouse).await, 0);
    }
}

#[tokio::test]
async fn a_statement_that_failed_is_closed() {
    for document in [failed("no"), in_state("CANCELED"), in_state("ODD")] {
        let warehouse = Warehouse::start().await;
        warehouse.answer(document);
        refusal(&warehouse.open().await).await;
        assert_eq!(closed(&warehouse).await, 1);
    }
}

#[tokio::test]
async fn a_result_that_broke_off_closes_its_statement() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2, 2]));
    warehouse
        .storage
        .always("GET", "/bodies/1", |_| Reply::bytes(b"no chunk".to_vec()));
    let error = fetch(&warehouse.open().await).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DataLoss);
    assert_eq!(closed(&warehouse).await, 1);
}

#[tokio::test]
async fn a_result_that_nobody_reads_closes_its_statement() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2, 2]));
    drop(execute(&warehouse.open().await).await.unwrap());
    assert_eq!(closed(&warehouse).await, 1);
}

#[tokio::test]
async fn a_result_that_is_closed_gives_nothing_more_and_asks_for_nothing_more() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2, 2]));
    warehouse.storage.always("GET", BODY, |_| Reply::never());
    let session = warehouse.open().await;
    let mut stream = execute(&session).await.unwrap().into_stream();
    warehouse.storage.arrival("GET", BODY, 2).await;
    stream.close();
    stream.close();
    for _ in 0..2 {
        let error = stream.next_batch().await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidStatementHandle);
    }
    settle().await;
    let asked = warehouse.storage.log().len();
    drop((stream, session));
    assert_eq!(closed(&warehouse).await, 1);
    assert_eq!(warehouse.storage.log().len(), asked);
}

#[tokio::test]
async fn a_result_that_is_closed_half_way_does_not_look_whole() {
    for document in [None, Some(with_attachment("SUCCEEDED", 4))] {
        let warehouse = Warehouse::start().await;
        warehouse.serve(&Table::new([4]));
        if let Some(document) = document {
            warehouse.answer(document);
        }
        let session = warehouse.open().await;
        let mut stream = execute(&session).await.unwrap().into_stream();
        stream.next_batch().await.unwrap().unwrap();
        stream.close();
        let error = stream.next_batch().await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidStatementHandle);
    }
}

#[tokio::test]
async fn a_whole_result_stays_whole_when_it_is_closed() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([4]));
    let session = warehouse.open().await;
    let mut stream = execute(&session).await.unwrap().into_stream();
    assert_eq!(numbers(&mut stream).await.unwrap(), [0, 1, 2, 3]);
    stream.close();
    assert!(stream.next_batch().await.unwrap().is_none());
}

#[tokio::test]
async fn a_close_that_fails_is_nobodys_concern() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    warehouse
        .workspace
        .always("DELETE", STATEMENT, |_| Reply::status(404));
    let session = warehouse.open().await;
    fetch(&session).await.unwrap();
    session.close().await;
    assert_eq!(closed(&warehouse).await, 1);
}

#[tokio::test]
async fn what_is_closed_does_not_wait_for_a_service_that_asked_for_fewer_requests() {
    let warehouse = Warehouse::start().await;
    let busy = Reply::status(429).header("retry-after", "3600");
    warehouse.workspace.on("POST", STATEMENTS, [busy]);
    let session = warehouse.open().await;
    assert_eq!(refusal(&session).await.code(), ErrorCode::ResourceExhausted);
    session.close().await;
    assert_eq!(warehouse.workspace.count("DELETE", SESSION), 1);
}
