//! `Session`: the arguments of the official kernel, and a session of a warehouse.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

use super::async_statement::ExecutedAsyncStatement;
use super::error::{closed, to_pyerr};
use super::handle::Handle;
use super::knobs::Knobs;
use super::metadata::Metadata;
use super::options::{Http, NAMES};
use super::sign_in::SignIn;
use super::statement::Statement;
use super::telemetry::Telemetry;
use crate::client::{self, Endpoint, Representation, ResultConfig, SessionConfig};
use crate::python::runtime::{close_at_exit, wait};

/// A session of a SQL warehouse.
#[pyclass(frozen, module = "databricks_sql_kernel")]
pub(crate) struct Session {
    handle: Handle,
    closed: AtomicBool,
}

impl Session {
    fn open(&self, py: Python<'_>) -> PyResult<&client::Session> {
        if self.closed.load(Ordering::Acquire) {
            return Err(closed(py, "Session is closed"));
        }
        self.handle.session(py)
    }
}

#[pymethods]
impl Session {
    #[expect(
        clippy::too_many_arguments,
        clippy::fn_params_excessive_bools,
        reason = "the signature is given"
    )]
    #[new]
    #[pyo3(signature = (
        host, http_path, *, auth_type=None, access_token=None, client_id=None, client_secret=None,
        oauth_scopes=None, token_url=None, redirect_ports=None, oauth_callback_timeout_secs=None,
        jwt_key_file=None, jwt_kid=None, jwt_passphrase=None, jwt_algorithm=None,
        identity_federation_client_id=None, azure_client_id=None, azure_client_secret=None,
        azure_tenant_id=None, azure_workspace_resource_id=None, token_cache_enabled=None,
        token_cache_passphrase=None, tls_ca_cert=None, tls_skip_verify=false,
        tls_skip_hostname_verify=false, tls_client_cert=None, tls_client_key=None,
        sea_response_compression_enabled=false, request_timeout_secs=None, max_connections=None,
        retry_min_wait_secs=None, retry_max_wait_secs=None, retry_max_attempts=None,
        retry_overall_timeout_secs=None, http_headers=None, catalog=None, schema=None,
        session_conf=None, enable_geospatial_support=true, driver_name=None, driver_version=None,
        runtime_name=None, runtime_version=None, runtime_vendor=None, os_name=None,
        os_version=None, os_arch=None, client_app_name=None, locale_name=None,
        char_set_encoding=None, process_name=None, complex_types_as_json=false,
        intervals_as_string=false, telemetry_enabled=None, telemetry_batch_size=None,
        telemetry_flush_interval_ms=None, telemetry_max_retries=None, telemetry_retry_delay_ms=None,
        telemetry_close_flush_timeout_ms=None, telemetry_circuit_breaker_enabled=None,
        telemetry_circuit_breaker_threshold=None, telemetry_circuit_breaker_timeout_ms=None
    ))]
    fn new(
        py: Python<'_>,
        host: &str,
        http_path: &str,
        auth_type: Option<String>,
        access_token: Option<String>,
        client_id: Option<String>,
        client_secret: Option<String>,
        oauth_scopes: Option<Vec<String>>,
        token_url: Option<String>,
        redirect_ports: Option<Vec<u16>>,
        oauth_callback_timeout_secs: Option<i64>,
        jwt_key_file: Option<String>,
        jwt_kid: Option<String>,
        jwt_passphrase: Option<String>,
        jwt_algorithm: Option<String>,
        identity_federation_client_id: Option<String>,
        azure_client_id: Option<String>,
        azure_client_secret: Option<String>,
        azure_tenant_id: Option<String>,
        azure_workspace_resource_id: Option<String>,
        token_cache_enabled: Option<bool>,
        token_cache_passphrase: Option<String>,
        tls_ca_cert: Option<PyBackedBytes>,
        tls_skip_verify: bool,
        tls_skip_hostname_verify: bool,
        tls_client_cert: Option<PyBackedBytes>,
        tls_client_key: Option<PyBackedBytes>,
        sea_response_compression_enabled: bool,
        request_timeout_secs: Option<f64>,
        max_connections: Option<usize>,
        retry_min_wait_secs: Option<u64>,
        retry_max_wait_secs: Option<u64>,
        retry_max_attempts: Option<u32>,
        retry_overall_timeout_secs: Option<u64>,
        http_headers: Option<Vec<(String, String)>>,
        catalog: Option<String>,
        schema: Option<String>,
        session_conf: Option<BTreeMap<String, String>>,
        enable_geospatial_support: bool,
        driver_name: Option<String>,
        driver_version: Option<String>,
        runtime_name: Option<String>,
        runtime_version: Option<String>,
        runtime_vendor: Option<String>,
        os_name: Option<String>,
        os_version: Option<String>,
        os_arch: Option<String>,
        client_app_name: Option<String>,
        locale_name: Option<String>,
        char_set_encoding: Option<String>,
        process_name: Option<String>,
        complex_types_as_json: bool,
        intervals_as_string: bool,
        telemetry_enabled: Option<bool>,
        telemetry_batch_size: Option<i64>,
        telemetry_flush_interval_ms: Option<i64>,
        telemetry_max_retries: Option<i64>,
        telemetry_retry_delay_ms: Option<i64>,
        telemetry_close_flush_timeout_ms: Option<i64>,
        telemetry_circuit_breaker_enabled: Option<bool>,
        telemetry_circuit_breaker_threshold: Option<i64>,
        telemetry_circuit_breaker_timeout_ms: Option<i64>,
    ) -> PyResult<Self> {
        // Who asks is of interest to telemetry alone.
        drop((
            (
                driver_name,
                driver_version,
                runtime_name,
                runtime_version,
                runtime_vendor,
            ),
            (os_name, os_version, os_arch, client_app_name, locale_name),
            (char_set_encoding, process_name),
        ));
        Telemetry {
            enabled: telemetry_enabled,
            batch_size: telemetry_batch_size,
            flush_interval_ms: telemetry_flush_interval_ms,
            max_retries: telemetry_max_retries,
            retry_delay_ms: telemetry_retry_delay_ms,
            close_flush_timeout_ms: telemetry_close_flush_timeout_ms,
            circuit_breaker_enabled: telemetry_circuit_breaker_enabled,
            circuit_breaker_threshold: telemetry_circuit_breaker_threshold,
            circuit_breaker_timeout_ms: telemetry_circuit_breaker_timeout_ms,
        }
        .checked()?;
        let http = Http {
            tls_ca_cert,
            tls_skip_verify,
            tls_skip_hostname_verify,
            tls_client_cert,
            tls_client_key,
            request_timeout_secs,
            max_connections,
            compressed_answers: sea_response_compression_enabled,
            retry_min_wait_secs,
            retry_max_wait_secs,
            retry_max_attempts,
            retry_overall_timeout_secs,
            headers: http_headers,
        };
        http.checked()?;
        let sign_in = SignIn {
            auth_type,
            access_token: access_token.map(Into::into),
            client_id,
            client_secret: client_secret.map(Into::into),
            oauth_scopes,
            token_url,
            redirect_ports,
            callback_timeout_secs: oauth_callback_timeout_secs,
            jwt_key_file,
            jwt_kid,
            jwt_passphrase: jwt_passphrase.map(Into::into),
            jwt_algorithm,
            federation_client_id: identity_federation_client_id,
            azure_client_id,
            azure_client_secret: azure_client_secret.map(Into::into),
            azure_tenant_id,
            azure_workspace_resource_id,
            token_cache_enabled,
            token_cache_passphrase: token_cache_passphrase.map(Into::into),
        };
        let mut settings = session_conf.unwrap_or_default();
        let knobs = Knobs::take(&mut settings);
        let representation = Representation {
            intervals_as_text: knobs.intervals_as_string.unwrap_or(intervals_as_string),
            complex_as_json: knobs.complex_types_as_json.unwrap_or(complex_types_as_json),
            geospatial_as_struct: enable_geospatial_support,
        };
        let config = SessionConfig {
            catalog,
            schema,
            session_configuration: settings,
            results: ResultConfig {
                external_links: knobs.external_links.unwrap_or(true),
                ..ResultConfig::default()
            },
            ..SessionConfig::default()
        };
        let raise = |error: client::Error| to_pyerr(py, &error);
        sign_in.checked()?;
        let endpoint = Endpoint::parse_below(host, http_path, &NAMES).map_err(raise)?;
        let http = http.config().map_err(raise)?;
        let token = sign_in.source(py, &endpoint, &http)?;
        let opening = client::Session::open(endpoint, token, http, config);
        let session = wait(py, opening)?.map_err(raise)?;
        close_at_exit(py, &session)?;
        Ok(Self {
            handle: Handle::new(session, representation),
            closed: AtomicBool::new(false),
        })
    }

    /// The session's id at the service.
    #[getter]
    fn session_id(&self, py: Python<'_>) -> PyResult<String> {
        self.open(py).map(|session| session.id().to_string())
    }

    /// A new statement.
    fn statement(&self, py: Python<'_>) -> PyResult<Statement> {
        self.open(py)?;
        Ok(Statement::new(self.handle.clone()))
    }

    /// Questions about what the session can see.
    fn metadata(&self, py: Python<'_>) -> PyResult<Metadata> {
        self.open(py)?;
        Ok(Metadata::new(self.handle.clone()))
    }

    /// A statement that was submitted before, by its id.
    fn attach_async_statement(
        &self,
        py: Python<'_>,
        statement_id: &str,
    ) -> PyResult<ExecutedAsyncStatement> {
        let session = self.open(py)?;
        let submitted = self.handle.wait(py, session.attach(statement_id))?;
        let handle = self.handle.clone();
        Ok(ExecutedAsyncStatement::new(handle, submitted, None, None))
    }

    /// Closes the session, once.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let Ok(session) = self.handle.session(py) else {
            return Ok(());
        };
        wait(py, session.close())
    }

    fn __repr__(&self) -> String {
        if self.closed.load(Ordering::Acquire) {
            return "Session(closed=True)".to_owned();
        }
        let id = self.handle.id();
        format!("Session(session_id=\"{id}\", closed=False)")
    }
}
