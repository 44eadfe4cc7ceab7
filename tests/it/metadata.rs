//! Metadata statements: what is sent, what is made of the answers, and which failures mean nothing.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use databricks_sql_kernel::client::metadata::Table;
use databricks_sql_kernel::client::{ErrorCode, StatementControl};
use serde_json::{Value, json};

use crate::clock::{Clock, settle};
use crate::documents::{
    STATEMENT, STATEMENT_ID, STATEMENTS, failed, in_state, lz4_frames, stream_of, succeeded,
};
use crate::exchange::{Reply, Request};
use crate::warehouse::Warehouse;

/// An answer of text columns.
fn texts(columns: &[(&str, &[Option<&str>])], native: bool) -> Value {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, _)| Field::new(*name, DataType::Utf8, true))
        .collect();
    let arrays: Vec<ArrayRef> = columns
        .iter()
        .map(|(_, values)| Arc::new(StringArray::from(values.to_vec())) as ArrayRef)
        .collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let rows = batch.num_rows();
    let described: Vec<Value> = columns
        .iter()
        .map(|(name, _)| json!({"name": name, "type_text": "STRING", "type_name": "STRING"}))
        .collect();
    let manifest = json!({
        "format": "ARROW_STREAM",
        "schema": {"column_count": columns.len(), "columns": described},
        "total_chunk_count": 1,
        "total_row_count": rows,
        "result_compression": "LZ4_FRAME",
        "is_native_metadata_result": native,
    });
    let attachment = BASE64_STANDARD.encode(lz4_frames(&stream_of(&[batch])));
    let result =
        json!({"chunk_index": 0, "row_offset": 0, "row_count": rows, "attachment": attachment});
    succeeded(&manifest, &result)
}

fn sql(request: &Request) -> String {
    request.body["statement"].as_str().unwrap().to_owned()
}

fn column(table: &Table, name: &str) -> Vec<Option<String>> {
    table
        .batches
        .iter()
        .flat_map(|batch| {
            let column = batch
                .column_by_name(name)
                .unwrap()
                .as_string::<i32>()
                .clone();
            (0..column.len())
                .map(|row| column.is_valid(row).then(|| column.value(row).to_owned()))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn sent(warehouse: &Warehouse) -> Vec<String> {
    let posts = warehouse.workspace.requests("POST", STATEMENTS);
    posts.iter().map(sql).collect()
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

const SYNTAX: &str = "[PARSE_SYNTAX_ERROR] Syntax error at or near 'ALL'. SQLSTATE: 42601";

#[tokio::test]
async fn statements_are_marked_as_metadata() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(texts(&[("catalog", &[Some("main")])], false));
    let session = warehouse.open().await;
    let table = session.metadata().catalogs().await.unwrap();
    assert_eq!(column(&table, "TABLE_CAT"), some(&["main"]));
    let request = &warehouse.workspace.requests("POST", STATEMENTS)[0];
    let operation = request.header("x-databricks-metadata-operation-type");
    assert_eq!(operation, Some("GetCatalogs"));
    for name in [
        "x-databricks-sea-can-run-fully-sync",
        "x-databricks-require-thrift-native-metadata",
    ] {
        assert_eq!(request.header(name), Some("true"));
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(texts(&[("catalog", &[Some("main")])], false));
    warehouse
        .workspace
        .on("POST", STATEMENTS, [Reply::status(503), Reply::closed()]);
    let session = warehouse.open().await;
    session.metadata().catalogs().await.unwrap();
    assert_eq!(warehouse.posts(), 3);
}

#[tokio::test]
async fn all_catalogs_are_asked_one_by_one_where_they_must_be() {
    let warehouse = Warehouse::start().await;
    warehouse.workspace.always("POST", STATEMENTS, |request| {
        Reply::json(&match sql(request).as_str() {
            "SHOW SCHEMAS IN ALL CATALOGS LIKE 's*'" => failed(SYNTAX),
            "SHOW CATALOGS" => texts(&[("catalog", &[Some("a"), Some("b")])], false),
            "SHOW SCHEMAS IN `a` LIKE 's*'" => texts(&[("databaseName", &[Some("sa")])], false),
            "SHOW SCHEMAS IN `b` LIKE 's*'" => failed("[SCHEMA_NOT_FOUND] gone"),
            other => panic!("{other}"),
        })
    });
    let session = warehouse.open().await;
    let table = session.metadata().schemas(None, Some("s%")).await.unwrap();
    assert_eq!(column(&table, "TABLE_SCHEM"), some(&["sa"]));
    assert_eq!(column(&table, "TABLE_CATALOG"), some(&["a"]));
}

#[tokio::test]
async fn a_catalog_pattern_asks_the_catalogs_that_match() {
    let warehouse = Warehouse::start().await;
    warehouse.workspace.always("POST", STATEMENTS, |request| {
        Reply::json(&match sql(request).as_str() {
            "SHOW CATALOGS" => texts(
                &[("catalog", &[Some("main"), Some("other"), Some("map")])],
                false,
            ),
            "SHOW TABLES IN CATALOG `main`" => tables("main", "t2"),
            "SHOW TABLES IN CATALOG `map`" => tables("map", "t1"),
            "SHOW TABLES IN CATALOG `my_cat`" => tables("my_cat", "t3"),
            other => panic!("{other}"),
        })
    });
    let session = warehouse.open().await;
    let metadata = session.metadata();
    let table = metadata
        .tables(Some("ma%"), None, None, None)
        .await
        .unwrap();
    assert_eq!(column(&table, "TABLE_NAME"), some(&["t2", "t1"]));
    let types = [String::from("view")];
    let views = metadata
        .tables(Some("ma%"), None, None, Some(&types))
        .await
        .unwrap();
    assert!(column(&views, "TABLE_NAME").is_empty());
    let literal = metadata
        .tables(Some("my\\_cat"), None, None, None)
        .await
        .unwrap();
    assert_eq!(column(&literal, "TABLE_NAME"), some(&["t3"]));
}

fn tables(catalog: &str, table: &str) -> Value {
    texts(
        &[
            ("namespace", &[Some("s")]),
            ("tableName", &[Some(table)]),
            ("catalogName", &[Some(catalog)]),
            ("tableType", &[None]),
            ("remarks", &[None]),
        ],
        false,
    )
}

#[tokio::test]
async fn a_table_without_a_type_is_a_table() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(tables("c", "t"));
    let session = warehouse.open().await;
    let table = session
        .metadata()
        .tables(Some("c"), None, None, None)
        .await
        .unwrap();
    assert_eq!(column(&table, "TABLE_TYPE"), some(&["TABLE"]));
    assert_eq!(column(&table, "REMARKS"), some(&[""]));
}

#[tokio::test]
async fn what_is_not_there_gives_no_rows_and_other_failures_are_told() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(failed(
        "[NO_SUCH_CATALOG_EXCEPTION] Catalog 'x' was not found.",
    ));
    let session = warehouse.open().await;
    let metadata = session.metadata();
    assert!(
        metadata
            .columns(Some("x"), None, None, None)
            .await
            .unwrap()
            .batches
            .is_empty()
    );
    assert!(
        metadata
            .primary_keys("x", "s", "t")
            .await
            .unwrap()
            .batches
            .is_empty()
    );
    assert_eq!(warehouse.posts(), 2);
    assert!(
        metadata
            .schemas(Some(""), None)
            .await
            .unwrap()
            .batches
            .is_empty()
    );
    assert_eq!(warehouse.posts(), 2);
    warehouse.answer(failed("[INSUFFICIENT_PERMISSIONS] no. SQLSTATE: 42501"));
    let error = metadata.catalogs().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::SqlError);
}

#[tokio::test]
async fn native_answers_pass_and_must_have_their_columns() {
    let warehouse = Warehouse::start().await;
    let names: &[Option<&str>] = &[Some("s1")];
    let native = [("TABLE_SCHEM", names), ("TABLE_CATALOG", &[Some("c")])];
    warehouse.answer(texts(&native, true));
    let session = warehouse.open().await;
    let table = session.metadata().schemas(None, None).await.unwrap();
    assert_eq!(column(&table, "TABLE_CATALOG"), some(&["c"]));
    warehouse.answer(texts(&native[..1], true));
    let error = session.metadata().schemas(None, None).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DataLoss);
}

#[tokio::test]
async fn functions_are_those_of_the_current_catalog_where_none_is_named() {
    let warehouse = Warehouse::start().await;
    warehouse.workspace.always("POST", STATEMENTS, |request| {
        Reply::json(&match sql(request).as_str() {
            "SELECT CURRENT_CATALOG()" => texts(&[("c", &[Some("here")])], false),
            _ => texts(
                &[
                    ("catalogName", &[Some("here")]),
                    ("functionName", &[Some("f")]),
                ],
                false,
            ),
        })
    });
    let session = warehouse.open().await;
    let table = session
        .metadata()
        .functions(None, None, None)
        .await
        .unwrap();
    assert_eq!(column(&table, "FUNCTION_NAME"), some(&["f"]));
    assert_eq!(
        sent(&warehouse)[1],
        "SHOW FUNCTIONS IN CATALOG `here` LIKE '*'"
    );
}

#[tokio::test]
async fn foreign_keys_can_be_those_to_one_parent() {
    let warehouse = Warehouse::start().await;
    let parents: &[Option<&str>] = &[Some("p1"), Some("p2")];
    let same: &[Option<&str>] = &[Some("x"), Some("x")];
    warehouse.answer(texts(
        &[
            ("parentTableName", parents),
            ("parentColName", same),
            ("tableName", same),
            ("col_name", same),
        ],
        false,
    ));
    let session = warehouse.open().await;
    let parent = [None, None, Some("p2")];
    let table = session
        .metadata()
        .foreign_keys(parent, "c", "s", "t")
        .await
        .unwrap();
    assert_eq!(column(&table, "PKTABLE_NAME"), some(&["p2"]));
}

#[tokio::test]
async fn a_cancel_between_two_statements_is_heeded() {
    let warehouse = Warehouse::start().await;
    let control = StatementControl::default();
    let user = control.clone();
    warehouse.workspace.always("POST", STATEMENTS, move |_| {
        user.cancel();
        Reply::json(&texts(&[("c", &[Some("here")])], false))
    });
    let session = warehouse.open().await;
    let metadata = session.metadata().steered(&control, None);
    let error = metadata.functions(None, None, None).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert_eq!(error.statement_id(), Some(STATEMENT_ID));
    assert_eq!(sent(&warehouse), ["SELECT CURRENT_CATALOG()"]);
}

#[tokio::test(start_paused = true)]
async fn the_statements_of_a_question_share_its_time() {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    let (first, release) = Reply::json(&texts(&[("c", &[Some("here")])], false)).held();
    warehouse.answer(in_state("RUNNING"));
    warehouse.workspace.on("POST", STATEMENTS, [first]);
    warehouse
        .workspace
        .always("GET", STATEMENT, |_| Reply::json(&in_state("RUNNING")));
    let session = warehouse.open().await;
    let (control, limit) = (StatementControl::default(), Duration::from_secs(10));
    let metadata = session.metadata().steered(&control, Some(limit));
    let asking = tokio::spawn(async move { metadata.functions(None, None, None).await });
    settle().await;
    clock.advance(Duration::from_secs(6)).await;
    release.go();
    let (ended, took) = clock.run(Duration::from_millis(100), asking).await;
    let error = ended.unwrap().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Timeout);
    assert!(error.message().contains("time-out of 10s"), "{error}");
    assert_eq!(error.statement_id(), Some(STATEMENT_ID));
    assert!((3..=4).contains(&took.as_secs()), "{took:?}");
    assert_eq!(warehouse.posts(), 2);
    // Nothing is held beyond what is left.
    let posts = warehouse.workspace.requests("POST", STATEMENTS);
    assert_eq!(posts[1].body["wait_timeout"], "0s");
    warehouse.workspace.arrival("DELETE", STATEMENT, 1).await;
}
