//! Bodies of chunks, read from the cloud storage that links lead to.

use bytes::Bytes;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderValue, IF_RANGE, RANGE, USER_AGENT,
};
use reqwest::{Method, Response, StatusCode};
use url::Url;

use super::failure::Failure;
use super::{Repeat, Transport, header, redact};
use crate::client::host;
use crate::client::wire::ExternalLink;
use crate::client::{Error, ErrorCode, OptionNames, Result};

/// What is known of a body that broke off: how much of it came, and which body it was.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) bytes: u64,
    pub(crate) tag: HeaderValue,
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

impl Transport {
    /// Begins to read what a link points to, or goes on where that broke off. Storage gets the link's
    /// own headers and no others.
    pub(crate) async fn open_link(
        &self,
        link: &ExternalLink,
        broken: Option<&Broken>,
    ) -> Result<Body, Failure> {
        let url = storage_url(link)?;
        let host = host::authority(&url);
        let mut request = reqwest::Request::new(Method::GET, url);
        let headers = request.headers_mut();
        if let Some(agent) = self.headers.get(USER_AGENT) {
            headers.insert(USER_AGENT, agent.clone());
        }
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(Broken { bytes, tag }) = broken {
            let range = HeaderValue::try_from(format!("bytes={bytes}-"));
            let range = range.map_err(|_| Error::data_loss("a range cannot be asked for"))?;
            headers.insert(RANGE, range);
            headers.insert(IF_RANGE, tag.clone());
        }
        for (name, value) in link.http_headers.iter().flatten() {
            let (name, value) = header(name, value)
                .map_err(|_| Error::data_loss("a link to storage asks for an impossible header"))?;
            headers.insert(name, value);
        }
        let patience = self.config.retry.storage.budget;
        let response = self
            .http
            .send(request, &host, Repeat::Always, Some(patience))
            .await?;
        let names = self.config.names;
        match (response.status(), broken) {
            (StatusCode::OK, _) => Ok(Body::whole(response, host, names, broken)),
            (StatusCode::PARTIAL_CONTENT, Some(broken)) => {
                Body::rest(response, host, names, broken)
            }
            _ => Err(Failure::storage(&response, &host, self.service_time())),
        }
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
        let same = broken.filter(|broken| tag.as_ref() == Some(&broken.tag));
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
    ) -> Result<Self, Failure> {
        let fits = range_start(&response) == Some(broken.bytes)
            && strong_tag(&response).is_none_or(|tag| tag == broken.tag);
        if !fits {
            let message = format!("storage at {host} gave another range than was asked for");
            return Err(Failure::unfit(Error::data_loss(message)));
        }
        Ok(Self {
            response,
            host,
            names,
            skip: 0,
            is_new: false,
            length: None,
            tag: Some(broken.tag.clone()),
        })
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

/// Where the range of an answer begins.
fn range_start(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    let (start, _) = range.strip_prefix("bytes ")?.split_once('-')?;
    start.parse().ok()
}

fn storage_url(link: &ExternalLink) -> Result<Url> {
    let url = Url::parse(&link.external_link)
        .map_err(|_| Error::data_loss("a link to storage is not a URL"))?;
    if url.scheme() != "https" && !(url.scheme() == "http" && host::is_loopback(&url)) {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            format!(
                "the link to storage at {} does not use https",
                redact::without_query(&url)
            ),
        ));
    }
    Ok(url)
}
