//! One token for all requests: renewed ahead of its end, by one request whatever the number of askers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Grant, IdentityClient, Token, TokenFuture, TokenSource};
use crate::client::{Error, ErrorCode, Result};

/// How long a failed renewal in the background rests, while the old token is still good.
const REST: Duration = Duration::from_secs(5);

/// Keeps the token of a grant and renews it.
#[derive(Debug)]
pub struct CachedToken(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    grant: Box<dyn Grant>,
    identity: IdentityClient,
    state: Mutex<State>,
}

/// The outcome of a renewal, once there is one.
type Outcome = Option<Result<Token>>;

#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    renewal: Option<watch::Receiver<Outcome>>,
    rests_until: Option<Instant>,
}

impl CachedToken {
    /// A source of tokens that come by `grant`; the first is obtained when one is asked for.
    #[must_use]
    pub fn new(grant: impl Grant + 'static, identity: IdentityClient) -> Self {
        Self(Arc::new(Inner {
            grant: Box::new(grant),
            identity,
            state: Mutex::default(),
        }))
    }

    /// A good token, or the renewal that will bring one.
    fn token_or_renewal(&self, refused: Option<&Token>) -> Result<Token, watch::Receiver<Outcome>> {
        let mut state = self.0.state();
        let good = state.token.as_ref().filter(|token| {
            !token.is_expired() && !refused.is_some_and(|refused| refused.is(token))
        });
        let Some(token) = good.cloned() else {
            return Err(self.renewal(&mut state));
        };
        let rests = state.rests_until.is_some_and(|end| Instant::now() < end);
        if token.is_stale() && !rests {
            drop(self.renewal(&mut state));
        }
        Ok(token)
    }

    /// The renewal that is under way, or a new one. It goes on when those who wait for it have gone.
    fn renewal(&self, state: &mut State) -> watch::Receiver<Outcome> {
        if let Some(renewal) = &state.renewal
            && renewal.has_changed().is_ok()
        {
            return renewal.clone();
        }
        let (sender, receiver) = watch::channel(None);
        state.renewal = Some(receiver.clone());
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            let outcome = inner.grant.request(&inner.identity).await;
            let mut state = inner.state();
            state.renewal = None;
            match &outcome {
                Ok(token) => state.token = Some(token.clone()),
                Err(_) => state.rests_until = Some(Instant::now() + REST),
            }
            sender.send_replace(Some(outcome));
        });
        receiver
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TokenSource for CachedToken {
    fn token<'a>(&'a self, refused: Option<&'a Token>) -> TokenFuture<'a> {
        Box::pin(async move {
            let mut renewal = match self.token_or_renewal(refused) {
                Ok(token) => return Ok(token),
                Err(renewal) => renewal,
            };
            match renewal.wait_for(Option::is_some).await.as_deref() {
                Ok(Some(outcome)) => outcome.clone(),
                _ => Err(Error::new(
                    ErrorCode::Cancelled,
                    "the sign-in was given up: the driver is shutting down",
                )),
            }
        })
    }
}
