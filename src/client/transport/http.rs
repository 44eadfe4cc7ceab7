//! One HTTP client for everything that is sent: TLS, proxies, connections, and the gates of hosts.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::DATE;
use reqwest::{Request, Response, StatusCode};

use super::failure::Failure;
use super::proxy::{Proxies, ProxyNames};
use super::retry::retry_after;
use super::shared::{self, Hold, SharedClient};
use super::{Repeat, gate};
use crate::client::config::HttpConfig;
use crate::client::{Error, ErrorCode, OptionNames, Result};

/// Sends requests, once each.
#[derive(Clone)]
pub(crate) struct Http {
    client: Arc<SharedClient>,
    proxies: ProxyNames,
    names: &'static OptionNames,
}

impl Http {
    /// Takes a while the first time: the trust store is read.
    pub(crate) fn new(config: &HttpConfig) -> Result<Self> {
        let proxies = Proxies::resolve(config.proxy.as_ref())?;
        Ok(Self {
            proxies: ProxyNames::new(&proxies),
            client: shared::client(config, proxies)?,
            names: config.names,
        })
    }

    /// The same for bodies that take long to send: their answer is due only after them.
    pub(super) fn for_uploads(&self) -> Result<Self> {
        Ok(Self {
            client: shared::patient(&self.client)?,
            proxies: self.proxies.clone(),
            names: self.names,
        })
    }

    /// Keeps connections open between requests until what is given back is dropped.
    pub(crate) fn hold(&self) -> Hold {
        self.client.hold()
    }

    /// Sends a request as soon as its host wants one, if that is within `patience`; without
    /// patience it is sent at once.
    pub(crate) async fn send(
        &self,
        request: Request,
        host: &str,
        repeat: Repeat,
        patience: Option<Duration>,
    ) -> Result<Response, Failure> {
        if let Some(patience) = patience {
            gate::enter(host, patience)
                .await
                .map_err(|wait| Failure::from(busy(host, wait)))?;
        }
        let response = self.execute(request, host, repeat).await?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            gate::shut(
                host,
                retry_after(response.headers(), service_time(&response)),
            );
        }
        Ok(response)
    }

    /// Sends what can be done without: nothing to a host that asked for less, and a host that asks for less in its answer
    /// asks nobody else.
    pub(crate) async fn send_aside(
        &self,
        request: Request,
        host: &str,
    ) -> Result<Option<Response>, Failure> {
        if gate::is_there(host) {
            return Ok(None);
        }
        self.execute(request, host, Repeat::Always).await.map(Some)
    }

    async fn execute(
        &self,
        request: Request,
        host: &str,
        repeat: Repeat,
    ) -> Result<Response, Failure> {
        let proxy = self.proxies.of(request.url());
        let held = self.hold();
        held.client()?.execute(request).await.map_err(|why| {
            let names = self.names;
            let failure = Failure::no_answer(why, host, proxy.as_deref(), repeat, names);
            if held.lacks_certificate() {
                failure.without_certificate(names)
            } else {
                failure
            }
        })
    }
}

/// What time it was for the host when it answered.
pub(super) fn service_time(response: &Response) -> DateTime<Utc> {
    let date = response.headers().get(DATE);
    date.and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok())
        .map_or_else(Utc::now, |date| date.to_utc())
}

fn busy(host: &str, wait: Duration) -> Error {
    Error::new(
        ErrorCode::ResourceExhausted,
        format!("{host} asked for no requests within the next {wait:?}, which is longer than this one may wait"),
    )
    .with_retryable(true)
}
