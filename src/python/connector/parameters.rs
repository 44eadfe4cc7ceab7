//! The connector's parameters, which are those of its Thrift client, as the core binds them.

use pyo3::prelude::*;
use pyo3::types::PyList;

use super::exceptions::{raise, to_pyerr};
use crate::client::parameter::typed;
use crate::client::sql::{SqlType, Template, Value, Values};
use crate::client::wire::StatementParameter;

/// One parameter: a value or, for an array or a map, values.
struct Given {
    name: Option<String>,
    what: What,
}

enum What {
    Scalar(StatementParameter),
    Compound(Value),
}

/// The statement and the parameters as they are sent. Arrays and maps, which the service takes no parameters of,
/// become literals.
pub(super) fn bound(
    py: Python<'_>,
    sql: String,
    parameters: Option<&Bound<'_, PyAny>>,
) -> PyResult<(String, Vec<StatementParameter>)> {
    let Some(parameters) = parameters.filter(|parameters| !parameters.is_none()) else {
        return Ok((sql, Vec::new()));
    };
    let given = parameters
        .try_iter()?
        .map(|parameter| read(&parameter?))
        .collect::<PyResult<Vec<_>>>()?;
    let names = given.iter().filter(|given| given.name.is_some()).count();
    if names != 0 && names != given.len() {
        return Err(raise(
            py,
            "ProgrammingError",
            "some parameters have names and some have none; give all of them one or none",
        ));
    }
    if given.iter().any(|it| matches!(it.what, What::Compound(_))) {
        return with_literals(py, &sql, given, names > 0);
    }
    let sent = (1..).zip(given).map(|(ordinal, given)| {
        let What::Scalar(parameter) = given.what else {
            unreachable!("others were looked for");
        };
        StatementParameter {
            ordinal: given.name.is_none().then_some(ordinal),
            name: given.name,
            ..parameter
        }
    });
    Ok((sql, sent.collect()))
}

fn with_literals(
    py: Python<'_>,
    sql: &str,
    given: Vec<Given>,
    named: bool,
) -> PyResult<(String, Vec<StatementParameter>)> {
    let value = |what| match what {
        What::Scalar(parameter) => scalar(parameter),
        What::Compound(value) => value,
    };
    let values = if named {
        let pair = |given: Given| (given.name.unwrap_or_default(), value(given.what));
        Values::Named(given.into_iter().map(pair).collect())
    } else {
        Values::Placed(given.into_iter().map(|given| value(given.what)).collect())
    };
    let bound = Template::parse(sql, false)
        .bind(values)
        .map_err(|error| raise(py, "ProgrammingError", error.to_string()))?;
    Ok((bound.sql.into_owned(), bound.parameters))
}

fn read(parameter: &Bound<'_, PyAny>) -> PyResult<Given> {
    let by_place = match parameter.getattr_opt("ordinal")? {
        Some(ordinal) => ordinal.extract().unwrap_or(false),
        None => false,
    };
    let name: Option<String> = match parameter.getattr_opt("name")? {
        Some(name) => name.extract()?,
        None => None,
    };
    let text = match parameter.getattr_opt("value")? {
        Some(value) if !value.is_none() => value.getattr("stringValue")?.extract()?,
        _ => None,
    };
    Ok(Given {
        name: name.filter(|_| !by_place),
        what: what(parameter, text)?,
    })
}

/// A value by its type, its text and its parts.
fn what(given: &Bound<'_, PyAny>, text: Option<String>) -> PyResult<What> {
    let py = given.py();
    let sql_type: Option<String> = given.getattr("type")?.extract()?;
    let sql_type = sql_type.unwrap_or_else(|| "STRING".to_owned());
    let base = sql_type.split(['(', '<']).next().unwrap_or_default();
    let is = |name: &str| base.trim().eq_ignore_ascii_case(name);
    let parts = given.getattr_opt("arguments")?;
    let parts = parts.filter(|parts| !parts.is_none());
    if is("ARRAY") || is("MAP") {
        let Some(parts) = parts else {
            return Ok(What::Compound(Value::NULL));
        };
        let mut values = Vec::new();
        for part in parts.try_iter()? {
            let part = part?;
            let text: Option<String> = part.getattr("value")?.extract()?;
            values.push(match what(&part, text)? {
                What::Scalar(parameter) => scalar(parameter),
                What::Compound(value) => value,
            });
        }
        return Ok(What::Compound(if is("ARRAY") {
            Value::Array(common(&values), values)
        } else {
            map(values)
        }));
    }
    let has_parts =
        parts.is_some_and(|parts| parts.cast::<PyList>().is_ok_and(|it| !it.is_empty()));
    if has_parts {
        let message =
            format!("a parameter of type '{sql_type}' has no parts; pass an array or a map");
        return Err(raise(py, "NotSupportedError", message));
    }
    // The text of a NULL within an array is that of None.
    let text = text.filter(|_| !is("VOID"));
    let parameter = typed(text.as_deref(), &sql_type).map_err(|error| to_pyerr(py, &error))?;
    Ok(What::Scalar(parameter))
}

/// Keys and values in turn.
fn map(parts: Vec<Value>) -> Value {
    let mut parts = parts.into_iter();
    let mut entries = Vec::new();
    while let (Some(key), Some(value)) = (parts.next(), parts.next()) {
        entries.push((key, value));
    }
    let keys: Vec<_> = entries.iter().map(|(key, _)| key.clone()).collect();
    let values: Vec<_> = entries.iter().map(|(_, value)| value.clone()).collect();
    Value::Map(common(&keys), common(&values), entries)
}

/// A type for all of the values; the service finds its own in the end.
fn common(values: &[Value]) -> SqlType {
    let types = values.iter().map(|value| value.sql_type().into_owned());
    types
        .reduce(|common, next| common.widened(&next).unwrap_or(common))
        .unwrap_or(SqlType::Void)
}

/// A parameter as a value that can also be written as a literal.
fn scalar(parameter: StatementParameter) -> Value {
    let StatementParameter {
        sql_type, value, ..
    } = parameter;
    let Some(value) = value else {
        return Value::NULL;
    };
    let decimal = || {
        let numbers = sql_type.strip_prefix("DECIMAL(")?.strip_suffix(')')?;
        let (precision, scale) = numbers.split_once(',')?;
        Some(SqlType::Decimal {
            precision: precision.parse().ok()?,
            scale: scale.parse().ok()?,
        })
    };
    let known = match sql_type.as_str() {
        "BOOLEAN" => SqlType::Boolean,
        "TINYINT" => SqlType::TinyInt,
        "SMALLINT" => SqlType::SmallInt,
        "INT" => SqlType::Int,
        "BIGINT" => SqlType::BigInt,
        "FLOAT" => SqlType::Float,
        "DOUBLE" => SqlType::Double,
        "DATE" => SqlType::Date,
        "TIMESTAMP" => SqlType::Timestamp,
        "TIMESTAMP_NTZ" => SqlType::TimestampNtz,
        _ => decimal().unwrap_or(SqlType::String),
    };
    Value::Scalar(known, Some(value))
}
