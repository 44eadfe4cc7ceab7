//! Numbers as values.

use std::str::FromStr;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyFloat, PyInt, PyType};
use rust_decimal::Decimal;

use super::{Label, Result, scalar, text_of, wrong};
use crate::client::sql::{SqlType, Value};

/// The narrowest of INT, BIGINT and DECIMAL that holds the number.
pub(super) fn integer(label: Label<'_>, value: &Bound<'_, PyAny>) -> Result<Value> {
    if let Ok(number) = value.extract::<i64>() {
        let sql_type = if i32::try_from(number).is_ok() {
            SqlType::Int
        } else {
            SqlType::BigInt
        };
        return Ok(scalar(sql_type, number.to_string()));
    }
    let text = digits(label, value)?;
    let sql_type = decimal_of(label, text.trim_start_matches('-').len(), 0)?;
    Ok(scalar(sql_type, text))
}

/// The decimal digits of an int.
fn digits(label: Label<'_>, value: &Bound<'_, PyAny>) -> Result<String> {
    // Python refuses to write out numbers of thousands of digits.
    const MOST_BITS: usize = 4096;
    // A subclass such as IntEnum prints as something else.
    let number = value
        .call_method0("__index__")?
        .cast_into::<PyInt>()
        .map_err(PyErr::from)?;
    let bits: usize = number.call_method0("bit_length")?.extract()?;
    if bits > MOST_BITS {
        return wrong(format!(
            "{label} is an int of {bits} bits, but DECIMAL holds {} digits at most",
            SqlType::MOST_DIGITS
        ));
    }
    Ok(text_of(&number)?)
}

/// An int as a value of one of the types of whole numbers.
pub(super) fn integer_as(
    label: Label<'_>,
    value: &Bound<'_, PyAny>,
    sql_type: SqlType,
) -> Result<Value> {
    let range = match sql_type {
        SqlType::TinyInt => i64::from(i8::MIN)..=i64::from(i8::MAX),
        SqlType::SmallInt => i64::from(i16::MIN)..=i64::from(i16::MAX),
        SqlType::Int => i64::from(i32::MIN)..=i64::from(i32::MAX),
        _ => i64::MIN..=i64::MAX,
    };
    match value.extract::<i64>() {
        Ok(number) if range.contains(&number) => Ok(scalar(sql_type, number.to_string())),
        _ => wrong(format!(
            "{label} is {}, which is no {}: an int from {} to {}",
            value.repr()?,
            sql_type.name(),
            range.start(),
            range.end()
        )),
    }
}

/// The shortest text that reads back as the same number.
pub(super) fn double(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        format!("{value:?}")
    }
}

/// A number as a DOUBLE; None where none is equal to it. A Decimal is rounded, but not to nothing or to infinity.
pub(super) fn double_as(value: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    let Ok(number) = value.extract::<f64>() else {
        return Ok(None);
    };
    let text = double(number);
    let fits = if is_decimal(value)? {
        let is_zero: bool = value.call_method0("is_zero")?.extract()?;
        let is_infinite: bool = value.call_method0("is_infinite")?.extract()?;
        (number == 0.0) == is_zero && number.is_infinite() == is_infinite
    } else {
        says(value, number, &text)?
    };
    Ok(fits.then(|| scalar(SqlType::Double, text)))
}

/// A number as a FLOAT. That rounds floats, but none of them to nothing or to infinity, and no whole number and no
/// Decimal becomes another one.
pub(super) fn float_as(value: &Bound<'_, PyAny>) -> PyResult<Option<Value>> {
    const MOST_WHOLE: f64 = 9_007_199_254_740_992.0;
    let Ok(given) = value.extract::<f64>() else {
        return Ok(None);
    };
    #[expect(clippy::cast_possible_truncation, reason = "FLOAT is of 32 bits")]
    let rounded = given as f32;
    let kept = rounded.is_finite() == given.is_finite() && (rounded == 0.0) == (given == 0.0);
    let rounds =
        value.is_instance_of::<PyFloat>() && (given.fract() != 0.0 || given.abs() > MOST_WHOLE);
    let fits = kept && (rounds || says(value, rounded.into(), &format!("{rounded:?}"))?);
    Ok(fits.then(|| scalar(SqlType::Float, double(given))))
}

/// Whether the float is the value: NaN is, and for a Decimal that of which the text is.
fn says(value: &Bound<'_, PyAny>, number: f64, text: &str) -> PyResult<bool> {
    // A whole number of numpy is made a float before it is compared with one.
    let exact = if value.is_instance_of::<PyInt>() || !value.hasattr("item")? {
        value.clone()
    } else {
        value.call_method0("item")?
    };
    if number.is_nan() || exact.eq(number)? {
        return Ok(true);
    }
    Ok(is_decimal(value)? && value.eq(value.get_type().call1((text,))?)?)
}

pub(super) fn is_decimal(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = DECIMAL.import(value.py(), "decimal", "Decimal")?;
    value.is_instance(class)
}

pub(super) fn decimal(label: Label<'_>, value: &Bound<'_, PyAny>) -> Result<Value> {
    let (text, digits, scale) = written_out(label, value)?;
    let sql_type = decimal_of(label, digits, scale)?;
    Ok(scalar(sql_type, text))
}

/// A Decimal or an int as a value of DECIMAL(precision, scale): rounded as the service does, but never cut in front of
/// the point.
pub(super) fn decimal_as(
    label: Label<'_>,
    value: &Bound<'_, PyAny>,
    precision: u8,
    scale: u8,
) -> Result<Value> {
    let text = if value.is_instance_of::<PyInt>() {
        digits(label, value)?
    } else {
        rounded(written_out(label, value)?.0, scale.into())
    };
    let (whole, _) = text.split_once('.').unwrap_or((&text, ""));
    if whole.trim_start_matches(['-', '0']).len() > usize::from(precision.saturating_sub(scale)) {
        return wrong(format!(
            "{label} is {value}, which is too large for DECIMAL({precision},{scale})"
        ));
    }
    Ok(scalar(SqlType::Decimal { precision, scale }, text))
}

/// A number with at most `scale` digits after the point; a half goes away from zero.
fn rounded(text: String, scale: usize) -> String {
    let Some((whole, fraction)) = text.split_once('.') else {
        return text;
    };
    if fraction.len() <= scale {
        return text;
    }
    let (sign, whole) = whole
        .strip_prefix('-')
        .map_or(("", whole), |whole| ("-", whole));
    let (kept, cut) = fraction.split_at(scale);
    let mut digits = format!("{whole}{kept}").into_bytes();
    if cut.as_bytes()[0] >= b'5' {
        let nines = digits.iter().rev().take_while(|digit| **digit == b'9');
        let carried = digits.len() - nines.count();
        digits[carried..].fill(b'0');
        match carried.checked_sub(1) {
            Some(last) => digits[last] += 1,
            None => digits.insert(0, b'1'),
        }
    }
    let digits = String::from_utf8_lossy(&digits);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}

/// A Decimal without an exponent, how many digits it has, and how many of them after the point.
fn written_out(label: Label<'_>, value: &Bound<'_, PyAny>) -> Result<(String, usize, usize)> {
    const FARTHEST: i32 = 1000;
    if !value.call_method0("is_finite")?.extract::<bool>()? {
        return wrong(format!(
            "{label} is {value}, which DECIMAL cannot hold; float('nan') and float('inf') go as DOUBLE"
        ));
    }
    let exponent: i32 = value
        .call_method0("as_tuple")?
        .getattr("exponent")?
        .extract()
        .unwrap_or(i32::MAX);
    if exponent.abs() > FARTHEST {
        return wrong(format!(
            "{label} is {value}, but DECIMAL holds {} digits at most",
            SqlType::MOST_DIGITS
        ));
    }
    // `f` writes exponents out: 1E+3 as 1000.
    let text = text_of(&value.call_method1("__format__", ("f",))?)?;
    let (digits, scale) = digits_and_scale(&text);
    Ok((text, digits, scale))
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

fn decimal_of(label: Label<'_>, digits: usize, scale: usize) -> Result<SqlType> {
    let most = SqlType::MOST_DIGITS;
    match (u8::try_from(digits.max(1)), u8::try_from(scale)) {
        (Ok(precision), Ok(scale)) if precision <= most => {
            Ok(SqlType::Decimal { precision, scale })
        }
        _ => wrong(format!(
            "{label} has {digits} digits, but DECIMAL holds {most} at most"
        )),
    }
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
    fn halves_are_rounded_away_from_zero() {
        let cases = [
            ("1.234", 2, "1.23"),
            ("1.235", 2, "1.24"),
            ("-1.235", 2, "-1.24"),
            ("1.2349", 3, "1.235"),
            ("9.999", 2, "10.00"),
            ("99.5", 0, "100"),
            ("0.4", 0, "0"),
            ("-0.004", 2, "-0.00"),
            ("1.5", 2, "1.5"),
            ("15", 0, "15"),
        ];
        for (text, scale, expected) in cases {
            assert_eq!(rounded(text.to_owned(), scale), expected, "{text} {scale}");
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
