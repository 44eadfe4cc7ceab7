//! Sessions: what opens them, what they carry, how they end.

use std::collections::BTreeMap;
use std::time::Duration;

use databricks_sql_kernel::client::auth::{PersonalAccessToken, Token, TokenFuture, TokenSource};
use databricks_sql_kernel::client::{ErrorCode, HttpConfig, RetryPolicy, Session, SessionConfig};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::documents::{SESSION, SESSIONS, STATEMENT, STATEMENTS, Table, with_attachment};
use crate::exchange::{Reply, Request};
use crate::warehouse::{TOKEN, Warehouse, execute, fetch, http, numbers, refusal};

#[tokio::test]
async fn a_session_is_opened_with_its_settings_verbatim() {
    let warehouse = Warehouse::start().await;
    let config = SessionConfig {
        catalog: Some("main".into()),
        schema: Some("default".into()),
        session_configuration: BTreeMap::from([
            ("TIMEZONE".to_owned(), "Europe/Berlin".to_owned()),
            ("foo.Bar".to_owned(), "1".to_owned()),
        ]),
        ..SessionConfig::default()
    };
    let session = warehouse.open_with(http(), config).await.unwrap();
    assert_eq!(&*session.id(), "session-1");
    let log = warehouse.workspace.log();
    assert_eq!(log.len(), 1);
    assert_eq!(
        log[0].body,
        json!({
            "warehouse_id": "w1",
            "catalog": "main",
            "schema": "default",
            "session_confs": {"TIMEZONE": "Europe/Berlin", "foo.Bar": "1"},
        })
    );
}

#[tokio::test]
async fn settings_that_are_not_given_are_not_sent() {
    let warehouse = Warehouse::start().await;
    let _session = warehouse.open().await;
    let log = warehouse.workspace.log();
    assert_eq!(log[0].body, json!({"warehouse_id": "w1"}));
}

#[tokio::test]
async fn sessions_of_one_process_share_their_connections() {
    let warehouse = Warehouse::start().await;
    for _ in 0..3 {
        warehouse.open().await.close().await;
    }
    assert_eq!(warehouse.workspace.connections(), 1);
    let patient = HttpConfig {
        silence_timeout: Duration::from_secs(600),
        ..http()
    };
    let config = SessionConfig::default();
    let session = warehouse.open_with(patient, config).await.unwrap();
    assert_eq!(warehouse.workspace.connections(), 2);
    session.close().await;
}

#[tokio::test]
async fn sessions_that_share_connections_keep_their_tokens() {
    let warehouse = Warehouse::start().await;
    let sessions = [
        warehouse.open().await,
        warehouse
            .open_as(PersonalAccessToken::try_new("another".into()).unwrap())
            .await
            .unwrap(),
    ];
    for session in &sessions {
        session.close().await;
    }
    assert_eq!(warehouse.workspace.connections(), 1);
    let tokens: Vec<_> = warehouse
        .workspace
        .log()
        .iter()
        .map(|request| request.header("authorization").unwrap().to_owned())
        .collect();
    let (mine, other) = (format!("Bearer {TOKEN}"), "Bearer another".to_owned());
    assert_eq!(tokens, [&mine, &other, &mine, &other].map(String::clone));
}

#[tokio::test]
async fn the_version_of_the_session_is_sent_back_and_follows_the_statements() {
    let warehouse = Warehouse::start().await;
    warehouse.workspace.always("POST", SESSIONS, |_| {
        Reply::json(&json!({"session_id": "s", "session_version": {"version_id": 3}}))
    });
    let mut newer = with_attachment("SUCCEEDED", 1);
    newer["status"]["session_version"] = json!({"version_id": 4});
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    warehouse
        .workspace
        .on("POST", STATEMENTS, [Reply::json(&newer)]);
    let session = warehouse.open().await;
    for _ in 0..3 {
        fetch(&session).await.unwrap();
    }
    let versions: Vec<Value> = sent(&warehouse, "session_version");
    assert_eq!(versions, [3, 4, 4].map(|n| json!({"version_id": n})));
}

#[tokio::test]
async fn without_a_version_none_is_sent() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    fetch(&warehouse.open().await).await.unwrap();
    assert_eq!(sent(&warehouse, "session_version"), [Value::Null]);
    assert_eq!(sent(&warehouse, "session_id"), ["session-1"]);
}

fn sent(warehouse: &Warehouse, field: &str) -> Vec<Value> {
    let posts = warehouse.workspace.requests("POST", STATEMENTS);
    posts.iter().map(|post| post.body[field].clone()).collect()
}

#[tokio::test]
async fn closing_deletes_the_session_of_its_warehouse_once() {
    let warehouse = Warehouse::start().await;
    let session = warehouse.open().await;
    let same = session.clone();
    assert!(!session.is_closed());
    session.close().await;
    same.close().await;
    drop((session, same));
    let deleted = warehouse.workspace.requests("DELETE", SESSION);
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0].path, "/api/2.0/sql/sessions/session-1");
    assert_eq!(deleted[0].query, "warehouse_id=w1");
}

#[tokio::test]
async fn a_closed_session_executes_nothing() {
    let warehouse = Warehouse::start().await;
    let session = warehouse.open().await;
    session.close().await;
    assert!(session.is_closed());
    let error = refusal(&session).await;
    assert_eq!(error.code(), ErrorCode::InvalidStatementHandle);
    assert_eq!(warehouse.posts(), 0);
}

#[tokio::test(start_paused = true)]
async fn statements_are_closed_before_their_session() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    let (reply, release) = Reply::json(&json!({})).held();
    warehouse.workspace.on("DELETE", STATEMENT, [reply]);
    let session = warehouse.open().await;
    fetch(&session).await.unwrap();
    let closing = tokio::spawn(async move { session.close().await });
    warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
    clock.advance(Duration::from_millis(500)).await;
    assert_eq!(warehouse.workspace.count("DELETE", SESSION), 0);
    release.go();
    closing.await.unwrap();
    assert_eq!(warehouse.workspace.count("DELETE", SESSION), 1);
}

#[tokio::test(start_paused = true)]
async fn closing_ends_although_nothing_is_answered() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    for path in [STATEMENT, SESSION] {
        warehouse
            .workspace
            .always("DELETE", path, |_| Reply::never());
    }
    let session = warehouse.open().await;
    fetch(&session).await.unwrap();
    let step = Duration::from_millis(100);
    let ((), took) = clock.run(step, session.close()).await;
    assert!(took <= Duration::from_secs(5), "{took:?}");
    assert_eq!(warehouse.workspace.count("DELETE", SESSION), 1);
}

#[tokio::test]
async fn a_session_that_is_gone_already_closes_well() {
    let warehouse = Warehouse::start().await;
    warehouse
        .workspace
        .always("DELETE", SESSION, |_| Reply::status(404));
    warehouse.open().await.close().await;
    assert_eq!(warehouse.workspace.count("DELETE", SESSION), 1);
}

#[tokio::test]
async fn the_last_dropped_clone_closes_in_the_background() {
    let warehouse = Warehouse::start().await;
    let session = warehouse.open().await;
    let weak = session.downgrade();
    drop(session.clone());
    assert_eq!(&*weak.upgrade().unwrap().id(), "session-1");
    drop(session);
    assert!(weak.upgrade().is_none());
    warehouse.workspace.arrival("DELETE", SESSION, 1).await;
}

#[tokio::test]
async fn a_session_whose_opening_was_given_up_is_closed() {
    let warehouse = Warehouse::start().await;
    let (reply, release) = Reply::json(&json!({"session_id": "late"})).held();
    warehouse.workspace.on("POST", SESSIONS, [reply]);
    tokio::select! {
        _ = warehouse.open() => panic!("nothing was answered"),
        _ = warehouse.workspace.arrival("POST", SESSIONS, 1) => {}
    }
    release.go();
    let closed = warehouse.workspace.arrival("DELETE", SESSION, 1).await;
    assert_eq!(closed.path, "/api/2.0/sql/sessions/late");
}

#[tokio::test(start_paused = true)]
async fn opening_has_one_deadline_and_says_what_it_was_waiting_for() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    let mut config = http();
    config.login_timeout = Duration::from_secs(30);
    config.retry = RetryPolicy::default();
    let busy = |_: &Request| Reply::status(503).header("retry-after", "7");
    warehouse.workspace.always("POST", SESSIONS, busy);
    let opening = warehouse.open_with(config.clone(), SessionConfig::default());
    let (opened, took) = clock.run(Duration::from_millis(100), opening).await;
    let error = opened.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Timeout);
    assert!(error.message().contains("login_timeout of 30s"), "{error}");
    assert!(error.message().contains("HTTP 503"), "{error}");
    assert!((30..32).contains(&took.as_secs()), "{took:?}");
    let sent = warehouse.workspace.count("POST", SESSIONS);
    clock.advance(Duration::from_secs(900)).await;
    assert_eq!(warehouse.workspace.count("POST", SESSIONS), sent);

    // A session that comes too late is closed.
    let (late, release) = Reply::json(&json!({"session_id": "session-1"})).held();
    warehouse.workspace.on("POST", SESSIONS, [late]);
    config.silence_timeout = Duration::from_secs(900);
    let opening = warehouse.open_with(config, SessionConfig::default());
    let (opened, took) = clock.run(Duration::from_millis(100), opening).await;
    assert_eq!(opened.unwrap_err().code(), ErrorCode::Timeout);
    assert!((30..32).contains(&took.as_secs()), "{took:?}");
    release.go();
    let closing = warehouse.workspace.arrival("DELETE", SESSION, 1);
    clock.run(Duration::from_millis(1), closing).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_does_not_come_is_waited_for_within_the_same_deadline() {
    #[derive(Debug)]
    struct Never;
    impl TokenSource for Never {
        fn token<'a>(&'a self, _: Option<&'a Token>) -> TokenFuture<'a> {
            Box::pin(std::future::pending())
        }
    }
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    let opening = warehouse.open_as(Never);
    let (opened, took) = clock.run(Duration::from_secs(1), opening).await;
    let error = opened.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Timeout);
    assert!(error.message().contains("no token came within"), "{error}");
    assert_eq!(took.as_secs(), 900);
    assert!(warehouse.workspace.log().is_empty());
}

#[tokio::test]
async fn headers_for_the_workspace_reach_nobody_else() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2, 2, 2]));
    let config = HttpConfig {
        user_agent: "tests/1.0 (unit)".into(),
        headers: vec![("x-caller".into(), "its own".into())],
        ..http()
    };
    let session = warehouse
        .open_with(config, SessionConfig::default())
        .await
        .unwrap();
    fetch(&session).await.unwrap();
    session.close().await;
    let bearer = format!("Bearer {TOKEN}");
    let expected = [
        ("authorization", bearer.as_str()),
        ("x-databricks-org-id", "42"),
        ("x-caller", "its own"),
    ];
    let (asked, stored) = (warehouse.workspace.log(), warehouse.storage.log());
    assert!(asked.len() >= 6 && stored.len() == 3);
    for (name, value) in expected {
        for request in &asked {
            assert_eq!(request.header(name), Some(value), "{request:?}");
        }
        for request in &stored {
            assert_eq!(request.header(name), None, "{request:?}");
        }
    }
    for request in asked.iter().chain(&stored) {
        assert_eq!(request.header("user-agent"), Some("tests/1.0 (unit)"));
    }
}

#[tokio::test]
async fn the_org_id_of_the_caller_wins() {
    let warehouse = Warehouse::start().await;
    let config = HttpConfig {
        headers: vec![("X-Databricks-Org-Id".into(), "7".into())],
        ..http()
    };
    let opened = warehouse.open_with(config, SessionConfig::default()).await;
    assert!(opened.is_ok());
    let log = warehouse.workspace.log();
    assert_eq!(log[0].header("x-databricks-org-id"), Some("7"));
}

#[tokio::test]
async fn results_outlive_the_handle_of_their_session() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2, 2]));
    let executed = {
        let session: Session = warehouse.open().await;
        execute(&session).await.unwrap()
    };
    let mut stream = executed.into_stream();
    assert_eq!(numbers(&mut stream).await.unwrap(), [0, 1, 2, 3]);
    drop(stream);
    warehouse.workspace.arrival("DELETE", SESSION, 1).await;
    let log = warehouse.workspace.log();
    let deletes: Vec<_> = log
        .iter()
        .filter(|request| request.method == "DELETE")
        .map(|request| request.path.contains("/statements/"))
        .collect();
    assert_eq!(deletes, [true, false]);
}
