//! Arguments about telemetry. They are checked as the official kernel checks them; this driver has no telemetry to send.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What `Session` was told about telemetry.
pub(super) struct Telemetry {
    pub(super) enabled: Option<bool>,
    pub(super) batch_size: Option<i64>,
    pub(super) flush_interval_ms: Option<i64>,
    pub(super) max_retries: Option<i64>,
    pub(super) retry_delay_ms: Option<i64>,
    pub(super) close_flush_timeout_ms: Option<i64>,
    pub(super) circuit_breaker_enabled: Option<bool>,
    pub(super) circuit_breaker_threshold: Option<i64>,
    pub(super) circuit_breaker_timeout_ms: Option<i64>,
}

impl Telemetry {
    /// Refuses numbers that make no sense; who asks for telemetry is told that there is none.
    pub(super) fn checked(&self) -> PyResult<()> {
        let guarded = self.circuit_breaker_enabled != Some(false);
        let threshold = self.circuit_breaker_threshold.filter(|_| guarded);
        let timeout = self.circuit_breaker_timeout_ms.filter(|_| guarded);
        let numbers = [
            ("telemetry_batch_size", self.batch_size, 1),
            ("telemetry_flush_interval_ms", self.flush_interval_ms, 1),
            (
                "telemetry_close_flush_timeout_ms",
                self.close_flush_timeout_ms,
                1,
            ),
            ("telemetry_max_retries", self.max_retries, 0),
            ("telemetry_retry_delay_ms", self.retry_delay_ms, 0),
            ("telemetry_circuit_breaker_threshold", threshold, 1),
            ("telemetry_circuit_breaker_timeout_ms", timeout, 1),
        ];
        for (name, value, least) in numbers {
            if value.is_some_and(|value| value < least) {
                return Err(PyValueError::new_err(format!("{name} must be >= {least}")));
            }
        }
        if self.enabled == Some(true) {
            tracing::warn!("telemetry_enabled: this driver has no telemetry, so nothing is sent");
        }
        Ok(())
    }
}
