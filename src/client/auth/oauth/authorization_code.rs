//! User to machine: somebody signs in with a browser, and stays signed in by refresh tokens.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use super::token_cache::{Entry, Remembered, TokenCache};
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

/// Somebody else's way to keep a sign-in, by the name of the workspace's host.
pub trait TokenStore: Send + Sync + fmt::Debug {
    /// What was kept, if anything was.
    fn read<'a>(&'a self, host: &'a str) -> Pin<Box<dyn Future<Output = Kept> + Send + 'a>>;

    /// Keeps another access token and refresh token.
    fn write<'a>(
        &'a self,
        host: &'a str,
        access_token: SecretString,
        refresh_token: Option<SecretString>,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;
}

/// An access token and a refresh token.
pub type Kept = Result<Option<(SecretString, Option<SecretString>)>>;

/// Where a sign-in is kept while a token is obtained.
enum Place<'a> {
    File(Entry),
    Store(&'a dyn TokenStore, &'a str),
}

impl Place<'_> {
    async fn read(&self) -> Result<Option<Remembered>> {
        match self {
            Self::File(entry) => Ok(entry.read().await),
            Self::Store(store, host) => {
                let kept = store.read(host).await?;
                Ok(kept.map(|(access, refresh)| Remembered::kept(access, refresh)))
            }
        }
    }

    async fn write(&self, token: &Token, refresh: Option<SecretString>) -> Result<()> {
        match self {
            Self::File(entry) => entry.write(&Remembered::new(token, refresh)).await,
            Self::Store(store, host) => store.write(host, token.bearer().clone(), refresh).await,
        }
    }
}

/// A token, and what renews it.
type Obtained = (Token, Option<SecretString>);

/// What came of the last sign-in or renewal.
#[derive(Debug, Default)]
struct Last {
    token: Option<Token>,
    refresh_token: Option<SecretString>,
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
    store: Option<Arc<dyn TokenStore>>,
    last: Mutex<Last>,
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
            store: None,
            last: Mutex::default(),
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

    /// Stays signed in by what somebody else keeps.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.store = Some(store);
        self
    }

    async fn obtain(&self, identity: &IdentityClient) -> Result<Token> {
        let place = self.place(identity).await?;
        let remembered = match &place {
            Some(place) => place.read().await?,
            None => None,
        };
        let token = remembered.as_ref().and_then(Remembered::token);
        let kept = remembered.and_then(|remembered| remembered.refresh_token);
        // The one that was given last is no good any more.
        if let Some(token) = token.filter(|token| !self.gave(token)) {
            self.note(&token, kept);
            return Ok(token);
        }
        // A refresh token is good for one use, and others may have used the one that is known here.
        let refresh = kept.or_else(|| self.last().refresh_token.clone());
        let renewed = self.renewed(identity, refresh).await?;
        let (token, refresh) = match renewed {
            Some(renewed) => renewed,
            None => self.signed_in(identity).await?,
        };
        self.note(&token, refresh.clone());
        if let Some(place) = &place {
            place.write(&token, refresh).await?;
        }
        Ok(token)
    }

    async fn place<'a>(&'a self, identity: &'a IdentityClient) -> Result<Option<Place<'a>>> {
        let host = identity.workspace().host();
        if let Some(store) = &self.store {
            return Ok(Some(Place::Store(&**store, host)));
        }
        let Some(cache) = &self.cache else {
            return Ok(None);
        };
        // Of many processes one asks the user, and the others find what came of it.
        let entry = cache.lock(&[host, &self.client_id, &self.scope]).await?;
        Ok(Some(Place::File(entry)))
    }

    /// A token by refresh token; none where there is none or it is good no longer.
    async fn renewed(
        &self,
        identity: &IdentityClient,
        refresh: Option<SecretString>,
    ) -> Result<Option<Obtained>> {
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
            Err(error) if error.code() == ErrorCode::Unauthenticated => return Ok(None),
            other => other?,
        };
        // A server that gives no other one lets us keep it.
        let refresh = document.refresh_token.clone().unwrap_or(refresh);
        Ok(Some((document.token()?, Some(refresh))))
    }

    async fn signed_in(&self, identity: &IdentityClient) -> Result<Obtained> {
        let endpoints = discover(identity).await?;
        let callback =
            Callback::listen(&self.ports, identity.option_names().redirect_ports).await?;
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
        Ok((document.token()?, document.refresh_token))
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

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gave(&self, token: &Token) -> bool {
        let last = self.last();
        last.token.as_ref().is_some_and(|last| last.is(token))
    }

    fn note(&self, token: &Token, refresh_token: Option<SecretString>) {
        *self.last() = Last {
            token: Some(token.clone()),
            refresh_token,
        };
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
