//! Statements: what is sent, how they are waited for, what their ends mean.

use std::time::Duration;

use databricks_sql_kernel::client::wire::StatementParameter;
use databricks_sql_kernel::client::{
    ErrorCode, HttpConfig, ResultConfig, SessionConfig, Statement, StatementControl,
};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::documents::{
    STATEMENT, STATEMENT_ID, STATEMENTS, Table, failed, in_state, with_attachment, without_rows,
};
use crate::exchange::Reply;
use crate::server::Server;
use crate::warehouse::{Warehouse, execute, fetch, http, numbers, query, refusal};

#[tokio::test]
async fn a_statement_asks_for_arrow_inline_or_behind_links() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    execute(&warehouse.open().await).await.unwrap();
    let posts = warehouse.workspace.requests("POST", STATEMENTS);
    assert_eq!(
        posts[0].body,
        json!({
            "warehouse_id": "w1",
            "session_id": "session-1",
            "statement": "SELECT n FROM numbers",
            "disposition": "INLINE_OR_EXTERNAL_LINKS",
            "format": "ARROW_STREAM",
            "result_compression": "LZ4_FRAME",
            "wait_timeout": "10s",
            "on_wait_timeout": "CONTINUE",
        })
    );
    assert_eq!(posts[0].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn parameters_go_by_name_or_by_place_and_limits_with_them() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    let session = warehouse.open().await;
    let parameter = |name: Option<&str>, ordinal, value: Option<&str>| StatementParameter {
        name: name.map(str::to_owned),
        ordinal,
        sql_type: "INT".into(),
        value: value.map(str::to_owned),
    };
    let sets = [
        vec![parameter(Some("a"), None, Some("1"))],
        vec![
            parameter(None, Some(1), Some("1")),
            parameter(None, Some(2), None),
        ],
    ];
    for parameters in sets {
        let statement = Statement {
            parameters,
            row_limit: Some(7),
            ..query()
        };
        let control = StatementControl::default();
        session.execute(statement, &control).await.unwrap();
        assert_eq!(control.statement_id().as_deref(), Some(STATEMENT_ID));
    }
    let posts = warehouse.workspace.requests("POST", STATEMENTS);
    assert_eq!(
        posts[0].body["parameters"],
        json!([{"name": "a", "type": "INT", "value": "1"}])
    );
    assert_eq!(
        posts[1].body["parameters"],
        json!([
            {"ordinal": 1, "type": "INT", "value": "1"},
            {"ordinal": 2, "type": "INT", "value": null},
        ])
    );
    assert_eq!(posts[1].body["row_limit"], 7);
}

#[tokio::test(start_paused = true)]
async fn polls_start_short_and_back_off_to_a_second() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    warehouse.answer(in_state("PENDING"));
    let mut states = ["PENDING"; 4].to_vec();
    states.extend(["RUNNING"; 3]);
    let polls = states.iter().map(|state| Reply::json(&in_state(state)));
    let last = Reply::json(&with_attachment("SUCCEEDED", 2));
    warehouse
        .workspace
        .on("GET", STATEMENT, polls.chain([last]));
    let session = warehouse.open().await;
    let (rows, _) = clock.run(Duration::from_millis(10), fetch(&session)).await;
    assert_eq!(rows.unwrap(), [0, 1]);
    let times: Vec<_> = warehouse
        .workspace
        .log()
        .iter()
        .filter(|request| request.path.contains("/statements") && request.method != "DELETE")
        .map(|request| request.at)
        .collect();
    let waits = times.windows(2).map(|pair| (pair[1] - pair[0]).as_millis());
    assert_eq!(
        waits.collect::<Vec<_>>(),
        [50, 100, 200, 400, 800, 1000, 1000, 1000]
    );
}

#[tokio::test]
async fn a_failed_statement_says_why() {
    let in_message = failed("[PARSE_SYNTAX_ERROR] Syntax error. SQLSTATE: 42601 (line 1, pos 0)\n");
    let mut in_status = failed("[DIVIDE_BY_ZERO] no");
    in_status["status"]["sql_state"] = "22012".into();
    let mut in_error = failed("no class");
    in_error["status"]["error"]["sql_state"] = "42P01".into();
    let cases = [
        (in_message, Some("42601"), Some("PARSE_SYNTAX_ERROR")),
        (in_status, Some("22012"), Some("DIVIDE_BY_ZERO")),
        (in_error, Some("42P01"), None),
        (failed("nothing known"), None, None),
    ];
    let warehouse = Warehouse::start().await;
    let session = warehouse.open().await;
    for (document, sql_state, class) in cases {
        warehouse.answer(document.clone());
        let error = refusal(&session).await;
        let message = &document["status"]["error"]["message"];
        assert_eq!(error.message(), message.as_str().unwrap());
        assert_eq!(error.code(), ErrorCode::SqlError);
        assert_eq!(error.sql_state(), sql_state);
        assert_eq!(error.error_class(), class);
        assert_eq!(error.vendor_code(), Some("BAD_REQUEST"));
        assert_eq!(error.statement_id(), Some(STATEMENT_ID));
        assert!(!error.is_retryable() && !error.maybe_executed());
    }
}

#[tokio::test]
async fn a_failure_keeps_what_the_service_adds_to_it() {
    let mut document = failed("m");
    document["status"]["diagnostic_info"] = "trace".into();
    document["status"]["display_message"] = "short".into();
    document["status"]["error_details_json"] = "{}".into();
    let warehouse = Warehouse::start().await;
    warehouse.answer(document);
    let error = refusal(&warehouse.open().await).await;
    assert_eq!(error.diagnostic_info(), Some("trace"));
    assert_eq!(error.display_message(), Some("short"));
    assert_eq!(error.details_json(), Some("{}"));
}

#[tokio::test]
async fn ends_without_success_are_errors() {
    let cases = [
        (in_state("CANCELED"), ErrorCode::Cancelled),
        (in_state("FAILED"), ErrorCode::SqlError),
        (in_state("MERGED"), ErrorCode::Unknown),
    ];
    let warehouse = Warehouse::start().await;
    let session = warehouse.open().await;
    for (document, code) in cases {
        warehouse.answer(in_state("PENDING"));
        let polled = Reply::json(&document);
        warehouse.workspace.on("GET", STATEMENT, [polled]);
        let error = refusal(&session).await;
        assert_eq!(error.code(), code, "{document}");
        assert_eq!(error.statement_id(), Some(STATEMENT_ID));
    }
    let posts = warehouse.posts();
    assert_eq!(posts, 3);
}

#[tokio::test]
async fn closed_with_data_is_success() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(with_attachment("CLOSED", 3));
    let session = warehouse.open().await;
    assert_eq!(fetch(&session).await.unwrap(), [0, 1, 2]);
}

#[tokio::test]
async fn results_may_be_empty_in_many_ways() {
    let mut empty_table = with_attachment("SUCCEEDED", 0);
    empty_table["manifest"]["total_chunk_count"] = 0.into();
    empty_table["manifest"]["chunks"] = json!([]);
    empty_table["result"] = json!({});
    let cases = [
        (in_state("SUCCEEDED"), 0),
        (in_state("CLOSED"), 0),
        (without_rows("SUCCEEDED"), 0),
        (without_rows("CLOSED"), 0),
        (with_attachment("SUCCEEDED", 0), 1),
        (empty_table, 1),
    ];
    let warehouse = Warehouse::start().await;
    let session = warehouse.open().await;
    for (document, columns) in cases {
        warehouse.answer(document.clone());
        let mut stream = execute(&session).await.unwrap().into_stream();
        assert_eq!(stream.columns().len(), columns, "{document}");
        assert_eq!(stream.schema().await.unwrap().fields().len(), columns);
        assert!(numbers(&mut stream).await.unwrap().is_empty(), "{document}");
    }
}

#[tokio::test]
async fn changed_rows_and_truncation_are_told() {
    let mut document = with_attachment("SUCCEEDED", 1);
    document["status"]["num_modified_rows"] = 12.into();
    document["manifest"]["truncated"] = true.into();
    let warehouse = Warehouse::start().await;
    warehouse.answer(document);
    let executed = execute(&warehouse.open().await).await.unwrap();
    assert_eq!(executed.id(), STATEMENT_ID);
    assert_eq!(executed.modified_rows(), Some(12));
    assert!(executed.stream().is_truncated());
    assert_eq!(executed.stream().total_rows(), Some(1));
}

fn hybrid_refused() -> Reply {
    Reply::status(400).document(&json!({
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "INLINE_OR_EXTERNAL_LINKS is not a supported disposition.",
    }))
}

fn dispositions(warehouse: &Warehouse) -> Vec<Value> {
    let posts = warehouse.workspace.requests("POST", STATEMENTS);
    let asked = posts.iter().map(|post| post.body["disposition"].clone());
    asked.collect()
}

#[tokio::test]
async fn a_host_that_refuses_hybrid_results_is_asked_for_links_from_then_on() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2]));
    warehouse
        .workspace
        .on("POST", STATEMENTS, [hybrid_refused()]);
    let session = warehouse.open().await;
    assert_eq!(fetch(&session).await.unwrap(), [0, 1]);
    assert_eq!(fetch(&warehouse.open().await).await.unwrap(), [0, 1]);
    assert_eq!(
        dispositions(&warehouse),
        [
            "INLINE_OR_EXTERNAL_LINKS",
            "EXTERNAL_LINKS",
            "EXTERNAL_LINKS"
        ]
    );
    let config = HttpConfig {
        user_agent: "another/1.0".into(),
        ..http()
    };
    let other = warehouse
        .open_with(config, SessionConfig::default())
        .await
        .unwrap();
    fetch(&other).await.unwrap();
    assert_eq!(dispositions(&warehouse)[3], "INLINE_OR_EXTERNAL_LINKS");
}

#[tokio::test]
async fn other_refusals_are_not_taken_for_that_one() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    let document = json!({"error_code": "BAD_REQUEST", "message": "no such parameter"});
    let other = Reply::status(400).document(&document);
    warehouse.workspace.on("POST", STATEMENTS, [other]);
    let session = warehouse.open().await;
    let error = refusal(&session).await;
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert_eq!(error.message(), "HTTP 400: no such parameter");
    fetch(&session).await.unwrap();
    assert_eq!(dispositions(&warehouse), ["INLINE_OR_EXTERNAL_LINKS"; 2]);
}

#[tokio::test]
async fn ids_are_percent_encoded_wherever_they_go() {
    let warehouse = Warehouse::start().await;
    let mut document = in_state("RUNNING");
    document["statement_id"] = "a/../b?c#d e".into();
    warehouse.answer(document);
    let mut done = with_attachment("SUCCEEDED", 1);
    done["statement_id"] = "a/../b?c#d e".into();
    warehouse
        .workspace
        .on("GET", STATEMENT, [Reply::json(&done)]);
    let session = warehouse.open().await;
    fetch(&session).await.unwrap();
    session.close().await;
    for method in ["GET", "DELETE"] {
        let asked = warehouse.workspace.requests(method, STATEMENT);
        assert_eq!(asked.len(), 1);
        assert_eq!(
            asked[0].path,
            "/api/2.0/sql/statements/a%2F..%2Fb%3Fc%23d%20e"
        );
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::start().await;
    elsewhere.always("GET", "/elsewhere", |_| {
        Reply::json(&with_attachment("SUCCEEDED", 1))
    });
    for status in [301, 302, 303, 307, 308] {
        let warehouse = Warehouse::start().await;
        let session = warehouse.open().await;
        warehouse.answer(in_state("RUNNING"));
        let location = format!("{}/elsewhere", elsewhere.url());
        let redirect = Reply::status(status).header("location", &location);
        warehouse.workspace.on("GET", STATEMENT, [redirect]);
        let error = refusal(&session).await;
        assert_eq!(error.http_status(), Some(status));

        let redirect = Reply::status(status).header("location", &location);
        warehouse.workspace.on("POST", STATEMENTS, [redirect]);
        let error = refusal(&session).await;
        assert_eq!(error.http_status(), Some(status));
    }
    assert!(elsewhere.log().is_empty());
}

#[tokio::test]
async fn without_external_links_json_is_asked_for_inline() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(without_rows("SUCCEEDED"));
    let config = SessionConfig {
        results: ResultConfig {
            external_links: false,
            ..ResultConfig::default()
        },
        ..SessionConfig::default()
    };
    let session = warehouse.open_with(http(), config).await.unwrap();
    execute(&session).await.unwrap();
    let posts = warehouse.workspace.requests("POST", STATEMENTS);
    assert_eq!(posts[0].body["disposition"], "INLINE");
    assert_eq!(posts[0].body["format"], "JSON_ARRAY");
    assert_eq!(posts[0].body["result_compression"], Value::Null);
}

#[tokio::test]
async fn statements_of_one_session_run_side_by_side() {
    let warehouse = Warehouse::start().await;
    let (first, release) = Reply::json(&with_attachment("SUCCEEDED", 1)).held();
    warehouse.answer(with_attachment("SUCCEEDED", 2));
    warehouse.workspace.on("POST", STATEMENTS, [first]);
    let session = warehouse.open().await;
    let slow = tokio::spawn({
        let session = session.clone();
        async move { fetch(&session).await }
    });
    warehouse.workspace.arrival("POST", STATEMENTS, 1).await;
    assert_eq!(fetch(&session).await.unwrap(), [0, 1]);
    release.go();
    assert_eq!(slow.await.unwrap().unwrap(), [0]);
}
