//! OAuth 2 with the workspace's own authorization server, or one that the user names.

mod assertion;
mod client_credentials;
mod discovery;

pub use assertion::{Algorithm, Assertion};
pub use client_credentials::{ClientCredentials, Proof};
