//! A second connection takes nothing from a body that the first one brings.

use std::time::Duration;

use databricks_sql_kernel::client::{HttpConfig, Result, SessionConfig};

use crate::clock::Clock;
use crate::documents::BODY;
use crate::exchange::{Reply, Request};
use crate::halves::{PAUSE, ROWS, STEP, TAG, ends, table};
use crate::resume::{large_body, part, plain_body, range};
use crate::warehouse::{Warehouse, execute, fetch, http};

/// A result of one chunk in a storage that answers so.
async fn storage(answer: impl FnMut(&Request) -> Reply + Send + 'static) -> Warehouse {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&table());
    warehouse.storage.always("GET", BODY, answer);
    warehouse
}

/// Reads it; the rows, and the requests.
async fn read(
    config: HttpConfig,
    answer: impl FnMut(&Request) -> Reply + Send + 'static,
) -> (Result<Vec<i64>>, Vec<Request>) {
    let clock = Clock::hold();
    let warehouse = storage(answer).await;
    let session = warehouse
        .open_with(config, SessionConfig::default())
        .await
        .unwrap();
    let (rows, _) = clock.run(STEP, fetch(&session)).await;
    (rows, warehouse.storage.requests("GET", BODY))
}

fn whole(body: &[u8]) -> Reply {
    Reply::bytes(body.to_vec()).header("etag", TAG)
}

/// What was asked for, as `None` for the whole and the start of a range.
fn starts(requests: &[Request]) -> Vec<Option<usize>> {
    requests.iter().map(range).collect()
}

#[tokio::test(start_paused = true)]
async fn a_second_half_that_is_damaged_is_not_tried_again() {
    let body = large_body(ROWS, true);
    let (rows, requests) = read(http(), move |request| {
        if range(request).is_none() {
            return whole(&body).slow(PAUSE);
        }
        let other: Vec<u8> = body.iter().map(|byte| !byte).collect();
        part(&other, request, TAG, other.len()).slow(PAUSE / 10)
    })
    .await;
    let rows = rows.unwrap_or_else(|error| panic!("{error}; {:?}", starts(&requests)));
    assert!(rows == table().numbers(), "not the rows of the table");
    // The whole, the second half, and the whole by itself.
    assert!(matches!(starts(&requests)[..], [None, Some(_), None]));
}

fn without_repetitions() -> HttpConfig {
    let mut config = http();
    config.retry.each(|retry| retry.max_attempts = 1);
    config
}

/// A second half that ends early, long before the first half has come.
fn ends_early(config: HttpConfig) -> impl Future<Output = (Result<Vec<i64>>, Vec<Request>)> {
    let body = large_body(ROWS, true);
    let mut asked = 0;
    read(config, move |request| {
        asked += 1;
        match range(request) {
            None => whole(&body).slow(PAUSE),
            // Half of the rest, and then all of it.
            Some(start) if asked == 2 => part(&body, request, TAG, (body.len() - start) / 2),
            Some(_) => part(&body, request, TAG, body.len()),
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_second_half_that_has_failed_fails_no_body_that_comes() {
    let (rows, requests) = ends_early(without_repetitions()).await;
    let rows = rows.unwrap_or_else(|error| panic!("{error}; {:?}", starts(&requests)));
    assert!(rows == table().numbers(), "not the rows of the table");
}

#[tokio::test(start_paused = true)]
async fn the_first_connection_is_not_given_up_for_one_that_has_failed() {
    let (rows, requests) = ends_early(http()).await;
    assert!(rows.unwrap() == table().numbers(), "not the rows");
    assert!(requests.len() <= 2, "{:?}", starts(&requests));
}

#[tokio::test(start_paused = true)]
async fn ranges_that_never_come_whole_fail_no_body_that_comes() {
    let body = large_body(ROWS, true);
    let (rows, requests) = read(http(), move |request| match range(request) {
        None => whole(&body).slow(PAUSE),
        Some(start) => part(&body, request, TAG, (body.len() - start) / 2),
    })
    .await;
    assert_eq!(requests.len(), 2);
    let rows = rows.unwrap_or_else(|error| panic!("{error}; {:?}", starts(&requests)));
    assert!(rows == table().numbers(), "not the rows of the table");
}

/// The rest that is asked for of a body of as many bytes with other rows; neither has checksums.
fn other_rest(request: &Request, total: usize) -> Reply {
    let other = plain_body((0..ROWS).map(|n| -n));
    let start = range(request).unwrap();
    let range = format!("bytes {start}-{}/{}", other.len() - 1, other.len() + total);
    Reply::status(206)
        .header("content-range", &range)
        .body(other[start..].to_vec())
        .slow(PAUSE / 10)
}

#[tokio::test(start_paused = true)]
async fn a_second_half_without_a_tag_is_not_taken() {
    let body = plain_body(0..ROWS);
    let (rows, _) = read(http(), move |request| match range(request) {
        None => whole(&body).slow(PAUSE),
        Some(_) => other_rest(request, 0),
    })
    .await;
    assert!(rows.unwrap() == table().numbers(), "rows of another body");
}

#[tokio::test(start_paused = true)]
async fn a_second_half_of_a_body_of_another_length_is_not_taken() {
    let body = plain_body(0..ROWS);
    let (rows, _) = read(http(), move |request| match range(request) {
        None => whole(&body).slow(PAUSE),
        Some(_) => other_rest(request, 1000).header("etag", TAG),
    })
    .await;
    assert!(rows.unwrap() == table().numbers(), "rows of another body");
}

#[tokio::test(start_paused = true)]
async fn a_second_half_that_is_refused_shuts_no_gate_before_the_first() {
    const CUT: usize = 3 << 19;
    let body = large_body(ROWS, true);
    let (rows, requests) = read(http(), move |request| match range(request) {
        None => whole(&body).cut(CUT).slow(PAUSE),
        // One connection at a time, says the storage.
        Some(start) if start != CUT => Reply::status(429).header("retry-after", "5000"),
        Some(_) => part(&body, request, TAG, body.len()),
    })
    .await;
    let rows = rows.unwrap_or_else(|error| panic!("{error}; {:?}", starts(&requests)));
    assert!(rows == table().numbers(), "not the rows of the table");
}

#[tokio::test(start_paused = true)]
async fn rows_are_right_whatever_becomes_of_the_halves() {
    let body = large_body(ROWS, true);
    let mut split = 0;
    for seed in 0..16_u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + 1;
        let mut random = move |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        let (body, length) = (body.clone(), body.len());
        let mut asked = 0;
        let (rows, requests) = read(http(), move |request| {
            asked += 1;
            let pause = Duration::from_millis(u64::try_from(random(30_000)).unwrap());
            let cut = random(length);
            let healthy = asked > 12;
            match (range(request), random(8)) {
                (None, 0) if !healthy => whole(&body).cut(cut).slow(pause),
                (None, _) => whole(&body).slow(pause),
                (Some(_), 0) if !healthy => Reply::status(503),
                (Some(_), 1) if !healthy => Reply::closed(),
                (Some(_), 2) if !healthy => whole(&body).slow(pause),
                (Some(_), 3) if !healthy => Reply::bytes(body.clone())
                    .header("etag", "\"b\"")
                    .slow(pause),
                (Some(start), 4) if !healthy => {
                    part(&body, request, TAG, cut % (length - start)).slow(pause)
                }
                (Some(_), _) => part(&body, request, TAG, length).slow(pause),
            }
        })
        .await;
        split += usize::from(requests.len() > 1);
        let rows = rows.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(rows == table().numbers(), "seed {seed}: not the rows");
    }
    assert!(split > 4, "{split}");
}

#[tokio::test(start_paused = true)]
async fn closing_a_result_ends_a_second_half_that_is_alone() {
    let clock = Clock::hold();
    let body = large_body(ROWS, true);
    let warehouse = storage(move |request| match range(request) {
        None => whole(&body).slow(PAUSE),
        Some(start) => {
            let rest = body.len() - start;
            let (reply, release) = part(&body, request, TAG, body.len()).stalled(rest / 2);
            std::mem::forget(release);
            reply
        }
    })
    .await;
    let session = warehouse.open().await;
    let mut stream = execute(&session).await.unwrap().into_stream();
    let (_, _) = clock
        .run(STEP, warehouse.storage.arrival("GET", BODY, 2))
        .await;
    assert_eq!(warehouse.storage.open_connections(), 2);
    while warehouse.storage.open_connections() == 2 {
        clock.advance(STEP).await;
    }
    assert_eq!(warehouse.storage.open_connections(), 1);
    stream.close();
    assert!(ends(&clock, &warehouse).await);
}

/// How long it takes until all rows are there, where the rest of a body comes in quarters that are so long apart.
async fn time(tag: &'static str, pause: Duration) -> Duration {
    let clock = Clock::hold();
    let body = large_body(ROWS, true);
    let warehouse = storage(move |request| match range(request) {
        None => Reply::bytes(body.clone()).header("etag", tag).slow(PAUSE),
        Some(_) => part(&body, request, tag, body.len()).slow(pause),
    })
    .await;
    let session = warehouse.open().await;
    // The clock goes on while there is work to do: slowly, lest a busy machine makes that take long by it.
    let (rows, time) = clock.run(STEP / 4, fetch(&session)).await;
    assert!(rows.unwrap() == table().numbers(), "not the rows");
    time
}

#[tokio::test(start_paused = true)]
async fn a_quick_second_half_brings_the_end_forward_and_a_slower_one_makes_nothing_later() {
    let alone = time("W/\"a\"", PAUSE).await;
    for (pause, latest) in [
        (PAUSE / 10, alone.saturating_sub(PAUSE / 2)),
        (PAUSE * 17 / 20, alone + PAUSE / 2),
    ] {
        let beside = time(TAG, pause).await;
        assert!(
            beside <= latest,
            "{pause:?}: {beside:?} instead of {alone:?}"
        );
    }
}
