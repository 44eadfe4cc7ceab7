//! Python values as values for the markers of a statement.

mod foreign;
mod nested;
mod number;
mod temporal;
mod typed;

use std::fmt;

use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDate, PyDateTime, PyDelta, PyDict, PyFloat, PyInt, PyList,
    PyMapping, PyString, PyTuple,
};

use crate::client::sql::{SqlType, Value, Values};

pub(crate) use typed::add_classes;

/// Why values cannot go into a statement.
#[derive(Debug)]
pub(crate) enum ParameterError {
    /// The values are not of a kind that a statement can take.
    Wrong(String),
    /// Python raised.
    Python(PyErr),
}

impl From<PyErr> for ParameterError {
    fn from(raised: PyErr) -> Self {
        Self::Python(raised)
    }
}

type Result<T> = std::result::Result<T, ParameterError>;

fn wrong<T>(message: impl Into<String>) -> Result<T> {
    Err(ParameterError::Wrong(message.into()))
}

/// What the user chose about parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ParameterOptions {
    /// Whether all values are written into the text of the statement.
    pub(crate) inline: bool,
    /// Whether a datetime without a zone is a wall time rather than a moment in the zone of the session.
    pub(crate) naive_is_ntz: bool,
}

/// Which parameter a value is, for messages.
#[derive(Clone, Copy)]
enum Label<'a> {
    Named(&'a str),
    Placed(usize),
}

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "parameter '{name}'"),
            Self::Placed(place) => write!(f, "parameter {place}"),
        }
    }
}

/// The values of one execution: a mapping for markers with names, a list or tuple for others. None stands for no values.
pub(crate) fn values(
    given: &Bound<'_, PyAny>,
    options: ParameterOptions,
) -> Result<Option<Values>> {
    let reader = Reader { options };
    if given.is_none() {
        return Ok(None);
    }
    let values = if given.is_instance_of::<PyList>() || given.is_instance_of::<PyTuple>() {
        reader.sequence(given)?
    } else if let Ok(dict) = given.cast_exact::<PyDict>() {
        let mut values = Vec::with_capacity(dict.len());
        for (name, value) in dict {
            values.push(reader.named(&name, &value)?);
        }
        Values::Named(values)
    } else if let Ok(mapping) = given.cast::<PyMapping>() {
        let mut values = Vec::new();
        for pair in mapping.items()?.iter() {
            let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
            values.push(reader.named(&name, &value)?);
        }
        Values::Named(values)
    } else {
        return wrong(format!(
            "parameters must be a mapping for :name markers or a list or tuple for ? markers, not {}",
            given.get_type().name()?
        ));
    };
    Ok(Some(values).filter(|values| match values {
        Values::Named(values) => !values.is_empty(),
        Values::Placed(values) => !values.is_empty(),
    }))
}

/// Deeper values are refused: a list may hold itself.
const MOST_DEPTH: usize = 64;

/// Reads values as the options have it.
struct Reader {
    options: ParameterOptions,
}

impl Reader {
    fn named(&self, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> Result<(String, Value)> {
        let Ok(name) = name.extract::<String>() else {
            return wrong(format!("the parameter name {name} is not a str"));
        };
        let value = self.value(Label::Named(&name), value, 0)?;
        Ok((name, value))
    }

    /// A list of values, or of typed parameters that all have names.
    fn sequence(&self, given: &Bound<'_, PyAny>) -> Result<Values> {
        let mut values = Vec::with_capacity(given.len()?);
        let mut names = Vec::new();
        for (item, place) in given.try_iter()?.zip(1..) {
            let item = item?;
            names.extend(typed::name(&item)?);
            values.push(self.value(Label::Placed(place), &item, 0)?);
        }
        Ok(if !names.is_empty() && names.len() == values.len() {
            Values::Named(names.into_iter().zip(values).collect())
        } else {
            Values::Placed(values)
        })
    }

    /// The SQL type of a value, and its text.
    fn value(&self, label: Label<'_>, value: &Bound<'_, PyAny>, depth: usize) -> Result<Value> {
        if value.is_none() {
            Ok(Value::NULL)
        } else if let Ok(value) = value.cast::<PyBool>() {
            Ok(scalar(SqlType::Boolean, value.is_true().to_string()))
        } else if value.is_instance_of::<PyInt>() {
            number::integer(label, value)
        } else if let Ok(value) = value.cast::<PyFloat>() {
            Ok(scalar(SqlType::Double, number::double(value.extract()?)))
        } else if let Ok(value) = value.cast::<PyString>() {
            text(label, value)
        } else if let Ok(value) = value.cast::<PyDateTime>() {
            temporal::datetime(label, value, self.options.naive_is_ntz)
        } else if let Ok(value) = value.cast::<PyDate>() {
            temporal::date(label, value)
        } else if let Ok(value) = value.cast::<PyDelta>() {
            temporal::day_time_interval(label, value)
        } else if number::is_decimal(value)? {
            number::decimal(label, value)
        } else if let Ok(value) = value.cast::<PyBytes>() {
            Ok(Value::Binary(value.as_bytes().to_vec()))
        } else if let Ok(value) = value.cast::<PyByteArray>() {
            Ok(Value::Binary(value.to_vec()))
        } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
            self.array(label, value, depth)
        } else if let Some(found) = self.typed(label, value, depth)? {
            Ok(found)
        } else if let Ok(value) = value.cast::<PyMapping>() {
            self.map(label, value, depth)
        } else {
            self.foreign(label, value, depth)
        }
    }
}

fn scalar(sql_type: SqlType, text: impl Into<String>) -> Value {
    Value::Scalar(sql_type, Some(text.into()))
}

fn text(label: Label<'_>, value: &Bound<'_, PyString>) -> Result<Value> {
    match value.to_str() {
        Ok(text) => Ok(scalar(SqlType::String, text)),
        Err(_) => wrong(format!(
            "{label} holds surrogates, which are not Unicode text"
        )),
    }
}

fn text_of(value: &Bound<'_, PyAny>) -> PyResult<String> {
    Ok(value.str()?.to_str()?.to_owned())
}
