//! Statements of a session whose host cannot run them side by side, and statements that only look.

use std::sync::Arc;
use std::time::Duration;

use databricks_sql_kernel::client::{ErrorCode, Session, Statement, StatementControl};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::documents::{CANCEL, STATEMENT, STATEMENTS, Table, in_state, with_attachment};
use crate::exchange::Reply;
use crate::warehouse::{Warehouse, execute, fetch, numbers, query};

fn too_much_company() -> Value {
    json!({
        "statement_id": "refused",
        "status": {
            "state": "FAILED",
            "error": {"error_code": "INTERNAL_ERROR", "message": "sparkSession is null"}
        }
    })
}

fn start(session: &Session, sql: &str) -> (StatementControl, JoinHandle<Option<ErrorCode>>) {
    let (control, session) = (StatementControl::default(), session.clone());
    let statement = Statement {
        sql: sql.into(),
        ..Statement::default()
    };
    let own = control.clone();
    let running = tokio::spawn(async move {
        let ended = session.execute(statement, &own).await;
        ended.err().map(|error| error.code())
    });
    (control, running)
}

fn posted(warehouse: &Warehouse) -> Vec<String> {
    let posts = warehouse.workspace.requests("POST", STATEMENTS);
    let sql = |post: &crate::exchange::Request| post.body["statement"].as_str().unwrap().to_owned();
    posts.iter().map(sql).collect()
}

#[tokio::test]
async fn a_statement_refused_for_its_company_runs_when_the_others_have_ended() {
    let warehouse = Arc::new(Warehouse::start().await);
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    let (first, release) = Reply::json(&with_attachment("SUCCEEDED", 1)).held();
    warehouse.workspace.on(
        "POST",
        STATEMENTS,
        [first, Reply::json(&too_much_company())],
    );
    let session = warehouse.open().await;
    let (_, one) = start(&session, "ONE");
    warehouse.workspace.arrival("POST", STATEMENTS, 1).await;
    let (_, two) = start(&session, "TWO");
    warehouse.workspace.arrival("POST", STATEMENTS, 2).await;
    let (_, three) = start(&session, "THREE");
    tokio::task::yield_now().await;
    release.go();
    for running in [one, two, three] {
        assert_eq!(running.await.unwrap(), None);
    }
    let order = posted(&warehouse);
    assert_eq!(order[..2], ["ONE", "TWO"]);
    assert_eq!(order.iter().filter(|sql| *sql == "TWO").count(), 2);
    assert_eq!(order.len(), 4);
    // From now on nobody has company.
    let (second, release) = Reply::json(&with_attachment("SUCCEEDED", 1)).held();
    warehouse.workspace.on("POST", STATEMENTS, [second]);
    let (_, four) = start(&session, "FOUR");
    warehouse.workspace.arrival("POST", STATEMENTS, 5).await;
    let (control, five) = start(&session, "FIVE");
    tokio::time::sleep(Duration::ZERO).await;
    assert_eq!(posted(&warehouse).len(), 5);
    // Whoever waits for a turn can be cancelled, and is not sent.
    control.cancel();
    assert_eq!(five.await.unwrap(), Some(ErrorCode::Cancelled));
    release.go();
    assert_eq!(four.await.unwrap(), None);
    assert_eq!(posted(&warehouse).len(), 5);
}

#[tokio::test]
async fn a_submitted_statement_takes_its_turn_and_keeps_it_until_it_ends() {
    let warehouse = Arc::new(Warehouse::start().await);
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    warehouse.workspace.on(
        "POST",
        STATEMENTS,
        [
            Reply::json(&too_much_company()),
            Reply::json(&in_state("RUNNING")),
        ],
    );
    warehouse.workspace.on(
        "GET",
        STATEMENT,
        ["RUNNING", "RUNNING", "SUCCEEDED"].map(|state| Reply::json(&in_state(state))),
    );
    let session = warehouse.open().await;
    let control = StatementControl::default();
    let submitted = session.submit(query(), &control).await.unwrap();
    assert_eq!(warehouse.posts(), 2);
    let (_, next) = start(&session, "NEXT");
    warehouse.workspace.arrival("GET", STATEMENT, 2).await;
    assert_eq!(warehouse.posts(), 2);
    assert_eq!(next.await.unwrap(), None);
    assert_eq!(warehouse.workspace.count("GET", STATEMENT), 3);
    // Nobody waits for one that was given up.
    let running = Reply::json(&in_state("RUNNING"));
    warehouse.workspace.on("POST", STATEMENTS, [running]);
    warehouse
        .workspace
        .always("GET", STATEMENT, |_| Reply::json(&in_state("RUNNING")));
    drop(session.submit(query(), &control).await.unwrap());
    let (_, next) = start(&session, "NEXT");
    assert_eq!(next.await.unwrap(), None);
    drop(submitted);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_lets_go_of_the_second_sending_too() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    let (second, release) = Reply::json(&in_state("RUNNING")).held();
    let first = Reply::json(&too_much_company());
    warehouse.workspace.on("POST", STATEMENTS, [first, second]);
    let session = warehouse.open().await;
    let (control, running) = start(&session, "ONE");
    warehouse.workspace.arrival("POST", STATEMENTS, 2).await;
    control.cancel();
    let (ended, took) = clock.run(Duration::from_millis(10), running).await;
    assert_eq!(ended.unwrap(), Some(ErrorCode::Cancelled));
    assert!(took <= Duration::from_millis(500), "{took:?}");
    assert_eq!(control.statement_id(), None);
    release.go();
    warehouse.workspace.arrival("POST", CANCEL, 1).await;
    assert_eq!(warehouse.posts(), 2);
}

#[tokio::test]
async fn what_is_made_of_several_statements_is_not_sent_again() {
    for submits in [false, true] {
        let warehouse = Warehouse::start().await;
        warehouse.answer(too_much_company());
        let session = warehouse.open().await;
        let control = StatementControl::default();
        let statement = Statement {
            sql: "BEGIN INSERT INTO t VALUES (1); CALL p(); END".into(),
            ..Statement::default()
        };
        if submits {
            let submitted = session.submit(statement, &control).await.unwrap();
            let error = submitted.await_result().await.err().unwrap();
            assert_eq!(error.code(), ErrorCode::SqlError);
        } else {
            let error = session.execute(statement, &control).await.err().unwrap();
            assert_eq!(error.code(), ErrorCode::SqlError);
        }
        assert_eq!(warehouse.posts(), 1);
    }
}

#[tokio::test]
async fn a_statement_that_is_refused_alone_is_an_error() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(too_much_company());
    let session = warehouse.open().await;
    let (_, running) = start(&session, "ONE");
    assert_eq!(running.await.unwrap(), Some(ErrorCode::SqlError));
    assert_eq!(warehouse.posts(), 2);
}

#[tokio::test]
async fn fetching_does_not_keep_others_from_their_turn() {
    let warehouse = Warehouse::start().await;
    let table = Table::new([2, 2]);
    warehouse.serve(&table);
    warehouse
        .workspace
        .on("POST", STATEMENTS, [Reply::json(&too_much_company())]);
    let session = warehouse.open().await;
    let mut stream = execute(&session).await.unwrap().into_stream();
    assert_eq!(fetch(&session).await.unwrap(), [0, 1, 2, 3]);
    assert_eq!(numbers(&mut stream).await.unwrap(), [0, 1, 2, 3]);
}

#[tokio::test]
async fn statements_that_only_look_are_sent_again() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("SUCCEEDED"));
    let faults = || [Reply::closed(), Reply::status(503), Reply::status(500)];
    warehouse.workspace.on("POST", STATEMENTS, faults());
    let session = warehouse.open().await;
    let (_, running) = start(&session, "/* why */ show tables");
    assert_eq!(running.await.unwrap(), None);
    assert_eq!(warehouse.posts(), 4);
    warehouse.workspace.on("POST", STATEMENTS, faults());
    let (_, running) = start(&session, "SHOW_IT()");
    assert_eq!(running.await.unwrap(), Some(ErrorCode::NetworkError));
    assert_eq!(warehouse.posts(), 5);
    assert_eq!(warehouse.workspace.count("GET", STATEMENT), 0);
}
