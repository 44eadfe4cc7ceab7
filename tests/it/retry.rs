//! What changes nothing is repeated, within its attempts and its budget.

use std::time::Duration;

use databricks_sql_kernel::client::{
    Error, ErrorCode, HttpConfig, RetryConfig, RetryPolicy, SessionConfig,
};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::documents::{BODY, CHUNK, SESSION, SESSIONS, STATEMENT, Table, in_state, succeeded};
use crate::exchange::Reply;
use crate::server::Server;
use crate::warehouse::{Warehouse, fetch, http};

/// A warehouse whose statements have to be polled, and their result asked for.
async fn warehouse() -> Warehouse {
    let warehouse = Warehouse::start().await;
    let table = Table::new([2, 2]);
    warehouse.serve(&table);
    let links = table.links(&warehouse.storage.url(), 0, 1);
    let done = succeeded(&table.manifest(), &links);
    warehouse.answer(in_state("PENDING"));
    warehouse
        .workspace
        .always("GET", STATEMENT, move |_| Reply::json(&done));
    warehouse
}

/// What can be repeated: the server, method and path.
const PHASES: [(bool, &str, &str); 6] = [
    (false, "POST", SESSIONS),
    (false, "GET", STATEMENT),
    (false, "GET", CHUNK),
    (true, "GET", "/bodies/1"),
    (false, "DELETE", STATEMENT),
    (false, "DELETE", SESSION),
];

fn server(warehouse: &Warehouse, storage: bool) -> &Server {
    if storage {
        &warehouse.storage
    } else {
        &warehouse.workspace
    }
}

/// Opens, executes, reads and closes.
async fn whole(warehouse: &Warehouse, http: HttpConfig) -> Result<Vec<i64>, Error> {
    let session = warehouse.open_with(http, SessionConfig::default()).await?;
    let rows = fetch(&session).await;
    session.close().await;
    rows
}

#[tokio::test(start_paused = true)]
async fn passing_failures_are_got_over_in_every_phase() {
    let faults: [fn() -> Reply; 8] = [
        || Reply::status(500),
        || Reply::status(502),
        || Reply::status(503),
        || Reply::status(503).header("retry-after", "0"),
        || Reply::status(504),
        || Reply::status(429),
        Reply::closed,
        || Reply::json(&json!({"statement_id": "x"})).cut(5),
    ];
    let (clock, step) = (Clock::hold(), Duration::from_millis(10));
    for (storage, method, path) in PHASES {
        let warehouse = warehouse().await;
        let broken = server(&warehouse, storage);
        for fault in faults {
            let before = broken.count(method, path);
            broken.on(method, path, [fault(), fault()]);
            let (rows, _) = clock.run(step, whole(&warehouse, http())).await;
            assert_eq!(rows.unwrap(), [0, 1, 2, 3], "{path} {:?}", fault());
            assert_eq!(broken.count(method, path), before + 3, "{path}");
        }
    }
}

#[tokio::test]
async fn lasting_failures_end_with_the_attempts() {
    for (storage, method, path) in &PHASES[..4] {
        let warehouse = warehouse().await;
        let broken = server(&warehouse, *storage);
        broken.always(method, path, |_| Reply::status(503));
        let error = whole(&warehouse, http()).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable, "{path}");
        assert_eq!(error.http_status(), Some(503));
        assert!(error.is_retryable() && !error.maybe_executed());
        assert_eq!(broken.count(method, path), 5, "{path}");
    }
}

#[tokio::test]
async fn refusals_are_final() {
    let codes = [
        (400, ErrorCode::InvalidArgument),
        (401, ErrorCode::Unauthenticated),
        (403, ErrorCode::PermissionDenied),
        (404, ErrorCode::NotFound),
        (501, ErrorCode::Internal),
    ];
    for (_, method, path) in &PHASES[..3] {
        for (status, code) in codes {
            let warehouse = warehouse().await;
            warehouse
                .workspace
                .always(method, path, move |_| Reply::status(status));
            let error = whole(&warehouse, http()).await.unwrap_err();
            assert_eq!(error.code(), code, "{path}");
            assert_eq!(error.http_status(), Some(status));
            assert_eq!(warehouse.workspace.count(method, path), 1, "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_attempt_starts_after_the_budget() {
    let clock = Clock::hold();
    let warehouse = warehouse().await;
    warehouse.workspace.always("GET", STATEMENT, |_| {
        Reply::status(503).header("retry-after", "4")
    });
    let config = HttpConfig {
        retry: RetryPolicy::uniform(RetryConfig {
            max_attempts: 100,
            budget: Duration::from_secs(10),
            ..http().retry.control
        }),
        ..http()
    };
    let session = warehouse
        .open_with(config, SessionConfig::default())
        .await
        .unwrap();
    let step = Duration::from_millis(10);
    let (ended, took) = clock.run(step, fetch(&session)).await;
    assert_eq!(ended.unwrap_err().code(), ErrorCode::Unavailable);
    assert_eq!(warehouse.workspace.count("GET", STATEMENT), 3);
    assert!((8..=9).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn waits_grow_and_stay_below_their_bounds() {
    let clock = Clock::hold();
    let warehouse = warehouse().await;
    warehouse
        .workspace
        .always("GET", STATEMENT, |_| Reply::status(500));
    let config = HttpConfig {
        retry: RetryPolicy::uniform(RetryConfig {
            min_wait: Duration::from_secs(1),
            max_wait: Duration::from_secs(4),
            max_attempts: 6,
            budget: Duration::from_secs(900),
        }),
        ..http()
    };
    let session = warehouse
        .open_with(config, SessionConfig::default())
        .await
        .unwrap();
    let step = Duration::from_millis(50);
    let (ended, _) = clock.run(step, fetch(&session)).await;
    assert_eq!(ended.unwrap_err().code(), ErrorCode::Internal);
    let polls = warehouse.workspace.requests("GET", STATEMENT);
    assert_eq!(polls.len(), 6);
    let bounds = [1.0, 2.0, 4.0, 4.0, 4.0];
    for (pair, bound) in polls.windows(2).zip(bounds) {
        let wait = (pair[1].at - pair[0].at).as_secs_f64();
        assert!(wait <= bound + 0.1, "{wait} {bound}");
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_failure_like_others() {
    let clock = Clock::hold();
    for (storage, method, path) in [(false, "GET", STATEMENT), (true, "GET", BODY)] {
        let warehouse = warehouse().await;
        let broken = server(&warehouse, storage);
        broken.on(method, path, [Reply::never()]);
        let session = warehouse.open().await;
        let step = Duration::from_millis(500);
        let (rows, took) = clock.run(step, fetch(&session)).await;
        assert_eq!(rows.unwrap(), [0, 1, 2, 3]);
        assert!((60..=62).contains(&took.as_secs()), "{took:?}");
    }
}

/// The error that comes of a refused poll.
async fn refused(reply: Reply) -> Error {
    let warehouse = warehouse().await;
    warehouse.workspace.on("GET", STATEMENT, [reply]);
    whole(&warehouse, http()).await.unwrap_err()
}

#[tokio::test]
async fn documents_of_refusals_may_have_many_shapes() {
    let message = "[A_CLASS] it is so. SQLSTATE: 42501";
    let cases = [
        (
            json!({"error_code": "DENIED", "message": message}),
            "DENIED",
        ),
        (json!({"error_code": 403, "message": message}), "403"),
        (
            json!({"error": {"error_code": "DENIED", "message": message}}),
            "DENIED",
        ),
        (
            json!({"error_code": "DENIED", "message": message, "details": [{"@type": "t"}]}),
            "DENIED",
        ),
    ];
    for (document, code) in cases {
        let error = refused(Reply::status(403).document(&document)).await;
        assert_eq!(error.message(), format!("HTTP 403: {message}"));
        assert_eq!(error.vendor_code(), Some(code), "{document}");
        assert_eq!(error.error_class(), Some("A_CLASS"));
        assert_eq!(error.sql_state(), Some("42501"));
        assert_eq!(error.code(), ErrorCode::PermissionDenied);
    }
}

#[tokio::test]
async fn pages_of_proxies_are_not_quoted() {
    let page = || Reply::status(403).body(b"<html>s3cret page</html>".to_vec());
    let named = page().header("x-databricks-reason-phrase", "the reason");
    let odd: Value = json!({"message": {"s3cret": 1}});
    for (reply, has_reason) in [
        (page(), false),
        (named, true),
        (Reply::status(403).document(&odd), false),
        (Reply::status(403).body(vec![b'x'; 1 << 20]), false),
        (page().cut(4), false),
    ] {
        let error = refused(reply).await;
        assert_eq!(error.http_status(), Some(403));
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
        assert_eq!(error.message().contains("the reason"), has_reason);
    }
}

#[tokio::test]
async fn answers_that_are_no_documents_are_asked_for_again_and_not_quoted() {
    let garbage = || Reply::bytes(b"s3cret".to_vec());
    let warehouse = warehouse().await;
    warehouse
        .workspace
        .on("GET", STATEMENT, [garbage(), Reply::json(&json!([]))]);
    let rows = whole(&warehouse, http()).await.unwrap();
    assert_eq!(rows, [0, 1, 2, 3]);
    warehouse
        .workspace
        .always("GET", STATEMENT, move |_| garbage());
    let error = whole(&warehouse, http()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DataLoss);
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
}
