//! `connect`: from arguments to an open session.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::connection::Connection;
use super::exceptions::to_pyerr;
use super::options::{ConnectOptions, missing};
use crate::client::Session;
use crate::client::auth::PersonalAccessToken;
use crate::python::runtime::{close_at_exit, wait};

/// Opens a session on a SQL warehouse.
#[pyfunction]
#[pyo3(signature = (server_hostname=None, http_path=None, access_token=None, **options))]
pub(crate) fn connect(
    py: Python<'_>,
    server_hostname: Option<&str>,
    http_path: Option<&str>,
    access_token: Option<String>,
    options: Option<&Bound<'_, PyDict>>,
) -> PyResult<Connection> {
    let options = ConnectOptions::parse(py, options)?;
    let unified = options
        .address
        .unified(server_hostname, access_token.is_some())
        .map_err(|error| to_pyerr(py, &error))?;
    let endpoint = options
        .address
        .endpoint(py, server_hostname, http_path, &unified)?
        .map_err(|error| to_pyerr(py, &error))?;
    let token = access_token
        .or_else(|| unified.get("token"))
        .ok_or_else(|| missing(py, "access_token", "DATABRICKS_TOKEN", "dapi..."))?;
    let token = PersonalAccessToken::try_new(token.into()).map_err(|error| to_pyerr(py, &error))?;
    let opening = Session::open(
        endpoint,
        Arc::new(token),
        options.http.clone(),
        options.session.clone(),
    );
    let session = wait(py, opening)?.map_err(|error| to_pyerr(py, &error))?;
    close_at_exit(py, &session)?;
    Ok(Connection::new(py, session, options))
}
