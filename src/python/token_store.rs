//! A Python object that keeps the sign-ins of users, as those for the official connector do.

use std::fmt;
use std::pin::Pin;

use pyo3::prelude::*;
use pyo3::types::IntoPyDict;
use secrecy::{ExposeSecret, SecretString};

use super::convert::call_foreign_method;
use crate::client::auth::oauth::{Kept, TokenStore};
use crate::client::{Error, ErrorCode, Result};

/// Has `read(hostname)` and `persist(hostname, token)`, where a token has `access_token` and `refresh_token`.
pub(crate) struct PythonStore(Py<PyAny>);

impl PythonStore {
    pub(crate) fn new(store: Py<PyAny>) -> Self {
        Self(store)
    }

    /// Asks it on a thread that may wait.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T> + Send + 'static,
    ) -> Result<T> {
        let gone = || Error::new(ErrorCode::Cancelled, "the interpreter is shutting down");
        let store = Python::try_attach(|py| self.0.clone_ref(py)).ok_or_else(gone)?;
        let asked = tokio::task::spawn_blocking(move || {
            Python::try_attach(|py| {
                let answer = question(store.bind(py));
                drop(store);
                answer.map_err(|raised| {
                    let what = "the object of experimental_oauth_persistence";
                    super::token_source::failed(py, what, raised)
                })
            })
        });
        match asked.await {
            Ok(Some(answer)) => answer,
            _ => Err(gone()),
        }
    }
}

impl fmt::Debug for PythonStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PythonStore")
    }
}

impl TokenStore for PythonStore {
    fn read<'a>(&'a self, host: &'a str) -> Pin<Box<dyn Future<Output = Kept> + Send + 'a>> {
        let host = host.to_owned();
        Box::pin(self.ask(move |store| {
            let kept = call_foreign_method(store, "read", (host,))?;
            if kept.is_none() {
                return Ok(None);
            }
            let text = |name| kept.getattr(name)?.extract::<Option<String>>();
            let access = text("access_token")?.unwrap_or_default();
            Ok(Some((
                access.into(),
                text("refresh_token")?.map(Into::into),
            )))
        }))
    }

    fn write<'a>(
        &'a self,
        host: &'a str,
        access_token: SecretString,
        refresh_token: Option<SecretString>,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
        let host = host.to_owned();
        Box::pin(self.ask(move |store| {
            let py = store.py();
            let fields = [
                ("access_token", Some(access_token.expose_secret())),
                (
                    "refresh_token",
                    refresh_token.as_ref().map(ExposeSecret::expose_secret),
                ),
            ];
            let class = py.import("types")?.getattr("SimpleNamespace")?;
            let token = class.call((), Some(&fields.into_py_dict(py)?))?;
            call_foreign_method(store, "persist", (host, token)).map(drop)
        }))
    }
}
