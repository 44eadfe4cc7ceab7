//! Everything that can be set about sessions, HTTP and results: plain structs with defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Error, Result};

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
    /// Most bytes, compressed and decoded, held ahead of a streaming reader.
    pub max_buffered_bytes: usize,
}

/// Most bytes held ahead of a reader that wants the whole result.
pub const WHOLE_RESULT_BYTES: usize = 256 << 20;

impl Default for ResultConfig {
    fn default() -> Self {
        Self {
            external_links: true,
            max_buffered_bytes: 64 << 20,
        }
    }
}

/// How HTTP is spoken, to the workspace and to its storage.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Further headers for the workspace; storage never gets them.
    pub headers: Vec<(String, String)>,
    /// Longest time to set a connection up, TLS included.
    pub connect_timeout: Duration,
    /// Longest silence of a server that owes us bytes.
    pub silence_timeout: Duration,
    /// Certificate authorities in PEM that replace those of the system.
    pub trusted_ca: Option<Vec<u8>>,
    /// How failures are repeated.
    pub retry: RetryConfig,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            user_agent: concat!("databricks-sql-kernel/", env!("CARGO_PKG_VERSION")).to_owned(),
            headers: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            silence_timeout: Duration::from_secs(60),
            trusted_ca: None,
            retry: RetryConfig::default(),
        }
    }
}

/// How often and how long failed requests are repeated.
#[derive(Clone, Debug)]
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

impl HttpConfig {
    /// Refuses what cannot work.
    pub fn validate(&self) -> Result<()> {
        if self.retry.max_attempts == 0 {
            return Err(Error::invalid_argument(
                "at least one attempt is needed, not 0",
            ));
        }
        if self.retry.max_wait < self.retry.min_wait {
            return Err(Error::invalid_argument(format!(
                "the longest wait between attempts, {:?}, is shorter than the shortest, {:?}",
                self.retry.max_wait, self.retry.min_wait
            )));
        }
        Ok(())
    }
}
