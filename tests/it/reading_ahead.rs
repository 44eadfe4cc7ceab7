//! Chunks that are read ahead of their reader: how many, in which order, and what becomes of them when it goes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use databricks_sql_kernel::client::{ResultConfig, Session, SessionConfig};

use crate::clock::{Clock, settle};
use crate::documents::{BODY, CHUNK, SESSION, STATEMENT, Table};
use crate::exchange::{Release, Reply};
use crate::links::assert_each_once;
use crate::warehouse::{Warehouse, execute, http, numbers};

#[tokio::test]
async fn small_chunks_are_read_side_by_side_up_to_a_limit() {
    let warehouse = Warehouse::start().await;
    let table = Table {
        first: 200,
        ..Table::new([10; 200])
    };
    warehouse.serve(&table);
    warehouse.storage.always("GET", BODY, |_| Reply::never());
    let session = warehouse.open().await;
    let _stream = execute(&session).await.unwrap().into_stream();
    warehouse.storage.arrival("GET", BODY, 64).await;
    settle().await;
    assert_eq!(warehouse.storage.log().len(), 64);
}

/// A session that may hold this many bytes ahead of its readers.
async fn narrow(warehouse: &Warehouse, bytes: usize) -> Session {
    let config = SessionConfig {
        results: ResultConfig {
            max_buffered_bytes: bytes,
            ..ResultConfig::default()
        },
        ..SessionConfig::default()
    };
    warehouse.open_with(http(), config).await.unwrap()
}

#[tokio::test]
async fn a_slow_reader_stops_the_downloads() {
    let warehouse = Warehouse::start().await;
    let table = Table::new([1000; 20]);
    warehouse.serve(&table);
    // Room for four chunks of 8,000 bytes and what surrounds those.
    let session = narrow(&warehouse, 36_000).await;
    let mut stream = execute(&session).await.unwrap().into_stream();
    let requested = || async {
        settle().await;
        settle().await;
        warehouse.storage.log().len()
    };
    assert_eq!(requested().await, 4);
    let mut rows = Vec::new();
    for read in 1..=10 {
        while rows.len() < read * 1000 {
            let batch = stream.next_batch().await.unwrap().unwrap();
            rows.extend(0..batch.num_rows());
        }
        let ahead = requested().await - read;
        assert_eq!(ahead, 3, "ahead of chunk {read}");
    }
    numbers(&mut stream).await.unwrap();
    assert_each_once(&warehouse, &table);
}

#[tokio::test]
async fn a_reader_of_the_whole_lifts_the_limit() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([1000; 20]));
    let session = narrow(&warehouse, 20_000).await;
    let stream = execute(&session).await.unwrap().into_stream();
    settle().await;
    assert_eq!(warehouse.storage.log().len(), 2);
    stream.read_whole();
    warehouse.storage.arrival("GET", BODY, 20).await;
}

#[tokio::test]
async fn chunks_larger_than_the_limit_come_one_by_one() {
    let warehouse = Warehouse::start().await;
    let table = Table::new([1000; 6]);
    warehouse.serve(&table);
    let session = narrow(&warehouse, 1).await;
    let mut stream = execute(&session).await.unwrap().into_stream();
    settle().await;
    assert_eq!(warehouse.storage.log().len(), 1);
    assert_eq!(numbers(&mut stream).await.unwrap(), table.numbers());
    assert_each_once(&warehouse, &table);
}

#[tokio::test]
async fn a_dropped_result_asks_for_nothing_more() {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&Table::new([10; 200]));
    let held: Arc<Mutex<Vec<Release>>> = Arc::default();
    let (releases, body) = (Arc::clone(&held), Table::new([10; 200]));
    warehouse.storage.always("GET", BODY, move |request| {
        let (reply, release) = Reply::bytes(body.body(request.number())).held();
        releases.lock().unwrap().push(release);
        reply
    });
    let session = warehouse.open().await;
    let stream = execute(&session).await.unwrap().into_stream();
    warehouse.storage.arrival("GET", BODY, 10).await;
    drop(stream);
    settle().await;
    let before = (
        warehouse.storage.log().len(),
        warehouse.workspace.count("GET", CHUNK),
    );
    held.lock().unwrap().drain(..).for_each(Release::go);
    drop(session);
    warehouse.workspace.arrival("DELETE", SESSION, 1).await;
    let after = (
        warehouse.storage.log().len(),
        warehouse.workspace.count("GET", CHUNK),
    );
    assert_eq!(before, after);
    assert!(before.0 < 200);
    assert_eq!(warehouse.workspace.count("DELETE", STATEMENT), 1);
}

#[tokio::test]
async fn a_dropped_wait_loses_no_rows() {
    let warehouse = Warehouse::start().await;
    let table = Table::new([2, 2, 2]);
    warehouse.serve(&table);
    let (reply, release) = Reply::bytes(table.body(0)).held();
    warehouse.storage.on("GET", "/bodies/0", [reply]);
    let session = warehouse.open().await;
    let mut stream = execute(&session).await.unwrap().into_stream();
    for _ in 0..3 {
        tokio::select! {
            biased;
            _ = stream.next_batch() => panic!("nothing has come"),
            () = settle() => {}
        }
    }
    release.go();
    assert_eq!(numbers(&mut stream).await.unwrap(), table.numbers());
    assert_each_once(&warehouse, &table);
}

#[tokio::test]
async fn waits_for_all_of_many_chunks_that_are_dropped_lose_no_rows() {
    let warehouse = Warehouse::start().await;
    let table = Table::new([3; 60]);
    let held = serve_in_disorder(&warehouse, &table, 1);
    let session = warehouse.open().await;
    let mut stream = execute(&session).await.unwrap().into_stream();
    stream.collect_whole();
    let (mut rows, mut dropped) = (Vec::new(), 0);
    loop {
        tokio::select! {
            biased;
            batch = stream.next_batch() => match batch.unwrap() {
                Some(batch) => rows.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values()),
                None => break,
            },
            () = settle() => {
                dropped += 1;
                held.lock().unwrap().pop().into_iter().for_each(Release::go);
            }
        }
    }
    assert_eq!(rows, table.numbers());
    assert!(dropped >= table.chunks(), "{dropped}");
    assert_each_once(&warehouse, &table);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_all_of_many_chunks_is_not_woken_for_each() {
    for whole in [true, false] {
        let clock = Clock::hold();
        let warehouse = Warehouse::start().await;
        let table = Table::new([1; 24]);
        warehouse.serve(&table);
        let (held, stored): (Arc<Mutex<Vec<Release>>>, _) = (Arc::default(), table.clone());
        let releases = Arc::clone(&held);
        warehouse.storage.always("GET", BODY, move |request| {
            let chunk = request.number();
            let (reply, release) = Reply::bytes(stored.body(chunk)).held();
            if chunk < 16 {
                release.go();
            } else {
                releases.lock().unwrap().push(release);
            }
            reply
        });
        let session = warehouse.open().await;
        let mut stream = execute(&session).await.unwrap().into_stream();
        if whole {
            stream.collect_whole();
        }
        let mut rows = 0;
        while rows < 16 {
            rows += stream.next_batch().await.unwrap().unwrap().num_rows();
        }
        let mut next = Box::pin(stream.next_batch());
        let mut is_there = async || {
            tokio::select! {
                biased;
                batch = &mut next => batch.unwrap().is_some(),
                () = settle() => false,
            }
        };
        assert!(!is_there().await);
        warehouse.storage.arrival("GET", BODY, 24).await;
        held.lock().unwrap().drain(..).for_each(Release::go);
        assert_eq!(is_there().await, !whole);
        clock.advance(Duration::from_millis(2)).await;
        assert!(!whole || is_there().await);
        drop(next);
        assert_eq!(numbers(&mut stream).await.unwrap(), table.numbers()[16..]);
    }
}

/// Numbers that only look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.roll(last as u64 + 1)).unwrap();
            items.swap(last, other);
        }
    }
}

/// Serves every page shuffled, and holds every body until it is released.
fn serve_in_disorder(warehouse: &Warehouse, table: &Table, seed: u64) -> Arc<Mutex<Vec<Release>>> {
    warehouse.serve(table);
    let (listed, storage) = (table.clone(), warehouse.storage.url());
    let mut dice = Dice(seed);
    warehouse.workspace.always("GET", CHUNK, move |request| {
        let mut links = listed.links(&storage, request.number(), listed.page);
        dice.shuffle(links["external_links"].as_array_mut().unwrap());
        Reply::json(&links)
    });
    let held: Arc<Mutex<Vec<Release>>> = Arc::default();
    let (releases, stored) = (Arc::clone(&held), table.clone());
    warehouse.storage.always("GET", BODY, move |request| {
        let (reply, release) = Reply::bytes(stored.body(request.number())).held();
        releases.lock().unwrap().push(release);
        reply
    });
    held
}

#[tokio::test]
async fn all_rows_come_in_order_whatever_the_pages_and_the_order_of_the_answers() {
    for seed in 0..50 {
        let mut dice = Dice(seed);
        let chunks = 1 + dice.roll(60);
        let table = Table {
            sizes: (0..chunks).map(|_| 1 + dice.roll(9)).collect(),
            first: dice.roll(5),
            page: 1 + dice.roll(33),
        };
        let warehouse = Warehouse::start().await;
        let held = serve_in_disorder(&warehouse, &table, seed);
        let session = narrow(&warehouse, 1 << dice.roll(12)).await;
        let whole = dice.roll(2) == 0;
        let reading = tokio::spawn(async move {
            let mut stream = execute(&session).await?.into_stream();
            if whole {
                stream.collect_whole();
            }
            numbers(&mut stream).await
        });
        while !reading.is_finished() {
            settle().await;
            let mut held = held.lock().unwrap();
            if !held.is_empty() {
                let which = usize::try_from(dice.roll(held.len() as u64)).unwrap();
                held.swap_remove(which).go();
            }
        }
        let rows = reading.await.unwrap();
        assert_eq!(rows.unwrap(), table.numbers(), "seed {seed}: {table:?}");
        let read = warehouse.storage.log().len();
        assert_eq!(read as u64, table.chunks(), "seed {seed}");
    }
}
