//! Results behind links: what is asked for, how often, and of whom.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use databricks_sql_kernel::client::ErrorCode;
use serde_json::{Value, json};

use crate::clock::{Clock, settle};
use crate::documents::{
    BODY, CHUNK, STATEMENT_ID, STATEMENTS, Table, expiration, http_date, succeeded,
};
use crate::exchange::{Reply, Request};
use crate::server::Server;
use crate::warehouse::{Warehouse, fetch};

/// Fails when a chunk was asked for twice, at the workspace or at storage.
pub(crate) fn assert_each_once(warehouse: &Warehouse, table: &Table) {
    let asked = warehouse.workspace.requests("GET", CHUNK);
    let mut asked: Vec<_> = asked.iter().map(Request::number).collect();
    let read = warehouse.storage.requests("GET", BODY);
    let mut read: Vec<_> = read.iter().map(Request::number).collect();
    asked.sort_unstable();
    read.sort_unstable();
    assert!(asked.windows(2).all(|pair| pair[0] < pair[1]), "{asked:?}");
    assert_eq!(read, (0..table.chunks()).collect::<Vec<_>>());
}

#[tokio::test]
async fn each_chunk_is_asked_for_once_however_many_links_a_page_has() {
    // Links in the first answer, links a page, pages that are asked for.
    let cases = [
        (1, 1, 39),
        (3, 3, 13),
        (8, 16, 4),
        (32, 32, 1),
        (40, 1, 0),
        (40, 40, 0),
    ];
    for (first, page, pages) in cases {
        let warehouse = Warehouse::start().await;
        let table = Table {
            first,
            page,
            ..Table::new([3; 40])
        };
        warehouse.serve(&table);
        let rows = fetch(&warehouse.open().await).await.unwrap();
        assert_eq!(rows, table.numbers());
        assert_each_once(&warehouse, &table);
        // How many links a page has is known only when one has come.
        let asked = warehouse.workspace.count("GET", CHUNK);
        assert!(
            u64::try_from(asked).unwrap() >= (40 - first).div_ceil(page) && asked <= pages,
            "{page}: {asked}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_chunk_is_asked_for_once_on_many_threads() {
    for page in [1, 3, 32] {
        let warehouse = Warehouse::start().await;
        let table = Table {
            page,
            ..Table::new([3; 100])
        };
        warehouse.serve(&table);
        let rows = fetch(&warehouse.open().await).await.unwrap();
        assert_eq!(rows, table.numbers());
        assert_each_once(&warehouse, &table);
    }
}

#[tokio::test]
async fn links_may_come_in_any_order() {
    let warehouse = Warehouse::start().await;
    let table = Table::new([2, 1, 3, 2]);
    warehouse.serve(&table);
    let mut links = table.links(&warehouse.storage.url(), 0, 4);
    links["external_links"].as_array_mut().unwrap().reverse();
    warehouse.answer(succeeded(&table.manifest(), &links));
    assert_eq!(
        fetch(&warehouse.open().await).await.unwrap(),
        table.numbers()
    );
    assert_each_once(&warehouse, &table);
}

#[tokio::test]
async fn nothing_but_the_count_need_be_known_of_later_chunks() {
    let warehouse = Warehouse::start().await;
    let table = Table::new([2, 1, 3]);
    warehouse.serve(&table);
    let mut manifest = table.manifest();
    manifest["chunks"] = json!([]);
    warehouse.answer(succeeded(&manifest, &json!({})));
    assert_eq!(
        fetch(&warehouse.open().await).await.unwrap(),
        table.numbers()
    );
    assert_each_once(&warehouse, &table);
}

/// The manifest of a result whose chunks nobody has counted.
fn uncounted(table: &Table, rows_known: bool) -> Value {
    let mut manifest = table.manifest();
    let fields = manifest.as_object_mut().unwrap();
    fields.remove("total_chunk_count");
    fields.remove("chunks");
    if !rows_known {
        fields.remove("total_row_count");
        fields.remove("total_byte_count");
    }
    manifest
}

#[tokio::test]
async fn chunks_that_nobody_counted_are_walked_from_one_to_the_next() {
    for rows_known in [true, false] {
        for page in [1, 3] {
            let warehouse = Warehouse::start().await;
            let table = Table {
                page,
                first: page,
                ..Table::new([2, 1, 3, 1, 2, 1, 1])
            };
            warehouse.serve(&table);
            let links = table.links(&warehouse.storage.url(), 0, page);
            warehouse.answer(succeeded(&uncounted(&table, rows_known), &links));
            let rows = fetch(&warehouse.open().await).await.unwrap();
            assert_eq!(rows, table.numbers());
            assert_each_once(&warehouse, &table);
        }
    }
}

/// A page whose links do not name what follows them; the page itself does.
fn named_by_the_page(mut page: Value, chunks: u64) -> Value {
    let links = page["external_links"].as_array_mut().unwrap();
    for link in &mut *links {
        link.as_object_mut().unwrap().remove("next_chunk_index");
    }
    let next = links.last().unwrap()["chunk_index"].as_u64().unwrap() + 1;
    if next < chunks {
        page["next_chunk_index"] = json!(next);
    }
    page
}

#[tokio::test]
async fn the_page_may_name_what_follows_it() {
    for page in [1, 3] {
        let warehouse = Warehouse::start().await;
        let table = Table {
            page,
            ..Table::new([2, 1, 3, 1, 2, 1, 1])
        };
        warehouse.serve(&table);
        let storage = warehouse.storage.url();
        let first = named_by_the_page(table.links(&storage, 0, page), table.chunks());
        warehouse.answer(succeeded(&uncounted(&table, false), &first));
        let listed = table.clone();
        warehouse.workspace.always("GET", CHUNK, move |request| {
            let links = listed.links(&storage, request.number(), page);
            Reply::json(&named_by_the_page(links, listed.chunks()))
        });
        let rows = fetch(&warehouse.open().await).await.unwrap();
        assert_eq!(rows, table.numbers(), "{page} links a page");
    }
}

/// Serves links that the service's clock calls young or old; a renewed one is always young.
fn with_expirations(warehouse: &Warehouse, table: &Table, ahead: TimeDelta, first: TimeDelta) {
    let storage = warehouse.storage.url();
    let link = move |table: &Table, chunk, life| {
        let mut links = table.links(&storage, chunk, 1);
        links["external_links"][0]["expiration"] = json!(expiration(Utc::now() + ahead + life));
        links
    };
    let dated = move |document: &Value| {
        Reply::json(document).header("date", &http_date(Utc::now() + ahead))
    };
    let (plan, make) = (table.clone(), link.clone());
    warehouse.workspace.always("POST", STATEMENTS, move |_| {
        dated(&succeeded(&plan.manifest(), &make(&plan, 0, first)))
    });
    let plan = table.clone();
    warehouse.workspace.always("GET", CHUNK, move |request| {
        dated(&link(&plan, request.number(), TimeDelta::minutes(15)))
    });
}

#[tokio::test]
async fn a_link_about_to_expire_is_renewed_before_it_is_used() {
    for ahead in [-1, 0, 1].map(TimeDelta::hours) {
        for (life, renewals) in [(-60, 1), (5, 1), (14 * 60, 0)] {
            let warehouse = Warehouse::start().await;
            let table = Table::new([3]);
            warehouse.serve(&table);
            with_expirations(&warehouse, &table, ahead, TimeDelta::seconds(life));
            let rows = fetch(&warehouse.open().await).await.unwrap();
            assert_eq!(rows, [0, 1, 2]);
            let renewed = warehouse.workspace.count("GET", CHUNK);
            assert_eq!(renewed, renewals, "{life} s by a clock {ahead} ahead");
            assert_eq!(warehouse.storage.log().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_link_that_storage_refuses_is_renewed() {
    for status in [400, 403, 404, 410] {
        let warehouse = Warehouse::start().await;
        let table = Table {
            first: 3,
            ..Table::new([2, 2, 2])
        };
        warehouse.serve(&table);
        let refused = Reply::status(status);
        warehouse.storage.on("GET", "/bodies/1", [refused]);
        let rows = fetch(&warehouse.open().await).await.unwrap();
        assert_eq!(rows, table.numbers());
        let renewed = warehouse.workspace.requests("GET", CHUNK);
        assert_eq!(renewed.len(), 1);
        assert_eq!(renewed[0].number(), 1);
    }
}

#[tokio::test]
async fn storage_that_refuses_every_link_is_given_up_soon() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2, 2]));
    warehouse
        .storage
        .always("GET", "/bodies/1", |_| Reply::status(403));
    let error = fetch(&warehouse.open().await).await.unwrap_err();
    assert_eq!(error.http_status(), Some(403));
    assert_eq!(error.statement_id(), Some(STATEMENT_ID));
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    assert!(warehouse.storage.count("GET", "/bodies/1") <= 5);
}

#[tokio::test]
async fn storage_gets_the_headers_of_the_link_and_no_others() {
    let warehouse = Warehouse::start().await;
    let table = Table::new([2]);
    warehouse.serve(&table);
    let mut links = table.links(&warehouse.storage.url(), 0, 1);
    links["external_links"][0]["http_headers"] = json!({"x-store-key": "k", "x-store-kind": "b"});
    warehouse.answer(succeeded(&table.manifest(), &links));
    fetch(&warehouse.open().await).await.unwrap();
    let asked = warehouse.storage.log();
    assert_eq!(asked[0].query, "signature=s3cret");
    assert_eq!(asked[0].header("x-store-key"), Some("k"));
    assert_eq!(asked[0].header("x-store-kind"), Some("b"));
    for name in ["authorization", "x-databricks-org-id", "content-type"] {
        assert_eq!(asked[0].header(name), None, "{name}");
    }
}

#[tokio::test]
async fn links_in_plain_http_lead_to_this_machine_only() {
    for (url, code) in [
        (
            "http://storage.example.com/b?signature=s3cret",
            ErrorCode::InvalidArgument,
        ),
        (
            "http://10.1.2.3/b?signature=s3cret",
            ErrorCode::InvalidArgument,
        ),
        (
            "ftp://127.0.0.1/b?signature=s3cret",
            ErrorCode::InvalidArgument,
        ),
        ("s3cret", ErrorCode::DataLoss),
    ] {
        let warehouse = Warehouse::start().await;
        let table = Table::new([2]);
        warehouse.serve(&table);
        let mut links = table.links("", 0, 1);
        links["external_links"][0]["external_link"] = json!(url);
        warehouse.answer(succeeded(&table.manifest(), &links));
        let error = fetch(&warehouse.open().await).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn storage_sends_nobody_elsewhere() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2]));
    let elsewhere = format!("{}/elsewhere", warehouse.workspace.url());
    warehouse.storage.always("GET", BODY, move |_| {
        Reply::status(302).header("location", &elsewhere)
    });
    let error = fetch(&warehouse.open().await).await.unwrap_err();
    assert_eq!(error.http_status(), Some(302));
    assert_eq!(warehouse.workspace.count("GET", "/elsewhere"), 0);
}

#[tokio::test]
async fn storage_that_lets_nobody_in_is_named_with_the_way_round_it() {
    let mut warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2]));
    let host = warehouse.storage.url().replace("http://", "");
    warehouse.storage = Server::start().await;
    settle().await;
    let error = fetch(&warehouse.open().await).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NetworkError);
    assert!(error.message().contains(&host), "{error}");
    assert!(error.message().contains("use_cloud_fetch"), "{error}");
}

#[tokio::test]
async fn a_result_that_the_service_let_go_says_so() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([2, 2]));
    warehouse
        .workspace
        .always("GET", CHUNK, |_| Reply::status(404));
    let error = fetch(&warehouse.open().await).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert!(error.message().contains("an hour"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_download_may_take_long_as_long_as_it_goes_on() {
    let clock = Clock::hold();
    for (pause, attempts) in [(50, 1), (70, 5)] {
        let warehouse = Warehouse::start().await;
        let table = Table::new([100]);
        warehouse.serve(&table);
        let body = table.body(0);
        warehouse.storage.always("GET", BODY, move |_| {
            Reply::bytes(body.clone()).slow(Duration::from_secs(pause))
        });
        let session = warehouse.open().await;
        let step = Duration::from_secs(1);
        let (rows, _) = clock.run(step, fetch(&session)).await;
        if attempts == 1 {
            assert_eq!(rows.unwrap(), table.numbers());
        } else {
            assert_eq!(rows.unwrap_err().code(), ErrorCode::NetworkError);
        }
        assert_eq!(warehouse.storage.log().len(), attempts);
    }
}
