//! Data that come inside an answer: attachments and JSON rows.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::client::wire::ResultData;
use crate::client::{Error, Result};

/// The body of a chunk that came inside an answer.
#[derive(Debug)]
pub(crate) enum InlineBody<'a> {
    /// An Arrow stream, compressed as the manifest says.
    Arrow(Vec<u8>),
    /// Rows of texts.
    Rows(&'a [Vec<Option<String>>]),
}

/// Whether an answer holds data itself.
pub(crate) fn has_data(data: &ResultData) -> bool {
    data.data_array.is_some() || attachment(data).is_some()
}

fn attachment(data: &ResultData) -> Option<&str> {
    data.attachment.as_deref().filter(|text| !text.is_empty())
}

/// The data inside an answer.
pub(crate) fn body(data: &ResultData) -> Result<InlineBody<'_>> {
    if let Some(text) = attachment(data) {
        let body = BASE64_STANDARD.decode(text).map_err(|why| {
            Error::data_loss("the attachment of the answer is not Base64").with_source(why)
        })?;
        return Ok(InlineBody::Arrow(body));
    }
    match &data.data_array {
        Some(rows) => Ok(InlineBody::Rows(rows)),
        None => Err(Error::data_loss("the answer holds no data")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_attachment_is_none() {
        let data = ResultData {
            attachment: Some(String::new()),
            ..ResultData::default()
        };
        assert!(!has_data(&data));
    }

    #[test]
    fn an_attachment_that_is_not_base64_is_data_loss() {
        let data = ResultData {
            attachment: Some("?".into()),
            ..ResultData::default()
        };
        assert!(body(&data).is_err());
    }
}
