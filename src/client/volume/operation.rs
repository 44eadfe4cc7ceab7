//! The row that a statement about a file is answered with.

use std::fmt;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::record_batch::RecordBatch;
use serde_json::Value;

use super::{INPUT_STREAM, OUTPUT_STREAM};
use crate::client::results::ResultStream;
use crate::client::transport::storage::Presigned;
use crate::client::{Error, Result};

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumeCommand {
    /// Upload it.
    Put,
    /// Download it.
    Get,
    /// Delete it.
    Remove,
}

/// What the service says is to be done, and where.
pub struct VolumeOperation {
    command: VolumeCommand,
    place: Presigned,
    local_file: Option<String>,
    statement_id: String,
    what: String,
}

/// The columns of the row, in the order that they have where they are called otherwise.
const COLUMNS: [&str; 4] = ["operation", "presignedUrl", "headers", "localFile"];

impl VolumeOperation {
    /// Reads the one row of a result; `sql` is the statement as messages say it, where that is known.
    ///
    /// # Errors
    /// `DataLoss` when the row is not what it should be.
    pub async fn read(mut result: ResultStream, sql: Option<&str>) -> Result<Self> {
        let mut rows = Vec::new();
        while let Some(batch) = result.next_batch().await? {
            rows.extend((0..batch.num_rows()).map(|row| batch.slice(row, 1)));
        }
        let [row] = rows.as_slice() else {
            let message = format!(
                "a statement about a file was answered with {} rows",
                rows.len()
            );
            return Err(Error::data_loss(message));
        };
        let operation = Self::of_row(row, sql);
        operation
            .map_err(|error| error.with_statement_id(result.statement_id()))
            .map(|operation| Self {
                statement_id: result.statement_id().to_owned(),
                ..operation
            })
    }

    fn of_row(row: &RecordBatch, sql: Option<&str>) -> Result<Self> {
        let column = |place: usize| {
            let named = row
                .schema_ref()
                .fields()
                .iter()
                .position(|field| field.name().eq_ignore_ascii_case(COLUMNS[place]));
            row.columns().get(named.unwrap_or(place))
        };
        let text = |place| column(place).and_then(text_of);
        let incomplete =
            || Error::data_loss("the answer to a statement about a file is incomplete");
        let command = text(0).ok_or_else(incomplete)?;
        let command = match command.to_ascii_uppercase().as_str() {
            "PUT" => VolumeCommand::Put,
            "GET" => VolumeCommand::Get,
            "REMOVE" => VolumeCommand::Remove,
            _ => {
                return Err(Error::data_loss(format!(
                    "the service asks for the operation '{}' on a file, which this driver does not know",
                    command.escape_debug()
                )));
            }
        };
        let url = text(1).ok_or_else(incomplete)?;
        let headers = column(2).map(headers_of).transpose()?.unwrap_or_default();
        let local_file = text(3).filter(|file| !file.is_empty());
        let what = sql.map_or_else(
            || match local_file {
                Some(file) => format!("{command} '{file}'"),
                None => command.to_string(),
            },
            str::to_owned,
        );
        Ok(Self {
            command,
            place: Presigned::parse(
                url,
                headers.iter().map(|(name, value)| (name, value.as_str())),
            )?,
            local_file: local_file.map(str::to_owned),
            statement_id: String::new(),
            what,
        })
    }

    /// What is to be done.
    #[must_use]
    pub fn command(&self) -> VolumeCommand {
        self.command
    }

    /// Whether the bytes are to come from or to go to a stream of the caller's.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        let stream = match self.command {
            VolumeCommand::Put => INPUT_STREAM,
            VolumeCommand::Get => OUTPUT_STREAM,
            VolumeCommand::Remove => return false,
        };
        self.local_file.as_deref() == Some(stream)
    }

    /// The statement, for messages.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The statement's id.
    #[must_use]
    pub fn statement_id(&self) -> &str {
        &self.statement_id
    }

    pub(super) fn place(&self) -> &Presigned {
        &self.place
    }

    pub(super) fn local_file(&self) -> Result<&str> {
        self.local_file
            .as_deref()
            .ok_or_else(|| Error::data_loss("the service names no local file for this operation"))
    }
}

impl fmt::Debug for VolumeOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VolumeOperation")
            .field("command", &self.command)
            .field("local_file", &self.local_file)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for VolumeCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Put => "PUT",
            Self::Get => "GET",
            Self::Remove => "REMOVE",
        })
    }
}

/// As much of a statement as a message can take.
#[must_use]
pub fn shortened(sql: &str) -> String {
    const MOST: usize = 300;
    let sql = sql.trim();
    match sql.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &sql[..end]),
        None => sql.to_owned(),
    }
}

fn text_of(column: &ArrayRef) -> Option<&str> {
    let texts = column.as_string_opt::<i32>()?;
    texts.is_valid(0).then(|| texts.value(0))
}

/// Headers, as a map or as the text of a JSON object, which may stand in brackets.
fn headers_of(column: &ArrayRef) -> Result<Vec<(String, String)>> {
    if let Some(map) = column.as_map_opt() {
        if map.is_null(0) {
            return Ok(Vec::new());
        }
        let entries = map.value(0);
        let (names, values) = (entries.column(0), entries.column(1));
        let pairs = names
            .as_string_opt::<i32>()
            .zip(values.as_string_opt::<i32>());
        let (names, values) = pairs.ok_or_else(unreadable)?;
        let pairs = names.iter().zip(values);
        return Ok(pairs
            .filter_map(|(name, value)| Some((name?.to_owned(), value?.to_owned())))
            .collect());
    }
    let text = text_of(column).unwrap_or_default().trim();
    let text = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text)
        .trim();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    // The values may be secrets, and the text of a serde error can quote them.
    let Ok(Value::Object(headers)) = serde_json::from_str(text) else {
        return Err(unreadable());
    };
    headers
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(value) => Ok((name, value)),
            Value::Number(value) => Ok((name, value.to_string())),
            Value::Bool(value) => Ok((name, value.to_string())),
            _ => Err(unreadable()),
        })
        .collect()
}

fn unreadable() -> Error {
    Error::data_loss("the headers for the transfer of a file cannot be read")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{MapBuilder, StringArray, StringBuilder};
    use proptest::prelude::*;

    use super::*;
    use crate::client::ErrorCode;

    const URL: &str = "https://storage.example/Volumes/a/b/c/d?sig=s3cret";

    fn column(text: &str) -> ArrayRef {
        Arc::new(StringArray::from(vec![text]))
    }

    fn row(names: [&str; 4], texts: [&str; 4]) -> RecordBatch {
        RecordBatch::try_from_iter(names.into_iter().zip(texts.map(column))).unwrap()
    }

    #[test]
    fn the_row_is_read_by_names_or_by_places() {
        let texts = ["put", URL, r#"{"x-a":"1"}"#, "/tmp/f"];
        for names in [
            COLUMNS,
            ["OPERATION", "presignedurl", "Headers", "localfile"],
            ["a", "b", "c", "d"],
        ] {
            let operation = VolumeOperation::of_row(&row(names, texts), None).unwrap();
            assert_eq!(operation.command(), VolumeCommand::Put);
            assert_eq!(operation.local_file().unwrap(), "/tmp/f");
            assert_eq!(operation.what(), "PUT '/tmp/f'");
            assert!(!format!("{operation:?}").contains("s3cret"));
        }
    }

    #[test]
    fn headers_are_texts_or_maps() {
        let cases = [
            ("", vec![]),
            ("{}", vec![]),
            (" [{\"a\": \"b\"}] ", vec![("a", "b")]),
            (r#"{"a":1,"b":true}"#, vec![("a", "1"), ("b", "true")]),
        ];
        for (text, expected) in cases {
            let headers = headers_of(&column(text)).unwrap();
            let headers: Vec<_> = headers
                .iter()
                .map(|(a, b)| (a.as_str(), b.as_str()))
                .collect();
            assert_eq!(headers, expected, "{text}");
        }
        let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        map.keys().append_value("x-b");
        map.values().append_value("2");
        map.append(true).unwrap();
        let map: ArrayRef = Arc::new(map.finish());
        assert_eq!(
            headers_of(&map).unwrap(),
            [("x-b".to_owned(), "2".to_owned())]
        );
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_tells_no_secret() {
        for texts in [
            ["MOVE", URL, "{}", ""],
            ["GET", "not a url ?sig=s3cret", "{}", ""],
            ["GET", "http://storage.example/a?sig=s3cret", "{}", ""],
            ["GET", URL, r#"{"authorization": ["s3cret"]}"#, ""],
            ["GET", URL, r#"{"a": "s3cret""#, ""],
            ["GET", URL, "{\"a\\n\": \"s3cret\"}", ""],
        ] {
            let error = VolumeOperation::of_row(&row(COLUMNS, texts), None).unwrap_err();
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
        let empty = RecordBatch::try_from_iter([("operation", column("GET"))]).unwrap();
        let error = VolumeOperation::of_row(&empty, None).unwrap_err();
        assert_eq!(error.code(), ErrorCode::DataLoss);
    }

    #[test]
    fn the_names_of_streams_are_known_in_their_direction() {
        let cases = [
            ("PUT", INPUT_STREAM, true),
            ("GET", OUTPUT_STREAM, true),
            ("GET", INPUT_STREAM, false),
            ("REMOVE", INPUT_STREAM, false),
        ];
        for (command, local, expected) in cases {
            let row = row(COLUMNS, [command, URL, "{}", local]);
            assert_eq!(
                VolumeOperation::of_row(&row, None).unwrap().is_stream(),
                expected
            );
        }
    }

    proptest! {
        #[test]
        fn no_row_panics(texts in any::<[String; 4]>(), sql in ".{0,400}") {
            let texts = texts.each_ref().map(String::as_str);
            drop(VolumeOperation::of_row(&row(COLUMNS, texts), Some(&sql)));
        }
    }
}
