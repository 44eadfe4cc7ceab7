//! Readers of dates, times, timestamps and spans.

use arrow::{
    array::{Array, ArrowPrimitiveType, AsArray},
    datatypes::{
        Date32Type, Date64Type, DurationMicrosecondType, DurationMillisecondType,
        DurationNanosecondType, DurationSecondType, IntervalDayTimeType, IntervalMonthDayNanoType,
        Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
        TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    },
};
use pyo3::prelude::*;

use super::{
    civil::{DAY_MICROS, Moment},
    datetime_api::DateTimeApi,
    error::{CellError, ConvertError, ReadError},
    reader::{Cell, Cells, Reader, fill, mismatch},
    repeats::Repeats,
    zone::Zone,
};

/// Reads dates.
pub(super) struct DateReader {
    api: DateTimeApi,
    repeats: Repeats<i64>,
}

impl DateReader {
    pub(super) fn try_new(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            api: DateTimeApi::try_new(py)?,
            repeats: Repeats::default(),
        })
    }
}

impl Reader for DateReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let Self { api, repeats } = self;
        let mut date = |days| repeats.get(py, days, || api.date(py, days));
        if let Some(array) = array.as_primitive_opt::<Date32Type>() {
            fill(py, array, cells, |at| date(array.value(at).into()))
        } else if let Some(array) = array.as_primitive_opt::<Date64Type>() {
            let day = |millis| Moment::new(millis, TimeUnit::Millisecond).days;
            fill(py, array, cells, |at| date(day(array.value(at))))
        } else {
            Err(mismatch(array))
        }
    }
}

/// Reads times of day.
pub(super) struct TimeReader(DateTimeApi);

impl TimeReader {
    pub(super) fn try_new(py: Python<'_>) -> PyResult<Self> {
        Ok(Self(DateTimeApi::try_new(py)?))
    }
}

impl Reader for TimeReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let time = |value, unit| match Moment::new(value, unit) {
            Moment { days: 0, micros } => self.0.time(py, micros),
            _ => Err(CellError::value(format!("{value} is not a time of day"))),
        };
        if let Some(array) = array.as_primitive_opt::<Time32SecondType>() {
            fill(py, array, cells, |at| {
                time(array.value(at).into(), TimeUnit::Second)
            })
        } else if let Some(array) = array.as_primitive_opt::<Time32MillisecondType>() {
            fill(py, array, cells, |at| {
                time(array.value(at).into(), TimeUnit::Millisecond)
            })
        } else if let Some(array) = array.as_primitive_opt::<Time64MicrosecondType>() {
            fill(py, array, cells, |at| {
                time(array.value(at), TimeUnit::Microsecond)
            })
        } else if let Some(array) = array.as_primitive_opt::<Time64NanosecondType>() {
            fill(py, array, cells, |at| {
                time(array.value(at), TimeUnit::Nanosecond)
            })
        } else {
            Err(mismatch(array))
        }
    }
}

/// Reads timestamps.
pub(super) struct TimestampReader {
    api: DateTimeApi,
    unit: TimeUnit,
    zone: Zone,
    repeats: Repeats<i64>,
}

impl TimestampReader {
    pub(super) fn try_new(
        py: Python<'_>,
        unit: TimeUnit,
        zone: Option<&str>,
    ) -> Result<Self, ConvertError> {
        let zone = zone.map_or(Ok(Zone::None), |name| Zone::try_new(py, name))?;
        Ok(Self {
            api: DateTimeApi::try_new(py)?,
            unit,
            zone,
            repeats: Repeats::default(),
        })
    }

    fn read_values<T: ArrowPrimitiveType<Native = i64>>(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let array = array
            .as_primitive_opt::<T>()
            .ok_or_else(|| mismatch(array))?;
        let Self {
            api,
            unit,
            zone,
            repeats,
        } = self;
        fill(py, array, cells, |at| {
            let value = array.value(at);
            repeats.get(py, value, || {
                zone.datetime(py, *api, Moment::new(value, *unit))
            })
        })
    }
}

impl Reader for TimestampReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        match self.unit {
            TimeUnit::Second => self.read_values::<TimestampSecondType>(py, array, cells),
            TimeUnit::Millisecond => self.read_values::<TimestampMillisecondType>(py, array, cells),
            TimeUnit::Microsecond => self.read_values::<TimestampMicrosecondType>(py, array, cells),
            TimeUnit::Nanosecond => self.read_values::<TimestampNanosecondType>(py, array, cells),
        }
    }
}

/// Reads durations.
pub(super) struct DurationReader {
    api: DateTimeApi,
    unit: TimeUnit,
}

impl DurationReader {
    pub(super) fn try_new(py: Python<'_>, unit: TimeUnit) -> PyResult<Self> {
        Ok(Self {
            api: DateTimeApi::try_new(py)?,
            unit,
        })
    }

    fn read_values<T: ArrowPrimitiveType<Native = i64>>(
        &self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        let array = array
            .as_primitive_opt::<T>()
            .ok_or_else(|| mismatch(array))?;
        let span = |value| self.api.timedelta(py, Moment::new(value, self.unit));
        fill(py, array, cells, |at| span(array.value(at)))
    }
}

impl Reader for DurationReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        match self.unit {
            TimeUnit::Second => self.read_values::<DurationSecondType>(py, array, cells),
            TimeUnit::Millisecond => self.read_values::<DurationMillisecondType>(py, array, cells),
            TimeUnit::Microsecond => self.read_values::<DurationMicrosecondType>(py, array, cells),
            TimeUnit::Nanosecond => self.read_values::<DurationNanosecondType>(py, array, cells),
        }
    }
}

/// Reads intervals of days and smaller units.
pub(super) struct DayIntervalReader(DateTimeApi);

impl DayIntervalReader {
    pub(super) fn try_new(py: Python<'_>) -> PyResult<Self> {
        Ok(Self(DateTimeApi::try_new(py)?))
    }

    /// A span of days, which may be negative, and of microseconds.
    fn span(&self, py: Python<'_>, days: i32, micros: i64) -> Cell {
        let rest = Moment {
            days: micros.div_euclid(DAY_MICROS),
            micros: micros.rem_euclid(DAY_MICROS),
        };
        self.0.timedelta(
            py,
            Moment {
                days: rest.days + i64::from(days),
                ..rest
            },
        )
    }
}

impl Reader for DayIntervalReader {
    fn read(
        &mut self,
        py: Python<'_>,
        array: &dyn Array,
        cells: &mut Cells,
    ) -> Result<(), ReadError> {
        if let Some(array) = array.as_primitive_opt::<IntervalDayTimeType>() {
            fill(py, array, cells, |at| {
                let value = array.value(at);
                self.span(py, value.days, i64::from(value.milliseconds) * 1_000)
            })
        } else if let Some(array) = array.as_primitive_opt::<IntervalMonthDayNanoType>() {
            fill(py, array, cells, |at| match array.value(at) {
                value if value.months == 0 => {
                    self.span(py, value.days, value.nanoseconds.div_euclid(1_000))
                }
                _ => Err(CellError::value("a timedelta cannot hold months")),
            })
        } else {
            Err(mismatch(array))
        }
    }
}
