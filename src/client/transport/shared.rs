//! HTTP clients: connections, TLS settings and trust store, shared by all sessions of a process that want the same.
//!
//! No token is in them: credentials are headers of single requests.
//!
//! Connections outlast their last user for a moment only, so that those who connect again and again reuse them, and
//! nothing is left open after the last `close()`. TLS settings stay: making them reads the trust store, and they know the
//! sessions that the next connection may resume.

use std::ffi::OsString;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time;

use super::proxy::Proxies;
use super::tls::{self, Tls};
use crate::client::config::{HttpConfig, TlsConfig};
use crate::client::of_process::OfProcess;
use crate::client::{Error, OptionNames, Result};

/// Clients that are kept at most.
const MOST_KEPT: usize = 64;

/// A session opened later than this gets a new client, which reads the trust store anew.
const LONGEST_USE: Duration = Duration::from_secs(3600);

/// How long connections are kept without anyone who uses them.
const GRACE: Duration = Duration::from_secs(2);

/// Variables that the trust store of the system is found by.
const ENVIRONMENT: [&str; 2] = ["SSL_CERT_DIR", "SSL_CERT_FILE"];

/// All that decides where connections lead and whom they trust. Clients are made of nothing else, so that those who are
/// given the same one agree on all of it.
#[derive(Clone, PartialEq, Eq)]
struct Settings {
    connect_timeout: Duration,
    /// None where the user of the client bounds the silence.
    silence_timeout: Option<Duration>,
    compressed_answers: bool,
    max_idle_connections: Option<usize>,
    tls: TlsConfig,
    proxies: Proxies,
    environment: [Option<OsString>; ENVIRONMENT.len()],
}

impl Settings {
    fn new(config: &HttpConfig, proxies: Proxies) -> Self {
        Self {
            connect_timeout: config.connect_timeout,
            silence_timeout: Some(config.silence_timeout),
            compressed_answers: config.compressed_answers,
            max_idle_connections: config.max_idle_connections,
            tls: config.tls.clone(),
            proxies,
            environment: ENVIRONMENT.map(std::env::var_os),
        }
    }

    fn client(&self, tls: Tls) -> Result<reqwest::Client> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.config)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .gzip(self.compressed_answers)
            .pool_max_idle_per_host(self.max_idle_connections.unwrap_or(usize::MAX))
            .connect_timeout(self.connect_timeout);
        if let Some(silence) = self.silence_timeout {
            builder = builder.read_timeout(silence);
        }
        self.proxies.apply(builder)?.build().map_err(|why| {
            Error::invalid_argument("the HTTP client cannot be set up").with_source(why)
        })
    }
}

/// An HTTP client that is there for as long as somebody uses it, and is made anew for the next.
pub(super) struct SharedClient {
    settings: Settings,
    tls: Tls,
    made: Instant,
    /// Connections live in the runtime and in the process that made them.
    runtime: Handle,
    process: u32,
    usage: Mutex<Usage>,
}

struct Usage {
    users: usize,
    idle_since: time::Instant,
    /// Whether somebody will look when the grace is over.
    watched: bool,
    client: Option<reqwest::Client>,
}

impl SharedClient {
    fn new(settings: Settings, names: &OptionNames) -> Result<Self> {
        let tls = tls::client_config(&settings.tls, names)?;
        Self::with_tls(settings, tls)
    }

    fn with_tls(settings: Settings, tls: Tls) -> Result<Self> {
        let client = settings.client(tls.clone())?;
        Ok(Self {
            settings,
            tls,
            made: Instant::now(),
            runtime: Handle::current(),
            process: std::process::id(),
            usage: Mutex::new(Usage {
                users: 0,
                idle_since: time::Instant::now(),
                watched: false,
                client: Some(client),
            }),
        })
    }

    fn serves(&self, settings: &Settings) -> bool {
        self.made.elapsed() < LONGEST_USE
            && self.runtime.id() == Handle::current().id()
            && self.settings == *settings
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps its connections open until what is given back is dropped.
    pub(super) fn hold(self: &Arc<Self>) -> Hold {
        self.usage().users += 1;
        Hold(Arc::clone(self))
    }

    /// Drops the client once nobody has used it for a while.
    async fn watch(self: Arc<Self>) {
        let mut end = self.usage().idle_since + GRACE;
        loop {
            time::sleep_until(end).await;
            let mut usage = self.usage();
            end = usage.idle_since + GRACE;
            if usage.users == 0 && time::Instant::now() < end {
                continue;
            }
            usage.watched = false;
            let dropped = (usage.users == 0).then(|| usage.client.take());
            drop(usage);
            drop(dropped);
            return;
        }
    }
}

/// A use of a client, which keeps its connections open.
pub(crate) struct Hold(Arc<SharedClient>);

impl Hold {
    /// Whether a server has asked for a client certificate that it could not be shown.
    pub(super) fn lacks_certificate(&self) -> bool {
        self.0.tls.lacks_certificate()
    }

    /// The client, as long as this is held.
    pub(super) fn client(&self) -> Result<reqwest::Client> {
        let mut usage = self.0.usage();
        if let Some(client) = &usage.client {
            return Ok(client.clone());
        }
        let client = self.0.settings.client(self.0.tls.clone())?;
        Ok(usage.client.insert(client).clone())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // What came through a fork is the parent's, even the lock.
        if self.0.process != std::process::id() {
            return;
        }
        let mut usage = self.0.usage();
        usage.users -= 1;
        if usage.users > 0 {
            return;
        }
        usage.idle_since = time::Instant::now();
        if !std::mem::replace(&mut usage.watched, true) {
            drop(usage);
            self.0.runtime.spawn(Arc::clone(&self.0).watch());
        }
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

impl Drop for SharedClient {
    fn drop(&mut self) {
        // The sockets and tasks of a client that came through a fork are the parent's.
        if self.process != std::process::id() {
            let usage = self.usage.get_mut();
            std::mem::forget(usage.unwrap_or_else(PoisonError::into_inner).client.take());
        }
    }
}

/// Clients, the oldest first.
#[derive(Default)]
struct Clients(Vec<Arc<SharedClient>>);

static CLIENTS: OfProcess<Mutex<Clients>> = OfProcess::new(Mutex::default);

/// A client for `config`, which others may have, too.
pub(super) fn client(config: &HttpConfig, proxies: Proxies) -> Result<Arc<SharedClient>> {
    let settings = Settings::new(config, proxies);
    found_or_made(settings, |settings| {
        SharedClient::new(settings, config.names)
    })
}

/// The same as `other`, but for how long a server may be silent: that is left to whoever uses it.
pub(super) fn patient(other: &SharedClient) -> Result<Arc<SharedClient>> {
    let settings = Settings {
        silence_timeout: None,
        ..other.settings.clone()
    };
    found_or_made(settings, |settings| {
        SharedClient::with_tls(settings, other.tls.clone())
    })
}

fn found_or_made(
    settings: Settings,
    make: impl FnOnce(Settings) -> Result<SharedClient>,
) -> Result<Arc<SharedClient>> {
    if let Some(client) = CLIENTS.lock().find(&settings) {
        return Ok(client);
    }
    let client = Arc::new(make(settings)?);
    let dropped = CLIENTS.lock().keep(Arc::clone(&client));
    drop(dropped);
    Ok(client)
}

impl Clients {
    fn find(&self, settings: &Settings) -> Option<Arc<SharedClient>> {
        let kept = self.0.iter().find(|kept| kept.serves(settings))?;
        Some(Arc::clone(kept))
    }

    /// Gives back those that are kept no longer.
    fn keep(&mut self, client: Arc<SharedClient>) -> Vec<Arc<SharedClient>> {
        self.0.push(client);
        let excess = self.0.len().saturating_sub(MOST_KEPT);
        self.0.drain(..excess).collect()
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
        let mut clients = Clients::default();
        assert!(clients.find(settings).is_none());
        let client = SharedClient::new(settings.clone(), &OptionNames::DBAPI).expect("a client");
        assert!(clients.keep(Arc::new(client)).is_empty());
        clients
    }

    #[tokio::test]
    async fn only_those_who_want_the_same_share_a_client() {
        let wanted = settings(1);
        let clients = clients(&wanted);
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
        let clients = runtime().block_on(async { clients(&settings(1)) });
        runtime().block_on(async { assert!(clients.find(&settings(1)).is_none()) });
    }

    #[tokio::test]
    async fn few_clients_are_kept() {
        let first = settings(0);
        let mut clients = clients(&first);
        for seconds in 1..=MOST_KEPT as u64 {
            let client =
                SharedClient::new(settings(seconds), &OptionNames::DBAPI).expect("a client");
            clients.keep(Arc::new(client));
        }
        assert!(clients.find(&first).is_none());
        assert_eq!(clients.0.len(), MOST_KEPT);
    }

    fn is_there(client: &SharedClient) -> bool {
        client.usage().client.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn connections_outlast_their_last_user_for_a_moment() {
        let client =
            Arc::new(SharedClient::new(settings(1), &OptionNames::DBAPI).expect("a client"));
        let (first, second) = (client.hold(), client.hold());
        drop(first);
        time::sleep(2 * GRACE).await;
        assert!(is_there(&client));
        drop(second);
        time::sleep(GRACE / 2).await;
        drop(client.hold());
        time::sleep(GRACE * 3 / 4).await;
        assert!(is_there(&client));
        time::sleep(GRACE / 2).await;
        assert!(!is_there(&client));
        let again = client.hold();
        again.client().expect("a client");
        time::sleep(2 * GRACE).await;
        assert!(is_there(&client));
    }
}
