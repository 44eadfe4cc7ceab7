//! HTTP clients: connections, TLS settings and trust store, shared by all sessions of a process that want the same.
//!
//! No token is in them: credentials are headers of single requests.

use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{self, Handle};

use super::proxy::Proxies;
use super::tls;
use crate::client::config::{HttpConfig, TlsConfig};
use crate::client::{Error, Result};

/// Clients that are kept at most.
const MOST_KEPT: usize = 64;

/// A session opened later than this gets a new client, which reads the trust store anew.
const LONGEST_USE: Duration = Duration::from_secs(3600);

/// Variables that the trust store of the system is found by.
const ENVIRONMENT: [&str; 2] = ["SSL_CERT_DIR", "SSL_CERT_FILE"];

/// All that decides where connections lead and whom they trust. Clients are made of nothing else, so that those who are
/// given the same one agree on all of it.
#[derive(Clone, PartialEq, Eq)]
struct Settings {
    connect_timeout: Duration,
    silence_timeout: Duration,
    tls: TlsConfig,
    proxies: Proxies,
    environment: [Option<OsString>; ENVIRONMENT.len()],
}

impl Settings {
    fn new(config: &HttpConfig, proxies: Proxies) -> Self {
        Self {
            connect_timeout: config.connect_timeout,
            silence_timeout: config.silence_timeout,
            tls: config.tls.clone(),
            proxies,
            environment: ENVIRONMENT.map(std::env::var_os),
        }
    }

    fn client(&self) -> Result<reqwest::Client> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(&self.tls)?)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.silence_timeout);
        self.proxies.apply(builder)?.build().map_err(|why| {
            Error::invalid_argument("the HTTP client cannot be set up").with_source(why)
        })
    }
}

struct Kept {
    settings: Settings,
    /// Connections live in the runtime that made them.
    runtime: runtime::Id,
    made: Instant,
    client: reqwest::Client,
}

impl Kept {
    fn serves(&self, settings: &Settings) -> bool {
        self.made.elapsed() < LONGEST_USE
            && self.runtime == Handle::current().id()
            && self.settings == *settings
    }
}

/// The clients of the process that `owner` is, the oldest first.
struct Clients {
    owner: u32,
    kept: Vec<Kept>,
}

static CLIENTS: Mutex<Clients> = Mutex::new(Clients::new());

/// A client for `config`, which others may have, too.
pub(super) fn client(config: &HttpConfig, proxies: Proxies) -> Result<reqwest::Client> {
    let clients = || CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let settings = Settings::new(config, proxies);
    if let Some(client) = clients().find(&settings) {
        return Ok(client);
    }
    let client = settings.client()?;
    let dropped = clients().keep(settings, client.clone());
    drop(dropped);
    Ok(client)
}

impl Clients {
    const fn new() -> Self {
        Self {
            owner: 0,
            kept: Vec::new(),
        }
    }

    fn find(&mut self, settings: &Settings) -> Option<reqwest::Client> {
        let process = std::process::id();
        if self.owner != process {
            // The sockets and tasks of clients that came through a fork are the parent's.
            self.kept.drain(..).for_each(std::mem::forget);
            self.owner = process;
        }
        let kept = self.kept.iter().find(|kept| kept.serves(settings))?;
        Some(kept.client.clone())
    }

    /// Gives back those that are kept no longer.
    fn keep(&mut self, settings: Settings, client: reqwest::Client) -> Vec<Kept> {
        self.kept.push(Kept {
            settings,
            runtime: Handle::current().id(),
            made: Instant::now(),
            client,
        });
        let excess = self.kept.len().saturating_sub(MOST_KEPT);
        self.kept.drain(..excess).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::config::ProxyConfig;

    fn settings(seconds: u64) -> Settings {
        let config = HttpConfig {
            tls: TlsConfig {
                trusted_ca: Some(include_bytes!("../../../tests/fixtures/ca.pem").to_vec()),
                ..TlsConfig::default()
            },
            connect_timeout: Duration::from_secs(seconds),
            ..HttpConfig::default()
        };
        Settings::new(&config, Proxies::default())
    }

    /// Clients of which one was made for `settings`.
    fn clients(settings: &Settings) -> Clients {
        let mut clients = Clients::new();
        assert!(clients.find(settings).is_none());
        let client = settings.client().expect("a client");
        assert!(clients.keep(settings.clone(), client).is_empty());
        clients
    }

    #[tokio::test]
    async fn only_those_who_want_the_same_share_a_client() {
        let wanted = settings(1);
        let mut clients = clients(&wanted);
        assert!(clients.find(&wanted).is_some());
        assert!(clients.find(&settings(2)).is_none());
        let mut trusting = wanted.clone();
        trusting.tls.trusted_ca = None;
        assert!(clients.find(&trusting).is_none());
        let mut proxied = wanted;
        let proxy = ProxyConfig {
            url: "http://localhost:3128".into(),
            bypass: None,
        };
        proxied.proxies = Proxies::resolve(Some(&proxy)).expect("a proxy");
        assert!(clients.find(&proxied).is_none());
    }

    #[test]
    fn runtimes_do_not_share_clients() {
        let runtime = || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.expect("a runtime")
        };
        let mut clients = runtime().block_on(async { clients(&settings(1)) });
        runtime().block_on(async { assert!(clients.find(&settings(1)).is_none()) });
    }

    #[tokio::test]
    async fn few_clients_are_kept() {
        let first = settings(0);
        let mut clients = clients(&first);
        let client = clients.find(&first).expect("it is kept");
        for seconds in 1..=MOST_KEPT as u64 {
            clients.keep(settings(seconds), client.clone());
        }
        assert!(clients.find(&first).is_none());
        assert_eq!(clients.kept.len(), MOST_KEPT);
    }
}
