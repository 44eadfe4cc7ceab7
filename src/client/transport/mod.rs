//! Requests to the workspace and to its storage, repeated where that is safe.

pub(crate) mod failure;
mod gate;
mod http;
mod proxy;
pub(crate) mod redact;
pub(crate) mod retry;
mod shared;
pub(crate) mod storage;
pub(crate) mod tls;
mod upload;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    USER_AGENT,
};
use reqwest::{Method, Response};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use self::failure::Failure;
pub(crate) use self::http::Http;
use self::retry::Attempts;
pub(crate) use self::shared::Hold;
use super::auth::{Token, TokenSource};
use super::config::HttpConfig;
use super::control::{Stop, StopSignal, cancelled};
use super::host::Endpoint;
use super::{Error, Result};

/// Whether a request may be sent again after a failure that leaves open what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing, or the same thing however often it comes.
    Always,
    /// It runs a statement: only when that certainly did not happen.
    UnlessMaybeExecuted,
}

/// One request to the workspace.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// Path below the workspace; each segment is percent-encoded.
    pub(crate) segments: &'a [&'a str],
    pub(crate) query: Option<(&'a str, &'a str)>,
    pub(crate) body: Option<Vec<u8>>,
    /// Further headers of this request.
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) repeat: Repeat,
    /// It does not wait where the host asked for fewer requests.
    pub(crate) urgent: bool,
    /// Ends the waits for a token and between attempts, and forbids further ones.
    pub(crate) stop: Option<StopSignal>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(method: Method, segments: &'a [&'a str]) -> Self {
        Self {
            method,
            segments,
            query: None,
            body: None,
            headers: &[],
            repeat: Repeat::Always,
            urgent: false,
            stop: None,
        }
    }

    fn is_stopped(&self) -> bool {
        let stop = self.stop.as_ref();
        stop.is_some_and(|stop| *stop.borrow() != Stop::No)
    }

    async fn stopped(&self) {
        if let Some(mut stop) = self.stop.clone()
            && stop.wait_for(|wish| *wish != Stop::No).await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

/// The way to one workspace: connections, token, headers and patience.
pub(crate) struct Transport {
    http: Http,
    endpoint: Endpoint,
    token: Arc<dyn TokenSource>,
    headers: HeaderMap,
    config: HttpConfig,
    /// How many seconds the service's clock is ahead of ours.
    clock_skew: AtomicI64,
}

impl Transport {
    pub(crate) fn try_new(
        endpoint: Endpoint,
        token: Arc<dyn TokenSource>,
        config: HttpConfig,
    ) -> Result<Self> {
        config.validate()?;
        let http = Http::new(&config)?;
        let headers = workspace_headers(&config, &endpoint)?;
        Ok(Self {
            http,
            endpoint,
            token,
            headers,
            config,
            clock_skew: AtomicI64::new(0),
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn config(&self) -> &HttpConfig {
        &self.config
    }

    /// Keeps connections open between requests until what is given back is dropped.
    pub(crate) fn hold(&self) -> Hold {
        self.http.hold()
    }

    /// The time by the service's clock.
    pub(crate) fn service_time(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::seconds(self.clock_skew.load(Ordering::Relaxed))
    }

    /// Where the user looks when the service refuses the tokens.
    pub(crate) fn remedy(&self) -> &'static str {
        self.token.remedy()
    }

    /// Obtains the token that requests will be sent with.
    pub(crate) async fn sign_in(&self) -> Result<()> {
        self.token.token(None).await.map(drop)
    }

    /// Sends a request until it is answered or its attempts are used up.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        let mut attempts = Attempts::new(&self.config.retry.control);
        let mut refused: Option<Token> = None;
        loop {
            let token = self.token_for(&call, refused.as_ref()).await?;
            if call.is_stopped() {
                return Err(cancelled());
            }
            let patience = (!call.urgent).then(|| attempts.left());
            let attempt = self.attempt(&call, &token, patience);
            let failure = match attempt.await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if refuses_token(&failure.error) && refused.is_none() {
                let fresh = self.token_for(&call, Some(&token)).await?;
                if !fresh.is(&token) {
                    refused = Some(token);
                    continue;
                }
            }
            if !attempts
                .another_unless(failure.verdict, call.stop.as_ref())
                .await
            {
                return Err(failure.error);
            }
        }
    }

    /// A token, unless somebody wants an end first: nothing has been sent then, or was refused.
    async fn token_for(&self, call: &Call<'_>, refused: Option<&Token>) -> Result<Token> {
        tokio::select! {
            biased;
            token = self.token.token(refused) => token,
            () = call.stopped() => Err(cancelled()),
        }
    }

    async fn attempt<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        token: &Token,
        patience: Option<Duration>,
    ) -> Result<T, Failure> {
        let host = self.endpoint.authority();
        let request = self.request(call, token)?;
        let response = self
            .http
            .send(request, &host, call.repeat, patience)
            .await
            .map_err(|failure| {
                failure.unless_connected(&format!(
                    "the workspace cannot be reached; check {}, network and proxy",
                    self.config.names.host
                ))
            })?;
        self.note_date(&response);
        if !response.status().is_success() {
            return Err(Failure::refused(response, &host, call.repeat, self.service_time()).await);
        }
        let status = response.status().as_u16();
        let body = read_body(response).await.map_err(|why| match why {
            Unread::Lost(why) => {
                Failure::no_answer(why, &host, None, call.repeat, self.config.names)
            }
            Unread::TooLong => Failure::too_long(LONGEST_ANSWER, status, &host, call.repeat),
        })?;
        serde_json::from_slice(&body)
            .map_err(|why| Failure::not_understood(&why, status, &host, call.repeat))
    }

    fn request(&self, call: &Call<'_>, token: &Token) -> Result<reqwest::Request, Failure> {
        let mut url = self.endpoint.checked_url(call.segments)?;
        if let Some((name, value)) = call.query {
            url.query_pairs_mut().append_pair(name, value);
        }
        let mut request = reqwest::Request::new(call.method.clone(), url);
        request.headers_mut().clone_from(&self.headers);
        request.headers_mut().insert(AUTHORIZATION, bearer(token)?);
        for (name, value) in call.headers {
            let (name, value) = header(name, value)?;
            request.headers_mut().insert(name, value);
        }
        for (name, value) in token.headers() {
            request.headers_mut().insert(name, value.clone());
        }
        if let Some(body) = &call.body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Some(body.clone().into());
        }
        Ok(request)
    }

    fn note_date(&self, response: &Response) {
        let ahead = http::service_time(response) - Utc::now();
        self.clock_skew
            .store(ahead.num_seconds(), Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// Why a body was not read.
enum Unread {
    Lost(reqwest::Error),
    TooLong,
}

/// Longest answer of the workspace that is read, unpacked: several times what it gives inline.
const LONGEST_ANSWER: usize = 128 << 20;

async fn read_body(mut response: Response) -> Result<Vec<u8>, Unread> {
    // A wrong length header must not make us reserve what never comes.
    const MOST_RESERVED: u64 = 64 << 20;
    let length = response
        .content_length()
        .unwrap_or_default()
        .min(MOST_RESERVED);
    let mut body = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    while let Some(part) = response.chunk().await.map_err(Unread::Lost)? {
        if body.len() + part.len() > LONGEST_ANSWER {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

/// Whether the service does not accept the token. What it says of one that has ended is not the same
/// everywhere.
fn refuses_token(error: &Error) -> bool {
    match error.http_status() {
        Some(401) => true,
        Some(403) => error
            .message()
            .to_ascii_lowercase()
            .contains("invalid access token"),
        _ => false,
    }
}

/// Headers that say who asks, how long what is asked is, and how it may be answered.
const OWN_HEADERS: [&str; 8] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "proxy-authorization",
    "transfer-encoding",
];

fn workspace_headers(config: &HttpConfig, endpoint: &Endpoint) -> Result<HeaderMap> {
    let json = HeaderValue::from_static("application/json");
    let coding = HeaderValue::from_static(if config.compressed_answers {
        "gzip"
    } else {
        "identity"
    });
    let mut headers = HeaderMap::from_iter([
        header("user-agent", &config.user_agent)?,
        (ACCEPT, json),
        (ACCEPT_ENCODING, coding),
    ]);
    for (name, value) in &config.headers {
        let (name, value) = header(name, value.expose())?;
        if OWN_HEADERS.contains(&name.as_str()) {
            return Err(Error::invalid_argument(format!(
                "the HTTP header '{name}' is the driver's own and cannot be set"
            )));
        }
        if name == USER_AGENT || name == ACCEPT {
            headers.insert(name, value);
        } else {
            headers.append(name, value);
        }
    }
    if let Some(org_id) = endpoint.org_id()
        && !headers.contains_key("x-databricks-org-id")
    {
        let (name, value) = header("x-databricks-org-id", org_id)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let parsed = HeaderName::try_from(name)
        .ok()
        .zip(HeaderValue::try_from(value).ok());
    parsed.ok_or_else(|| {
        Error::invalid_argument(format!(
            "the HTTP header {} cannot be sent",
            quoted_name(name)
        ))
    })
}

/// A name as far as it is one: a value may have got behind it.
fn quoted_name(name: &str) -> String {
    let end = name.find(|c: char| c != '-' && c != '_' && !c.is_ascii_alphanumeric());
    match end {
        Some(end) if !redact::holds_token(&name[..end]) => format!("'{}...'", &name[..end]),
        _ => redact::quoted(name),
    }
}

fn bearer(token: &Token) -> Result<HeaderValue> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.bearer().expose_secret()))
        .map_err(|_| Error::invalid_argument("the token holds characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}
