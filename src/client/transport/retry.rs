//! Which failures are repeated, how often, and after what wait.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

use crate::client::config::RetryConfig;
use crate::client::control::{Stop, StopSignal};

/// What a failure says about trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Trying again will not help, or must not happen.
    Final,
    /// A few quick attempts: names, ports and damaged answers seldom heal.
    Briefly,
    /// Try again within the budget; the server may name the least wait.
    Again(Option<Duration>),
}

/// How many attempts `Verdict::Briefly` allows, the first included.
const BRIEF_ATTEMPTS: u32 = 3;

/// The attempts at one request.
pub(crate) struct Attempts<'a> {
    config: &'a RetryConfig,
    started: Instant,
    made: u32,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(config: &'a RetryConfig) -> Self {
        Self {
            config,
            started: Instant::now(),
            made: 0,
        }
    }

    /// What is left of the budget.
    pub(crate) fn left(&self) -> Duration {
        self.config.budget.saturating_sub(self.started.elapsed())
    }

    /// Waits until another attempt may start; false when none may.
    pub(crate) async fn another(&mut self, verdict: Verdict) -> bool {
        self.another_unless(verdict, None).await
    }

    /// The same, and no attempt starts once somebody wants an end.
    pub(crate) async fn another_unless(
        &mut self,
        verdict: Verdict,
        stop: Option<&StopSignal>,
    ) -> bool {
        self.made += 1;
        let Some(wait) = self.wait(verdict, random_unit()) else {
            return false;
        };
        let Some(mut stop) = stop.cloned() else {
            tokio::time::sleep(wait).await;
            return true;
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            _ = stop.wait_for(|wish| *wish != Stop::No) => false,
        }
    }

    fn wait(&self, verdict: Verdict, random: f64) -> Option<Duration> {
        let (most, least) = match verdict {
            Verdict::Final => return None,
            Verdict::Briefly => (self.config.max_attempts.min(BRIEF_ATTEMPTS), None),
            Verdict::Again(least) => (self.config.max_attempts, least),
        };
        if self.made >= most {
            return None;
        }
        let wait = jittered(self.config, self.made - 1, random).max(least.unwrap_or_default());
        (self.started.elapsed() + wait <= self.config.budget).then_some(wait)
    }
}

/// Full jitter: anything from zero to a bound that doubles.
fn jittered(config: &RetryConfig, repetition: u32, random: f64) -> Duration {
    let bound = config
        .min_wait
        .checked_mul(2_u32.saturating_pow(repetition))
        .map_or(config.max_wait, |bound| bound.min(config.max_wait));
    bound.mul_f64(random)
}

/// A number from 0 to 1; the standard library seeds its hashers at random.
fn random_unit() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    f64::from(u32::try_from(bits).unwrap_or_default()) / f64::from(u32::MAX)
}

/// Longest wait that counts; nobody waits so long.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// `Retry-After`, in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let date = DateTime::parse_from_rfc2822(text).ok()?;
        date.signed_duration_since(now).to_std().unwrap_or_default()
    };
    Some(wait.min(LONGEST_WAIT))
}

/// Whether another attempt may mend what a status says. Statements are judged elsewhere.
pub(crate) fn is_transient(status: u16) -> bool {
    status >= 500 && status != 501 || matches!(status, 408 | 425 | 429)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> RetryConfig {
        RetryConfig {
            min_wait: Duration::from_secs(1),
            max_wait: Duration::from_secs(10),
            max_attempts: 8,
            budget: Duration::from_secs(60),
        }
    }

    #[test]
    fn the_bound_of_the_wait_doubles_until_the_cap() {
        let config = config();
        let bounds = [0, 1, 2, 3, 4, 40].map(|n| jittered(&config, n, 1.0).as_secs());
        assert_eq!(bounds, [1, 2, 4, 8, 10, 10]);
        assert_eq!(jittered(&config, 5, 0.0), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_with_their_number() {
        let config = config();
        let mut attempts = Attempts::new(&config);
        let mut made = 1;
        while attempts.another(Verdict::Again(None)).await {
            made += 1;
        }
        assert_eq!(made, 8);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end_with_the_budget() {
        let config = config();
        let mut attempts = Attempts::new(&config);
        let started = Instant::now();
        while attempts
            .another(Verdict::Again(Some(Duration::from_secs(25))))
            .await
        {}
        assert_eq!(started.elapsed().as_secs(), 50);
    }

    #[tokio::test(start_paused = true)]
    async fn brief_attempts_are_few() {
        let config = config();
        let mut attempts = Attempts::new(&config);
        assert!(attempts.another(Verdict::Briefly).await);
        assert!(attempts.another(Verdict::Briefly).await);
        assert!(!attempts.another(Verdict::Briefly).await);
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-01-01T00:00:00Z")
            .unwrap()
            .to_utc();
        let cases = [
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("Thu, 01 Jan 2026 00:00:30 GMT", Some(30)),
            ("Wed, 31 Dec 2025 00:00:30 GMT", Some(0)),
            ("86399", Some(86_399)),
            ("18446744073709551615", Some(86_400)),
            ("99999999999999999999999", Some(86_400)),
            ("Fri, 31 Dec 9999 00:00:00 GMT", Some(86_400)),
            ("", None),
            ("soon", None),
            ("-1", None),
        ];
        for (text, seconds) in cases {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            assert_eq!(
                retry_after(&headers, now).map(|wait| wait.as_secs()),
                seconds,
                "{text}"
            );
        }
    }
}
