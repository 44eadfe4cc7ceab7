//! A result is whole, or it is an error: never shorter, longer or in another order.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use databricks_sql_kernel::client::{Error, ErrorCode};
use serde_json::{Value, json};

use crate::documents::{
    BODY, CHUNK, STATEMENT_ID, Table, arrow_stream, chunk_body, lz4_frames, stream_of, succeeded,
};
use crate::exchange::Reply;
use crate::warehouse::{Warehouse, execute, fetch};

const DAMAGED: &str = "/bodies/2";

fn table() -> Table {
    Table::new([4, 4, 4, 4])
}

async fn warehouse() -> Warehouse {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&table());
    warehouse
}

/// Reads until the error that must come; what comes before it must be right, and what follows must
/// be errors, too.
async fn loss(warehouse: &Warehouse) -> Error {
    let session = warehouse.open().await;
    let mut stream = match execute(&session).await {
        Ok(executed) => executed.into_stream(),
        Err(error) => return error,
    };
    let mut rows = 0;
    let error = loop {
        match stream.next_batch().await {
            Ok(None) => panic!("{rows} rows were given as the whole result"),
            Ok(Some(batch)) => {
                let numbers = i64::try_from(batch.num_rows()).unwrap();
                let expected = Int64Array::from_iter_values(rows..rows + numbers);
                assert_eq!(batch.column(0).as_ref(), &expected);
                rows += numbers;
            }
            Err(error) => break error,
        }
    };
    for _ in 0..2 {
        let again = stream.next_batch().await.unwrap_err();
        assert_eq!(again.code(), ErrorCode::DataLoss);
        assert!(stream.schema().await.is_err());
    }
    assert_eq!(error.statement_id(), Some(STATEMENT_ID));
    assert!(!everything_of(&error).contains("s3cret"), "{error}");
    error
}

/// The texts of an error and of all its causes.
fn everything_of(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        write!(text, "{cause} {cause:?}").unwrap();
        source = cause.source();
    }
    text
}

async fn assert_loss(warehouse: &Warehouse, what: &str) {
    let error = loss(warehouse).await;
    assert_eq!(error.code(), ErrorCode::DataLoss, "{what}: {error}");
}

/// One byte differs.
fn flipped(mut body: Vec<u8>, at: usize) -> Vec<u8> {
    body[at] ^= 0x10;
    body
}

/// Bodies of chunk 2 that are not what was promised.
fn damaged_bodies() -> Vec<(String, Vec<u8>)> {
    let whole = table().body(2);
    let plain = arrow_stream("n", Int64Array::from_iter_values(8..12));
    let mut bodies = vec![
        ("nothing".to_owned(), Vec::new()),
        ("a page".to_owned(), b"<html>busy</html>".to_vec()),
        ("fewer rows".to_owned(), chunk_body(8..11)),
        ("no rows".to_owned(), chunk_body(8..8)),
        ("bytes at the end".to_owned(), [&*whole, b"more"].concat()),
        (
            "a cut Arrow stream".to_owned(),
            lz4_frames(&plain[..plain.len() - 8]),
        ),
        ("a cut plain stream".to_owned(), plain[..200].to_vec()),
    ];
    for length in [1, 5, whole.len() / 2, whole.len() - 4, whole.len() - 1] {
        let name = format!("{length} of {} bytes", whole.len());
        bodies.push((name, whole[..length].to_vec()));
    }
    for at in (0..whole.len()).step_by(23) {
        let name = format!("another byte {at}");
        bodies.push((name, flipped(whole.clone(), at)));
    }
    bodies
}

#[tokio::test]
async fn lasting_damage_to_a_chunk_is_data_loss() {
    let bodies = damaged_bodies();
    assert!(bodies.len() > 20);
    for (what, body) in bodies {
        let warehouse = warehouse().await;
        warehouse
            .storage
            .always("GET", DAMAGED, move |_| Reply::bytes(body.clone()));
        assert_loss(&warehouse, &what).await;
        let asked = warehouse.storage.count("GET", DAMAGED);
        assert!((2..=5).contains(&asked), "{what}: asked {asked} times");
    }
}

#[tokio::test]
async fn damage_that_a_second_fetch_mends_is_no_loss() {
    for (what, body) in damaged_bodies() {
        let warehouse = warehouse().await;
        warehouse.storage.on("GET", DAMAGED, [Reply::bytes(body)]);
        let rows = fetch(&warehouse.open().await).await;
        assert_eq!(rows.unwrap(), table().numbers(), "{what}");
        assert_eq!(warehouse.storage.count("GET", DAMAGED), 2, "{what}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_fetched_again() {
    let body = table().body(2);
    for length in [0, 1, body.len() - 1] {
        let warehouse = warehouse().await;
        let cut = Reply::bytes(body.clone()).cut(length);
        warehouse.storage.on("GET", DAMAGED, [cut]);
        let rows = fetch(&warehouse.open().await).await;
        assert_eq!(rows.unwrap(), table().numbers());
        assert_eq!(warehouse.storage.count("GET", DAMAGED), 2);
    }
}

#[tokio::test]
async fn a_body_that_always_breaks_off_is_data_loss() {
    let warehouse = warehouse().await;
    warehouse
        .storage
        .always("GET", DAMAGED, |_| Reply::bytes(table().body(2)).cut(40));
    assert_loss(&warehouse, "cut").await;
    assert_eq!(warehouse.storage.count("GET", DAMAGED), 5);
}

#[tokio::test]
async fn more_rows_than_declared_are_cut_off() {
    let warehouse = warehouse().await;
    warehouse
        .storage
        .always("GET", DAMAGED, |_| Reply::bytes(chunk_body(8..100)));
    let rows = fetch(&warehouse.open().await).await;
    assert_eq!(rows.unwrap(), table().numbers());
}

#[tokio::test]
async fn a_chunk_with_other_columns_is_data_loss() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a"; 4]));
    let small: ArrayRef = Arc::new(Int32Array::from(vec![1; 4]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1; 4]));
    let others = [
        vec![("n", texts)],
        vec![("n", small)],
        vec![("n", Arc::clone(&numbers)), ("m", numbers)],
    ];
    for columns in others {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let body = lz4_frames(&stream_of(&[batch]));
        let warehouse = warehouse().await;
        warehouse
            .storage
            .always("GET", DAMAGED, move |_| Reply::bytes(body.clone()));
        assert_loss(&warehouse, "columns").await;
    }
}

#[tokio::test]
async fn fewer_or_more_columns_than_the_manifest_has_are_data_loss() {
    for columns in [json!([]), json!([{"name": "n"}, {"name": "m"}])] {
        let warehouse = warehouse().await;
        let mut manifest = table().manifest();
        manifest["schema"]["columns"] = columns;
        let links = table().links(&warehouse.storage.url(), 0, 1);
        warehouse.answer(succeeded(&manifest, &links));
        assert_loss(&warehouse, "manifest").await;
    }
}

/// Answers for chunk 2 that are not what was asked for.
fn wrong_pages(storage: &str) -> Vec<(&'static str, Value)> {
    let link = |chunk| table().links(storage, chunk, 1);
    let mut two_moved = link(2);
    two_moved["external_links"][0]["chunk_index"] = json!(7);
    vec![
        ("no field", json!({})),
        ("no links", json!({"external_links": []})),
        ("null", json!({"external_links": null})),
        ("the page before", link(1)),
        ("the first page", link(0)),
        ("the page behind", link(3)),
        ("a page beyond", two_moved),
    ]
}

#[tokio::test]
async fn a_page_without_what_was_asked_for_is_data_loss() {
    for at in 0..7 {
        let warehouse = warehouse().await;
        let (what, page) = wrong_pages(&warehouse.storage.url()).swap_remove(at);
        let path = CHUNK.replacen("chunks/*", "chunks/2", 1);
        warehouse
            .workspace
            .always("GET", &path, move |_| Reply::json(&page));
        assert_loss(&warehouse, what).await;
        assert!(warehouse.workspace.count("GET", &path) <= 5);
    }
}

#[tokio::test]
async fn a_page_that_is_empty_once_is_asked_for_again() {
    for at in 0..7 {
        let warehouse = warehouse().await;
        let (what, page) = wrong_pages(&warehouse.storage.url()).swap_remove(at);
        let path = CHUNK.replacen("chunks/*", "chunks/2", 1);
        warehouse.workspace.on("GET", &path, [Reply::json(&page)]);
        let rows = fetch(&warehouse.open().await).await;
        assert_eq!(rows.unwrap(), table().numbers(), "{what}");
    }
}

#[tokio::test]
async fn counts_that_do_not_agree_are_data_loss() {
    type Change = fn(&mut Value, &mut Value);
    let changes: [(&str, Change); 8] = [
        ("more rows in all", |m, _| m["total_row_count"] = json!(17)),
        ("fewer rows in all", |m, _| m["total_row_count"] = json!(15)),
        ("rows but no chunks", |m, r| {
            m["total_chunk_count"] = json!(0);
            m["chunks"] = json!([]);
            *r = json!({});
        }),
        ("fewer chunks", |m, _| m["total_chunk_count"] = json!(3)),
        ("a first row", |_, r| {
            r["external_links"][0]["row_offset"] = json!(1);
        }),
        ("fewer rows in a chunk", |_, r| {
            r["external_links"][0]["row_count"] = json!(3);
        }),
        ("fewer rows in a chunk, uncounted", |m, r| {
            m.as_object_mut().unwrap().remove("total_row_count");
            r["external_links"][0]["row_count"] = json!(3);
        }),
        ("a last chunk that names another", |m, r| {
            m.as_object_mut().unwrap().remove("total_row_count");
            m["total_chunk_count"] = json!(1);
            m["chunks"] = json!([]);
            r["external_links"][0]["next_chunk_index"] = json!(1);
        }),
    ];
    for (what, change) in changes {
        let warehouse = warehouse().await;
        let mut manifest = table().manifest();
        let mut links = table().links(&warehouse.storage.url(), 0, 1);
        change(&mut manifest, &mut links);
        warehouse.answer(succeeded(&manifest, &links));
        assert_loss(&warehouse, what).await;
    }
}

#[tokio::test]
async fn a_chunk_too_many_is_data_loss() {
    let warehouse = warehouse().await;
    let mut manifest = table().manifest();
    manifest["total_chunk_count"] = json!(5);
    let links = table().links(&warehouse.storage.url(), 0, 1);
    warehouse.answer(succeeded(&manifest, &links));
    warehouse
        .workspace
        .always("GET", &CHUNK.replacen("chunks/*", "chunks/4", 1), |_| {
            Reply::json(&json!({"external_links": []}))
        });
    assert_loss(&warehouse, "a fifth chunk").await;
}

#[tokio::test]
async fn uncounted_chunks_that_do_not_follow_one_another_are_data_loss() {
    for next in [0, 1, 3, 9] {
        let warehouse = warehouse().await;
        let mut manifest = table().manifest();
        let fields = manifest.as_object_mut().unwrap();
        for field in ["total_chunk_count", "total_row_count", "chunks"] {
            fields.remove(field);
        }
        let storage = warehouse.storage.url();
        let first = table().links(&storage, 0, 1);
        warehouse.answer(succeeded(&manifest, &first));
        warehouse.workspace.always("GET", CHUNK, move |request| {
            let mut links = table().links(&storage, request.number(), 1);
            if request.number() == 1 {
                links["external_links"][0]["next_chunk_index"] = json!(next);
            }
            Reply::json(&links)
        });
        assert_loss(&warehouse, &format!("{next} after 1")).await;
    }
}

#[tokio::test]
async fn a_length_that_nobody_could_hold_is_refused_cheaply() {
    // A frame that declares 2 GiB and holds some bytes.
    let mut frame = vec![0x04, 0x22, 0x4D, 0x18, 0x68, 0x70];
    frame.extend_from_slice(&(2_u64 << 30).to_le_bytes());
    frame.extend_from_slice(&[0; 64]);
    let warehouse = warehouse().await;
    warehouse
        .storage
        .always("GET", BODY, move |_| Reply::bytes(frame.clone()));
    assert_loss(&warehouse, "length").await;
}
