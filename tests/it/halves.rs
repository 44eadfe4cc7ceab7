//! A slow body that nothing else is read beside comes over two connections.

use std::time::Duration;

use crate::clock::Clock;
use crate::documents::{BODY, Table};
use crate::exchange::{Reply, Request};
use crate::resume::{large_body, part, range};
use crate::warehouse::{Warehouse, execute, fetch};

pub(crate) const ROWS: i64 = 1_000_000;

/// Before each quarter of what an answer holds: long beside what decoding takes, while which the clock goes on.
pub(crate) const PAUSE: Duration = Duration::from_secs(20);

pub(crate) const STEP: Duration = Duration::from_millis(20);

pub(crate) const TAG: &str = "\"a\"";

/// A result of one chunk in a storage that answers by `first` and then by `second`.
async fn storage(
    first: impl FnOnce(Reply) -> Reply + Send + 'static,
    mut second: impl FnMut(&[u8], &Request) -> Reply + Send + 'static,
) -> Warehouse {
    let warehouse = Warehouse::start().await;
    warehouse.serve(&table());
    let (body, mut first) = (large_body(ROWS, true), Some(first));
    assert!(body.len() > 3 << 20, "{}", body.len());
    warehouse
        .storage
        .always("GET", BODY, move |request| match first.take() {
            Some(first) => first(Reply::bytes(body.clone())),
            None => second(&body, request),
        });
    warehouse
}

pub(crate) fn table() -> Table {
    Table::new([ROWS.unsigned_abs()])
}

/// Reads the result. The rows are the right ones; the requests.
async fn read(
    first: impl FnOnce(Reply) -> Reply + Send + 'static,
    second: impl FnMut(&[u8], &Request) -> Reply + Send + 'static,
) -> Vec<Request> {
    let clock = Clock::hold();
    let warehouse = storage(first, second).await;
    let session = warehouse.open().await;
    let (rows, _) = clock.run(STEP, fetch(&session)).await;
    assert!(
        rows.unwrap() == table().numbers(),
        "not the rows of the table"
    );
    warehouse.storage.requests("GET", BODY)
}

fn slow(reply: Reply) -> Reply {
    reply.header("etag", TAG).slow(PAUSE)
}

fn rest(body: &[u8], request: &Request) -> Reply {
    part(body, request, TAG, body.len()).slow(PAUSE / 10)
}

#[tokio::test(start_paused = true)]
async fn the_second_half_of_a_slow_body_is_read_beside_the_first() {
    let requests = read(slow, rest).await;
    let [first, second] = &requests[..] else {
        panic!("{} requests", requests.len());
    };
    assert_eq!(range(first), None);
    assert_eq!(second.header("if-range"), Some(TAG));
    let (start, whole) = (range(second).unwrap(), large_body(ROWS, true).len());
    assert!((whole / 4..whole * 3 / 4).contains(&start), "{start}");
}

#[tokio::test(start_paused = true)]
async fn a_second_half_that_is_not_given_is_not_needed() {
    let refusals: [fn(&[u8], &Request) -> Reply; 5] = [
        |_, _| Reply::status(503),
        |_, _| Reply::status(403),
        |_, _| Reply::closed(),
        |_, _| Reply::never(),
        |body, _| Reply::bytes(body.to_vec()).header("etag", TAG),
    ];
    for refusal in refusals {
        let requests = read(slow, refusal).await;
        assert_eq!(requests.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_half_of_another_body_is_not_taken() {
    let others: [fn(&[u8], &Request) -> Reply; 2] = [
        |body, _| Reply::bytes(body.iter().map(|byte| !byte).collect()).header("etag", "\"b\""),
        |body, request| {
            let other: Vec<_> = body.iter().map(|byte| !byte).collect();
            part(&other, request, "\"b\"", other.len())
        },
    ];
    for other in others {
        let requests = read(slow, other).await;
        assert_eq!(requests.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn when_both_halves_break_off_the_body_goes_on_where_it_stopped() {
    const SHORT: usize = 200_000;
    let (mut asked, length) = (0, large_body(ROWS, true).len());
    let requests = read(
        move |reply| slow(reply.cut(length - SHORT)),
        move |body, request| {
            asked += 1;
            let most = if asked == 1 { 900_000 } else { body.len() };
            part(body, request, TAG, most)
        },
    )
    .await;
    let starts: Vec<_> = requests.iter().filter_map(range).collect();
    let [second, third] = starts[..] else {
        panic!("{starts:?}");
    };
    assert!(second + 900_000 < third, "{starts:?}");
    assert_eq!(third, length - SHORT);
}

/// What a range gives that never brings all of the rest.
const POOR: [fn(&[u8], &Request) -> Reply; 4] = [
    |body, request| part(body, request, TAG, 0),
    |body, request| part(body, request, TAG, 10_000),
    |body, request| part(&body[..body.len() - 5], request, TAG, body.len()),
    |body, request| part(&body[..range(request).unwrap()], request, TAG, body.len()),
];

#[tokio::test(start_paused = true)]
async fn a_second_half_that_is_less_than_the_rest_is_not_needed() {
    for poor in POOR {
        assert_eq!(read(slow, poor).await.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_half_that_is_longer_than_the_rest_is_not_read() {
    let requests = read(slow, |body, request| {
        // Longer than any body: who read it would read for ever.
        let start = range(request).unwrap();
        Reply::status(206)
            .header("etag", TAG)
            .header("content-range", &format!("bytes {start}-/*"))
            .body(vec![0; 4 * body.len()])
    })
    .await;
    assert_eq!(requests.len(), 2);
}

/// Whether no connection to the storage stays open.
pub(crate) async fn ends(clock: &Clock, warehouse: &Warehouse) -> bool {
    for _ in 0..50 {
        clock.advance(PAUSE).await;
    }
    warehouse.storage.open_connections() == 0
}

#[tokio::test(start_paused = true)]
async fn closing_a_result_ends_both_halves() {
    let clock = Clock::hold();
    let warehouse = storage(slow, |_, _| Reply::never()).await;
    let session = warehouse.open().await;
    let mut stream = execute(&session).await.unwrap().into_stream();
    let (_, _) = clock
        .run(STEP, warehouse.storage.arrival("GET", BODY, 2))
        .await;
    assert_eq!(warehouse.storage.open_connections(), 2);
    stream.close();
    assert!(ends(&clock, &warehouse).await);
}

#[tokio::test(start_paused = true)]
async fn a_first_half_that_breaks_off_goes_on_by_itself() {
    let requests = read(|reply| slow(reply.cut(3 << 19)), rest).await;
    let starts: Vec<_> = requests.iter().filter_map(range).collect();
    let [second, rest] = starts[..] else {
        panic!("{starts:?}");
    };
    assert!(second > 3 << 19);
    assert_eq!(rest, 3 << 19);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_quickly_or_has_no_tag_is_read_over_one_connection() {
    let requests = read(|reply| reply.header("etag", TAG), rest).await;
    assert_eq!(requests.len(), 1);
    let weak = |reply: Reply| reply.header("etag", "W/\"a\"").slow(PAUSE);
    assert_eq!(read(weak, rest).await.len(), 1);
    assert_eq!(read(|reply: Reply| reply.slow(PAUSE), rest).await.len(), 1);
}
