//! Options of where to go, and where they are looked for when they are not given.

use std::num::NonZeroU16;
use std::path::PathBuf;

use pyo3::prelude::*;

use super::super::exceptions::{ProgrammingError, raise};
use crate::client::auth::{ProfileChoice, Unified};
use crate::client::redact::{quoted, quoted_address};
use crate::client::{Endpoint, Result};

/// The address, as far as the options say.
#[derive(Debug, Default)]
pub(in crate::python::dbapi) struct AddressOptions {
    config_file: Option<PathBuf>,
    port: Option<u16>,
    profile: Option<String>,
    warehouse_id: Option<String>,
}

pub(super) const NAMES: &[&str] = &["config_file", "port", "profile", "warehouse_id"];

pub(super) fn set(
    address: &mut AddressOptions,
    name: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match name {
        "config_file" => address.config_file = Some(value.extract()?),
        "port" => address.port = Some(value.extract::<NonZeroU16>()?.get()),
        "profile" => address.profile = Some(value.extract()?),
        "warehouse_id" => address.warehouse_id = Some(value.extract()?),
        other => unreachable!("{other} is no option of the address"),
    }
    Ok(())
}

impl AddressOptions {
    /// What the environment and the profile say.
    pub(in crate::python::dbapi) fn unified(
        &self,
        server_hostname: Option<&str>,
        has_credentials: bool,
    ) -> Result<Unified> {
        Unified::load(&ProfileChoice {
            profile: self.profile.as_deref(),
            config_file: self.config_file.as_deref(),
            host: server_hostname,
            has_credentials,
        })
    }

    /// The warehouse, from the arguments first and from what else is known then.
    pub(in crate::python::dbapi) fn endpoint(
        &self,
        py: Python<'_>,
        server_hostname: Option<&str>,
        http_path: Option<&str>,
        unified: &Unified,
    ) -> PyResult<Result<Endpoint>> {
        let host = match server_hostname {
            Some(host) => host.to_owned(),
            None => unified.get("host").ok_or_else(|| {
                missing(
                    py,
                    "server_hostname",
                    "DATABRICKS_HOST",
                    "name.cloud.databricks.com",
                )
            })?,
        };
        let path = match (http_path, &self.warehouse_id) {
            (Some(path), None) => path.to_owned(),
            (None, Some(id)) => path_of(py, id)?,
            (Some(path), Some(id)) => {
                let path_of_id = path_of(py, id)?;
                if Endpoint::parse(&host, path).is_ok_and(|endpoint| endpoint.warehouse_id() != id)
                {
                    return Err(raise::<ProgrammingError>(
                        py,
                        format!(
                            "http_path {} and warehouse_id {} name two warehouses; pass one of them",
                            quoted_address(path),
                            quoted(id)
                        ),
                    ));
                }
                if path.is_empty() {
                    path_of_id
                } else {
                    path.to_owned()
                }
            }
            (None, None) => match (unified.get("http_path"), unified.get("warehouse_id")) {
                (Some(path), _) => path,
                (None, Some(id)) => path_of(py, &id)?,
                (None, None) => {
                    let variables = "DATABRICKS_HTTP_PATH or DATABRICKS_WAREHOUSE_ID";
                    let example = "/sql/1.0/warehouses/<id>";
                    return Err(missing(py, "http_path", variables, example));
                }
            },
        };
        let endpoint = Endpoint::parse(&host, &path);
        Ok(match self.port {
            Some(port) => endpoint.and_then(|endpoint| endpoint.with_port(port)),
            None => endpoint,
        })
    }
}

fn path_of(py: Python<'_>, warehouse_id: &str) -> PyResult<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if warehouse_id.is_empty() || !warehouse_id.chars().all(fits) {
        return Err(raise::<ProgrammingError>(
            py,
            format!(
                "warehouse_id {} is no id of a warehouse; it looks like '0123456789abcdef'",
                quoted(warehouse_id)
            ),
        ));
    }
    Ok(format!("/sql/1.0/warehouses/{warehouse_id}"))
}

/// An argument that was neither given nor found.
fn missing(py: Python<'_>, name: &str, variable: &str, example: &str) -> PyErr {
    raise::<ProgrammingError>(
        py,
        format!(
            "connect() needs {name}: pass {name}='{example}', set {variable}, or name a profile of ~/.databrickscfg"
        ),
    )
}
