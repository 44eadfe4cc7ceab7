//! What may be said in messages and logs of URLs, and of what users gave.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;

/// Scheme, host, port and path: presigned queries are secrets.
pub(crate) fn without_query(url: &Url) -> String {
    format!(
        "{}://{}{}",
        url.scheme(),
        crate::client::host::authority(url),
        url.path()
    )
}

/// A value of the user in quotes; what it looks like where it looks like a secret in a wrong place.
pub(crate) fn quoted(given: &str) -> String {
    if let Some(secret) = Secret::seen_in(given) {
        secret.to_string()
    } else {
        format!("'{given}'")
    }
}

/// The same of a host or of a URL that may be a wrong one: no credentials, no query, no port that is none.
pub(crate) fn quoted_address(given: &str) -> String {
    let end = given.find(['?', '#']).unwrap_or(given.len());
    let (place, query) = given.split_at(end);
    let has_lines = given.trim().contains(['\r', '\n']);
    if let Some(secret) = Secret::seen_in(if has_lines { given } else { place }) {
        return secret.to_string();
    }
    if query.contains('@') {
        return "(credentials by its looks, not repeated here)".to_owned();
    }
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let shown = up_to_port(place);
    if shown.len() < place.len() {
        format!("'{shown}...'")
    } else if query.is_empty() {
        format!("'{place}'")
    } else {
        format!("'{place}{}...'", &query[..1])
    }
}

/// The same without what is behind the colon of a port that is none.
fn up_to_port(place: &str) -> &str {
    let authority = place.find("://").map_or(0, |scheme| scheme + 3);
    // Colons in brackets are those of an address.
    let host = place[authority..].rfind(']').unwrap_or(0) + authority;
    let end = place[host..]
        .find(['/', '\\'])
        .map_or(place.len(), |end| host + end);
    let Some(colon) = place[host..end].find(':').map(|colon| host + colon) else {
        return place;
    };
    let port = &place[colon + 1..end];
    if port.bytes().all(|byte| byte.is_ascii_digit()) {
        place
    } else {
        &place[..=colon]
    }
}

/// What a value looks like of which nothing may be repeated.
enum Secret {
    Pem,
    Lines,
    Token,
}

impl Secret {
    fn seen_in(given: &str) -> Option<Self> {
        let given = given.trim();
        if given.contains("-----BEGIN") {
            Some(Self::Pem)
        } else if given.contains(['\r', '\n']) {
            Some(Self::Lines)
        } else if holds_token(given) {
            Some(Self::Token)
        } else {
            None
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pem => {
                "(the text of a key or certificate by its looks, not repeated here: the path of a file with it is wanted)"
            }
            Self::Lines => "(text of several lines, not repeated here)",
            Self::Token => {
                "(an access token or secret by its looks, not repeated here: are the arguments swapped?)"
            }
        })
    }
}

/// Whether a token of the service, a secret of a service principal or a JWT stands anywhere in a value, as it is or
/// percent-encoded, or something that is named as one.
pub(crate) fn holds_token(given: &str) -> bool {
    let decoded = percent_decode_str(given).decode_utf8_lossy();
    [given, &decoded]
        .into_iter()
        .any(|text| names_secret(text) || words(text).any(begins_token))
}

fn names_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["pwd=", "password=", "token=", "secret="]
        .into_iter()
        .any(|name| text.contains(name))
}

/// What begins at each place where a word may.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let begins = |at: usize| at == 0 || !text.as_bytes()[at - 1].is_ascii_alphanumeric();
    text.char_indices()
        .filter(move |(at, _)| begins(*at))
        .map(|(at, _)| &text[at..])
}

/// A dash behind the prefix is one of a host or of a file.
fn begins_token(text: &str) -> bool {
    let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    ["dapi", "dkea", "dose", "eyJ"]
        .into_iter()
        .any(|prefix| text.strip_prefix(prefix).is_some_and(goes_on))
        || text
            .split_once(' ')
            .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn queries_and_credentials_are_left_out() {
        let url = Url::parse("https://user:pw@h:8443/a/b?sig=s3cret#frag").unwrap();
        assert_eq!(without_query(&url), "https://h:8443/a/b");
    }

    #[test]
    fn values_are_quoted() {
        for given in [
            "",
            "a b",
            "/sql/1.0/warehouses",
            "dapi.example.com",
            "/keys/dose.pem",
            "dapi-gateway",
            "mydapi1",
            "/keys/dose-1.pem",
            "bearer",
        ] {
            assert_eq!(quoted(given), format!("'{given}'"));
        }
    }

    #[test]
    fn secrets_in_a_wrong_place_are_not_quoted() {
        for (given, looks) in [
            ("dapi0s3cret", "token"),
            (" dapi0s3cret-2", "token"),
            ("doses3cret", "token"),
            ("eyJ0.s3cret.s3cret", "token"),
            ("eyJs3cret", "token"),
            ("Bearer s3cret", "token"),
            ("Authorization: bearer s3cret", "token"),
            ("\"dapi0s3cret\"", "token"),
            ("'dapi_s3cret", "token"),
            ("prod_dapi0s3cret", "token"),
            ("DATABRICKS_TOKEN=dapi0s3cret", "token"),
            ("token=s3cret", "token"),
            ("Client_Secret=s3cret", "token"),
            ("https://h/dapi0s3cret", "token"),
            ("https://user:dapi0s3cret@h", "token"),
            ("jdbc:databricks://h:443;httpPath=/a;PWD=s3cret", "token"),
            ("jdbc:databricks://h;password=s3c@s3cret", "token"),
            ("https://h/token%3Ds3cret", "token"),
            ("https://h/a%2Fdapi0s3cret", "token"),
            ("-----BEGIN PRIVATE KEY-----\ns3cret", "the path of a file"),
            ("s3cret\ns3cret", "lines"),
        ] {
            for shown in [quoted(given), quoted_address(given)] {
                assert!(!shown.contains("s3cret"), "{shown}");
                assert!(shown.contains(looks), "{shown}");
            }
        }
    }

    #[test]
    fn of_an_address_the_place_is_quoted() {
        for (given, shown) in [
            ("h", "'h'"),
            ("ftp://h:1/a", "'ftp://h:1/a'"),
            ("https://[::1]:8080/a:b", "'https://[::1]:8080/a:b'"),
            ("h:99999", "'h:99999'"),
            ("https://user:s3cret@h:1", "'h:1'"),
            ("http://u:1/s3cret@h:1", "'h:1'"),
            ("https://h/?token=s3cret", "'https://h/?...'"),
            ("https://h/#s3cret", "'https://h/#...'"),
            ("http://user:s3cret", "'http://user:...'"),
            ("http://h:x/s3cret", "'http://h:...'"),
            ("user:s3cret", "'user:...'"),
            ("http://h:99999/?k=s3cret", "'http://h:99999/?...'"),
            ("http://[::1]:s3cret", "'http://[::1]:...'"),
            (
                "http://u:s3cret?@h",
                "(credentials by its looks, not repeated here)",
            ),
        ] {
            assert_eq!(quoted_address(given), shown, "{given}");
        }
    }

    proptest! {
        #[test]
        fn no_token_is_quoted(
            before in ".{0,8}",
            mark in prop::sample::select(vec!["", "é", "=", "\"", "/", ";", " ", "(", "%20"]),
            token in "dapi|dkea|dose|eyJ|PWD=|Token=|Bearer ",
            after in "[^a-zA-Z0-9].{0,8}|",
        ) {
            prop_assume!(!mark.is_empty() || before.is_empty());
            let given = format!("{before}{mark}{token}S3CRET{after}");
            for shown in [quoted(&given), quoted_address(&given)] {
                prop_assert!(!shown.contains("S3CRET"), "{} of {}", shown, given);
            }
        }

        #[test]
        fn no_query_and_no_password_is_quoted(
            before in "[a-z:/@.?#\\\\\\[\\]0-9]{0,12}",
            mark in prop::sample::select(vec!["?k=", "#k=", "u:"]),
            after in "[a-z:/.?#]{0,6}",
        ) {
            let at = if mark == "u:" { "@" } else { "" };
            let given = format!("{before}{mark}S3CRET{at}{after}");
            let shown = quoted_address(&given);
            prop_assert!(!shown.contains("S3CRET"), "{} of {}", shown, given);
        }
    }
}
