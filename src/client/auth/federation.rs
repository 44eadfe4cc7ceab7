//! Token federation: a token that somebody else issued is exchanged for one of the workspace.

use secrecy::ExposeSecret;
use url::Url;

use super::identity::{Asking, TokenDocument};
use super::{Grant, IdentityClient, Token, TokenFuture};
use crate::client::{Error, ErrorCode, Result};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The words in which an exchange is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 8693, as the official connector speaks.
    TokenExchange,
    /// RFC 7523, as the official kernel speaks.
    JwtBearer,
}

/// Exchanges the tokens of another grant, where the workspace did not issue them.
#[derive(Debug)]
pub struct Federated<G> {
    grant: G,
    dialect: Dialect,
    client_id: Option<String>,
}

impl<G: Grant> Federated<G> {
    /// With a `client_id`, the service principal to become, an exchange that is refused is an error;
    /// without one the original token is used then.
    #[must_use]
    pub fn new(grant: G, dialect: Dialect, client_id: Option<String>) -> Self {
        Self {
            grant,
            dialect,
            client_id,
        }
    }

    async fn exchanged(&self, identity: &IdentityClient, original: Token) -> Result<Token> {
        let exchange = Exchange {
            dialect: self.dialect,
            client_id: self.client_id.as_deref(),
            scope: "sql",
            // The official kernel names either the principal or this.
            original_if_good: self.client_id.is_none() || self.dialect == Dialect::TokenExchange,
        };
        let asked = exchange.ask(identity, &original);
        match asked.await {
            Err(error) if self.client_id.is_none() && is_refusal(&error) => Ok(original),
            other => other,
        }
    }
}

impl<G: Grant> Grant for Federated<G> {
    fn request<'a>(&'a self, identity: &'a IdentityClient) -> TokenFuture<'a> {
        Box::pin(async move {
            let original = self.grant.request(identity).await?;
            if is_foreign(&original, identity) {
                self.exchanged(identity, original).await
            } else {
                Ok(original)
            }
        })
    }
}

/// How the workspace is asked for a token of its own instead of another.
pub(super) struct Exchange<'a> {
    pub(super) dialect: Dialect,
    /// The service principal to become.
    pub(super) client_id: Option<&'a str>,
    pub(super) scope: &'a str,
    /// Whether a token that the workspace accepts as it is shall come back.
    pub(super) original_if_good: bool,
}

impl Exchange<'_> {
    pub(super) async fn ask(&self, identity: &IdentityClient, original: &Token) -> Result<Token> {
        let jwt = original.bearer().expose_secret();
        let mut form = vec![("scope", self.scope)];
        let (grant, client_name) = match self.dialect {
            Dialect::TokenExchange => {
                form.extend([("subject_token", jwt), ("subject_token_type", JWT)]);
                ("token-exchange", "client_id")
            }
            Dialect::JwtBearer => {
                form.push(("assertion", jwt));
                ("jwt-bearer", "identity_federation_client_id")
            }
        };
        let grant = format!("{GRANT}{grant}");
        form.push(("grant_type", &grant));
        form.extend(self.client_id.map(|id| (client_name, id)));
        if self.original_if_good {
            form.push(("return_original_token_if_authenticated", "true"));
        }
        let url = identity.workspace().url(&["oidc", "v1", "token"]);
        let what = "the workspace does not exchange the token of another issuer";
        let asking = Asking::post(what, url, &form);
        identity.ask::<TokenDocument>(&asking).await?.token()
    }
}

/// Whether it is a JSON web token that the workspace did not issue.
fn is_foreign(token: &Token, identity: &IdentityClient) -> bool {
    token.issuer().is_some_and(|issuer| {
        let host = Url::parse(&issuer)
            .ok()
            .and_then(|url| url.host_str().map(str::to_owned));
        host.is_none_or(|host| host != identity.workspace().host())
    })
}

fn is_refusal(error: &Error) -> bool {
    matches!(
        error.code(),
        ErrorCode::Unauthenticated | ErrorCode::NotFound
    )
}
