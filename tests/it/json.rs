//! Results in the JSON format, inside the answers and behind links.

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use databricks_sql_kernel::client::{
    ErrorCode, ResultConfig, ResultStream, Session, SessionConfig,
};
use serde_json::{Value, json};

use crate::documents::{CHUNK, Table, succeeded};
use crate::exchange::Reply;
use crate::warehouse::{Warehouse, execute, http, numbers};

fn manifest(table: &Table) -> Value {
    let mut manifest = table.manifest();
    manifest["format"] = "JSON_ARRAY".into();
    manifest
        .as_object_mut()
        .unwrap()
        .remove("result_compression");
    manifest
}

fn rows(table: &Table, chunk: u64) -> Value {
    let cells = table.range(chunk).map(|number| json!([number.to_string()]));
    cells.collect()
}

fn data(table: &Table, chunk: u64) -> Value {
    let range = table.range(chunk);
    json!({
        "chunk_index": chunk,
        "row_offset": range.start,
        "row_count": range.end - range.start,
        "data_array": rows(table, chunk),
    })
}

async fn open(warehouse: &Warehouse) -> Session {
    let config = SessionConfig {
        results: ResultConfig {
            external_links: false,
            ..ResultConfig::default()
        },
        ..SessionConfig::default()
    };
    warehouse.open_with(http(), config).await.unwrap()
}

async fn stream(warehouse: &Warehouse) -> ResultStream {
    execute(&open(warehouse).await).await.unwrap().into_stream()
}

#[tokio::test]
async fn rows_of_texts_become_columns_of_their_types() {
    let warehouse = Warehouse::start().await;
    let mut manifest = manifest(&Table::new([3]));
    manifest["schema"] = json!({"column_count": 3, "columns": [
        {"name": "n", "type_text": "BIGINT", "type_name": "LONG", "position": 0},
        {"name": "s", "type_text": "STRING", "type_name": "STRING", "position": 1},
        {"name": "d", "type_text": "DECIMAL(4,2)", "type_name": "DECIMAL", "position": 2},
    ]});
    let cells = json!([["1", "a", "1.50"], [null, null, null], ["-3", "", "-0.01"]]);
    let result = json!({"row_count": 3, "data_array": cells});
    warehouse.answer(succeeded(&manifest, &result));
    let mut stream = stream(&warehouse).await;
    let types: Vec<_> = stream
        .schema()
        .await
        .unwrap()
        .fields()
        .iter()
        .map(|f| f.data_type().clone())
        .collect();
    assert_eq!(
        types,
        [DataType::Int64, DataType::Utf8, DataType::Decimal128(4, 2)]
    );
    let batch = stream.next_batch().await.unwrap().unwrap();
    let numbers = batch.column(0).as_primitive::<Int64Type>();
    assert_eq!(
        numbers.iter().collect::<Vec<_>>(),
        [Some(1), None, Some(-3)]
    );
    let texts = batch.column(1).as_string::<i32>();
    assert_eq!(
        texts.iter().collect::<Vec<_>>(),
        [Some("a"), None, Some("")]
    );
    assert!(stream.next_batch().await.unwrap().is_none());
}

#[tokio::test]
async fn further_chunks_are_asked_for_in_turn() {
    let warehouse = Warehouse::start().await;
    let table = Table::new([2, 3, 1]);
    warehouse.answer(succeeded(&manifest(&table), &data(&table, 0)));
    let listed = table.clone();
    warehouse.workspace.always("GET", CHUNK, move |request| {
        Reply::json(&data(&listed, request.number()))
    });
    let rows = numbers(&mut stream(&warehouse).await).await;
    assert_eq!(rows.unwrap(), table.numbers());
    assert_eq!(warehouse.workspace.count("GET", CHUNK), 2);
}

#[tokio::test]
async fn links_may_lead_to_json() {
    let warehouse = Warehouse::start().await;
    let table = Table::new([2, 3]);
    warehouse.serve(&table);
    let links = table.links(&warehouse.storage.url(), 0, 2);
    warehouse.answer(succeeded(&manifest(&table), &links));
    let stored = table.clone();
    warehouse
        .storage
        .always("GET", "/bodies/*", move |request| {
            Reply::bytes(rows(&stored, request.number()).to_string().into_bytes())
        });
    let rows = numbers(&mut stream(&warehouse).await).await;
    assert_eq!(rows.unwrap(), table.numbers());
}

#[tokio::test]
async fn no_rows_are_no_rows() {
    let warehouse = Warehouse::start().await;
    let mut manifest = manifest(&Table::new([]));
    manifest["total_chunk_count"] = json!(1);
    let empty = json!({"row_count": 0, "data_array": []});
    for result in [empty, json!({"data_array": []})] {
        warehouse.answer(succeeded(&manifest, &result));
        let mut stream = stream(&warehouse).await;
        assert_eq!(stream.schema().await.unwrap().fields().len(), 1);
        assert!(numbers(&mut stream).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn rows_that_are_not_what_was_announced_are_data_loss() {
    let table = Table::new([2]);
    let cells = [
        json!([["1"]]),
        json!([["1"], ["x"]]),
        json!([["1"], ["2", "3"]]),
        json!([["1"], []]),
        json!([["1"], ["99999999999999999999"]]),
    ];
    for cells in cells {
        let warehouse = Warehouse::start().await;
        let mut result = data(&table, 0);
        result["data_array"] = cells.clone();
        warehouse.answer(succeeded(&manifest(&table), &result));
        warehouse
            .workspace
            .always("GET", CHUNK, move |_| Reply::json(&result));
        let error = execute(&open(&warehouse).await).await.err().unwrap();
        assert_eq!(error.code(), ErrorCode::DataLoss, "{cells}: {error}");
    }
}
