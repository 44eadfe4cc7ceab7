//! What the connector's session constructs its backend with, on either of its paths.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyMapping;

use super::exceptions::to_pyerr;
use super::http;
use super::sign_in;
use super::value::Arguments;
use crate::client::auth::TokenSource;
use crate::client::{Endpoint, HttpConfig, Representation, ResultConfig};

/// The connector's path to us, which decides what some arguments mean and how some values look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `use_sea=True`: the connector hands over how it signs in, and all arguments of `connect`.
    Sea,
    /// `use_kernel=True`: the connector hands over credentials, and a choice of arguments.
    Kernel,
}

/// Settings that the Statement Execution API has; the connector sends no others by `use_sea`.
const KNOWN_SETTINGS: [&str; 9] = [
    "ANSI_MODE",
    "ENABLE_PHOTON",
    "LEGACY_TIME_PARSER_POLICY",
    "MAX_FILE_PARTITION_BYTES",
    "READ_ONLY_EXTERNAL_METASTORE",
    "STATEMENT_TIMEOUT",
    "TIMEZONE",
    "USE_CACHED_RESULT",
    "QUERY_TAGS",
];

/// All that is needed to open a session.
pub(super) struct Options {
    pub(super) way: Way,
    pub(super) endpoint: Endpoint,
    pub(super) http: HttpConfig,
    pub(super) token: Arc<dyn TokenSource>,
    pub(super) catalog: Option<String>,
    pub(super) schema: Option<String>,
    pub(super) results: ResultConfig,
    pub(super) representation: Representation,
    pub(super) escape_catalog_name: bool,
    pub(super) max_download_threads: usize,
}

/// The arguments that have a place of their own.
pub(super) struct Named<'a, 'py> {
    pub(super) server_hostname: &'a str,
    pub(super) http_path: &'a str,
    pub(super) auth_provider: Option<&'a Bound<'py, PyAny>>,
    pub(super) ssl_options: Option<&'a Bound<'py, PyAny>>,
    pub(super) catalog: Option<String>,
    pub(super) schema: Option<String>,
    pub(super) http_headers: Option<Vec<(String, String)>>,
}

impl Options {
    pub(super) fn parse(
        py: Python<'_>,
        named: Named<'_, '_>,
        arguments: &Arguments<'_, '_>,
    ) -> PyResult<Self> {
        let raise = |error| to_pyerr(py, &error);
        let way = match arguments.get("auth_options")? {
            Some(_) => Way::Kernel,
            None => Way::Sea,
        };
        let endpoint =
            endpoint(way, named.server_hostname, named.http_path, arguments)?.map_err(raise)?;
        let headers = named.http_headers.unwrap_or_default();
        let http = http::config(py, way, arguments, (headers, named.ssl_options), &endpoint)?;
        let token = sign_in::source(py, way, named.auth_provider, arguments, (&endpoint, &http))?;
        let results = ResultConfig {
            external_links: arguments.truth("use_cloud_fetch", true)?,
            // Left to the service unless somebody chooses.
            hybrid: arguments.truth("use_hybrid_disposition", true)?,
            ..ResultConfig::default()
        };
        let representation = Representation {
            intervals_as_text: way == Way::Kernel,
            complex_as_json: !arguments.truth("_use_arrow_native_complex_types", true)?,
            geospatial_as_struct: arguments.truth("enable_geospatial_support", false)?,
        };
        if let Some(telemetry) = arguments.inner("telemetry_options")?
            && Arguments(Some(&telemetry)).truth("enable_telemetry", false)?
        {
            tracing::warn!("enable_telemetry: this driver has no telemetry, so nothing is sent");
        }
        Ok(Self {
            way,
            endpoint,
            http,
            token,
            catalog: named.catalog,
            schema: named.schema,
            results,
            representation,
            escape_catalog_name: arguments.truth("escape_catalog_name", false)?,
            max_download_threads: arguments.value("max_download_threads")?.unwrap_or(10),
        })
    }
}

/// The warehouse. The connector names a port beside the host by `use_sea`, 443 where nobody said otherwise.
fn endpoint(
    way: Way,
    server_hostname: &str,
    http_path: &str,
    arguments: &Arguments<'_, '_>,
) -> PyResult<crate::client::Result<Endpoint>> {
    let endpoint = Endpoint::parse_below(server_hostname, http_path, &http::NAMES);
    let port = match way {
        Way::Sea => arguments.value::<u16>("port")?,
        Way::Kernel => None,
    };
    Ok(match port.filter(|port| *port != 443) {
        Some(port) => endpoint.and_then(|endpoint| endpoint.with_port(port)),
        None => endpoint,
    })
}

/// Settings of a session as they are sent.
pub(super) fn settings(
    way: Way,
    given: Option<&Bound<'_, PyAny>>,
) -> PyResult<BTreeMap<String, String>> {
    let mut settings = BTreeMap::new();
    let Some(given) = given else {
        return Ok(settings);
    };
    let mut ignored = Vec::new();
    for pair in given.cast::<PyMapping>()?.items()?.iter() {
        let (name, value): (String, Bound<'_, PyAny>) = pair.extract()?;
        let text = value.str()?.to_str()?.to_owned();
        match way {
            Way::Kernel => {
                settings.insert(name, text);
            }
            Way::Sea if KNOWN_SETTINGS.contains(&name.to_ascii_uppercase().as_str()) => {
                settings.insert(name.to_ascii_lowercase(), text);
            }
            Way::Sea => ignored.push(name),
        }
    }
    if !ignored.is_empty() {
        tracing::warn!(
            "settings that the service does not know are not sent: {}; it knows {}",
            ignored.join(", "),
            KNOWN_SETTINGS.join(", ")
        );
    }
    Ok(settings)
}
