//! Results inside the answers: attachments, one or many.

use arrow::array::Int64Array;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use databricks_sql_kernel::client::ErrorCode;
use serde_json::{Value, json};

use crate::documents::{CHUNK, Table, arrow_stream, lz4_frames, succeeded, with_attachment};
use crate::exchange::Reply;
use crate::warehouse::{Warehouse, execute, fetch};

fn attachment(table: &Table, chunk: u64, body: &[u8]) -> Value {
    let range = table.range(chunk);
    let mut data = json!({
        "chunk_index": chunk,
        "row_offset": range.start,
        "row_count": range.end - range.start,
        "attachment": BASE64_STANDARD.encode(body),
    });
    if chunk + 1 < table.chunks() {
        data["next_chunk_index"] = json!(chunk + 1);
    }
    data
}

#[tokio::test]
async fn an_attachment_is_the_result_without_further_requests() {
    let warehouse = Warehouse::start().await;
    warehouse.answer(with_attachment("SUCCEEDED", 3));
    let session = warehouse.open().await;
    assert_eq!(fetch(&session).await.unwrap(), [0, 1, 2]);
    assert_eq!(warehouse.workspace.count("GET", CHUNK), 0);
    assert!(warehouse.storage.log().is_empty());
}

#[tokio::test]
async fn the_compression_is_what_the_body_shows() {
    let table = Table::new([3]);
    let plain = arrow_stream("n", Int64Array::from_iter_values(0..3));
    let framed = lz4_frames(&plain);
    for body in [plain, framed] {
        for said in [json!("LZ4_FRAME"), json!("NONE"), json!(null)] {
            let warehouse = Warehouse::start().await;
            let mut manifest = table.manifest();
            manifest["result_compression"] = said.clone();
            warehouse.answer(succeeded(&manifest, &attachment(&table, 0, &body)));
            let rows = fetch(&warehouse.open().await).await;
            assert_eq!(rows.unwrap(), [0, 1, 2], "{said}");
        }
    }
}

#[tokio::test]
async fn further_chunks_come_inside_further_answers() {
    for names_next in [true, false] {
        let warehouse = Warehouse::start().await;
        let table = Table::new([2, 1, 3, 2]);
        let mut first = attachment(&table, 0, &table.body(0));
        if !names_next {
            first.as_object_mut().unwrap().remove("next_chunk_index");
        }
        warehouse.answer(succeeded(&table.manifest(), &first));
        let listed = table.clone();
        warehouse.workspace.always("GET", CHUNK, move |request| {
            let chunk = request.number();
            Reply::json(&attachment(&listed, chunk, &listed.body(chunk)))
        });
        let rows = fetch(&warehouse.open().await).await;
        assert_eq!(rows.unwrap(), table.numbers());
        assert_eq!(warehouse.workspace.count("GET", CHUNK), 3);
    }
}

#[tokio::test]
async fn uncounted_attachments_are_walked_to_the_last() {
    let warehouse = Warehouse::start().await;
    let table = Table::new([2, 1, 3]);
    let mut manifest = table.manifest();
    for field in ["total_chunk_count", "total_row_count", "chunks"] {
        manifest.as_object_mut().unwrap().remove(field);
    }
    warehouse.answer(succeeded(&manifest, &attachment(&table, 0, &table.body(0))));
    let listed = table.clone();
    warehouse.workspace.always("GET", CHUNK, move |request| {
        let chunk = request.number();
        Reply::json(&attachment(&listed, chunk, &listed.body(chunk)))
    });
    let rows = fetch(&warehouse.open().await).await;
    assert_eq!(rows.unwrap(), table.numbers());
}

#[tokio::test]
async fn an_empty_attachment_leaves_the_data_to_the_links() {
    for empty in [json!(""), json!(null)] {
        let warehouse = Warehouse::start().await;
        let table = Table::new([2, 2]);
        warehouse.serve(&table);
        let mut result = table.links(&warehouse.storage.url(), 0, 2);
        result["attachment"] = empty;
        warehouse.answer(succeeded(&table.manifest(), &result));
        let rows = fetch(&warehouse.open().await).await;
        assert_eq!(rows.unwrap(), [0, 1, 2, 3]);
    }
}

#[tokio::test]
async fn a_damaged_attachment_is_asked_for_again() {
    let table = Table::new([2]);
    let body = table.body(0);
    for damaged in [&body[..body.len() - 3], b"?"] {
        let warehouse = Warehouse::start().await;
        let result = attachment(&table, 0, damaged);
        warehouse.answer(succeeded(&table.manifest(), &result));
        let whole = attachment(&table, 0, &body);
        warehouse
            .workspace
            .always("GET", CHUNK, move |_| Reply::json(&whole));
        let rows = fetch(&warehouse.open().await).await;
        assert_eq!(rows.unwrap(), [0, 1]);
    }
}

#[tokio::test]
async fn a_damaged_attachment_that_nothing_replaces_is_data_loss() {
    let table = Table::new([2]);
    let mut not_base64 = attachment(&table, 0, b"");
    not_base64["attachment"] = json!("???");
    let damaged = [
        not_base64,
        attachment(&table, 0, &table.body(0)[..40]),
        attachment(&table, 0, &Table::new([1]).body(0)),
    ];
    for result in damaged {
        for gone in [true, false] {
            let warehouse = Warehouse::start().await;
            let mut document = succeeded(&table.manifest(), &result);
            document["status"]["state"] = json!("CLOSED");
            warehouse.answer(document);
            let same = result.clone();
            warehouse.workspace.always("GET", CHUNK, move |_| {
                if gone {
                    Reply::status(404)
                } else {
                    Reply::json(&same)
                }
            });
            let session = warehouse.open().await;
            let error = execute(&session).await.err().unwrap();
            assert_eq!(error.code(), ErrorCode::DataLoss, "{error}");
            assert!(error.statement_id().is_some());
        }
    }
}
