//! What all objects of one session share.

use std::sync::Arc;

use pyo3::prelude::*;

use super::error::{closed, to_pyerr};
use crate::client::{Error, Representation, Result, Session};
use crate::python::runtime::wait;
use crate::python::turn::{Shared, Turn};

/// A session as its objects know it.
#[derive(Clone)]
pub(super) struct Handle {
    session: Session,
    representation: Representation,
}

impl Handle {
    pub(super) fn new(session: Session, representation: Representation) -> Self {
        Self {
            session,
            representation,
        }
    }

    /// The session, where it may be used.
    pub(super) fn session(&self, py: Python<'_>) -> PyResult<&Session> {
        if self.session.is_of_this_process() {
            return Ok(&self.session);
        }
        Err(closed(
            py,
            "the session belongs to the process that this one was forked from; open another one here",
        ))
    }

    pub(super) fn id(&self) -> Arc<str> {
        self.session.id()
    }

    /// In which types results are given.
    pub(super) fn representation(&self) -> Representation {
        self.representation
    }

    /// Lets one call after another have what they share.
    pub(super) fn turn<'a, T: Send>(
        &self,
        py: Python<'_>,
        shared: &'a Shared<T>,
        what: &str,
    ) -> PyResult<Turn<'a, T>> {
        self.session(py)?;
        let turn = shared.turn(py)?;
        turn.map_err(|in_use| to_pyerr(py, &Error::invalid_argument(in_use.of(what))))
    }

    /// Waits for work of the core in this session.
    pub(super) fn wait<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Future<Output = Result<T>> + Send,
    ) -> PyResult<T> {
        self.session(py)?;
        wait(py, work)?.map_err(|error| to_pyerr(py, &error))
    }
}
