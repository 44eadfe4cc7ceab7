//! OAuth 2 with the workspace's own authorization server, or one that the user names.

mod assertion;
mod authorization_code;
mod callback;
mod client_credentials;
mod discovery;
mod token_cache;

use ring::rand::{SecureRandom, SystemRandom};

pub use assertion::{Algorithm, Assertion};
pub use authorization_code::{AuthorizationCode, Browser, Kept, SystemBrowser, TokenStore};
pub use client_credentials::{ClientCredentials, Proof};
pub use token_cache::TokenCache;

use super::super::{Error, ErrorCode, Result};

/// Bytes that nobody can guess.
fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Error::new(ErrorCode::Internal, "the system gives no random numbers"))?;
    Ok(bytes)
}
