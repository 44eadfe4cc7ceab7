//! Connections of a process that sign in alike have one source of tokens: what one renews is new for all.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, Weak};

use ring::digest::{Context, SHA256};

use super::TokenSource;
use crate::client::Result;
use crate::client::of_process::OfProcess;

/// Variables that decide, beside the options, whom a source asks and how it shows who it is.
const ENVIRONMENT: [&str; 16] = [
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ALL_PROXY",
    "AZURE_AUTHORITY_HOST",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "NO_PROXY",
    "REQUEST_METHOD",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// What a source is made of, of which nothing can be read here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

struct Sha256(Context);

impl Hasher for Sha256 {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest is what counts.
    fn finish(&self) -> u64 {
        0
    }
}

impl Fingerprint {
    /// Of this and of the environment.
    #[must_use]
    pub fn of(made_of: &impl Hash) -> Self {
        let mut hasher = Sha256(Context::new(&SHA256));
        made_of.hash(&mut hasher);
        let environment = ENVIRONMENT.map(std::env::var_os);
        environment.hash(&mut hasher);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hasher.0.finish().as_ref());
        Self(bytes)
    }
}

/// Sources of tokens; they live as long as their connections.
#[derive(Default)]
struct Sources(Vec<(Fingerprint, Weak<dyn TokenSource>)>);

static SOURCES: OfProcess<Mutex<Sources>> = OfProcess::new(Mutex::default);

/// The source that is made of the same as another, or the one that `make` gives.
///
/// # Errors
/// Those of `make`.
pub fn shared(
    fingerprint: Fingerprint,
    make: impl FnOnce() -> Result<Arc<dyn TokenSource>>,
) -> Result<Arc<dyn TokenSource>> {
    if let Some(source) = SOURCES.lock().find(fingerprint) {
        return Ok(source);
    }
    let source = make()?;
    // Another thread may have been faster.
    let mut sources = SOURCES.lock();
    if let Some(source) = sources.find(fingerprint) {
        return Ok(source);
    }
    sources.0.retain(|(_, kept)| kept.strong_count() > 0);
    sources.0.push((fingerprint, Arc::downgrade(&source)));
    Ok(source)
}

impl Sources {
    fn find(&self, fingerprint: Fingerprint) -> Option<Arc<dyn TokenSource>> {
        let mut kept = self.0.iter();
        let (_, source) =
            kept.find(|(other, source)| *other == fingerprint && source.strong_count() > 0)?;
        source.upgrade()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::auth::PersonalAccessToken;

    fn source(made_of: &[&str]) -> Arc<dyn TokenSource> {
        let make = || -> Result<Arc<dyn TokenSource>> {
            Ok(Arc::new(PersonalAccessToken::try_new("t".into())?))
        };
        shared(Fingerprint::of(&made_of), make).unwrap()
    }

    #[test]
    fn only_those_who_sign_in_alike_share_a_source() {
        let first = source(&["shared-test", "s3cret"]);
        assert!(Arc::ptr_eq(&first, &source(&["shared-test", "s3cret"])));
        for other in [
            &["shared-test", "s3cret-2"][..],
            &["shared-test", "s3cre", "t"],
            &["shared-tests", "3cret"],
            &["shared-test"],
        ] {
            assert!(!Arc::ptr_eq(&first, &source(other)), "{other:?}");
        }
    }

    #[test]
    fn a_source_goes_with_those_who_have_it() {
        let first = source(&["weak-test"]);
        let gone = Arc::downgrade(&first);
        drop(first);
        assert!(gone.upgrade().is_none());
        drop(source(&["weak-test"]));
    }

    #[test]
    fn a_source_that_cannot_be_made_is_not_kept() {
        let make = || Err(crate::client::Error::invalid_argument("no"));
        assert!(shared(Fingerprint::of(&["failing-test"]), make).is_err());
        source(&["failing-test"]);
    }
}
