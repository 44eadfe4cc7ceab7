//! Where bearer tokens come from.

mod pat;

use std::fmt;
use std::pin::Pin;

use secrecy::SecretString;

pub use pat::PersonalAccessToken;

use super::Result;

/// A token on its way.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<SecretString>> + Send + 'a>>;

/// Gives the bearer token of each request.
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// A token to send. `refused` is one that the service has just answered with 401: the source
    /// gives a fresh one, or the same again when it has no other.
    fn token<'a>(&'a self, refused: Option<&'a SecretString>) -> TokenFuture<'a>;
}
