//! Everything that can be set about sessions, HTTP and results: plain structs with defaults.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{Error, OptionNames, Result, Secret};

/// What a session is opened with.
#[derive(Clone, Debug, Default)]
pub struct SessionConfig {
    /// The catalog that unqualified names start from.
    pub catalog: Option<String>,
    /// The schema that unqualified names start from.
    pub schema: Option<String>,
    /// Session settings, sent verbatim.
    pub session_configuration: BTreeMap<String, String>,
    /// How results are fetched.
    pub results: ResultConfig,
    /// Whether a session that the service lost is opened again, unless something was changed in it.
    pub reopens: bool,
    /// Whether queries are sent again that may have run, and may still run.
    pub retry_reads: bool,
}

impl SessionConfig {
    /// The time zone that the session was asked to have.
    #[must_use]
    pub fn time_zone(&self) -> Option<&str> {
        self.session_configuration
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("timezone"))
            .map(|(_, zone)| zone.as_str())
    }
}

/// How results come and how much of them is held.
#[derive(Clone, Debug)]
pub struct ResultConfig {
    /// Whether data may come behind links to cloud storage; if not, they come as inline JSON.
    pub external_links: bool,
    /// Whether small results may come in the answer itself; if not, all come behind links.
    pub hybrid: bool,
    /// Most bytes, compressed and decoded, held ahead of a streaming reader.
    pub max_buffered_bytes: usize,
}

/// Most bytes held ahead of a reader that wants the whole result.
pub const WHOLE_RESULT_BYTES: usize = 256 << 20;

impl Default for ResultConfig {
    fn default() -> Self {
        Self {
            external_links: true,
            hybrid: true,
            max_buffered_bytes: 64 << 20,
        }
    }
}

/// How HTTP is spoken, to the workspace, its storage and where tokens come from.
#[derive(Clone, Debug, Hash)]
pub struct HttpConfig {
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Further headers for the workspace; storage never gets them.
    pub headers: Vec<(String, Secret)>,
    /// Longest time to set a connection up, TLS included.
    pub connect_timeout: Duration,
    /// Longest silence of a server that owes us bytes.
    pub silence_timeout: Duration,
    /// Whether the workspace may compress its answers; what storage gives is compressed as it is.
    pub compressed_answers: bool,
    /// Most connections kept to a host while they have nothing to do; none given means no limit.
    pub max_idle_connections: Option<usize>,
    /// Longest time to open a session: token, repetitions and answer.
    pub login_timeout: Duration,
    /// Whom to trust, and how to show who we are.
    pub tls: TlsConfig,
    /// The way out of the network; none given means that of the environment.
    pub proxy: Option<ProxyConfig>,
    /// How failures are repeated.
    pub retry: RetryPolicy,
    /// What all this is called where the user sets it.
    pub names: &'static OptionNames,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            user_agent: concat!("databricks-sql-kernel/", env!("CARGO_PKG_VERSION")).to_owned(),
            headers: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            silence_timeout: Duration::from_secs(60),
            compressed_answers: false,
            max_idle_connections: None,
            login_timeout: Duration::from_secs(900),
            tls: TlsConfig::default(),
            proxy: None,
            retry: RetryPolicy::default(),
            names: &OptionNames::DBAPI,
        }
    }
}

/// What TLS trusts, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TlsConfig {
    /// Certificate authorities in PEM that replace those of the system.
    pub trusted_ca: Option<Vec<u8>>,
    /// Certificate authorities in PEM beside those of the system, or beside `trusted_ca`.
    pub additional_ca: Option<Vec<u8>>,
    /// Whether certificates are checked at all.
    pub verify: bool,
    /// Whether the name in a certificate is checked.
    pub verify_hostname: bool,
    /// The certificate that we show to servers who ask for one.
    pub client: Option<ClientCertificate>,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            trusted_ca: None,
            additional_ca: None,
            verify: true,
            verify_hostname: true,
            client: None,
        }
    }
}

/// A certificate chain and its key, in PEM.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// The certificate, those of its issuers behind it.
    pub chain: Vec<u8>,
    /// The private key; where it is none, it is looked for beside the certificate.
    pub key: Option<Secret<[u8]>>,
    /// What opens an encrypted key.
    pub passphrase: Option<Secret>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}

/// A forward proxy for everything that is sent.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ProxyConfig {
    /// Its URL, `http://[user:password@]host[:port]`.
    pub url: Secret,
    /// Hosts that are reached without it, as in `NO_PROXY`.
    pub bypass: Option<String>,
}

impl fmt::Debug for ProxyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyConfig")
            .field("bypass", &self.bypass)
            .finish_non_exhaustive()
    }
}

/// How failed requests are repeated, by what they are for.
#[derive(Clone, Debug, Hash)]
pub struct RetryPolicy {
    /// Sessions, statements and their results' links.
    pub control: RetryConfig,
    /// Tokens.
    pub sign_in: RetryConfig,
    /// Bodies of results.
    pub storage: RetryConfig,
}

impl RetryPolicy {
    /// The same for all.
    #[must_use]
    pub fn uniform(config: RetryConfig) -> Self {
        Self {
            control: config.clone(),
            sign_in: config.clone(),
            storage: config,
        }
    }

    /// Sets something for each category.
    pub fn each(&mut self, set: impl FnMut(&mut RetryConfig)) {
        [&mut self.control, &mut self.sign_in, &mut self.storage]
            .into_iter()
            .for_each(set);
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            control: RetryConfig::default(),
            // Somebody waits for `connect`.
            sign_in: RetryConfig {
                max_wait: Duration::from_secs(10),
                max_attempts: 6,
                budget: Duration::from_secs(60),
                ..RetryConfig::default()
            },
            storage: RetryConfig::default(),
        }
    }
}

/// How often and how long failed requests are repeated.
#[derive(Clone, Debug, Hash)]
pub struct RetryConfig {
    /// The first wait is random between zero and this; each further bound is twice the last.
    pub min_wait: Duration,
    /// The bound stops growing here.
    pub max_wait: Duration,
    /// Most attempts, the first included.
    pub max_attempts: u32,
    /// No repetition starts when this has passed since the first attempt.
    pub budget: Duration,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            min_wait: Duration::from_secs(1),
            max_wait: Duration::from_secs(60),
            max_attempts: 30,
            budget: Duration::from_secs(900),
        }
    }
}

impl RetryConfig {
    fn validate(&self) -> Result<()> {
        if self.max_attempts == 0 {
            return Err(Error::invalid_argument(
                "at least one attempt is needed, not 0",
            ));
        }
        if self.max_wait < self.min_wait {
            return Err(Error::invalid_argument(format!(
                "the longest wait between attempts, {:?}, is shorter than the shortest, {:?}",
                self.max_wait, self.min_wait
            )));
        }
        Ok(())
    }
}

impl HttpConfig {
    /// Refuses what cannot work.
    pub fn validate(&self) -> Result<()> {
        let RetryPolicy {
            control,
            sign_in,
            storage,
        } = &self.retry;
        [control, sign_in, storage]
            .into_iter()
            .try_for_each(RetryConfig::validate)
    }
}
