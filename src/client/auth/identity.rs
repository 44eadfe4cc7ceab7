//! The way to where tokens come from: the workspace's own endpoints, and identity providers.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::Utc;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, USER_AGENT};
use reqwest::{Method, Request, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use url::{Host, Url, form_urlencoded};

use super::Token;
use crate::client::config::HttpConfig;
use crate::client::host::{Endpoint, authority, is_loopback};
use crate::client::transport::failure::Failure;
use crate::client::transport::redact::without_query;
use crate::client::transport::retry::{Attempts, Verdict, is_transient, retry_after};
use crate::client::transport::{Http, Repeat, header};
use crate::client::{Error, ErrorCode, OptionNames, Result};

/// Longest answer that is read; tokens are far shorter.
const LONGEST_ANSWER: usize = 1 << 20;

/// Longest time that one request for a token may take.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(30);

/// Sends requests for tokens, with the TLS, proxy and patience of all other requests.
#[derive(Clone)]
pub struct IdentityClient(Arc<Inner>);

struct Inner {
    endpoint: Endpoint,
    config: HttpConfig,
    http: OnceLock<Http>,
}

impl fmt::Debug for IdentityClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IdentityClient")
            .field(&self.0.endpoint.authority())
            .finish()
    }
}

impl Hash for IdentityClient {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.endpoint.url(&[]), &self.0.config).hash(state);
    }
}

/// One request for a token.
pub(crate) struct Asking<'a> {
    /// What it is, for messages.
    pub(crate) what: &'a str,
    pub(crate) url: Url,
    pub(crate) basic: Option<(&'a str, &'a SecretString)>,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) form: Option<&'a [(&'a str, &'a str)]>,
}

impl<'a> Asking<'a> {
    pub(crate) fn get(what: &'a str, url: Url) -> Self {
        Self {
            what,
            url,
            basic: None,
            headers: &[],
            form: None,
        }
    }

    pub(crate) fn post(what: &'a str, url: Url, form: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            form: Some(form),
            ..Self::get(what, url)
        }
    }
}

/// What a token endpoint answers.
#[derive(Deserialize)]
pub(crate) struct TokenDocument {
    access_token: SecretString,
    expires_in: Option<TextOrNumber>,
    #[serde(default)]
    pub(crate) refresh_token: Option<SecretString>,
}

impl TokenDocument {
    pub(crate) fn token(&self) -> Result<Token> {
        let token = Token::try_new(self.access_token.clone())?;
        let life = self.expires_in.as_ref().and_then(TextOrNumber::seconds);
        Ok(match life {
            Some(life) => token.living(life),
            None => token,
        })
    }
}

/// A number that some write as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(f64),
}

impl TextOrNumber {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }

    fn seconds(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.text().parse().ok()?).ok()
    }
}

/// A refusal by RFC 6749, or by the workspace.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: Option<String>,
    error_description: Option<String>,
    error_code: Option<TextOrNumber>,
    message: Option<String>,
}

impl IdentityClient {
    /// Nothing is set up before the first request.
    #[must_use]
    pub fn new(endpoint: &Endpoint, config: &HttpConfig) -> Self {
        Self(Arc::new(Inner {
            endpoint: endpoint.clone(),
            config: config.clone(),
            http: OnceLock::new(),
        }))
    }

    /// The workspace for which tokens are obtained.
    pub(crate) fn workspace(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// What settings are called where the user gives them.
    pub(crate) fn option_names(&self) -> &'static OptionNames {
        self.0.config.names
    }

    /// Sends a request until it is answered or its attempts are used up.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, asking: &Asking<'_>) -> Result<T> {
        let response = self.send(asking).await?;
        let (host, status) = (authority(&asking.url), response.status().as_u16());
        let body = body(response, asking.what).await?;
        serde_json::from_slice(&body).map_err(|why| {
            // The text of a serde error can quote the document.
            Error::new(
                ErrorCode::Unauthenticated,
                format!(
                    "{}: the answer of {host} is not the document that was expected ({:?} error at line {} column {})",
                    asking.what,
                    why.classify(),
                    why.line(),
                    why.column()
                ),
            )
            .with_http_status(status)
        })
    }

    /// Where an address redirects to.
    pub(crate) async fn redirect(&self, asking: &Asking<'_>) -> Result<Option<Url>> {
        let response = self.send(asking).await?;
        let location = response.headers().get(LOCATION);
        Ok(location
            .and_then(|location| location.to_str().ok())
            .and_then(|location| asking.url.join(location).ok()))
    }

    async fn send(&self, asking: &Asking<'_>) -> Result<Response> {
        check_url(asking)?;
        let mut attempts = Attempts::new(&self.0.config.retry.sign_in);
        loop {
            let failure = match self.attempt(asking, attempts.left()).await? {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            if !attempts.another(failure.verdict).await {
                return Err(failure.error.with_context(asking.what));
            }
        }
    }

    async fn attempt(
        &self,
        asking: &Asking<'_>,
        patience: Duration,
    ) -> Result<Result<Response, Failure>> {
        let http = self.http()?;
        let host = authority(&asking.url);
        let request = self.request(asking)?;
        let sending = http.send(request, &host, Repeat::Always, Some(patience));
        let response = match timeout(LONGEST_ATTEMPT, sending).await {
            Ok(Ok(response)) => response,
            Ok(Err(failure)) => return Ok(Err(failure)),
            Err(_) => return Ok(Err(silent(&host))),
        };
        if response.status().is_success() || response.status().is_redirection() {
            return Ok(Ok(response));
        }
        Ok(Err(refused(response, asking).await))
    }

    fn http(&self) -> Result<&Http> {
        if let Some(http) = self.0.http.get() {
            return Ok(http);
        }
        let http = Http::new(&self.0.config)?;
        Ok(self.0.http.get_or_init(|| http))
    }

    fn request(&self, asking: &Asking<'_>) -> Result<Request> {
        let method = if asking.form.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        let mut request = Request::new(method, asking.url.clone());
        let headers = request.headers_mut();
        let (name, value) = header(USER_AGENT.as_str(), &self.0.config.user_agent)?;
        headers.insert(name, value);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in asking.headers {
            let (name, mut value) = header(name, value)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        if let Some((user, password)) = asking.basic {
            headers.insert(AUTHORIZATION, basic(user, password.expose_secret()));
        }
        if let Some(form) = asking.form {
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, kind);
            let mut text = form_urlencoded::Serializer::new(String::new());
            *request.body_mut() = Some(text.extend_pairs(form).finish().into());
        }
        Ok(request)
    }
}

/// Basic authentication by RFC 6749: name and secret are form-encoded first.
fn basic(user: &str, password: &str) -> HeaderValue {
    use base64::Engine;
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encode(user), encode(password));
    let text = base64::engine::general_purpose::STANDARD.encode(pair);
    let mut value = HeaderValue::from_str(&format!("Basic {text}"))
        .unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

/// Secrets go over TLS, to this machine, or to the address at which clouds answer their own machines.
fn check_url(asking: &Asking<'_>) -> Result<()> {
    const METADATA: [u8; 4] = [169, 254, 169, 254];
    let url = &asking.url;
    let metadata = matches!(url.host(), Some(Host::Ipv4(address)) if address.octets() == METADATA);
    if url.scheme() == "https" || url.scheme() == "http" && (is_loopback(url) || metadata) {
        return Ok(());
    }
    Err(Error::invalid_argument(format!(
        "{}: '{}' does not use https",
        asking.what,
        without_query(url)
    )))
}

async fn body(mut response: Response, what: &str) -> Result<Vec<u8>> {
    let host = authority(response.url());
    let lost = |why: &str| {
        Error::new(
            ErrorCode::NetworkError,
            format!("{what}: the answer of {host} {why}"),
        )
        .with_retryable(true)
    };
    let mut body = Vec::new();
    while let Some(part) = response
        .chunk()
        .await
        .map_err(|why| lost("breaks off").with_source(why.without_url()))?
    {
        body.extend_from_slice(&part);
        if body.len() > LONGEST_ANSWER {
            return Err(lost("is too long"));
        }
    }
    Ok(body)
}

fn silent(host: &str) -> Failure {
    let error = Error::new(
        ErrorCode::Timeout,
        format!("{host} gave no answer within {LONGEST_ATTEMPT:?}"),
    );
    let mut failure = Failure::from(error.with_retryable(true));
    failure.verdict = Verdict::Again(None);
    failure
}

async fn refused(response: Response, asking: &Asking<'_>) -> Failure {
    let status = response.status();
    let wait = retry_after(response.headers(), Utc::now());
    let host = authority(&asking.url);
    let reading = body(response, asking.what);
    let read = timeout(Duration::from_secs(10), reading).await;
    let document: Refusal = match read {
        Ok(Ok(body)) => serde_json::from_slice(&body).unwrap_or_default(),
        _ => Refusal::default(),
    };
    let code = document
        .error
        .clone()
        .or_else(|| document.error_code.as_ref().map(TextOrNumber::text));
    let reason = document.error_description.or(document.message);
    let said = match (&code, reason) {
        (Some(code), Some(reason)) => format!("{code}: {reason}"),
        (Some(one), None) => one.clone(),
        (None, Some(one)) => one,
        (None, None) => "no reason was given".to_owned(),
    };
    let message = format!("{host} answers HTTP {}: {said}", status.as_u16());
    let transient = is_transient(status.as_u16());
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => ErrorCode::ResourceExhausted,
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        _ if transient => ErrorCode::Unavailable,
        _ => ErrorCode::Unauthenticated,
    };
    let error = Error::new(kind, hidden(message, asking))
        .with_http_status(status.as_u16())
        .with_vendor_code(code)
        .with_retryable(transient);
    let mut failure = Failure::from(error);
    if transient {
        failure.verdict = Verdict::Again(wait);
    }
    failure
}

/// A server may repeat in its reason what it was sent.
fn hidden(mut message: String, asking: &Asking<'_>) -> String {
    const SECRET: [&str; 9] = [
        "assertion",
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "refresh_token",
        "subject_token",
        "authorization",
        "x-identity-header",
    ];
    let form = asking.form.into_iter().flatten();
    let sent = form.chain(asking.headers);
    let secrets = sent
        .filter(|(name, _)| SECRET.contains(&name.to_ascii_lowercase().as_str()))
        .map(|(_, value)| value.strip_prefix("Bearer ").unwrap_or(value));
    let password = asking.basic.map(|(_, password)| password.expose_secret());
    for secret in secrets.chain(password).filter(|secret| !secret.is_empty()) {
        message = message.replace(secret, "***");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_secrets_of_basic_authentication_are_form_encoded() {
        // printf 'a+b%%3A:c%%2Bd' | base64
        assert_eq!(basic("a b:", "c+d"), "Basic YStiJTNBOmMlMkJk");
    }

    #[test]
    fn what_was_sent_is_not_repeated_from_an_answer() {
        let form = [("client_id", "me"), ("client_secret", "s3cret")];
        let asking = Asking::post("x", Url::parse("https://h/").unwrap(), &form);
        let message = hidden("me, s3cret is wrong".into(), &asking);
        assert_eq!(message, "me, *** is wrong");
    }

    #[test]
    fn secrets_go_over_tls_only() {
        for (url, good) in [
            ("https://idp.example.com/token", true),
            ("http://127.0.0.1:1/token", true),
            ("http://169.254.169.254/metadata", true),
            ("http://169.254.169.253/metadata", false),
            ("http://idp.example.com/token", false),
            ("ftp://idp.example.com/token", false),
        ] {
            let asking = Asking::get("x", Url::parse(url).unwrap());
            assert_eq!(check_url(&asking).is_ok(), good, "{url}");
        }
    }
}
