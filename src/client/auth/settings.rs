//! What is said about signing in, by name; secrets among it.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Reads environment variables.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Values by name; none of them shows.
#[derive(Clone, Debug, Default)]
pub struct Settings(BTreeMap<String, SecretString>);

impl Settings {
    /// Sets a value; an empty one counts as none.
    pub fn set(&mut self, name: &str, value: impl Into<SecretString>) {
        let value = value.into();
        if !value.expose_secret().is_empty() {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(ExposeSecret::expose_secret)
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    pub(crate) fn secret(&self, name: &str) -> Option<SecretString> {
        self.0.get(name).cloned()
    }

    /// These, and those of `other` that are not among them.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        for (name, value) in other.0 {
            self.0.entry(name).or_insert(value);
        }
        self
    }

    /// These, unless they name another host: what they hold is no secret of `authority` then.
    #[must_use]
    pub(crate) fn meant_for(self, authority: &str) -> Self {
        match self.get("host").and_then(host_of) {
            Some(host) if host != authority => Self::default(),
            _ => self,
        }
    }
}

impl Hash for Settings {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (name, value) in &self.0 {
            (name, value.expose_secret()).hash(state);
        }
        self.0.len().hash(state);
    }
}

/// The host in `name[:port]` or a URL.
fn host_of(text: &str) -> Option<String> {
    let absolute = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(absolute.trim()).ok()?;
    Some(crate::client::host::authority(&url))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_host_is_too_odd(text in "(?s).{0,60}") {
            host_of(&text);
        }
    }

    #[test]
    fn what_was_said_first_counts() {
        let (mut first, mut second) = (Settings::default(), Settings::default());
        first.set("a", "1");
        first.set("b", "");
        second.set("a", "2");
        second.set("b", "2");
        let both = first.or(second);
        assert_eq!(
            [both.get("a"), both.get("b"), both.get("c")],
            [Some("1"), Some("2"), None]
        );
    }

    #[test]
    fn settings_for_another_host_are_none() {
        for (own, kept) in [
            ("h.example.com", true),
            ("https://H.example.com:443/", true),
            ("h.example.com:8443", false),
            ("h.example.com.evil.net", false),
        ] {
            let mut settings = Settings::default();
            settings.set("host", own);
            settings.set("token", "t");
            let settings = settings.meant_for("h.example.com");
            assert_eq!(settings.get("token").is_some(), kept, "{own}");
        }
    }

    #[test]
    fn values_do_not_show_in_debug_output() {
        let mut settings = Settings::default();
        settings.set("token", "s3cret");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
