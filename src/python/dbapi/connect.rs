//! `connect`: from arguments to an open session.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::connection::Connection;
use super::exceptions::{ProgrammingError, raise, to_pyerr};
use super::options::ConnectOptions;
use crate::client::auth::PersonalAccessToken;
use crate::client::{Endpoint, Result, Session};
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
    let host = required(
        py,
        "server_hostname",
        server_hostname,
        "name.cloud.databricks.com",
    )?;
    let path = required(py, "http_path", http_path, "/sql/1.0/warehouses/<id>")?;
    let token = required(py, "access_token", access_token, "dapi...")?;
    let endpoint = endpoint(host, path, options.port).map_err(|error| to_pyerr(py, &error))?;
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

fn endpoint(host: &str, path: &str, port: Option<u16>) -> Result<Endpoint> {
    let endpoint = Endpoint::parse(host, path)?;
    match port {
        Some(port) => endpoint.with_port(port),
        None => Ok(endpoint),
    }
}

fn required<T>(py: Python<'_>, name: &str, value: Option<T>, example: &str) -> PyResult<T> {
    value.ok_or_else(|| {
        let message = format!("connect() needs {name}; pass, for example, {name}='{example}'");
        raise::<ProgrammingError>(py, message)
    })
}
