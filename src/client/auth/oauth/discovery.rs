//! Where the workspace's authorization server is.

use serde::Deserialize;
use url::Url;

use crate::client::auth::IdentityClient;
use crate::client::auth::identity::Asking;
use crate::client::host::{Endpoint, authority, is_loopback};
use crate::client::transport::redact::without_query;
use crate::client::{Error, ErrorCode, Result};

/// Domains of the service; an address below one of them may name another below the same.
const DOMAINS: [&str; 6] = [
    ".databricks.com",
    ".databricks.us",
    ".databricks.mil",
    ".azuredatabricks.net",
    ".databricks.azure.us",
    ".databricks.azure.cn",
];

/// The endpoints of an authorization server.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) authorization: Url,
    pub(crate) token: Url,
}

#[derive(Deserialize)]
struct Document {
    authorization_endpoint: String,
    token_endpoint: String,
}

/// Asks the workspace.
pub(crate) async fn discover(identity: &IdentityClient) -> Result<Endpoints> {
    let path = ["oidc", ".well-known", "oauth-authorization-server"];
    let url = identity.workspace().url(&path);
    let asking = Asking::get(
        "the workspace's OAuth endpoints cannot be found",
        url.clone(),
    );
    let document: Document = identity.ask(&asking).await?;
    let checked = |endpoint: &str| checked(endpoint, identity.workspace(), &url);
    Ok(Endpoints {
        authorization: checked(&document.authorization_endpoint)?,
        token: checked(&document.token_endpoint)?,
    })
}

/// An endpoint that may be told secrets: over TLS, on a host that the workspace or the user stands for.
fn checked(endpoint: &str, workspace: &Endpoint, document: &Url) -> Result<Url> {
    let refused = |why: &str| {
        Error::new(
            ErrorCode::Unauthenticated,
            format!(
                "the OAuth discovery document at {} names an endpoint {why}; no secret is sent there",
                without_query(document)
            ),
        )
    };
    let url = Url::parse(endpoint).map_err(|_| refused("that is no URL"))?;
    let host = url.host_str().unwrap_or_default();
    if url.scheme() != "https" && !(is_loopback(&url) && document.scheme() == "http") {
        return Err(refused(&format!("on {} without TLS", authority(&url))));
    }
    let named = document.host_str().unwrap_or_default();
    let known = [workspace.host(), named];
    let related = |other: &str| {
        let mut domains = DOMAINS.iter();
        domains.any(|domain| host.ends_with(domain) && other.ends_with(domain))
    };
    if known.iter().any(|other| *other == host || related(other)) {
        return Ok(url);
    }
    Err(refused(&format!("on the foreign host {}", authority(&url))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(host: &str, document: &str, endpoint: &str) -> Result<Url> {
        let workspace = Endpoint::parse(host, "/sql/1.0/warehouses/w").unwrap();
        checked(endpoint, &workspace, &Url::parse(document).unwrap())
    }

    #[test]
    fn endpoints_on_the_hosts_that_were_named_are_good() {
        let cases = [
            (
                "h.example.com",
                "https://h.example.com/d",
                "https://h.example.com/oidc/v1/token",
            ),
            (
                "h.example.com",
                "https://h.example.com/d",
                "https://h.example.com:8443/token",
            ),
            (
                "h.example.com",
                "https://idp.example.org/d",
                "https://idp.example.org/token",
            ),
            (
                "dbc-1.cloud.databricks.com",
                "https://dbc-1.cloud.databricks.com/d",
                "https://accounts.cloud.databricks.com/oidc/v1/token",
            ),
            (
                "http://localhost:1",
                "http://localhost:1/d",
                "http://localhost:2/token",
            ),
        ];
        for (host, document, endpoint) in cases {
            assert_eq!(check(host, document, endpoint).unwrap().as_str(), endpoint);
        }
    }

    #[test]
    fn endpoints_elsewhere_or_without_tls_are_refused_by_name() {
        let cases = [
            ("https://evil.example.net/token", "evil.example.net"),
            ("http://h.example.com/token", "without TLS"),
            ("http://127.0.0.1/token", "without TLS"),
            ("https://127.0.0.1/token", "127.0.0.1"),
            ("https://h.example.com.evil.net/token", "foreign host"),
            (
                "https://accounts.cloud.databricks.com/token",
                "foreign host",
            ),
            ("token", "no URL"),
        ];
        for (endpoint, said) in cases {
            let error = check("h.example.com", "https://h.example.com/d?s3cret", endpoint);
            let error = error.expect_err(endpoint);
            assert!(error.message().contains(said), "{error}");
            assert!(!error.message().contains("s3cret"), "{error}");
        }
    }
}
