//! Dates, moments and spans as values.

use pyo3::exceptions::PyOverflowError;
use pyo3::prelude::*;
use pyo3::types::{
    PyDate, PyDateAccess, PyDateTime, PyDelta, PyDeltaAccess, PyTimeAccess, PyTzInfo,
    PyTzInfoAccess,
};

use super::{Label, Result, scalar, wrong};
use crate::client::sql::{SqlType, Value};

pub(super) fn date(label: Label<'_>, value: &Bound<'_, PyDate>) -> Result<Value> {
    let fields = [
        ("year", value.get_year()),
        ("month", value.get_month().into()),
        ("day", value.get_day().into()),
    ];
    if !value.is_exact_instance_of::<PyDate>() {
        refuse_other_fields(label, value, &fields)?;
    }
    Ok(scalar(SqlType::Date, day(value)))
}

fn day(value: &impl PyDateAccess) -> String {
    format!(
        "{:04}-{:02}-{:02}",
        value.get_year(),
        value.get_month(),
        value.get_day()
    )
}

/// With a zone TIMESTAMP, an instant; without one a moment in the session's zone, or a wall time.
pub(super) fn datetime(
    label: Label<'_>,
    value: &Bound<'_, PyDateTime>,
    naive_is_ntz: bool,
) -> Result<Value> {
    if is_not_a_time(value)? {
        return Ok(Value::NULL);
    }
    refuse_what_is_more(label, value)?;
    if value.get_tzinfo().is_none() {
        let sql_type = if naive_is_ntz {
            SqlType::TimestampNtz
        } else {
            SqlType::Timestamp
        };
        return Ok(scalar(sql_type, wall_time(value)));
    }
    let text = match offset(label, value)? {
        Some(offset) => wall_time(value) + &offset,
        None => in_utc(label, value)?,
    };
    Ok(scalar(SqlType::Timestamp, text))
}

/// `TIMESTAMP_NTZ`, the wall time of a datetime, whatever its zone.
pub(super) fn datetime_ntz(label: Label<'_>, value: &Bound<'_, PyDateTime>) -> Result<Value> {
    refuse_what_is_more(label, value)?;
    Ok(scalar(SqlType::TimestampNtz, wall_time(value)))
}

fn wall_time(value: &Bound<'_, PyDateTime>) -> String {
    let seconds = format!(
        "{}T{:02}:{:02}:{:02}",
        day(value),
        value.get_hour(),
        value.get_minute(),
        value.get_second()
    );
    match value.get_microsecond() {
        0 => seconds,
        micros => format!("{seconds}.{micros:06}"),
    }
}

/// The offset as `+05:30`; None when it has seconds, which not every parser reads.
fn offset(label: Label<'_>, value: &Bound<'_, PyDateTime>) -> Result<Option<String>> {
    let offset = value.call_method0("utcoffset")?;
    let Ok(offset) = offset.cast::<PyDelta>() else {
        return wrong(format!("the zone of {label} gives no UTC offset"));
    };
    let seconds = offset.get_days() * 86_400 + offset.get_seconds();
    if seconds % 60 != 0 || offset.get_microseconds() != 0 {
        return Ok(None);
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    Ok(Some(format!(
        "{sign}{:02}:{:02}",
        minutes / 60,
        minutes % 60
    )))
}

fn in_utc(label: Label<'_>, value: &Bound<'_, PyDateTime>) -> Result<String> {
    let utc = PyTzInfo::utc(value.py())?;
    match value.call_method1("astimezone", (utc,)) {
        Ok(moment) => {
            let moment = moment.cast_into().map_err(PyErr::from)?;
            refuse_what_is_more(label, &moment)?;
            Ok(wall_time(&moment) + "+00:00")
        }
        Err(raised) if raised.is_instance_of::<PyOverflowError>(value.py()) => wrong(format!(
            "{label} is {value}, which lies outside of the years 1 to 9999 in UTC"
        )),
        Err(raised) => Err(raised.into()),
    }
}

/// Whether the value is `pandas.NaT`, which is a datetime that equals nothing.
fn is_not_a_time(value: &Bound<'_, PyDateTime>) -> PyResult<bool> {
    Ok(!value.is_exact_instance_of::<PyDateTime>() && value.ne(value)?)
}

/// Refuses datetimes of other classes that are not what Python's own class would say.
fn refuse_what_is_more(label: Label<'_>, value: &Bound<'_, PyDateTime>) -> Result<()> {
    if value.is_exact_instance_of::<PyDateTime>() {
        return Ok(());
    }
    let fields = [
        ("year", value.get_year()),
        ("month", value.get_month().into()),
        ("day", value.get_day().into()),
        ("hour", value.get_hour().into()),
        ("minute", value.get_minute().into()),
        ("second", value.get_second().into()),
        ("microsecond", value.get_microsecond().cast_signed()),
    ];
    refuse_nanoseconds(label, value, "nanosecond")?;
    refuse_other_fields(label, value, &fields)
}

/// Refuses what would be lost: SQL holds microseconds, and pandas' types may hold more.
fn refuse_nanoseconds(label: Label<'_>, value: &Bound<'_, PyAny>, attribute: &str) -> Result<()> {
    let Some(nanoseconds) = value.getattr_opt(attribute)? else {
        return Ok(());
    };
    if nanoseconds.extract::<i64>().is_ok_and(|count| count != 0) {
        return wrong(format!(
            "{label} is {value}, which has nanoseconds, but SQL holds microseconds; round it first, with .round('us')"
        ));
    }
    Ok(())
}

/// Refuses what Python's own class cannot hold: pandas' types beyond its range have other fields within.
fn refuse_other_fields(
    label: Label<'_>,
    value: &Bound<'_, PyAny>,
    fields: &[(&str, i32)],
) -> Result<()> {
    for (name, field) in fields {
        if value.getattr(*name)?.extract::<i64>().ok() != Some(i64::from(*field)) {
            return not_held(label, value);
        }
    }
    Ok(())
}

fn not_held<T>(label: Label<'_>, value: &Bound<'_, PyAny>) -> Result<T> {
    wrong(format!(
        "{label} is {value}, a {} that Python's own types do not hold; pass it as text, in a typed parameter",
        value.get_type().name()?
    ))
}

/// Whether a span of another class is as long as Python's own class has it. Fields do not tell: pendulum's may have signs.
fn is_as_long_as_it_says(value: &Bound<'_, PyDelta>) -> PyResult<bool> {
    /// Less than a microsecond.
    const LEAST: f64 = 1e-7;
    let own = value.py().get_type::<PyDelta>();
    let own: f64 = own.call_method1("total_seconds", (value,))?.extract()?;
    let said = value.call_method0("total_seconds")?.extract::<f64>();
    // A sum of floats may round otherwise.
    Ok(said.is_ok_and(|said| (said - own).abs() <= LEAST + own.abs() * 4.0 * f64::EPSILON))
}

/// `[-]D HH:MM:SS.ffffff`
pub(super) fn day_time_interval(label: Label<'_>, value: &Bound<'_, PyDelta>) -> Result<Value> {
    let whole = i128::from(value.get_days()) * 86_400_000_000
        + i128::from(value.get_seconds()) * 1_000_000
        + i128::from(value.get_microseconds());
    if !value.is_exact_instance_of::<PyDelta>() {
        refuse_nanoseconds(label, value, "nanoseconds")?;
        if !is_as_long_as_it_says(value)? {
            return not_held(label, value);
        }
    }
    if i64::try_from(whole).is_err() {
        return wrong(format!(
            "{label} is {value}, but an interval is 106751991 days at most"
        ));
    }
    let sign = if whole < 0 { "-" } else { "" };
    let micros = whole.unsigned_abs();
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let text = format!(
        "{sign}{} {:02}:{minutes:02}:{seconds:02}.{micros:06}",
        hours / 24,
        hours % 24
    );
    Ok(scalar(SqlType::DayTimeInterval, text))
}
