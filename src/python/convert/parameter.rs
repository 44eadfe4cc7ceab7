//! Python values as typed parameters of a statement.

use std::str::FromStr;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDate, PyDateTime, PyDelta, PyDeltaAccess, PyDict, PyFloat,
    PyInt, PyList, PyMapping, PyString, PyTuple, PyType, PyTzInfoAccess,
};
use rust_decimal::Decimal;

use crate::client::wire::StatementParameter;

/// Why values cannot be parameters.
#[derive(Debug)]
pub(crate) enum ParameterError {
    /// The values are not of a kind that a statement can take.
    Wrong(String),
    /// The driver cannot send such a value yet.
    Unsupported(String),
    /// Python raised.
    Python(PyErr),
}

impl From<PyErr> for ParameterError {
    fn from(raised: PyErr) -> Self {
        Self::Python(raised)
    }
}

type Result<T> = std::result::Result<T, ParameterError>;

/// The parameters of one execution: a mapping for `:name` markers, a list or tuple for `?`.
pub(crate) fn parameters(given: &Bound<'_, PyAny>) -> Result<Vec<StatementParameter>> {
    if given.is_none() {
        return Ok(Vec::new());
    }
    if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        return given
            .try_iter()?
            .zip(1..)
            .map(|(value, ordinal)| {
                parameter(
                    None,
                    Some(ordinal),
                    &format!("parameter {ordinal}"),
                    &value?,
                )
            })
            .collect();
    }
    if let Ok(mapping) = given.cast::<PyMapping>() {
        return mapping
            .items()?
            .iter()
            .map(|pair| {
                let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
                let name: String = name.extract().map_err(|_| {
                    ParameterError::Wrong(format!("the parameter name {name} is not a str"))
                })?;
                let label = format!("parameter '{name}'");
                parameter(Some(name), None, &label, &value)
            })
            .collect();
    }
    Err(ParameterError::Wrong(format!(
        "parameters must be a mapping for :name markers or a list or tuple for ? markers, not {}",
        given.get_type().name()?
    )))
}

fn parameter(
    name: Option<String>,
    ordinal: Option<u32>,
    label: &str,
    value: &Bound<'_, PyAny>,
) -> Result<StatementParameter> {
    let (sql_type, value) = typed(label, value)?;
    Ok(StatementParameter {
        name,
        ordinal,
        sql_type,
        value,
    })
}

/// The SQL type of a value, and its text.
fn typed(label: &str, value: &Bound<'_, PyAny>) -> Result<(String, Option<String>)> {
    let some = |sql_type: &str, text: String| Ok((sql_type.to_owned(), Some(text)));
    if value.is_none() {
        Ok(("STRING".to_owned(), None))
    } else if let Ok(value) = value.cast::<PyBool>() {
        some("BOOLEAN", value.is_true().to_string())
    } else if value.is_instance_of::<PyInt>() {
        integer(label, value)
    } else if let Ok(value) = value.cast::<PyFloat>() {
        some("DOUBLE", double(value.extract()?))
    } else if let Ok(value) = value.cast::<PyString>() {
        let text = value.to_str().map_err(|_| {
            ParameterError::Wrong(format!(
                "{label} holds surrogates, which are not Unicode text"
            ))
        })?;
        some("STRING", text.to_owned())
    } else if let Ok(value) = value.cast::<PyDateTime>() {
        datetime(label, value)
    } else if value.is_instance_of::<PyDate>() {
        some("DATE", text_of(&value.call_method0("isoformat")?)?)
    } else if let Ok(value) = value.cast::<PyDelta>() {
        some("INTERVAL DAY TO SECOND", day_time_interval(value))
    } else if value.is_instance(decimal_type(value.py())?)? {
        decimal(label, value)
    } else {
        Err(unsendable(label, value)?)
    }
}

/// Refuses a value: some types will be sent one day, others never.
fn unsendable(label: &str, value: &Bound<'_, PyAny>) -> PyResult<ParameterError> {
    let type_name = value.get_type().name()?;
    let later = value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyList>()
        || value.is_instance_of::<PyTuple>()
        || value.is_instance_of::<PyDict>();
    Ok(if later {
        ParameterError::Unsupported(format!(
            "{label} is of type {type_name}, which cannot be sent as a parameter yet; \
             write a literal into the SQL text"
        ))
    } else {
        ParameterError::Wrong(format!(
            "{label} is of type {type_name}, which is no SQL value; parameters may be None, bool, \
             int, float, str, Decimal, date, datetime and timedelta"
        ))
    })
}

fn text_of(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value.str()?.to_str()?.to_owned())
}

/// The narrowest of INT, BIGINT and DECIMAL that holds the number.
fn integer(label: &str, value: &Bound<'_, PyAny>) -> Result<(String, Option<String>)> {
    // A subclass such as IntEnum prints as something else.
    let text = text_of(
        &value
            .call_method0("__index__")?
            .call_method1("__format__", ("d",))?,
    )?;
    let digits = text.trim_start_matches('-').len();
    let sql_type = if text.parse::<i32>().is_ok() {
        "INT".to_owned()
    } else if text.parse::<i64>().is_ok() {
        "BIGINT".to_owned()
    } else {
        decimal_of(label, digits, 0)?
    };
    Ok((sql_type, Some(text)))
}

fn double(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 {
            "Infinity".to_owned()
        } else {
            "-Infinity".to_owned()
        }
    } else {
        // The shortest text that reads back as the same number.
        format!("{value:e}")
    }
}

/// With a zone TIMESTAMP, an instant; without one TIMESTAMP in the session's zone.
fn datetime(label: &str, value: &Bound<'_, PyDateTime>) -> Result<(String, Option<String>)> {
    if value.get_tzinfo().is_some() && value.call_method0("utcoffset")?.is_none() {
        return Err(ParameterError::Wrong(format!(
            "the zone of {label} gives no UTC offset"
        )));
    }
    Ok((
        "TIMESTAMP".to_owned(),
        Some(text_of(&value.call_method0("isoformat")?)?),
    ))
}

/// `[-]D HH:MM:SS.ffffff`
fn day_time_interval(value: &Bound<'_, PyDelta>) -> String {
    let whole = i128::from(value.get_days()) * 86_400_000_000
        + i128::from(value.get_seconds()) * 1_000_000
        + i128::from(value.get_microseconds());
    let sign = if whole < 0 { "-" } else { "" };
    let micros = whole.unsigned_abs();
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    format!(
        "{sign}{} {:02}:{minutes:02}:{seconds:02}.{micros:06}",
        hours / 24,
        hours % 24
    )
}

fn decimal_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    DECIMAL.import(py, "decimal", "Decimal")
}

fn decimal(label: &str, value: &Bound<'_, PyAny>) -> Result<(String, Option<String>)> {
    if !value.call_method0("is_finite")?.extract::<bool>()? {
        return Err(ParameterError::Wrong(format!(
            "{label} is {value}, which DECIMAL cannot hold; float('nan') and float('inf') go as DOUBLE"
        )));
    }
    // `f` writes exponents out: 1E+3 as 1000.
    let text = text_of(&value.call_method1("__format__", ("f",))?)?;
    let (digits, scale) = digits_and_scale(&text);
    Ok((decimal_of(label, digits, scale)?, Some(text)))
}

/// Digits before and after the point together, and those after it; leading zeros do not count.
fn digits_and_scale(text: &str) -> (usize, usize) {
    let unsigned = text.trim_start_matches('-');
    if let Ok(number) = Decimal::from_str(unsigned)
        && number.to_string() == unsigned
    {
        let scale = usize::try_from(number.scale()).unwrap_or_default();
        return (number.mantissa().to_string().len().max(scale), scale);
    }
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    (
        whole.trim_start_matches('0').len() + fraction.len(),
        fraction.len(),
    )
}

fn decimal_of(label: &str, digits: usize, scale: usize) -> Result<String> {
    const MOST_DIGITS: usize = 38;
    if digits > MOST_DIGITS {
        return Err(ParameterError::Wrong(format!(
            "{label} has {digits} digits, but DECIMAL holds {MOST_DIGITS} at most"
        )));
    }
    Ok(format!("DECIMAL({},{scale})", digits.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_and_scale_are_those_of_the_written_number() {
        let cases = [
            ("0", (1, 0)),
            ("1000", (4, 0)),
            ("12.50", (4, 2)),
            ("-12.50", (4, 2)),
            ("0.001", (3, 3)),
            ("-0.00", (2, 2)),
            ("123456789012345678901234567890.12345678", (38, 8)),
            ("0.12345678901234567890123456789012345678", (38, 38)),
        ];
        for (text, expected) in cases {
            let (digits, scale) = digits_and_scale(text);
            assert_eq!((digits.max(1), scale), expected, "{text}");
        }
    }

    #[test]
    fn doubles_read_back_as_the_same_number() {
        for number in [
            0.1,
            1e300,
            -2.5e-300,
            f64::MAX,
            f64::MIN_POSITIVE,
            -0.0,
            3.0,
        ] {
            assert_eq!(
                double(number).parse::<f64>().unwrap().to_bits(),
                number.to_bits()
            );
        }
        assert_eq!(double(f64::NAN), "NaN");
        assert_eq!(double(f64::NEG_INFINITY), "-Infinity");
    }
}
