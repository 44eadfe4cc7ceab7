//! Sessions that the service has lost, and queries that may be sent again.

use databricks_sql_kernel::client::{
    ErrorCode, Result, Session, SessionConfig, Statement, StatementControl,
};
use serde_json::{Value, json};

use crate::documents::{SESSION, SESSIONS, STATEMENTS, with_attachment};
use crate::exchange::{Reply, Request};
use crate::warehouse::{Warehouse, http};

fn session_of(request: &Request) -> &str {
    request.body["session_id"].as_str().unwrap()
}

/// Gives sessions numbers, and knows only the newest of them from number `from` on.
async fn warehouse(from: u64) -> Warehouse {
    let warehouse = Warehouse::start().await;
    let mut opened = 0;
    warehouse.workspace.always("POST", SESSIONS, move |_| {
        opened += 1;
        Reply::json(&json!({"session_id": format!("session-{opened}")}))
    });
    warehouse
        .workspace
        .always("POST", STATEMENTS, move |request| {
            let number: u64 = session_of(request)["session-".len()..].parse().unwrap();
            if number < from {
                let message = format!("Session session-{number} does not exist.");
                let missing = json!({"error_code": "NOT_FOUND", "message": message});
                return Reply::status(404).document(&missing);
            }
            Reply::json(&with_attachment("SUCCEEDED", 1))
        });
    warehouse
}

async fn open(warehouse: &Warehouse, config: SessionConfig) -> Session {
    warehouse.open_with(http(), config).await.unwrap()
}

fn reopening() -> SessionConfig {
    SessionConfig {
        catalog: Some("main".into()),
        schema: Some("s".into()),
        session_configuration: [("TIMEZONE".to_owned(), "UTC".to_owned())].into(),
        reopens: true,
        ..SessionConfig::default()
    }
}

async fn run(session: &Session, sql: &str) -> Result<()> {
    let statement = Statement {
        sql: sql.to_owned(),
        ..Statement::default()
    };
    let control = StatementControl::default();
    session.execute(statement, &control).await.map(drop)
}

fn sent(warehouse: &Warehouse) -> Vec<String> {
    let posts = warehouse.workspace.requests("POST", STATEMENTS);
    posts
        .iter()
        .map(|post| session_of(post).to_owned())
        .collect()
}

#[tokio::test]
async fn a_lost_session_in_which_nothing_was_changed_is_opened_again_as_it_was() {
    let warehouse = warehouse(2).await;
    let session = open(&warehouse, reopening()).await;
    run(&session, "INSERT INTO t VALUES (1)").await.unwrap();
    run(&session, "SELECT 1").await.unwrap();
    assert_eq!(sent(&warehouse), ["session-1", "session-2", "session-2"]);
    let opened: Vec<Value> = warehouse
        .workspace
        .requests("POST", SESSIONS)
        .into_iter()
        .map(|request| request.body)
        .collect();
    assert_eq!(opened[0], opened[1]);
    assert_eq!(&*session.id(), "session-2");
    session.close().await;
    let closed = warehouse.workspace.requests("DELETE", SESSION);
    assert_eq!(closed.len(), 1);
    assert!(closed[0].path.ends_with("/session-2"));
}

#[tokio::test]
async fn many_that_find_the_session_lost_open_one() {
    let warehouse = warehouse(2).await;
    let session = open(&warehouse, reopening()).await;
    let both = [session.clone(), session.clone(), session.clone()]
        .map(|session| tokio::spawn(async move { run(&session, "SELECT 1").await }));
    for one in both {
        one.await.unwrap().unwrap();
    }
    assert_eq!(warehouse.workspace.count("POST", SESSIONS), 2);
}

#[tokio::test]
async fn a_lost_session_in_which_something_was_changed_stays_lost() {
    for sql in [
        "USE SCHEMA s",
        "SET a = 1",
        "CREATE TEMP VIEW v AS SELECT 1",
        "BEGIN TRANSACTION",
    ] {
        let warehouse = warehouse(1).await;
        let session = open(&warehouse, reopening()).await;
        run(&session, sql).await.unwrap();
        let missing = json!({"error_code": "NOT_FOUND", "message": "Session x does not exist."});
        warehouse.workspace.always("POST", STATEMENTS, move |_| {
            Reply::status(404).document(&missing)
        });
        for _ in 0..2 {
            let error = run(&session, "SELECT 1").await.unwrap_err();
            assert_eq!(error.code(), ErrorCode::SessionLost);
            for part in ["USE, SET", "Session x does not exist."] {
                assert!(error.message().contains(part), "{error}");
            }
            assert!(!error.maybe_executed());
        }
        assert_eq!(warehouse.workspace.count("POST", SESSIONS), 1, "{sql}");
    }
}

#[tokio::test]
async fn what_changes_something_may_be_the_first_in_the_new_session() {
    let warehouse = warehouse(2).await;
    let session = open(&warehouse, reopening()).await;
    run(&session, "USE SCHEMA s").await.unwrap();
    assert_eq!(sent(&warehouse), ["session-1", "session-2"]);
}

#[tokio::test]
async fn a_session_that_is_lost_again_and_again_is_an_error() {
    let warehouse = warehouse(9).await;
    let session = open(&warehouse, reopening()).await;
    let error = run(&session, "SELECT 1").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::SessionLost);
    assert_eq!(warehouse.posts(), 2);
}

#[tokio::test]
async fn sessions_are_opened_again_only_where_that_is_asked_for() {
    let warehouse = warehouse(2).await;
    let session = open(&warehouse, SessionConfig::default()).await;
    let error = run(&session, "SELECT 1").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::SessionLost);
    assert_eq!(warehouse.workspace.count("POST", SESSIONS), 1);
}

#[tokio::test]
async fn queries_are_sent_again_only_where_that_is_asked_for() {
    for (retry_reads, sql, posts) in [
        (false, "SELECT 1", 1),
        (true, "SELECT 1", 3),
        (true, "WITH a AS (SELECT 1) SELECT * FROM a", 3),
        (true, "INSERT INTO t VALUES (1)", 1),
        (
            true,
            "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
            1,
        ),
    ] {
        let warehouse = Warehouse::start().await;
        warehouse.answer(with_attachment("SUCCEEDED", 1));
        warehouse
            .workspace
            .on("POST", STATEMENTS, [Reply::status(503), Reply::closed()]);
        let config = SessionConfig {
            retry_reads,
            ..SessionConfig::default()
        };
        let session = open(&warehouse, config).await;
        let done = run(&session, sql).await;
        assert_eq!(
            done.as_ref().map_err(|error| error.maybe_executed()),
            if posts == 3 { Ok(&()) } else { Err(true) }
        );
        assert_eq!(warehouse.posts(), posts, "{sql}");
    }
}
