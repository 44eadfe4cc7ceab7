//! A gate before each host that asked us to slow down: all who want something of it wait together, and
//! are let in few at first, then more.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::client::of_process::OfProcess;

/// After reopening, twice as many requests are let in with every step of this length.
const FIRST_STEP: Duration = Duration::from_millis(100);

/// The steps are no longer than this, however often the host complains.
const LONGEST_STEP: Duration = Duration::from_secs(2);

/// When so many could have been let in, the gate is taken down.
const MOST_STEPS: u32 = 10;

/// A host that asked us to slow down.
#[derive(Debug)]
struct Gate {
    reopens: Instant,
    step: Duration,
    admitted: u32,
}

impl Gate {
    /// When the next request may be sent; now, if this is nothing.
    fn admit(&mut self, now: Instant) -> Option<Instant> {
        let Some(open) = now.checked_duration_since(self.reopens) else {
            return Some(self.reopens);
        };
        let steps = u32::try_from(open.as_nanos() / self.step.as_nanos()).unwrap_or(u32::MAX);
        if self.admitted < 1 << steps.min(MOST_STEPS) {
            self.admitted += 1;
            return None;
        }
        Some(self.reopens + self.step * (steps + 1))
    }

    fn is_done(&self, now: Instant) -> bool {
        now > self.reopens + self.step * MOST_STEPS
    }
}

static GATES: OfProcess<Mutex<HashMap<String, Gate>>> = OfProcess::new(Mutex::default);

/// Waits until a request to `host` may be sent.
///
/// # Errors
/// How long the host wants nothing sent, where that is longer than `patience`.
pub(super) async fn enter(host: &str, patience: Duration) -> Result<(), Duration> {
    let until = Instant::now() + patience;
    loop {
        let now = Instant::now();
        let next = {
            let mut gates = GATES.lock();
            let Some(gate) = gates.get_mut(host) else {
                return Ok(());
            };
            if gate.is_done(now) {
                gates.remove(host);
                return Ok(());
            }
            gate.admit(now)
        };
        match next {
            None => return Ok(()),
            Some(next) if next > until => return Err(next - now),
            Some(next) => sleep_until(next).await,
        }
    }
}

/// Whether there is a gate before the host.
pub(super) fn is_there(host: &str) -> bool {
    let now = Instant::now();
    GATES
        .lock()
        .get(host)
        .is_some_and(|gate| !gate.is_done(now))
}

/// Shuts the gate: the host asked us to send less, or nothing for a while.
pub(super) fn shut(host: &str, wait: Option<Duration>) {
    let now = Instant::now();
    let reopens = now + wait.unwrap_or_default();
    let mut gates = GATES.lock();
    let Some(gate) = gates.get_mut(host) else {
        let gate = Gate {
            reopens,
            step: FIRST_STEP,
            admitted: 0,
        };
        gates.insert(host.to_owned(), gate);
        return;
    };
    // Those who were under way when the gate was shut say the same once more.
    if now > gate.reopens + gate.step {
        gate.step = (gate.step * 2).min(LONGEST_STEP);
        gate.admitted = 0;
    }
    gate.reopens = gate.reopens.max(reopens);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(900);

    #[tokio::test(start_paused = true)]
    async fn hosts_that_never_complained_are_not_waited_for() {
        let started = Instant::now();
        assert_eq!(enter("calm", PATIENCE).await, Ok(()));
        assert!(started.elapsed().is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_let_in_few_at_first() {
        let started = Instant::now();
        shut("busy", Some(Duration::from_secs(3)));
        let waiting = (0..64).map(|_| tokio::spawn(enter("busy", PATIENCE)));
        let mut moments = Vec::new();
        for waiting in waiting.collect::<Vec<_>>() {
            waiting.await.unwrap().unwrap();
            moments.push(started.elapsed().as_millis());
        }
        let by = |moment: u128| moments.iter().filter(|m| **m <= moment).count();
        assert_eq!(by(2_999), 0);
        assert!((1..=2).contains(&by(3_050)), "{moments:?}");
        assert!(by(3_250) <= 4, "{moments:?}");
        assert_eq!(by(3_750), 64, "{moments:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_beyond_all_patience_is_refused_at_once() {
        let started = Instant::now();
        shut("long", Some(Duration::from_secs(5000)));
        assert!(enter("long", PATIENCE).await.unwrap_err() > Duration::from_secs(4900));
        assert!(started.elapsed().is_zero());
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_is_taken_down_when_nobody_complains_any_more() {
        shut("once", None);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(enter("once", PATIENCE).await, Ok(()));
        assert!(!GATES.lock().contains_key("once"));
    }
}
