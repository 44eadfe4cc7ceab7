//! A slow body that nothing else is read beside comes over two connections.

use std::time::Duration;

use crate::clock::Clock;
use crate::documents::{BODY, Table};
use crate::exchange::{Reply, Request};
use crate::resume::{large_body, part, range};
use crate::warehouse::{Warehouse, fetch};

const ROWS: i64 = 1_000_000;

/// Before each quarter of what an answer holds.
const PAUSE: Duration = Duration::from_millis(100);

const STEP: Duration = Duration::from_millis(5);

const TAG: &str = "\"a\"";

/// Reads a result of one chunk, from a storage that answers by `first` and then by `second`. The rows are the right ones;
/// the requests.
async fn read(
    first: impl FnOnce(Reply) -> Reply + Send + 'static,
    mut second: impl FnMut(&[u8], &Request) -> Reply + Send + 'static,
) -> Vec<Request> {
    let clock = Clock::hold();
    let warehouse = Warehouse::start().await;
    let table = Table::new([ROWS.unsigned_abs()]);
    warehouse.serve(&table);
    let (body, mut first) = (large_body(ROWS, true), Some(first));
    assert!(body.len() > 3 << 20, "{}", body.len());
    warehouse
        .storage
        .always("GET", BODY, move |request| match first.take() {
            Some(first) => first(Reply::bytes(body.clone())),
            None => second(&body, request),
        });
    let session = warehouse.open().await;
    let (rows, _) = clock.run(STEP, fetch(&session)).await;
    assert!(
        rows.unwrap() == table.numbers(),
        "not the rows of the table"
    );
    warehouse.storage.requests("GET", BODY)
}

fn slow(reply: Reply) -> Reply {
    reply.header("etag", TAG).slow(PAUSE)
}

fn rest(body: &[u8], request: &Request) -> Reply {
    part(body, request, TAG, body.len()).slow(PAUSE / 4)
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
        |body, request| part(body, request, "\"b\"", body.len()),
    ];
    for other in others {
        let requests = read(slow, other).await;
        assert_eq!(requests.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_half_that_breaks_off_goes_on_where_it_stopped() {
    let mut asked = 0;
    let requests = read(slow, move |body, request| {
        asked += 1;
        let most = if asked == 1 { 200_000 } else { body.len() };
        part(body, request, TAG, most)
    })
    .await;
    let starts: Vec<_> = requests.iter().filter_map(range).collect();
    let [second, third] = starts[..] else {
        panic!("{starts:?}");
    };
    assert_eq!(third, second + 200_000);
}

#[tokio::test(start_paused = true)]
async fn a_second_half_that_stops_short_of_the_end_is_completed() {
    let mut asked = 0;
    let requests = read(slow, move |body, request| {
        asked += 1;
        let end = if asked == 1 {
            body.len() - 5
        } else {
            body.len()
        };
        part(&body[..end], request, TAG, end)
    })
    .await;
    assert_eq!(requests.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_first_half_that_breaks_off_goes_on_by_itself() {
    let requests = read(|reply| slow(reply.cut(3 << 19)), rest).await;
    let starts: Vec<_> = requests.iter().filter_map(range).collect();
    assert_eq!(starts.last(), Some(&(3 << 19)));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_quickly_or_has_no_tag_is_read_over_one_connection() {
    let requests = read(|reply| reply.header("etag", TAG), rest).await;
    assert_eq!(requests.len(), 1);
    let weak = |reply: Reply| reply.header("etag", "W/\"a\"").slow(PAUSE);
    assert_eq!(read(weak, rest).await.len(), 1);
    assert_eq!(read(|reply: Reply| reply.slow(PAUSE), rest).await.len(), 1);
}
