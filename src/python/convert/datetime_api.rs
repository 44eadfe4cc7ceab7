//! Objects of the datetime module, made through its C API.
#![expect(unsafe_code, reason = "this is the datetime C API")]

use pyo3::{ffi, prelude::*};

use super::{
    civil::{Civil, Moment, clock},
    error::CellError,
    reader::{Cell, owned},
};

/// The C API of the datetime module, which lives as long as the process.
#[derive(Clone, Copy)]
pub(super) struct DateTimeApi(&'static ffi::PyDateTime_CAPI);

impl DateTimeApi {
    pub(super) fn try_new(py: Python<'_>) -> PyResult<Self> {
        // SAFETY: the interpreter is attached; the table is static and, once imported, never changes.
        unsafe {
            ffi::PyDateTime_IMPORT();
            ffi::PyDateTimeAPI()
                .as_ref()
                .map(Self)
                .ok_or_else(|| PyErr::fetch(py))
        }
    }

    /// The `date` of a day since 1970.
    #[inline]
    pub(super) fn date(self, py: Python<'_>, days: i64) -> Cell {
        let Civil { year, month, day } = Civil::try_new(days).map_err(CellError::value)?;
        // SAFETY: the parts are in range; a new reference or null with an exception is returned.
        unsafe {
            owned(
                py,
                (self.0.Date_FromDate)(year, month, day, self.0.DateType),
            )
        }
    }

    /// The `datetime` of a wall time; without a `zone` a naive one.
    #[inline]
    pub(super) fn datetime(self, py: Python<'_>, wall: Moment, zone: Option<&Py<PyAny>>) -> Cell {
        let Civil { year, month, day } = Civil::try_new(wall.days).map_err(CellError::value)?;
        let [hour, minute, second, micro] = wall.clock();
        // SAFETY: the parts are in range and the zone is a live tzinfo or None; a new reference or null with an
        // exception is returned.
        unsafe {
            let zone = zone.map_or_else(|| ffi::Py_None(), Py::as_ptr);
            let (make, class) = (self.0.DateTime_FromDateAndTime, self.0.DateTimeType);
            owned(
                py,
                make(year, month, day, hour, minute, second, micro, zone, class),
            )
        }
    }

    /// The `time` of microseconds since midnight.
    pub(super) fn time(self, py: Python<'_>, micros: i64) -> Cell {
        let [hour, minute, second, micro] = clock(micros);
        // SAFETY: the function checks the parts; a new reference or null with an exception is returned.
        unsafe {
            let (make, class) = (self.0.Time_FromTime, self.0.TimeType);
            owned(py, make(hour, minute, second, micro, ffi::Py_None(), class))
        }
    }

    /// The `timedelta` of days and microseconds of a day.
    pub(super) fn timedelta(self, py: Python<'_>, span: Moment) -> Cell {
        const MOST_DAYS: i64 = 999_999_999;
        let days = i32::try_from(span.days)
            .ok()
            .filter(|_| span.days.abs() <= MOST_DAYS);
        let Some(days) = days else {
            let message = format!("{} days are more than a timedelta can hold", span.days);
            return Err(CellError::value(message));
        };
        let [hours, minutes, seconds, micros] = span.clock();
        let seconds = hours * 3600 + minutes * 60 + seconds;
        // SAFETY: the parts are normal; a new reference or null with an exception is returned.
        unsafe {
            owned(
                py,
                (self.0.Delta_FromDelta)(days, seconds, micros, 0, self.0.DeltaType),
            )
        }
    }
}
