//! The sessions of a backend, by the ids that the connector knows them by.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;

use super::exceptions::raise;
use super::peer::session_in;
use crate::client::Session;

/// Open sessions; one that is opened again has another id than this one.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Vec<(String, Session)>>);

impl Sessions {
    fn open(&self) -> MutexGuard<'_, Vec<(String, Session)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, id: String, session: Session) {
        self.open().push((id, session));
    }

    pub(super) fn remove(&self, id: &str) -> Option<Session> {
        let mut open = self.open();
        let place = open.iter().position(|(known, _)| known == id)?;
        Some(open.swap_remove(place).1)
    }

    /// The session of a `SessionId`, where it may be used.
    pub(super) fn get(&self, id: &Bound<'_, PyAny>) -> PyResult<Session> {
        let wanted = session_in(id)?;
        let open = self.open();
        let found = open.iter().find(|(known, _)| *known == wanted).cloned();
        drop(open);
        self.usable(id.py(), found, "the session is not open; connect again")
    }

    /// Any session, for what goes by the id of a statement.
    pub(super) fn any(&self, py: Python<'_>) -> PyResult<Session> {
        let found = self.open().first().cloned();
        self.usable(py, found, "there is no open session; connect again")
    }

    fn usable(
        &self,
        py: Python<'_>,
        found: Option<(String, Session)>,
        otherwise: &str,
    ) -> PyResult<Session> {
        let (_, session) = found.ok_or_else(|| raise(py, "InterfaceError", otherwise))?;
        self.check_process(py)?;
        Ok(session)
    }

    /// Refuses to go on in a child of the process that connected.
    pub(super) fn check_process(&self, py: Python<'_>) -> PyResult<()> {
        let is_foreign = |(_, session): &(_, Session)| !session.is_of_this_process();
        let foreign = self.open().iter().any(is_foreign);
        if foreign {
            return Err(raise(
                py,
                "InterfaceError",
                "the connection belongs to the process that this one was forked from; open another one here",
            ));
        }
        Ok(())
    }
}
