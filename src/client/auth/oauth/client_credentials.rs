//! Machine to machine: a service principal shows its secret, or signs with its key.

use secrecy::SecretString;
use url::Url;

use super::assertion::Assertion;
use super::discovery::discover;
use crate::client::auth::identity::{Asking, TokenDocument};
use crate::client::auth::{Grant, IdentityClient, TokenFuture};
use crate::client::redact::quoted_address;
use crate::client::{Error, Result};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const WHAT: &str = "signing in as a service principal failed";

/// How a service principal shows who it is.
#[derive(Debug)]
pub enum Proof {
    /// By its OAuth secret.
    Secret(SecretString),
    /// By a JSON web token that it signs.
    Assertion(Assertion),
}

/// The grant `client_credentials`.
#[derive(Debug)]
pub struct ClientCredentials {
    client_id: String,
    proof: Proof,
    scope: String,
    token_url: Option<Url>,
}

impl ClientCredentials {
    /// For the workspace, with its scope `all-apis`.
    pub fn try_new(client_id: impl Into<String>, proof: Proof) -> Result<Self> {
        let client_id = client_id.into();
        if client_id.is_empty() {
            return Err(Error::invalid_argument("the OAuth client id is empty"));
        }
        Ok(Self {
            client_id,
            proof,
            scope: "all-apis".to_owned(),
            token_url: None,
        })
    }

    /// Other scopes.
    #[must_use]
    pub fn with_scopes<S: AsRef<str>>(mut self, scopes: &[S]) -> Self {
        let scopes: Vec<_> = scopes.iter().map(AsRef::as_ref).collect();
        self.scope = scopes.join(" ");
        self
    }

    /// The token endpoint of another identity provider; none is looked for then.
    pub fn with_token_url(mut self, url: &str) -> Result<Self> {
        self.token_url = Some(Url::parse(url).map_err(|why| {
            Error::invalid_argument(format!(
                "the token URL {} is no URL: {why}",
                quoted_address(url)
            ))
        })?);
        Ok(self)
    }
}

impl Grant for ClientCredentials {
    fn request<'a>(&'a self, identity: &'a IdentityClient) -> TokenFuture<'a> {
        Box::pin(async move {
            let url = match &self.token_url {
                Some(url) => url.clone(),
                None => discover(identity).await?.token,
            };
            let mut form = vec![
                ("grant_type", "client_credentials"),
                ("scope", self.scope.as_str()),
            ];
            let document: TokenDocument = match &self.proof {
                Proof::Secret(secret) => {
                    let mut asking = Asking::post(WHAT, url, &form);
                    asking.basic = Some((&self.client_id, secret));
                    identity.ask(&asking).await?
                }
                Proof::Assertion(assertion) => {
                    let signed = assertion.sign(&self.client_id, &url)?;
                    form.push(("client_assertion_type", ASSERTION));
                    form.push(("client_assertion", &signed));
                    identity.ask(&Asking::post(WHAT, url, &form)).await?
                }
            };
            document.token()
        })
    }
}
