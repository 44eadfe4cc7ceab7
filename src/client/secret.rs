//! What must not be shown: kept by itself, wiped when it goes, told to nobody by accident.

use std::fmt;
use std::hash::{Hash, Hasher};

use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretBox};

/// A secret by which settings are compared: those who have the same one may share what was made with it.
pub struct Secret<T: Zeroize + ?Sized = str>(SecretBox<T>);

impl<T: Zeroize + ?Sized> Secret<T> {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &T {
        self.0.expose_secret()
    }

    /// The same in the type of those who compare nothing.
    #[must_use]
    pub fn into_inner(self) -> SecretBox<T> {
        self.0
    }
}

impl<T: Zeroize + ?Sized> Clone for Secret<T>
where
    SecretBox<T>: Clone,
{
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Zeroize + ?Sized> Default for Secret<T>
where
    SecretBox<T>: Default,
{
    fn default() -> Self {
        Self(SecretBox::default())
    }
}

impl<T: Zeroize + PartialEq + ?Sized> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl<T: Zeroize + Eq + ?Sized> Eq for Secret<T> {}

impl<T: Zeroize + Hash + ?Sized> Hash for Secret<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
    }
}

impl<T: Zeroize + ?Sized> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self(secret.into())
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self(secret.into())
    }
}

impl From<Vec<u8>> for Secret<[u8]> {
    fn from(secret: Vec<u8>) -> Self {
        Self(secret.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::config::{ClientCertificate, HttpConfig, ProxyConfig, TlsConfig};

    #[test]
    fn no_setting_shows_its_secrets() {
        let config = HttpConfig {
            headers: vec![("x-gateway-key".to_owned(), "s3cret-header".into())],
            proxy: Some(ProxyConfig {
                url: "http://user:s3cret-password@proxy".into(),
                bypass: None,
            }),
            tls: TlsConfig {
                client: Some(ClientCertificate {
                    chain: Vec::new(),
                    key: Some(b"s3cret-key".to_vec().into()),
                    passphrase: Some("s3cret-passphrase".into()),
                }),
                ..TlsConfig::default()
            },
            ..HttpConfig::default()
        };
        let shown = format!("{config:?}");
        assert!(shown.contains("x-gateway-key"), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(!shown.contains(&format!("{:?}", b"s3cret-key")), "{shown}");
    }

    #[test]
    fn those_who_have_the_same_secret_are_known_by_it() {
        let secret = Secret::from("a");
        assert!(secret == secret.clone() && secret != Secret::from("b"));
    }
}
