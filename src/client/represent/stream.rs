//! The batches of a result in the types that were asked for.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{Representation, Represented};
use crate::client::{Result, ResultStream};

/// A result whose columns may have other types than the service's.
pub struct RepresentedStream {
    stream: ResultStream,
    /// `None` when every column stays as it is.
    wish: Option<Representation>,
    represented: Option<Represented>,
    /// Rows that could not be changed: they are the next ones still.
    refused: Option<RecordBatch>,
}

impl RepresentedStream {
    /// What `wish` makes of a result.
    #[must_use]
    pub fn new(stream: ResultStream, wish: Option<Representation>) -> Self {
        Self {
            stream,
            wish,
            represented: None,
            refused: None,
        }
    }

    /// The result with the service's types.
    #[must_use]
    pub fn stream(&self) -> &ResultStream {
        &self.stream
    }

    /// The columns as they come out; waits for the first chunk where there is one.
    ///
    /// # Errors
    /// Those of [`Self::next_batch`].
    pub async fn schema(&mut self) -> Result<SchemaRef> {
        match self.wish {
            None => self.stream.schema().await,
            Some(wish) => Ok(SchemaRef::clone(self.represented(wish).await?.schema())),
        }
    }

    async fn represented(&mut self, wish: Representation) -> Result<&Represented> {
        let represented = match self.represented.take() {
            Some(represented) => represented,
            None => wish.of(&self.stream.schema().await?),
        };
        Ok(self.represented.insert(represented))
    }

    /// The next rows; `None` after the last. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Those of [`ResultStream::next_batch`], and `DataLoss` when a value is not what its type promises.
    pub async fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        let batch = match self.refused.take() {
            Some(batch) => Some(batch),
            None => self.stream.next_batch().await?,
        };
        let (Some(batch), Some(wish)) = (&batch, self.wish) else {
            return Ok(batch);
        };
        // Where there is a batch, there is its schema, which is not waited for.
        let changed = self.represented(wish).await?.batch(batch.clone());
        if changed.is_err() {
            self.refused = Some(batch.clone());
        }
        changed.map(Some)
    }

    /// Stops everything that goes on for this result and closes its statement.
    pub fn close(&mut self) {
        self.refused = None;
        self.stream.close();
    }
}
