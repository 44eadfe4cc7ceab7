//! Bodies of chunks and files, read from the cloud storage that links lead to.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE, USER_AGENT,
};
use reqwest::{Method, Response, StatusCode};
use secrecy::ExposeSecret;
use url::Url;

use super::failure::Failure;
use super::{Repeat, Transport, header, redact};
use crate::client::host;
use crate::client::wire::ExternalLink;
use crate::client::{Error, OptionNames, Result};

/// What is known of a body that broke off: how much of it came, and which body it was.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) bytes: u64,
    pub(crate) tag: HeaderValue,
    /// How long the whole of it is, where that is known.
    pub(crate) length: Option<u64>,
}

/// A body on its way.
#[derive(Debug)]
pub(crate) struct Body {
    response: Response,
    host: String,
    names: &'static OptionNames,
    /// Bytes of it that the caller has already, and that may come again.
    skip: u64,
    /// The caller has to begin anew: it is not the body that broke off.
    pub(crate) is_new: bool,
    /// How long the whole body is, where that is known.
    pub(crate) length: Option<u64>,
    /// What distinguishes it from other bodies, byte by byte.
    pub(crate) tag: Option<HeaderValue>,
}

/// A place in the storage: a URL that is a credential by itself, and the headers that it wants.
#[derive(Clone)]
pub(crate) struct Presigned {
    url: Url,
    host: String,
    headers: HeaderMap,
}

impl Presigned {
    /// # Errors
    /// `DataLoss` for what is no URL or no header, `InvalidArgument` for plain http.
    pub(crate) fn parse<'a>(
        url: &str,
        headers: impl IntoIterator<Item = (&'a String, &'a str)>,
    ) -> Result<Self> {
        let url =
            Url::parse(url).map_err(|_| Error::data_loss("a link to storage is not a URL"))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && host::is_loopback(&url)) {
            return Err(Error::invalid_argument(format!(
                "the link to storage at {} does not use https",
                redact::without_query(&url)
            )));
        }
        let headers = headers.into_iter().map(|(name, value)| {
            header(name, value)
                .map_err(|_| Error::data_loss("a link to storage asks for an impossible header"))
        });
        Ok(Self {
            host: host::authority(&url),
            headers: headers.collect::<Result<_>>()?,
            url,
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

impl std::fmt::Debug for Presigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presigned")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Transport {
    /// Begins to read what a link points to, or goes on where that broke off.
    pub(crate) async fn open_link(
        &self,
        link: &ExternalLink,
        broken: Option<&Broken>,
    ) -> Result<Body, Failure> {
        let place = presigned(link)?;
        self.open(&place, broken, Failure::storage).await
    }

    /// Begins to read a file, or goes on where that broke off.
    pub(crate) async fn open_file(
        &self,
        place: &Presigned,
        broken: Option<&Broken>,
    ) -> Result<Body, Failure> {
        self.open(place, broken, Failure::file).await
    }

    async fn open(
        &self,
        place: &Presigned,
        broken: Option<&Broken>,
        refusal: impl FnOnce(&Response, &str, DateTime<Utc>) -> Failure,
    ) -> Result<Body, Failure> {
        let patience = self.config.retry.storage.budget;
        let send = async |broken| {
            let request = self.request_for(place, broken)?;
            let sent = self
                .http
                .send(request, &place.host, Repeat::Always, Some(patience));
            sent.await
        };
        let mut response = send(broken).await?;
        if broken.is_some_and(|broken| is_part(&response) && !broken.goes_on_with(&response)) {
            // Who gives another part than was asked for may give the whole.
            response = send(None).await?;
        }
        let (host, names) = (place.host.clone(), self.config.names);
        match (response.status(), broken) {
            (StatusCode::OK, _) => Ok(Body::whole(response, host, names, broken)),
            (StatusCode::PARTIAL_CONTENT, Some(broken)) if broken.goes_on_with(&response) => {
                Ok(Body::rest(response, host, names, broken))
            }
            _ => Err(refusal(&response, &host, self.service_time())),
        }
    }

    /// The rest of a body of known length, if it can be had without ado.
    pub(crate) async fn open_rest(
        &self,
        link: &ExternalLink,
        broken: &Broken,
    ) -> Result<Option<Body>, Failure> {
        let place = presigned(link)?;
        let request = self.request_for(&place, Some(broken))?;
        let sent = self.http.send_aside(request, &place.host).await?;
        let part = sent.filter(|part| is_part(part) && broken.goes_on_with(part));
        let body = part.map(|part| Body::rest(part, place.host, self.config.names, broken));
        Ok(body.filter(|body| body.length.is_some() && body.length == broken.length))
    }

    fn request_for(
        &self,
        place: &Presigned,
        broken: Option<&Broken>,
    ) -> Result<reqwest::Request, Failure> {
        let mut request = self.storage_request(Method::GET, place);
        if let Some(Broken { bytes, tag, .. }) = broken {
            let range = HeaderValue::try_from(format!("bytes={bytes}-"));
            let range = range.map_err(|_| Error::data_loss("a range cannot be asked for"))?;
            request.headers_mut().insert(RANGE, range);
            request.headers_mut().insert(IF_RANGE, tag.clone());
        }
        Ok(request)
    }

    /// A request to the storage, which gets the headers of the place and no others.
    pub(super) fn storage_request(&self, method: Method, place: &Presigned) -> reqwest::Request {
        let mut request = reqwest::Request::new(method, place.url.clone());
        let headers = request.headers_mut();
        if let Some(agent) = self.headers.get(USER_AGENT) {
            headers.insert(USER_AGENT, agent.clone());
        }
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (name, value) in &place.headers {
            headers.insert(name, value.clone());
        }
        request
    }
}

impl Body {
    /// A body from its start; what the caller has of it is passed over.
    fn whole(
        response: Response,
        host: String,
        names: &'static OptionNames,
        broken: Option<&Broken>,
    ) -> Self {
        let (length, tag) = (response.content_length(), strong_tag(&response));
        let same =
            broken.filter(|broken| tag.as_ref() == Some(&broken.tag) && broken.may_be_of(length));
        Self {
            response,
            host,
            names,
            skip: same.map_or(0, |broken| broken.bytes),
            is_new: same.is_none(),
            length,
            tag,
        }
    }

    fn rest(
        response: Response,
        host: String,
        names: &'static OptionNames,
        broken: &Broken,
    ) -> Self {
        let length = response.content_length();
        Self {
            response,
            host,
            names,
            skip: 0,
            is_new: false,
            length: length.and_then(|rest| rest.checked_add(broken.bytes)),
            tag: Some(broken.tag.clone()),
        }
    }

    /// The next bytes that the caller does not have; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let part = self.response.chunk().await;
            let part = part.map_err(|why| Failure::broken_off(why, &self.host, self.names))?;
            let Some(mut part) = part else {
                return Ok(None);
            };
            let known = usize::try_from(self.skip).unwrap_or(usize::MAX);
            let known = known.min(part.len());
            self.skip -= known as u64;
            let part = part.split_off(known);
            if !part.is_empty() {
                return Ok(Some(part));
            }
        }
    }
}

/// The entity tag, unless it promises less than the same bytes.
fn strong_tag(response: &Response) -> Option<HeaderValue> {
    let tag = response.headers().get(ETAG)?;
    tag.as_bytes().starts_with(b"\"").then(|| tag.clone())
}

fn is_part(response: &Response) -> bool {
    response.status() == StatusCode::PARTIAL_CONTENT
}

impl Broken {
    /// Whether a part is the rest of this body, up to its end.
    fn goes_on_with(&self, part: &Response) -> bool {
        let range = part.headers().get(CONTENT_RANGE);
        let end = part
            .content_length()
            .map(|rest| self.bytes.saturating_add(rest));
        strong_tag(part).as_ref() == Some(&self.tag)
            && self.may_be_of(end)
            && range.is_some_and(|range| self.is_rest(range.to_str().unwrap_or_default()))
    }

    /// The same of its range, such as `bytes 5-9/10`.
    fn is_rest(&self, range: &str) -> bool {
        let parsed = range.strip_prefix("bytes ").and_then(|range| {
            let (range, whole) = range.split_once('/')?;
            let (first, last) = range.split_once('-')?;
            let end = last.parse::<u64>().ok()?.checked_add(1)?;
            Some((first.parse().ok()?, end, whole.parse().ok()?))
        });
        parsed.is_some_and(|(first, end, whole): (u64, u64, u64)| {
            first == self.bytes && end == whole && self.length.is_none_or(|length| length == whole)
        })
    }

    /// Whether a body of this length may be the one that broke off.
    fn may_be_of(&self, length: Option<u64>) -> bool {
        (self.length.zip(length)).is_none_or(|(own, length)| own == length)
    }
}

/// The place that a link leads to.
fn presigned(link: &ExternalLink) -> Result<Presigned> {
    let headers = link.http_headers.iter().flatten();
    let headers = headers.map(|(name, value)| (name, value.expose_secret()));
    Presigned::parse(link.external_link.expose_secret(), headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_begins_where_the_body_broke_off_and_ends_where_it_ends() {
        let broken = |length| Broken {
            bytes: 5,
            tag: HeaderValue::from_static("\"a\""),
            length,
        };
        let cases = [
            ("bytes 5-9/10", true),
            ("bytes 5-9/11", false),
            ("bytes 5-10/11", false),
            ("bytes 5-8/10", false),
            ("bytes 4-9/10", false),
            ("bytes 6-9/10", false),
            ("bytes 5-9/*", false),
            ("bytes */10", false),
            ("bytes 5-18446744073709551615/10", false),
            ("5-9/10", false),
            ("", false),
        ];
        for (range, expected) in cases {
            assert_eq!(broken(Some(10)).is_rest(range), expected, "{range}");
        }
        assert!(broken(None).is_rest("bytes 5-10/11"));
    }
}
