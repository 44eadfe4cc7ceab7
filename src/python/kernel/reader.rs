//! The rows of a result, for one reader at a time; others wait for their turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use pyo3::prelude::*;

use super::error::closed;
use super::handle::Handle;
use crate::client::metadata::Table;
use crate::client::{
    ExecutedStatement, Representation, RepresentedStream, Result, StatementControl,
};
use crate::python::convert::PyArrowSchema;
use crate::python::turn::Shared;

/// A result that is read batch by batch.
pub(super) struct Reader {
    handle: Handle,
    what: &'static str,
    schema: PyArrowSchema,
    closed: AtomicBool,
    control: StatementControl,
    rows: Shared<Rows>,
}

/// The rows that are left.
pub(super) struct Rows {
    source: Option<RepresentedStream>,
    schema: SchemaRef,
    /// Rows that were read and not given yet; a call that fails leaves its own here.
    ready: VecDeque<RecordBatch>,
}

impl Rows {
    /// Waits for the first data, which tell the types. A result that was cut without a wish for it is told of.
    pub(super) async fn of(
        executed: ExecutedStatement,
        row_limit: Option<u64>,
        wish: Representation,
    ) -> Result<Self> {
        if executed.stream().is_truncated() && row_limit.is_none() {
            let id = executed.id();
            tracing::warn!("the service cut the result of statement {id}: a limit was reached");
        }
        let mut stream = RepresentedStream::new(executed.into_stream(), Some(wish));
        let schema = stream.schema().await?;
        Ok(Self {
            source: Some(stream),
            schema,
            ready: VecDeque::new(),
        })
    }

    /// Rows that are there already.
    pub(super) fn of_table(table: Table) -> Self {
        Self {
            source: None,
            schema: table.schema,
            ready: table.batches.into(),
        }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The first batch, which stays.
    pub(super) async fn first(&mut self) -> Result<Option<&RecordBatch>> {
        if self.ready.is_empty() {
            self.read().await?;
        }
        Ok(self.ready.front())
    }

    async fn read(&mut self) -> Result<bool> {
        let Some(source) = &mut self.source else {
            return Ok(false);
        };
        match source.next_batch().await? {
            Some(batch) => {
                self.ready.push_back(batch);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    async fn read_whole(&mut self) -> Result<()> {
        if let Some(source) = &self.source {
            source.stream().collect_whole();
        }
        while self.read().await? {}
        Ok(())
    }

    /// Ends the result here.
    pub(super) fn close(&mut self) {
        self.ready.clear();
        self.source = None;
    }
}

impl Reader {
    pub(super) fn new(
        handle: Handle,
        what: &'static str,
        rows: Rows,
        control: StatementControl,
    ) -> Self {
        Self {
            handle,
            what,
            schema: PyArrowSchema::new(Arc::clone(rows.schema())),
            closed: AtomicBool::new(false),
            control,
            rows: Shared::new(rows),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Refuses to go on after the end.
    pub(super) fn check(&self, py: Python<'_>) -> PyResult<()> {
        if self.is_closed() {
            return Err(closed(py, format!("{} is closed", self.what)));
        }
        Ok(())
    }

    pub(super) fn arrow_schema(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.schema.object(py).map(|schema| schema.clone_ref(py))
    }

    pub(super) fn next(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.check(py)?;
        let mut rows = self.handle.turn(py, &self.rows, self.what)?;
        // Rows that are there need no waiting.
        if rows.ready.is_empty() {
            self.handle.wait(py, rows.read())?;
        }
        let Some(batch) = rows.ready.front() else {
            // Another thread may have closed it meanwhile, which must not look like the end.
            self.check(py)?;
            return Ok(None);
        };
        let given = self.schema.batch(py, batch.clone())?;
        rows.ready.pop_front();
        Ok(Some(given))
    }

    pub(super) fn rest(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.check(py)?;
        let mut rows = self.handle.turn(py, &self.rows, self.what)?;
        self.handle.wait(py, rows.read_whole())?;
        if self.is_closed() {
            rows.close();
        }
        self.check(py)?;
        let table = self
            .schema
            .table(py, rows.ready.iter().cloned().collect())?;
        rows.ready.clear();
        Ok(table)
    }

    /// Stops what still goes on, also where another thread waits for it.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        match self.rows.now() {
            Some(mut rows) => rows.close(),
            None => self.control.abandon(),
        }
    }
}
