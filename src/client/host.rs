//! `server_hostname` and `http_path`: where the workspace and its warehouse are.

use url::{Host, Url};

use super::redact::{holds_token, quoted, quoted_address};
use super::{Error, OptionNames, Result};

/// A SQL warehouse and the address of its workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
    warehouse_id: String,
    org_id: Option<String>,
}

impl Endpoint {
    /// Understands `name[:port]` or a URL, and `/sql/1.0/warehouses/ID[?o=ORG]`.
    ///
    /// # Errors
    /// `InvalidArgument`, naming what was given.
    pub fn parse(server_hostname: &str, http_path: &str) -> Result<Self> {
        let names = &OptionNames::DBAPI;
        let endpoint = Self::parse_below(server_hostname, http_path, names)?;
        if endpoint.base.path() == "/" {
            Ok(endpoint)
        } else {
            Err(refused(names.host, server_hostname, MORE_THAN_A_HOST))
        }
    }

    /// The same for a workspace that may be below a path of its host, where a gateway has put it.
    ///
    /// # Errors
    /// `InvalidArgument`, naming what was given.
    pub fn parse_below(host: &str, http_path: &str, names: &OptionNames) -> Result<Self> {
        let (warehouse_id, org_id) = parse_http_path(http_path)?;
        Ok(Self {
            base: parse_host(names.host, host)?,
            warehouse_id,
            org_id,
        })
    }

    /// Another port than the one in the host name.
    pub fn with_port(mut self, port: u16) -> Result<Self> {
        self.base
            .set_port(Some(port))
            .map_err(|()| Error::invalid_argument(format!("port {port} cannot be used here")))?;
        Ok(self)
    }

    /// The warehouse's id.
    #[must_use]
    pub fn warehouse_id(&self) -> &str {
        &self.warehouse_id
    }

    /// The workspace's id, where the path named it.
    #[must_use]
    pub fn org_id(&self) -> Option<&str> {
        self.org_id.as_deref()
    }

    /// The host alone.
    #[must_use]
    pub fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// Host and port, for messages.
    #[must_use]
    pub fn authority(&self) -> String {
        authority(&self.base)
    }

    /// The URL of `segments` below the workspace, of which some come from elsewhere.
    ///
    /// # Errors
    /// `InvalidArgument` where one would lead to another path.
    pub fn checked_url(&self, segments: &[&str]) -> Result<Url> {
        match segments.iter().find(|segment| changes_path(segment)) {
            Some(id) => Err(Error::invalid_argument(format!(
                "'{}' is no id: in a path it would not stand for itself",
                id.escape_debug()
            ))),
            None => Ok(self.url(segments)),
        }
    }

    /// The URL of `segments` below the workspace; each is percent-encoded.
    #[must_use]
    pub fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

/// Whether a segment would not stand for itself in a path, however it is encoded.
fn changes_path(segment: &str) -> bool {
    matches!(segment, "" | "." | "..") || segment.contains(['\t', '\n', '\r'])
}

/// Host and port of a URL; never its query.
#[must_use]
pub fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether the URL names this machine, to which alone plain `http` is spoken.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

const MORE_THAN_A_HOST: &str = "holds more than a host and a port";

fn refused(option: &str, given: &str, why: &str) -> Error {
    Error::invalid_argument(format!(
        "{option} {} {why}; it looks like 'dbc-a1b2345c-d6e7.cloud.databricks.com'",
        quoted_address(given)
    ))
}

fn parse_host(option: &str, given: &str) -> Result<Url> {
    let refused = |why: &str| refused(option, given, why);
    let text = given.trim();
    if text.is_empty() {
        return Err(refused("is empty"));
    }
    let lower = text.to_ascii_lowercase();
    let absolute = if lower.starts_with("https://") || lower.starts_with("http://") {
        text.to_owned()
    } else if text.contains("://") {
        return Err(refused("is neither a host name nor an https URL"));
    } else {
        format!("https://{text}")
    };
    let url = Url::parse(&absolute).map_err(|why| refused(&format!("is no host name ({why})")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("holds credentials, which belong into access_token"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused(MORE_THAN_A_HOST));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(refused(
            "asks for plain http, which is spoken to loopback hosts only",
        ));
    }
    if holds_token(text) && !is_domain(text) {
        return Err(refused("is no host name"));
    }
    Ok(url)
}

/// Whether what could hold a token may as well be a name with dots and a port.
fn is_domain(text: &str) -> bool {
    let host = text
        .split_once("://")
        .map_or(text, |(_, rest)| rest)
        .trim_end_matches('/');
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    host.contains('.') && !host.contains("eyJ") && host.chars().all(fits)
}

fn parse_http_path(given: &str) -> Result<(String, Option<String>)> {
    if given.contains("sql/protocolv1/") {
        return Err(Error::invalid_argument(format!(
            "http_path {} names an all-purpose cluster, which the Statement Execution API cannot reach; \
             use the path of a SQL warehouse, '/sql/1.0/warehouses/<id>'",
            quoted(given)
        )));
    }
    let id = ["/warehouses/", "/endpoints/"]
        .iter()
        .find_map(|marker| given.split_once(marker))
        .map(|(_, rest)| {
            rest.split(['/', '?', '&'])
                .next()
                .unwrap_or_default()
                .trim()
        })
        .filter(|id| !id.is_empty() && !holds_token(id))
        .ok_or_else(|| {
            Error::invalid_argument(format!(
                "http_path {} names no SQL warehouse; it looks like '/sql/1.0/warehouses/<id>'",
                quoted(given)
            ))
        })?;
    Ok((id.to_owned(), org_id(given)))
}

fn org_id(http_path: &str) -> Option<String> {
    http_path
        .split(['?', '&'])
        .skip(1)
        .find_map(|pair| pair.strip_prefix("o="))
        .filter(|id| !id.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    const PATH: &str = "/sql/1.0/warehouses/abc";

    #[test]
    fn hosts_with_and_without_scheme_port_and_slash_are_understood() {
        let cases = [
            ("h.example.com", "https://h.example.com/"),
            (" h.example.com ", "https://h.example.com/"),
            ("h.example.com:8443", "https://h.example.com:8443/"),
            ("dapi-gateway", "https://dapi-gateway/"),
            ("dapi2.example.com:1", "https://dapi2.example.com:1/"),
            ("https://h.example.com/", "https://h.example.com/"),
            ("HTTPS://H.example.com", "https://h.example.com/"),
            ("http://localhost:80", "http://localhost/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://[::1]:8080", "http://[::1]:8080/"),
        ];
        for (given, base) in cases {
            let endpoint = Endpoint::parse(given, PATH).expect(given);
            assert_eq!(endpoint.base.as_str(), base);
        }
    }

    #[test]
    fn hosts_that_cannot_work_are_refused_by_name() {
        for given in [
            "",
            "a b",
            "ftp://h",
            "http://h.example.com",
            "http://10.0.0.1",
            "http://localhost.example.com",
            "https://h/x",
            "h:99999",
        ] {
            let error = Endpoint::parse(given, PATH).expect_err(given);
            assert!(
                error
                    .message()
                    .contains(&format!("server_hostname '{given}'")),
                "{error}"
            );
        }
    }

    #[test]
    fn a_gateway_may_put_the_workspace_below_a_path() {
        for given in ["https://h/x", "h/x/", "HTTPS://h/x/"] {
            let endpoint = Endpoint::parse_below(given, PATH, &OptionNames::DBAPI).expect(given);
            assert_eq!(endpoint.url(&["api"]).as_str(), "https://h/x/api");
        }
        assert!(Endpoint::parse_below("https://h/x?y=1", PATH, &OptionNames::DBAPI).is_err());
        assert!(
            Endpoint::parse_below("http://h.example.com/x", PATH, &OptionNames::DBAPI).is_err()
        );
    }

    #[test]
    fn credentials_in_the_host_are_refused_without_being_repeated() {
        for given in [
            "https://user:s3cret@h.example.com",
            "https://h.example.com/?token=s3cret",
            "dapis3cret",
            "https://dapis3cret:443",
            "\"dapis3cret\"",
            "token=s3cret",
            "https://h.example.com/dapis3cret",
            "jdbc:databricks://h;PWD=s3cret",
            "eyJ0.s3cret.s3cret",
        ] {
            let error = Endpoint::parse(given, PATH).unwrap_err();
            assert!(!error.message().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_token_in_the_place_of_the_path_is_not_repeated() {
        for path in [
            "dapis3cret",
            "jdbc:databricks://h;httpPath=/sql/1.0/warehouses/abc;UID=token;PWD=s3cret",
        ] {
            let error = Endpoint::parse("h", path).unwrap_err();
            assert!(!error.message().contains("s3cret"), "{error}");
            assert!(
                error.message().contains("are the arguments swapped?"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_warehouse_and_the_workspace_are_read_from_the_path() {
        let cases = [
            ("/sql/1.0/warehouses/abc", "abc", None),
            ("sql/1.0/endpoints/abc", "abc", None),
            ("/sql/1.0/warehouses/abc/", "abc", None),
            ("/sql/1.0/warehouses/abc?o=123", "abc", Some("123")),
            ("/sql/1.0/warehouses/abc?x=1&o=123", "abc", Some("123")),
            ("/any/prefix/warehouses/abc&o=123", "abc", Some("123")),
            ("/sql/1.0/warehouses/abc?o=", "abc", None),
        ];
        for (path, id, org) in cases {
            let endpoint = Endpoint::parse("h", path).expect(path);
            assert_eq!(
                (endpoint.warehouse_id(), endpoint.org_id()),
                (id, org),
                "{path}"
            );
        }
    }

    #[test]
    fn paths_without_a_warehouse_are_refused_by_name() {
        for path in [
            "",
            "/",
            "/sql/1.0/warehouses/",
            "/sql/1.0/warehouses/?o=1",
            "warehouse/abc",
        ] {
            let error = Endpoint::parse("h", path).expect_err(path);
            assert!(
                error.message().contains(&format!("http_path '{path}'")),
                "{error}"
            );
        }
    }

    #[test]
    fn cluster_paths_are_refused_with_the_way_out() {
        let error = Endpoint::parse("h", "sql/protocolv1/o/123/0101-abc").unwrap_err();
        assert!(error.message().contains("cluster"), "{error}");
        assert!(
            error.message().contains("/sql/1.0/warehouses/<id>"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn an_id_stands_for_itself_in_a_path_or_is_refused(id in any::<String>()) {
            let endpoint = Endpoint::parse("h", PATH).unwrap();
            let Ok(url) = endpoint.checked_url(&["api", &id, "cancel"]) else {
                let unfit = id.contains(['\t', '\n', '\r']) || matches!(&*id, "" | "." | "..");
                prop_assert!(unfit, "{id:?}");
                return Ok(());
            };
            prop_assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("h"), None, None));
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            let [api, encoded, cancel] = segments[..] else {
                return Err(TestCaseError::fail(format!("{url}")));
            };
            prop_assert_eq!((api, cancel), ("api", "cancel"));
            let decoded = percent_decode_str(encoded).decode_utf8();
            prop_assert_eq!(decoded.unwrap(), id);
        }
    }

    #[test]
    fn ids_that_would_change_a_path_are_refused() {
        let endpoint = Endpoint::parse("h", PATH).unwrap();
        for id in ["", ".", "..", "a\nb", "\t", "a\r"] {
            let error = endpoint.checked_url(&["api", id]).expect_err(id);
            assert!(error.message().contains("is no id"), "{error}");
        }
    }

    #[test]
    fn ids_are_percent_encoded_in_urls() {
        let endpoint = Endpoint::parse("h", PATH).unwrap();
        assert_eq!(
            endpoint.url(&["api", "a/b ?c"]).as_str(),
            "https://h/api/a%2Fb%20%3Fc"
        );
    }
}
