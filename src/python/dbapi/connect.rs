//! `connect`: from arguments to an open session.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arguments::text_or_none;
use super::connection::Connection;
use super::exceptions::to_pyerr;
use super::options::ConnectOptions;
use crate::client::Session;
use crate::python::runtime::{close_at_exit, wait};

/// Opens a session on a SQL warehouse.
#[pyfunction]
#[pyo3(signature = (server_hostname=None, http_path=None, access_token=None, **options))]
pub(crate) fn connect(
    py: Python<'_>,
    server_hostname: Option<&Bound<'_, PyAny>>,
    http_path: Option<&Bound<'_, PyAny>>,
    access_token: Option<&Bound<'_, PyAny>>,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<Connection> {
    let server_hostname = text_or_none("server_hostname", server_hostname)?;
    let http_path = text_or_none("http_path", http_path)?;
    let access_token = text_or_none("access_token", access_token)?.map(|token| token.to_string());
    let (server_hostname, http_path) = (server_hostname.as_deref(), http_path.as_deref());
    let options = ConnectOptions::parse(py, options)?;
    options.auth.checked(py)?;
    let has_credentials = access_token.is_some() || options.auth.has_credentials();
    let unified = options
        .address
        .unified(server_hostname, has_credentials)
        .map_err(|error| to_pyerr(py, &error))?;
    let endpoint = options
        .address
        .endpoint(py, server_hostname, http_path, &unified)?
        .map_err(|error| to_pyerr(py, &error))?;
    let token = options
        .auth
        .source(py, access_token, &unified, (&endpoint, &options.http))
        .map_err(|error| to_pyerr(py, &error))?;
    let opening = Session::open(
        endpoint,
        token,
        options.http.clone(),
        options.session.clone(),
    );
    let session = wait(py, opening)?.map_err(|error| to_pyerr(py, &error))?;
    close_at_exit(py, &session)?;
    Ok(Connection::new(py, session, options))
}
