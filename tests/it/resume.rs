//! Bodies that break off go on where they stopped, and first rows that come before their chunk is whole.

use std::time::Duration;

use arrow::array::{AsArray, Int64Array, StringArray};
use arrow::datatypes::Int64Type;
use databricks_sql_kernel::client::{ErrorCode, ResultStream};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use crate::clock::settle;
use crate::documents::{BODY, Table, stream_of, succeeded};
use crate::exchange::{Reply, Request};
use crate::warehouse::{Warehouse, execute, fetch, numbers};

const ROWS: i64 = 200_000;

/// A chunk of many batches.
pub(crate) fn plain_body(numbers: impl Iterator<Item = i64>) -> Vec<u8> {
    let column = Int64Array::from_iter_values(numbers);
    let batches: Vec<_> = (0..column.len())
        .step_by(4096)
        .map(|start| {
            let part = column.slice(start, 4096.min(column.len() - start));
            let part: arrow::array::ArrayRef = std::sync::Arc::new(part);
            arrow::array::RecordBatch::try_from_iter([("n", part)]).unwrap()
        })
        .collect();
    stream_of(&batches)
}

/// The same in one frame of many blocks, as the service writes them.
pub(crate) fn large_body(rows: i64, block_checksums: bool) -> Vec<u8> {
    let info = FrameInfo::new()
        .block_mode(BlockMode::Independent)
        .block_size(BlockSize::Max256KB)
        .block_checksums(block_checksums)
        .content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    std::io::Write::write_all(&mut encoder, &plain_body(0..rows)).unwrap();
    encoder.finish().unwrap()
}

fn table() -> Table {
    Table::new([ROWS.unsigned_abs()])
}

async fn warehouse() -> Warehouse {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&table());
    warehouse
}

/// Where the range begins that a request asks for.
pub(crate) fn range(request: &Request) -> Option<usize> {
    let range = request.header("range")?.strip_prefix("bytes=")?;
    Some(range.strip_suffix('-')?.parse().unwrap())
}

/// Answers with the rest that is asked for, of which only `most` bytes come.
pub(crate) fn part(body: &[u8], request: &Request, tag: &str, most: usize) -> Reply {
    let Some(start) = range(request) else {
        let cut = Reply::bytes(body.to_vec()).header("etag", tag);
        return cut.cut(most.min(body.len()));
    };
    let whole = body.len();
    let rest = body[start..].to_vec();
    let length = rest.len();
    let reply = Reply::status(206)
        .header("etag", tag)
        .header(
            "content-range",
            &format!("bytes {start}-{}/{whole}", whole - 1),
        )
        .body(rest);
    if length > most {
        reply.cut(most)
    } else {
        reply
    }
}

async fn open(warehouse: &Warehouse) -> ResultStream {
    execute(&warehouse.open().await)
        .await
        .unwrap()
        .into_stream()
}

#[tokio::test]
async fn a_body_goes_on_where_it_broke_off_however_often() {
    let warehouse = warehouse().await;
    let body = large_body(ROWS, true);
    let most = body.len() / 9;
    assert!(most > 70_000, "each part brings it forward: {most}");
    warehouse.storage.always("GET", BODY, move |request| {
        part(&body, request, "\"a\"", most)
    });
    assert_eq!(
        fetch(&warehouse.open().await).await.unwrap(),
        table().numbers()
    );
    let asked = warehouse.storage.requests("GET", BODY);
    assert!(asked.len() >= 9, "{}", asked.len());
    let mut starts: Vec<_> = asked[1..]
        .iter()
        .map(|request| range(request).unwrap())
        .collect();
    starts.dedup();
    assert!(starts.is_sorted() && starts.len() >= 8, "{starts:?}");
    for request in &asked {
        assert_eq!(request.header("accept-encoding"), Some("identity"));
    }
    assert!(
        asked[1..]
            .iter()
            .all(|request| request.header("if-range") == Some("\"a\""))
    );
    assert_eq!(asked[0].header("range"), None);
}

#[tokio::test]
async fn a_range_that_once_brings_nothing_does_not_undo_what_has_come() {
    let body = large_body(1_000_000, true);
    let most = body.len() / 20;
    assert!(most > 2 * (64 << 10), "each part brings it forward: {most}");
    let mut asked = 0;
    let warehouse = Warehouse::start().await;
    let table = Table::new([1_000_000]);
    warehouse.serve(&table);
    warehouse.storage.always("GET", BODY, move |request| {
        asked += 1;
        let most = if asked == 15 { 0 } else { most };
        part(&body, request, "\"a\"", most)
    });
    let rows = fetch(&warehouse.open().await).await.unwrap();
    assert!(rows == table.numbers(), "not the rows of the table");
    let requests = warehouse.storage.requests("GET", BODY);
    assert!(requests[1..].iter().all(|request| range(request).is_some()));
}

#[tokio::test]
async fn without_a_strong_tag_a_body_is_read_from_its_start() {
    for tag in [None, Some("W/\"a\"")] {
        let warehouse = warehouse().await;
        let body = large_body(ROWS, true);
        let whole = |tag: Option<&str>| {
            let reply = Reply::bytes(body.clone());
            tag.into_iter()
                .fold(reply, |reply, tag| reply.header("etag", tag))
        };
        let replies = [whole(tag).cut(body.len() / 2), whole(tag)];
        warehouse.storage.on("GET", BODY, replies);
        assert_eq!(
            fetch(&warehouse.open().await).await.unwrap(),
            table().numbers()
        );
        let asked = warehouse.storage.requests("GET", BODY);
        assert!(
            asked
                .iter()
                .all(|request| request.header("range").is_none())
        );
    }
}

#[tokio::test]
async fn a_whole_answer_to_a_range_is_passed_over_or_read_anew() {
    // The same body again, and another one of the same chunk.
    for tag in ["\"a\"", "\"b\""] {
        let warehouse = warehouse().await;
        let body = large_body(ROWS, true);
        let first = Reply::bytes(body.clone()).header("etag", "\"a\"");
        let again = Reply::bytes(body.clone()).header("etag", tag);
        warehouse
            .storage
            .on("GET", BODY, [first.cut(body.len() / 2), again]);
        assert_eq!(
            fetch(&warehouse.open().await).await.unwrap(),
            table().numbers()
        );
        assert_eq!(warehouse.storage.count("GET", BODY), 2);
    }
}

#[tokio::test]
async fn another_range_than_was_asked_for_is_no_rest() {
    let wrong = ["bytes 0-9/10", "bytes 7-9/10", "nonsense", "bytes */10"];
    for content_range in wrong {
        let warehouse = warehouse().await;
        let body = large_body(ROWS, true);
        let first = Reply::bytes(body.clone()).header("etag", "\"a\"");
        let other = Reply::status(206)
            .header("content-range", content_range)
            .body(body[..1000].to_vec());
        let good = Reply::bytes(body.clone()).header("etag", "\"a\"");
        warehouse
            .storage
            .on("GET", BODY, [first.cut(body.len() / 2), other, good]);
        let rows = fetch(&warehouse.open().await).await;
        assert_eq!(rows.unwrap(), table().numbers(), "{content_range}");
    }
}

#[tokio::test]
async fn where_no_range_is_the_rest_the_whole_is_read() {
    // Without a tag; of another body; of one of another length; less than the rest.
    let wrong = [
        (None, 0, 0),
        (Some("\"b\""), 0, 0),
        (Some("\"a\""), 1, 1),
        (Some("\"a\""), -1, 0),
    ];
    for (tag, end, total) in wrong {
        let warehouse = warehouse().await;
        let (body, mut asked) = (large_body(ROWS, true), 0);
        let other: Vec<u8> = body.iter().map(|byte| !byte).collect();
        warehouse.storage.always("GET", BODY, move |request| {
            asked += 1;
            let Some(start) = range(request) else {
                let whole = Reply::bytes(body.clone()).header("etag", "\"a\"");
                return if asked == 1 {
                    whole.cut(body.len() / 2)
                } else {
                    whole
                };
            };
            let length = i64::try_from(body.len()).unwrap();
            let range = format!("bytes {start}-{}/{}", length - 1 + end, length + total);
            let reply = Reply::status(206)
                .header("content-range", &range)
                .body(other[start..].to_vec());
            match tag {
                Some(tag) => reply.header("etag", tag),
                None => reply,
            }
        });
        let rows = fetch(&warehouse.open().await).await;
        assert_eq!(rows.unwrap(), table().numbers());
        assert_eq!(warehouse.storage.count("GET", BODY), 3);
    }
}

#[tokio::test]
async fn a_part_that_nobody_asked_for_is_no_body() {
    let warehouse = warehouse().await;
    let body = large_body(ROWS, true);
    warehouse.storage.always("GET", BODY, move |_| {
        Reply::status(206)
            .header("content-range", "bytes 0-9/10")
            .body(body.clone())
    });
    let error = fetch(&warehouse.open().await).await.unwrap_err();
    assert_eq!(error.http_status(), Some(206), "{error}");
}

#[tokio::test]
async fn a_range_that_is_gone_is_read_from_the_start() {
    let warehouse = warehouse().await;
    let body = large_body(ROWS, true);
    let whole = || Reply::bytes(body.clone()).header("etag", "\"a\"");
    let replies = [whole().cut(body.len() / 2), Reply::status(416), whole()];
    warehouse.storage.on("GET", BODY, replies);
    assert_eq!(
        fetch(&warehouse.open().await).await.unwrap(),
        table().numbers()
    );
}

/// Reads the first rows, and says how many there were.
async fn first_rows(stream: &mut ResultStream) -> usize {
    let batch = stream.next_batch().await.unwrap().unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), 0);
    batch.num_rows()
}

#[tokio::test]
async fn the_first_rows_come_before_the_first_chunk_is_whole() {
    let warehouse = warehouse().await;
    let body = large_body(ROWS, true);
    // The rest does not come before the first rows have been read.
    let (half, release) = Reply::bytes(body.clone()).stalled(body.len() / 2);
    warehouse.storage.on("GET", BODY, [half]);
    let mut stream = open(&warehouse).await;
    let rows = first_rows(&mut stream).await;
    assert!(rows > 0);
    release.go();
    let rest = numbers(&mut stream).await.unwrap();
    assert_eq!(rest, table().numbers()[rows..]);
}

#[tokio::test]
async fn rows_that_no_checksum_has_proved_wait_for_the_end() {
    let warehouse = warehouse().await;
    let body = large_body(ROWS, false);
    let (half, release) = Reply::bytes(body.clone()).stalled(body.len() / 2);
    warehouse.storage.on("GET", BODY, [half]);
    let mut stream = open(&warehouse).await;
    warehouse.storage.arrival("GET", BODY, 1).await;
    let early = tokio::time::timeout(Duration::from_millis(200), stream.next_batch()).await;
    assert!(early.is_err());
    release.go();
    assert_eq!(numbers(&mut stream).await.unwrap(), table().numbers());
}

#[tokio::test]
async fn rows_given_early_are_not_given_again_when_the_chunk_is_read_anew() {
    let warehouse = warehouse().await;
    let body = large_body(ROWS, true);
    let mut damaged = body.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let (half, release) = Reply::bytes(damaged).stalled(body.len() / 2);
    warehouse
        .storage
        .on("GET", BODY, [half, Reply::bytes(body)]);
    let mut stream = open(&warehouse).await;
    let rows = first_rows(&mut stream).await;
    release.go();
    let rest = numbers(&mut stream).await.unwrap();
    assert_eq!(rest, table().numbers()[rows..]);
    assert_eq!(warehouse.storage.count("GET", BODY), 2);
}

#[tokio::test]
async fn damage_behind_rows_given_early_is_data_loss() {
    let warehouse = warehouse().await;
    let mut body = large_body(ROWS, true);
    let last = body.len() - 1;
    body[last] ^= 1;
    warehouse
        .storage
        .always("GET", BODY, move |_| Reply::bytes(body.clone()));
    let mut stream = open(&warehouse).await;
    let error = loop {
        match stream.next_batch().await {
            Ok(batch) => assert!(batch.is_some(), "the result ended as if it were whole"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), ErrorCode::DataLoss);
    assert_eq!(
        stream.next_batch().await.unwrap_err().code(),
        ErrorCode::DataLoss
    );
}

#[tokio::test]
async fn a_chunk_read_anew_with_other_columns_is_data_loss() {
    let warehouse = warehouse().await;
    let body = large_body(ROWS, true);
    let texts = StringArray::from_iter_values((0..ROWS).map(|row| row.to_string()));
    let texts: arrow::array::ArrayRef = std::sync::Arc::new(texts);
    let other = arrow::array::RecordBatch::try_from_iter([("n", texts)]).unwrap();
    let (half, release) = Reply::bytes(body.clone()).stalled(body.len() / 2);
    warehouse.storage.always("GET", BODY, move |_| {
        Reply::bytes(stream_of(std::slice::from_ref(&other)))
    });
    warehouse.storage.on("GET", BODY, [half]);
    let mut stream = open(&warehouse).await;
    first_rows(&mut stream).await;
    release.drop_connection();
    let error = numbers(&mut stream).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DataLoss, "{error}");
}

#[tokio::test]
async fn closing_a_result_ends_its_downloads() {
    let warehouse = Warehouse::start().await;
    let table = Table {
        first: 30,
        ..Table::new([1000; 30])
    };
    warehouse.serve(&table);
    warehouse.answer(succeeded(
        &table.manifest(),
        &table.links(&warehouse.storage.url(), 0, 30),
    ));
    warehouse.storage.always("GET", BODY, |_| Reply::never());
    let mut stream = open(&warehouse).await;
    warehouse.storage.arrival("GET", BODY, 30).await;
    assert!(warehouse.storage.open_connections() >= 30);
    stream.close();
    for _ in 0..50 {
        settle().await;
    }
    assert_eq!(warehouse.storage.open_connections(), 0);
}
