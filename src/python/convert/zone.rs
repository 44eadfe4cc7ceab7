//! Time zones of timestamps.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use pyo3::{
    exceptions::{PyKeyError, PyOSError, PyValueError},
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyDateAccess, PyDateTime, PyDelta, PyTimeAccess, PyTzInfo},
};

use super::{
    civil::{DAY_MICROS, FIRST_DAY, LAST_DAY, Moment},
    datetime_api::DateTimeApi,
    error::{CellError, ConvertError},
    offset_name,
    reader::Cell,
};

/// How instants become datetimes.
pub(super) enum Zone {
    /// Wall times without a zone.
    None,
    /// The same offset at all times, in microseconds.
    Fixed { tzinfo: Py<PyAny>, offset: i64 },
    /// A zone object that knows its offsets.
    Named(NamedZone),
    /// A zone that Python has no data of.
    Computed(ComputedZone),
}

impl Zone {
    pub(super) fn try_new(py: Python<'_>, name: &str) -> Result<Self, ConvertError> {
        let offset = offset_name::seconds(name);
        if let Some(seconds) = offset.filter(|_| name.starts_with(['+', '-'])) {
            return Self::fixed(py, seconds);
        }
        let utc = offset_name::is_utc(name);
        match zone_info(py, name) {
            Ok(tzinfo) if utc => Ok(Self::Fixed { tzinfo, offset: 0 }),
            Ok(tzinfo) => Ok(Self::Named(NamedZone::new(tzinfo))),
            Err(raised) if !is_missing(py, &raised) => Err(raised.into()),
            Err(_) => match (offset.or(utc.then_some(0)), name.parse::<Tz>()) {
                (Some(seconds), _) => Self::fixed(py, seconds),
                (None, Ok(zone)) => Ok(Self::Computed(ComputedZone {
                    zone,
                    fixed: HashMap::new(),
                })),
                (None, Err(_)) => Err(ConvertError::Value(format!(
                    "the time zone '{name}' is unknown"
                ))),
            },
        }
    }

    fn fixed(py: Python<'_>, seconds: i32) -> Result<Self, ConvertError> {
        Ok(Self::Fixed {
            tzinfo: fixed_zone(py, seconds)?,
            offset: i64::from(seconds) * 1_000_000,
        })
    }

    /// The datetime of an instant, which is given as UTC where there is a zone.
    #[inline]
    pub(super) fn datetime(&mut self, py: Python<'_>, api: DateTimeApi, at: Moment) -> Cell {
        match self {
            Self::None => api.datetime(py, at, None),
            Self::Fixed { tzinfo, offset } => api.datetime(py, at.plus(*offset), Some(tzinfo)),
            Self::Named(zone) => zone.datetime(py, api, at),
            Self::Computed(zone) => zone.datetime(py, api, at),
        }
    }
}

/// The class's object for `name`.
fn zone_info(py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let load = || Ok::<_, PyErr>(py.import("zoneinfo")?.getattr("ZoneInfo")?.unbind());
    Ok(CLASS
        .get_or_try_init(py, load)?
        .bind(py)
        .call1((name,))?
        .unbind())
}

/// Whether `ZoneInfo` raised for want of data; directories and odd names make it raise other things than it should.
fn is_missing(py: Python<'_>, raised: &PyErr) -> bool {
    raised.is_instance_of::<PyKeyError>(py)
        || raised.is_instance_of::<PyValueError>(py)
        || raised.is_instance_of::<PyOSError>(py)
}

/// `datetime.timezone` of an offset.
fn fixed_zone(py: Python<'_>, seconds: i32) -> PyResult<Py<PyAny>> {
    if seconds == 0 {
        return Ok(PyTzInfo::utc(py)?.to_owned().into_any().unbind());
    }
    let offset = PyDelta::new(py, 0, seconds, 0, true)?;
    Ok(PyTzInfo::fixed_offset(py, offset)?.into_any().unbind())
}

/// A `ZoneInfo` and what it said of days already seen.
pub(super) struct NamedZone {
    tzinfo: Py<PyAny>,
    /// The offset that holds throughout a UTC day, by day; none where it changes.
    days: HashMap<i64, Option<i64>>,
    last: (i64, Option<i64>),
}

/// Days that are remembered at most.
const DAYS_KEPT: usize = 1 << 16;
/// No day.
const NO_DAY: i64 = i64::MIN;

impl NamedZone {
    fn new(tzinfo: Py<PyAny>) -> Self {
        Self {
            tzinfo,
            days: HashMap::new(),
            last: (NO_DAY, None),
        }
    }

    #[inline]
    fn datetime(&mut self, py: Python<'_>, api: DateTimeApi, at: Moment) -> Cell {
        if self.last.0 != at.days {
            self.last = (at.days, self.day_offset(py, at.days)?);
        }
        match self.last.1 {
            Some(offset) => api.datetime(py, at.plus(offset), Some(&self.tzinfo)),
            None => Ok(self.local(py, at)?.into_any().unbind()),
        }
    }

    /// The offset of a whole UTC day, if it has but one.
    fn day_offset(&mut self, py: Python<'_>, day: i64) -> Result<Option<i64>, CellError> {
        // The zone cannot be asked about instants whose UTC or local date is out of range. Offsets do not change there.
        let day = day.clamp(FIRST_DAY + 1, LAST_DAY - 1);
        if let Some(offset) = self.days.get(&day) {
            return Ok(*offset);
        }
        let offset = self.ask_day(py, day)?;
        if self.days.len() >= DAYS_KEPT {
            self.days.clear();
        }
        self.days.insert(day, offset);
        Ok(offset)
    }

    /// Asks the zone about a day's start, noon and end. A repeated hour makes a day one of several offsets.
    fn ask_day(&self, py: Python<'_>, days: i64) -> PyResult<Option<i64>> {
        let mut offset = None;
        for micros in [0, DAY_MICROS / 2, DAY_MICROS - 1] {
            let utc = Moment { days, micros };
            let local = self.local(py, utc)?;
            let found = wall(&local) - (utc.days * DAY_MICROS + utc.micros);
            if local.get_fold() || offset.is_some_and(|offset| offset != found) {
                return Ok(None);
            }
            offset = Some(found);
        }
        Ok(offset)
    }

    /// What the zone itself makes of an instant.
    fn local<'py>(&self, py: Python<'py>, at: Moment) -> PyResult<Bound<'py, PyDateTime>> {
        let api = DateTimeApi::try_new(py)?;
        let utc = api
            .datetime(py, at, Some(&self.tzinfo))
            .map_err(CellError::into_py_err)?;
        let local = self
            .tzinfo
            .bind(py)
            .call_method1(intern!(py, "fromutc"), (utc,))?;
        Ok(local.cast_into()?)
    }
}

/// The wall time of a datetime, in microseconds since 1970.
fn wall(local: &Bound<'_, PyDateTime>) -> i64 {
    let date = NaiveDate::from_ymd_opt(
        local.get_year(),
        local.get_month().into(),
        local.get_day().into(),
    );
    let [hour, minute, second] = [local.get_hour(), local.get_minute(), local.get_second()];
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    let days = date.unwrap_or_default().to_epoch_days();
    i64::from(days) * DAY_MICROS + seconds * 1_000_000 + i64::from(local.get_microsecond())
}

/// A zone whose offsets come from our own data, each value with its offset as a fixed zone.
pub(super) struct ComputedZone {
    zone: Tz,
    fixed: HashMap<i32, Py<PyAny>>,
}

impl ComputedZone {
    fn datetime(&mut self, py: Python<'_>, api: DateTimeApi, at: Moment) -> Cell {
        let micros = at
            .days
            .checked_mul(DAY_MICROS)
            .and_then(|start| start.checked_add(at.micros));
        let utc = micros
            .and_then(DateTime::from_timestamp_micros)
            .map(|utc| utc.naive_utc());
        let seconds = utc.map_or(0, |utc: NaiveDateTime| {
            self.zone
                .offset_from_utc_datetime(&in_known_years(utc))
                .fix()
                .local_minus_utc()
        });
        let wall = at.plus(i64::from(seconds) * 1_000_000);
        if let Some(zone) = self.fixed.get(&seconds) {
            return api.datetime(py, wall, Some(zone));
        }
        let zone = fixed_zone(py, seconds)?;
        api.datetime(py, wall, Some(self.fixed.entry(seconds).or_insert(zone)))
    }
}

/// The same moment of a year whose offsets our data have. Beyond those years the rules go on by weekday and month.
fn in_known_years(utc: NaiveDateTime) -> NaiveDateTime {
    const LAST: i32 = 2099;
    /// After so many years days fall on the same weekdays.
    const CYCLE: i32 = 28;
    let kind =
        |year| NaiveDate::from_ymd_opt(year, 1, 1).map(|day| (day.weekday(), day.leap_year()));
    if utc.year() <= LAST {
        return utc;
    }
    let alike = (LAST - CYCLE + 1..=LAST)
        .rev()
        .find(|year| kind(*year) == kind(utc.year()));
    alike.and_then(|year| utc.with_year(year)).unwrap_or(utc)
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};

    use super::in_known_years;

    #[test]
    fn years_to_come_have_known_ones_alike() {
        for year in 1900..10_000 {
            let day = NaiveDate::from_ymd_opt(year, 12, 31).expect("a day");
            let alike = in_known_years(day.into());
            assert_eq!(alike.weekday(), day.weekday());
            assert_eq!(alike.ordinal(), day.ordinal());
            assert!(alike.year() == year || (2072..2100).contains(&alike.year()));
        }
    }
}
