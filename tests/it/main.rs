//! Behaviour over HTTP, against scripted servers on loopback.

#![expect(
    clippy::unwrap_used,
    reason = "what a test takes for granted may fail it"
)]

mod clock;
mod documents;
mod exchange;
mod halves;
mod halves_that_fail;
mod server;
mod warehouse;

mod auth;
mod cancel;
mod close;
mod inline;
mod integrity;
mod json;
mod links;
mod lost_session;
mod metadata;
mod never_twice;
mod reading_ahead;
mod resume;
mod retry;
mod session;
mod sign_in;
mod statement;
mod submitted;
mod turns;
mod volume;
