//! Where bearer tokens come from.

pub mod azure;
mod cached;
mod chain;
mod cli;
mod federation;
mod identity;
pub mod oauth;
mod pat;
mod profile;
mod settings;
mod shared;
mod token;
mod workload;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

pub use cached::CachedToken;
pub use chain::{Interaction, SignIn};
pub use cli::DatabricksCli;
pub use federation::{Dialect, Federated};
pub use identity::IdentityClient;
pub use pat::PersonalAccessToken;
pub use profile::{ProfileChoice, Unified};
pub use settings::{Settings, Variables};
pub use shared::{Fingerprint, shared};
pub use token::Token;
pub use workload::{IdToken, Workload};

use super::Result;

/// A token on its way.
pub type TokenFuture<'a> = Pin<Box<dyn Future<Output = Result<Token>> + Send + 'a>>;

/// Gives the bearer token of each request.
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// A token to send. `refused` is one that the service has just answered with 401: the source
    /// gives a fresh one, or the same again when it has no other.
    fn token<'a>(&'a self, refused: Option<&'a Token>) -> TokenFuture<'a>;

    /// Where the user looks when the service refuses the tokens.
    fn remedy(&self) -> &'static str {
        "check who signs in, and that they may use the workspace"
    }
}

/// A way to obtain a token. [`CachedToken`] makes a source of it, which asks as seldom as it can.
pub trait Grant: Send + Sync + fmt::Debug {
    /// Obtains a new token.
    fn request<'a>(&'a self, identity: &'a IdentityClient) -> TokenFuture<'a>;
}

impl<T: Grant + ?Sized> Grant for Arc<T> {
    fn request<'a>(&'a self, identity: &'a IdentityClient) -> TokenFuture<'a> {
        (**self).request(identity)
    }
}
