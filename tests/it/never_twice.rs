//! A statement is sent again only when it certainly did not run.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use databricks_sql_kernel::client::{Error, ErrorCode, Statement, StatementControl};
use serde_json::json;

use crate::auth::Rotating;
use crate::clock::{Clock, settle};
use crate::documents::{
    CANCEL, STATEMENT, STATEMENTS, http_date, in_state, with_attachment, without_rows,
};
use crate::exchange::Reply;
use crate::server::Server;
use crate::warehouse::{Warehouse, execute, fetch, http, query, refusal};

/// A warehouse that would answer a second sending well.
async fn warehouse() -> Warehouse {
    let warehouse = Warehouse::start().await;
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    warehouse
}

/// The error of a write that must fail.
async fn lost_write(warehouse: &Warehouse) -> Error {
    let write = Statement {
        sql: "INSERT INTO numbers VALUES (1)".into(),
        ..Statement::default()
    };
    let session = warehouse.open().await;
    let written = session.execute(write, &StatementControl::default()).await;
    written.err().unwrap()
}

#[tokio::test]
async fn a_lost_answer_is_never_followed_by_a_second_sending() {
    let whole = || Reply::json(&with_attachment("SUCCEEDED", 1));
    let wait = |status| Reply::status(status).header("retry-after", "0");
    let lost = [
        Reply::status(500),
        Reply::status(502),
        Reply::status(503),
        Reply::status(504),
        Reply::status(408),
        Reply::status(499),
        wait(503),
        wait(500),
        Reply::closed(),
        whole().cut(0),
        whole().cut(100),
        Reply::bytes(b"<html>gateway</html>".to_vec()),
        Reply::bytes(Vec::new()),
        Reply::json(&json!({})),
        Reply::json(&json!({"statement_id": "x", "status": {}})),
        Reply::json(&json!([1, 2, 3])),
        Reply::json(&json!({"status": {"state": "RUNNING"}})),
        Reply::status(204),
    ];
    let warehouse = warehouse().await;
    let session = warehouse.open().await;
    for (at, reply) in lost.into_iter().enumerate() {
        let what = format!("{reply:?}");
        warehouse.workspace.on("POST", STATEMENTS, [reply]);
        let error = refusal(&session).await;
        assert_eq!(warehouse.posts(), at + 1, "{what}");
        assert!(error.maybe_executed(), "{what}: {error:?}");
        assert!(!error.is_retryable(), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn a_connection_lost_before_the_first_answer_on_it_counts_as_lost() {
    let warehouse = warehouse().await;
    let session = warehouse.open().await;
    warehouse
        .workspace
        .on("POST", STATEMENTS, [Reply::closed(), Reply::closed()]);
    for sent in 1..=2 {
        assert!(refusal(&session).await.maybe_executed());
        assert_eq!(warehouse.posts(), sent);
    }
}

#[tokio::test]
async fn what_the_service_took_is_not_sent_again_whatever_a_look_at_it_says() {
    let company = json!({"error_code": "INTERNAL_ERROR", "message": "sparkSession is null"});
    for status in [400, 500, 501] {
        let warehouse = warehouse().await;
        let taken = Reply::json(&in_state("RUNNING"));
        warehouse.workspace.on("POST", STATEMENTS, [taken]);
        let company = company.clone();
        warehouse.workspace.always("GET", STATEMENT, move |_| {
            Reply::status(status).document(&company)
        });
        let error = lost_write(&warehouse).await;
        assert_eq!(warehouse.posts(), 1, "{status}");
        assert!(error.maybe_executed(), "{error:?}");
    }
}

#[tokio::test]
async fn a_gateway_that_repeats_what_the_service_says_proves_nothing() {
    let company = json!({"error_code": "INTERNAL_ERROR", "message": "sparkSession is null"});
    for status in [408, 500, 503, 504] {
        let warehouse = warehouse().await;
        let lost = Reply::status(status).document(&company);
        warehouse.workspace.on("POST", STATEMENTS, [lost]);
        let error = lost_write(&warehouse).await;
        assert_eq!(warehouse.posts(), 1, "{status}");
        assert!(error.maybe_executed(), "{error:?}");
    }
}

#[tokio::test]
async fn the_answer_for_another_statement_is_not_taken() {
    let warehouse = warehouse().await;
    let taken = Reply::json(&in_state("RUNNING"));
    warehouse.workspace.on("POST", STATEMENTS, [taken]);
    let mut other = with_attachment("SUCCEEDED", 1);
    other["statement_id"] = json!("another");
    warehouse
        .workspace
        .always("GET", STATEMENT, move |_| Reply::json(&other));
    let error = lost_write(&warehouse).await;
    assert_eq!(error.code(), ErrorCode::DataLoss);
    assert!(
        error.maybe_executed() && error.message().contains("another"),
        "{error:?}"
    );
    assert_eq!(warehouse.posts(), 1);
}

#[tokio::test(start_paused = true)]
async fn silence_after_the_sending_counts_as_lost() {
    let clock = Clock::hold();
    let warehouse = warehouse().await;
    let session = warehouse.open().await;
    warehouse.workspace.on("POST", STATEMENTS, [Reply::never()]);
    let step = Duration::from_secs(1);
    let (error, took) = clock.run(step, refusal(&session)).await;
    assert!(error.maybe_executed(), "{error:?}");
    assert_eq!(error.code(), ErrorCode::NetworkError);
    assert_eq!(took.as_secs(), http().silence_timeout.as_secs());
    assert_eq!(warehouse.posts(), 1);
}

#[tokio::test]
async fn refusals_are_neither_repeated_nor_doubted() {
    let warehouse = warehouse().await;
    let session = warehouse.open().await;
    for (at, status) in [400, 401, 403, 404, 409, 413].into_iter().enumerate() {
        let reply = Reply::status(status);
        warehouse.workspace.on("POST", STATEMENTS, [reply]);
        let error = refusal(&session).await;
        assert_eq!(error.http_status(), Some(status));
        assert!(!error.maybe_executed(), "{error:?}");
        assert_eq!(warehouse.posts(), at + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_are_waited_out_in_seconds_or_until_a_date() {
    type Case = (fn() -> Reply, f64, f64);
    let busy: [Case; 2] = [
        (|| Reply::status(429).header("retry-after", "7"), 7.0, 7.1),
        // The date is one by the clock of the service, which is an hour ahead.
        (
            || {
                let now = Utc::now() + TimeDelta::hours(1);
                Reply::status(429)
                    .header("date", &http_date(now))
                    .header("retry-after", &http_date(now + TimeDelta::seconds(30)))
            },
            20.0,
            31.1,
        ),
    ];
    let clock = Clock::hold();
    let warehouse = warehouse().await;
    let session = warehouse.open().await;
    for (at, (reply, least, most)) in busy.into_iter().enumerate() {
        let mut replies = Some(reply).into_iter();
        warehouse.workspace.maybe("POST", STATEMENTS, move |_| {
            replies.next().map(|reply| reply())
        });
        let step = Duration::from_millis(50);
        let (rows, _) = clock.run(step, fetch(&session)).await;
        assert_eq!(rows.unwrap(), [0]);
        let posts = warehouse.workspace.requests("POST", STATEMENTS);
        assert_eq!(posts.len(), 2 * at + 2);
        let waited = (posts[2 * at + 1].at - posts[2 * at].at).as_secs_f64();
        assert!((least..most).contains(&waited), "{waited}");
    }
}

#[tokio::test]
async fn lasting_refusal_of_more_requests_ends_with_the_attempts() {
    let warehouse = warehouse().await;
    let session = warehouse.open().await;
    warehouse
        .workspace
        .always("POST", STATEMENTS, |_| Reply::status(429));
    let error = refusal(&session).await;
    assert_eq!(error.code(), ErrorCode::ResourceExhausted);
    assert!(error.is_retryable() && !error.maybe_executed());
    assert_eq!(warehouse.posts(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_never_made_is_tried_again() {
    let clock = Clock::hold();
    let mut warehouse = warehouse().await;
    let session = warehouse.open().await;
    let url = warehouse.workspace.url();
    warehouse.workspace = Server::start().await;
    settle().await;
    let running = tokio::spawn(async move { fetch(&session).await });
    settle().await;
    let workspace = Server::start_at(&url).await;
    workspace.always("POST", STATEMENTS, |_| {
        Reply::json(&with_attachment("SUCCEEDED", 1))
    });
    clock.advance(Duration::from_millis(5)).await;
    let (rows, _) = clock.run(Duration::from_millis(1), running).await;
    assert_eq!(rows.unwrap().unwrap(), [0]);
    assert_eq!(workspace.count("POST", STATEMENTS), 1);
}

#[tokio::test]
async fn a_host_that_lets_nobody_in_is_given_up_soon() {
    let mut warehouse = warehouse().await;
    let session = warehouse.open().await;
    warehouse.workspace = Server::start().await;
    settle().await;
    let error = refusal(&session).await;
    assert_eq!(error.code(), ErrorCode::NetworkError);
    assert!(error.is_retryable() && !error.maybe_executed(), "{error:?}");
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_statement_sent_again_once() {
    let warehouse = warehouse().await;
    warehouse.workspace.maybe("POST", STATEMENTS, |request| {
        let stale = request.header("authorization") == Some("Bearer stale");
        stale.then(|| Reply::status(401))
    });
    let session = warehouse
        .open_as(Rotating::new(["stale", "fresh"]))
        .await
        .unwrap();
    assert_eq!(fetch(&session).await.unwrap(), [0]);
    assert_eq!(warehouse.posts(), 2);
}

#[tokio::test]
async fn a_token_that_stays_refused_ends_the_statement() {
    let warehouse = warehouse().await;
    warehouse
        .workspace
        .always("POST", STATEMENTS, |_| Reply::status(401));
    for (tokens, posts) in [(vec!["only"], 1), (vec!["a", "b", "c", "d"], 3)] {
        let session = warehouse.open_as(Rotating::new(tokens)).await.unwrap();
        let error = refusal(&session).await;
        assert_eq!(error.code(), ErrorCode::Unauthenticated);
        assert!(!error.maybe_executed());
        assert_eq!(warehouse.posts(), posts);
    }
}

#[tokio::test]
async fn a_dropped_execution_is_cancelled_and_closed_once_its_id_is_known() {
    let warehouse = warehouse().await;
    let session = warehouse.open().await;
    let (reply, release) = Reply::json(&in_state("RUNNING")).held();
    warehouse.workspace.on("POST", STATEMENTS, [reply]);
    tokio::select! {
        _ = execute(&session) => panic!("nothing was answered"),
        _ = warehouse.workspace.arrival("POST", STATEMENTS, 1) => {}
    }
    assert_eq!(warehouse.workspace.count("POST", CANCEL), 0);
    release.go();
    warehouse.workspace.arrival("POST", CANCEL, 1).await;
    warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
    assert_eq!(warehouse.posts(), 1);
    assert_eq!(warehouse.workspace.count("GET", STATEMENT), 0);
}

#[tokio::test]
async fn a_dropped_execution_that_was_over_already_is_closed() {
    let warehouse = warehouse().await;
    let session = warehouse.open().await;
    let (reply, release) = Reply::json(&without_rows("SUCCEEDED")).held();
    warehouse.workspace.on("POST", STATEMENTS, [reply]);
    tokio::select! {
        _ = execute(&session) => panic!("nothing was answered"),
        _ = warehouse.workspace.arrival("POST", STATEMENTS, 1) => {}
    }
    release.go();
    warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
    assert_eq!(warehouse.posts(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_execution_is_not_sent_again() {
    let clock = Clock::hold();
    for status in [429, 401, 400, 503] {
        let warehouse = warehouse().await;
        let source = Rotating::new(["a", "b"]);
        let session = warehouse.open_as(source).await.unwrap();
        let refused = json!({"message": "not a supported disposition"});
        let reply = Reply::status(status)
            .document(&refused)
            .header("retry-after", "0");
        let (reply, release) = reply.held();
        warehouse.workspace.on("POST", STATEMENTS, [reply]);
        let control = StatementControl::default();
        tokio::select! {
            _ = session.execute(query(), &control) => panic!("nothing was answered"),
            _ = warehouse.workspace.arrival("POST", STATEMENTS, 1) => {}
        }
        release.go();
        clock.advance(Duration::from_secs(60)).await;
        assert_eq!(warehouse.posts(), 1, "{status}");
    }
}
