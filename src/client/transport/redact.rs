//! What may be said of a URL in messages and logs.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_credentials_are_left_out() {
        let url = Url::parse("https://user:pw@h:8443/a/b?sig=s3cret#frag").unwrap();
        assert_eq!(without_query(&url), "https://h:8443/a/b");
    }
}
