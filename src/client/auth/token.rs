//! A bearer token, what else goes with it, and how long it is good.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use reqwest::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use crate::client::transport::header;
use crate::client::{Error, ErrorCode, Result};

/// A token is renewed in the background when so little of its life is left, and this at most.
const STALE_PART: u32 = 5;
const MOST_STALE: Duration = Duration::from_secs(300);

/// Nobody is given a token with so little left of its life.
const EXPIRED_PART: u32 = 10;
const MOST_EXPIRED: Duration = Duration::from_secs(30);

/// Whoever says more than that does not mean it.
const LONGEST_LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A bearer token.
#[derive(Clone, Debug)]
pub struct Token {
    bearer: SecretString,
    life: Option<Life>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Clone, Copy, Debug)]
struct Life {
    stale: Instant,
    expired: Instant,
    end: Instant,
}

impl Token {
    /// A token whose life is not known; a JSON web token names its end.
    ///
    /// # Errors
    /// `Unauthenticated` for what can be no header value; it is not repeated.
    pub fn try_new(bearer: SecretString) -> Result<Self> {
        let text = bearer.expose_secret();
        let odd = |c: char| c.is_control() || c.is_whitespace() || !c.is_ascii();
        if text.is_empty() || text.contains(odd) {
            return Err(Error::new(
                ErrorCode::Unauthenticated,
                "the token is empty or holds characters that no token has, such as blanks or line ends",
            ));
        }
        let left = claims(text).and_then(|claims| claims.left());
        let token = Self {
            bearer,
            life: None,
            headers: Vec::new(),
        };
        Ok(match left {
            Some(left) => token.living(left),
            None => token,
        })
    }

    /// How long it is good from now on.
    #[must_use]
    pub fn living(mut self, left: Duration) -> Self {
        let left = left.min(LONGEST_LIFE);
        let end = |part: u32, most: Duration| {
            let before = (left / part).min(most);
            Instant::now() + left.saturating_sub(before)
        };
        self.life = Some(Life {
            stale: end(STALE_PART, MOST_STALE),
            expired: end(EXPIRED_PART, MOST_EXPIRED),
            end: Instant::now() + left,
        });
        self
    }

    /// A header that must go with it.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self> {
        let (name, mut value) = header(name, value)?;
        value.set_sensitive(true);
        self.headers.push((name, value));
        Ok(self)
    }

    /// Whether it is known how long it is good.
    #[must_use]
    pub fn has_end(&self) -> bool {
        self.life.is_some()
    }

    /// What follows `Bearer`.
    #[must_use]
    pub fn bearer(&self) -> &SecretString {
        &self.bearer
    }

    pub(crate) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        self.bearer.expose_secret() == other.bearer.expose_secret()
    }

    /// How long it is good from now on, where that is known.
    pub(crate) fn left(&self) -> Option<Duration> {
        Some(self.life?.end.saturating_duration_since(Instant::now()))
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.life.is_some_and(|life| life.stale <= Instant::now())
    }

    pub(crate) fn is_expired(&self) -> bool {
        self.life.is_some_and(|life| life.expired <= Instant::now())
    }

    /// Whoever issued it, where it is a JSON web token.
    pub(crate) fn issuer(&self) -> Option<String> {
        claims(self.bearer.expose_secret())?.iss
    }

    /// Whether it is a JSON web token.
    pub(crate) fn is_jwt(&self) -> bool {
        claims(self.bearer.expose_secret()).is_some()
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    exp: Option<f64>,
}

impl Claims {
    fn left(&self) -> Option<Duration> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "seconds since 1970 are far below 2^52"
        )]
        let now = Utc::now().timestamp() as f64;
        Duration::try_from_secs_f64((self.exp? - now).max(0.0)).ok()
    }
}

/// The claims of a JSON web token, which are not checked: the service does that.
fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let payload = payload.trim_end_matches('=');
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jwt(claims: &str) -> Token {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let text = format!("{}.{}.c2ln", part("{}"), part(claims));
        Token::try_new(text.into()).unwrap()
    }

    #[test]
    fn tokens_that_are_no_header_values_are_refused_unseen() {
        for text in ["", "abc\ndef", "a b", "tökèn"] {
            let error = Token::try_new(text.into()).expect_err(text);
            assert!(text.is_empty() || !error.message().contains(text));
        }
    }

    #[test]
    fn the_issuer_and_the_end_of_a_json_web_token_are_read() {
        let token = jwt(r#"{"iss":"https://idp.example.com/","exp":4102444800}"#);
        assert_eq!(token.issuer().as_deref(), Some("https://idp.example.com/"));
        assert!(!token.is_stale() && !token.is_expired());
        assert!(jwt(r#"{"exp":1}"#).is_expired());
        for opaque in ["dapi0123", "a.b", "a.b.c", "a.b.c.d"] {
            let token = Token::try_new(opaque.into()).unwrap();
            assert!(!token.is_jwt() && !token.is_expired() && token.issuer().is_none());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_grows_stale_before_it_expires() {
        let cases = [(3600, 3300, 3570), (100, 80, 90), (10, 8, 9)];
        for (life, stale, expired) in cases {
            let born = Instant::now();
            let token = Token::try_new("t".into())
                .unwrap()
                .living(Duration::from_secs(life));
            let second = Duration::from_secs(1);
            while !token.is_stale() {
                tokio::time::advance(second).await;
            }
            assert_eq!(born.elapsed().as_secs(), stale);
            while !token.is_expired() {
                tokio::time::advance(second).await;
            }
            assert_eq!(born.elapsed().as_secs(), expired);
        }
    }

    proptest! {
        #[test]
        fn no_token_is_too_odd(text in "[!-~]{0,80}", claims in "(?s).{0,80}") {
            drop(Token::try_new(text.into()));
            let _ = jwt(&claims).issuer();
        }

        #[test]
        fn lives_of_all_kinds_are_taken(seconds: u64) {
            let token = Token::try_new("t".into()).unwrap();
            let _ = token.living(Duration::from_secs(seconds)).left();
        }

        #[test]
        fn ends_of_all_kinds_are_taken(exp in proptest::num::f64::ANY) {
            let _ = jwt(&format!("{{\"exp\": {exp:e}}}")).left();
        }
    }

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let token = Token::try_new("s3cret-bearer".into()).unwrap();
        let token = token.with_header("x-more", "s3cret-more").unwrap();
        assert!(!format!("{token:?}").contains("s3cret"));
    }
}
