//! The way out of the network: forward proxies, by option or by the environment.

use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::redact::quoted_address;
use crate::client::config::ProxyConfig;
use crate::client::host::authority;
use crate::client::{Error, Result, Secret};

/// Which proxy a request goes through.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Proxies {
    http: Option<Secret>,
    https: Option<Secret>,
    bypass: String,
}

impl Proxies {
    /// Those of the options, or else those of the environment.
    pub(super) fn resolve(config: Option<&ProxyConfig>) -> Result<Self> {
        let Some(config) = config else {
            return Self::from_variables(|name| std::env::var(name).ok());
        };
        let proxies = Self {
            http: Some(config.url.clone()),
            https: Some(config.url.clone()),
            bypass: config.bypass.clone().unwrap_or_default(),
        };
        proxies.checked("the proxy option")
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let first = |names: [&str; 2]| {
            let mut values = names.into_iter().filter_map(&variable);
            values.find(|value| !value.trim().is_empty())
        };
        let all = || first(["all_proxy", "ALL_PROXY"]);
        // In CGI that variable is a header of whoever calls.
        let is_cgi = variable("REQUEST_METHOD").is_some();
        let http = first(["http_proxy", "HTTP_PROXY"]).filter(|_| !is_cgi);
        let proxies = Self {
            http: http.or_else(all).map(Secret::from),
            https: first(["https_proxy", "HTTPS_PROXY"])
                .or_else(all)
                .map(Secret::from),
            bypass: first(["no_proxy", "NO_PROXY"]).unwrap_or_default(),
        };
        proxies.checked("the proxy in the environment")
    }

    fn checked(mut self, named: &str) -> Result<Self> {
        for url in [&mut self.http, &mut self.https].into_iter().flatten() {
            let text = url.expose().trim();
            let absolute = if text.contains("://") {
                text.to_owned()
            } else {
                format!("http://{text}")
            };
            let parsed = Url::parse(&absolute).ok();
            // What is behind these marks is for nobody; a password with one of them ends in the wrong place.
            let is_cut = text
                .find(['?', '#'])
                .is_some_and(|cut| text[cut..].contains('@'));
            let good = !is_cut
                && parsed.as_ref().is_some_and(|url| {
                    matches!(url.scheme(), "http" | "https") && url.host_str().is_some()
                });
            if !good {
                return Err(Error::invalid_argument(format!(
                    "{named} is {}, which is no URL like 'http://user:password@host:port'",
                    quoted_address(text)
                )));
            }
            *url = absolute.into();
        }
        Ok(self)
    }

    fn matcher(&self) -> Matcher {
        Matcher::builder()
            .http(exposed(self.http.as_ref()))
            .https(exposed(self.https.as_ref()))
            .no(self.bypass.clone())
            .build()
    }

    /// Has a client go through them, and through no others.
    pub(super) fn apply(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
        let bypass = reqwest::NoProxy::from_string(&self.bypass);
        let unusable = |why: reqwest::Error| {
            Error::invalid_argument("the proxy cannot be used").with_source(why.without_url())
        };
        let mut builder = builder.no_proxy();
        if let Some(url) = &self.http {
            let proxy = reqwest::Proxy::http(url.expose()).map_err(unusable)?;
            builder = builder.proxy(proxy.no_proxy(bypass.clone()));
        }
        if let Some(url) = &self.https {
            let proxy = reqwest::Proxy::https(url.expose()).map_err(unusable)?;
            builder = builder.proxy(proxy.no_proxy(bypass));
        }
        Ok(builder)
    }
}

fn exposed(url: Option<&Secret>) -> String {
    url.map_or_else(String::new, |url| url.expose().to_owned())
}

/// Names the proxy of a request, for messages.
#[derive(Clone)]
pub(super) struct ProxyNames(Option<Arc<Matcher>>);

impl ProxyNames {
    pub(super) fn new(proxies: &Proxies) -> Self {
        let any = proxies.http.is_some() || proxies.https.is_some();
        Self(any.then(|| Arc::new(proxies.matcher())))
    }

    /// Host and port of the proxy for `url`.
    pub(super) fn of(&self, url: &Url) -> Option<String> {
        let matcher = self.0.as_ref()?;
        let proxy = matcher.intercept(&without_path(url).parse().ok()?)?;
        let proxy = Url::parse(&proxy.uri().to_string()).ok()?;
        Some(authority(&proxy))
    }
}

fn without_path(url: &Url) -> String {
    format!("{}://{}/", url.scheme(), authority(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies> {
        Proxies::from_variables(|name| {
            let mut found = variables.iter().filter(|(own, _)| *own == name);
            found.next().map(|(_, value)| (*value).to_owned())
        })
    }

    fn of(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let names = ProxyNames::new(&proxies(variables).unwrap());
        names.of(&Url::parse(url).unwrap())
    }

    #[test]
    fn the_environment_names_proxies_as_for_other_programs() {
        let all = ("ALL_PROXY", "http://all:1");
        let https = ("https_proxy", "user:pw@secure:2");
        let no = ("NO_PROXY", "example.org,10.0.0.0/8");
        assert_eq!(of(&[], "https://h/"), None);
        assert_eq!(of(&[all], "https://h/").as_deref(), Some("all:1"));
        assert_eq!(of(&[all, https], "https://h/").as_deref(), Some("secure:2"));
        assert_eq!(of(&[all, https], "http://h/").as_deref(), Some("all:1"));
        assert_eq!(of(&[all, no], "https://a.example.org/"), None);
        assert_eq!(of(&[all, no], "https://10.1.2.3/"), None);
        assert_eq!(of(&[("HTTPS_PROXY", "")], "https://h/"), None);
        let cgi = [("HTTP_PROXY", "http://evil:1"), ("REQUEST_METHOD", "GET")];
        assert_eq!(of(&cgi, "http://h/"), None);
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password() {
        for url in [
            "socks5://user:s3cret@h:1",
            "http://user:s3cret@h:x",
            "http://user:s3cret",
            "http://user:s3cret?@h:1",
            "http://user:12#s3cret@h:1",
            "http://h:99999/?key=s3cret",
            "http://h:x/s3cret",
            "http://",
        ] {
            let error = proxies(&[("HTTPS_PROXY", url)]).err().expect(url);
            assert!(!error.message().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn proxies_do_not_show_in_debug_output() {
        let config = ProxyConfig {
            url: "http://user:s3cret@h:1".into(),
            bypass: None,
        };
        assert!(!format!("{config:?}").contains("s3cret"));
    }
}
