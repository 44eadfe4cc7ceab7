//! Workload identity federation: a token that the environment gives to a job is exchanged for one of the
//! workspace.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::federation::Exchange;
use super::identity::Asking;
use super::{Dialect, Grant, IdentityClient, Token, TokenFuture};
use crate::client::redact::quoted;
use crate::client::{Error, ErrorCode, Result};

/// Where the token of a job is.
pub enum IdToken {
    /// In an environment variable.
    Variable(String),
    /// In a file, which is read anew for each exchange.
    File(PathBuf),
    /// At an address of GitHub Actions, whose bearer the job is told.
    GitHub {
        /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
        url: String,
        /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
        bearer: SecretString,
        /// For whom the token shall be.
        audience: Option<String>,
    },
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.debug_tuple("Variable").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::GitHub { .. } => f.write_str("GitHub"),
        }
    }
}

/// Exchanges the token of a job.
#[derive(Debug)]
pub struct Workload {
    id_token: IdToken,
    client_id: Option<String>,
}

#[derive(Deserialize)]
struct GitHubDocument {
    value: SecretString,
}

impl Workload {
    /// As the service principal of `client_id`, or as whom the account's policy says.
    #[must_use]
    pub fn new(id_token: IdToken, client_id: Option<String>) -> Self {
        Self {
            id_token,
            client_id,
        }
    }

    async fn obtain(&self, identity: &IdentityClient) -> Result<Token> {
        let original = Token::try_new(self.id_token.read(identity).await?)?;
        let exchange = Exchange {
            dialect: Dialect::TokenExchange,
            client_id: self.client_id.as_deref(),
            scope: "all-apis",
            original_if_good: false,
        };
        exchange.ask(identity, &original).await
    }
}

impl IdToken {
    async fn read(&self, identity: &IdentityClient) -> Result<SecretString> {
        let missing = |what: String| Error::new(ErrorCode::Unauthenticated, what);
        let text = match self {
            Self::Variable(name) => std::env::var(name)
                .map_err(|_| missing(format!("the variable {name} holds no token")))?,
            Self::File(path) => std::fs::read_to_string(path).map_err(|why| {
                let file = quoted(&path.to_string_lossy());
                missing(format!("the token file {file} cannot be read: {why}"))
            })?,
            Self::GitHub {
                url,
                bearer,
                audience,
            } => return github(identity, url, bearer, audience.as_deref()).await,
        };
        Ok(text.trim().to_owned().into())
    }
}

async fn github(
    identity: &IdentityClient,
    url: &str,
    bearer: &SecretString,
    audience: Option<&str>,
) -> Result<SecretString> {
    use secrecy::ExposeSecret;
    let mut url = Url::parse(url).map_err(|why| {
        Error::invalid_argument(format!("ACTIONS_ID_TOKEN_REQUEST_URL is no URL: {why}"))
    })?;
    if let Some(audience) = audience {
        url.query_pairs_mut().append_pair("audience", audience);
    }
    let bearer = format!("Bearer {}", bearer.expose_secret());
    let headers = [("authorization", bearer.as_str())];
    let mut asking = Asking::get("GitHub gives the job no token", url);
    asking.headers = &headers;
    identity
        .ask::<GitHubDocument>(&asking)
        .await
        .map(|document| document.value)
}

impl Grant for Workload {
    fn request<'a>(&'a self, identity: &'a IdentityClient) -> TokenFuture<'a> {
        Box::pin(self.obtain(identity))
    }
}
