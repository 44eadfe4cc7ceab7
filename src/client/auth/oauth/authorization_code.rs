//! User to machine: somebody signs in with a browser, and stays signed in by refresh tokens.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use url::Url;

use super::callback::Callback;
use super::discovery::{Endpoints, discover};
use super::random;
use super::token_cache::{Remembered, TokenCache};
use crate::client::auth::identity::{Asking, TokenDocument};
use crate::client::auth::{Grant, IdentityClient, Token, TokenFuture};
use crate::client::{Error, ErrorCode, Result};

const WHAT: &str = "signing in with the browser failed";

/// How the user is reached.
pub trait Browser: Send + Sync + fmt::Debug {
    /// Opens an address; false where there is no browser.
    fn open(&self, url: &Url) -> bool;

    /// Says something to the user.
    fn say(&self, text: &str);
}

/// The user's usual browser, and the standard error stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemBrowser;

impl Browser for SystemBrowser {
    fn open(&self, url: &Url) -> bool {
        webbrowser::open(url.as_str()).is_ok()
    }

    fn say(&self, text: &str) {
        use std::io::Write;
        // A program without a standard error stream has nobody to tell.
        drop(writeln!(std::io::stderr(), "{text}"));
    }
}

/// The grant `authorization_code` with PKCE, and `refresh_token` afterwards.
#[derive(Debug)]
pub struct AuthorizationCode {
    client_id: String,
    scope: String,
    ports: Vec<u16>,
    patience: Duration,
    browser: Arc<dyn Browser>,
    cache: Option<TokenCache>,
    refresh_token: Mutex<Option<SecretString>>,
}

impl AuthorizationCode {
    /// For the client that is registered for programs in Python.
    #[must_use]
    pub fn new() -> Self {
        Self {
            client_id: "databricks-sql-python".to_owned(),
            scope: "sql offline_access".to_owned(),
            ports: (8020..=8024).collect(),
            patience: Duration::from_secs(120),
            browser: Arc::new(SystemBrowser),
            cache: None,
            refresh_token: Mutex::default(),
        }
    }

    /// Another client.
    #[must_use]
    pub fn with_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = client_id.into();
        self
    }

    /// Other scopes.
    #[must_use]
    pub fn with_scopes<S: AsRef<str>>(mut self, scopes: &[S]) -> Self {
        let scopes: Vec<_> = scopes.iter().map(AsRef::as_ref).collect();
        self.scope = scopes.join(" ");
        self
    }

    /// Other ports for the browser to come back to; the first that is free is taken.
    #[must_use]
    pub fn with_ports(mut self, ports: Vec<u16>) -> Self {
        self.ports = ports;
        self
    }

    /// How long the user may take.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Another way to the user.
    #[must_use]
    pub fn with_browser(mut self, browser: Arc<dyn Browser>) -> Self {
        self.browser = browser;
        self
    }

    /// Stays signed in beyond the end of the process.
    #[must_use]
    pub fn with_cache(mut self, cache: TokenCache) -> Self {
        self.cache = Some(cache);
        self
    }

    async fn obtain(&self, identity: &IdentityClient) -> Result<Token> {
        if let Some(token) = self.renewed(identity, self.known()).await? {
            return Ok(token);
        }
        let Some(cache) = &self.cache else {
            return self.signed_in(identity).await;
        };
        let name = [identity.workspace().host(), &self.client_id, &self.scope];
        // Of many processes one asks the user, and the others find what came of it.
        let entry = cache.lock(&name).await?;
        let remembered = entry.read().await;
        if let Some(token) = remembered.as_ref().and_then(Remembered::token) {
            let refresh = remembered.and_then(|remembered| remembered.refresh_token);
            self.remember(refresh);
            return Ok(token);
        }
        let refresh = remembered.and_then(|remembered| remembered.refresh_token);
        let token = match self.renewed(identity, refresh).await? {
            Some(token) => token,
            None => self.signed_in(identity).await?,
        };
        entry.write(&Remembered::new(&token, self.known())).await?;
        Ok(token)
    }

    /// A token by refresh token; none where there is none or it is good no longer.
    async fn renewed(
        &self,
        identity: &IdentityClient,
        refresh: Option<SecretString>,
    ) -> Result<Option<Token>> {
        let Some(refresh) = refresh else {
            return Ok(None);
        };
        let url = discover(identity).await?.token;
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose_secret()),
            ("client_id", &self.client_id),
        ];
        let asking = Asking::post("staying signed in failed", url, &form);
        let document: TokenDocument = match identity.ask(&asking).await {
            Err(error) if error.code() == ErrorCode::Unauthenticated => {
                self.remember(None);
                return Ok(None);
            }
            other => other?,
        };
        // A server that gives no other one lets us keep it.
        self.remember(Some(document.refresh_token.clone().unwrap_or(refresh)));
        document.token().map(Some)
    }

    async fn signed_in(&self, identity: &IdentityClient) -> Result<Token> {
        let endpoints = discover(identity).await?;
        let callback = Callback::listen(&self.ports).await?;
        let redirect = callback.redirect_uri();
        let verifier = URL_SAFE_NO_PAD.encode(random::<32>()?);
        let state = URL_SAFE_NO_PAD.encode(random::<16>()?);
        let page = self.page(&endpoints, &redirect, &verifier, &state);
        self.send_user_to(page).await;
        let waiting = timeout(self.patience, callback.code(&state));
        let code = waiting.await.map_err(|_| {
            Error::new(
                ErrorCode::Timeout,
                format!(
                    "nobody signed in with the browser within {:?}",
                    self.patience
                ),
            )
        })??;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &redirect),
            ("client_id", &self.client_id),
            ("code_verifier", &verifier),
        ];
        let asking = Asking::post(WHAT, endpoints.token, &form);
        let document: TokenDocument = identity.ask(&asking).await?;
        self.remember(document.refresh_token.clone());
        document.token()
    }

    fn page(&self, endpoints: &Endpoints, redirect: &str, verifier: &str, state: &str) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let mut page = endpoints.authorization.clone();
        page.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", redirect),
            ("scope", &self.scope),
            ("state", state),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        page
    }

    async fn send_user_to(&self, page: Url) {
        let browser = Arc::clone(&self.browser);
        let asking = tokio::task::spawn_blocking(move || {
            if !browser.open(&page) {
                browser.say(&format!(
                    "No browser can be opened here. To sign in to Databricks, open this address \
                     on this machine:\n{page}"
                ));
            }
        });
        // Whoever signs in by another way does not need it.
        drop(asking.await);
    }

    fn known(&self) -> Option<SecretString> {
        let known = self.refresh_token.lock();
        known.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, token: Option<SecretString>) {
        let known = self.refresh_token.lock();
        *known.unwrap_or_else(PoisonError::into_inner) = token;
    }
}

impl Default for AuthorizationCode {
    fn default() -> Self {
        Self::new()
    }
}

impl Grant for AuthorizationCode {
    fn request<'a>(&'a self, identity: &'a IdentityClient) -> TokenFuture<'a> {
        Box::pin(self.obtain(identity))
    }
}
