//! Typed parameters: our own classes, and the official connector's, which are known by their attributes.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyDate, PyDateTime, PyDelta, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple,
};

use super::nested::map_of;
use super::{Label, Reader, Result, foreign, number, scalar, temporal, text, text_of, wrong};
use crate::client::sql::{SqlType, Value};

/// A value of a given SQL type, for a marker of a statement.
#[pyclass(
    subclass,
    frozen,
    name = "Parameter",
    module = "databricks_sql_kernel.dbapi"
)]
pub(crate) struct TypedParameter {
    /// The value.
    #[pyo3(get)]
    value: Py<PyAny>,
    /// The name of the marker that it is for; None when it goes by place.
    #[pyo3(get)]
    name: Option<String>,
    wanted: Wanted,
}

/// What a typed parameter asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Type(SqlType),
    /// DECIMAL of as many digits as the value has.
    Decimal,
    /// INTERVAL of the kind that the value is of.
    Interval,
    Array,
    Map,
}

impl Wanted {
    fn parse(given: &str) -> Option<Self> {
        let upper = given.trim().to_ascii_uppercase();
        let (name, arguments) = match upper.split_once('(') {
            Some((name, rest)) => (name.trim_end(), Some(rest.strip_suffix(')')?)),
            None => (upper.as_str(), None),
        };
        if let ("DECIMAL" | "DEC" | "NUMERIC", Some(arguments)) = (name, arguments) {
            let (precision, scale) = arguments.split_once(',').unwrap_or((arguments, "0"));
            return Self::decimal(precision.trim().parse().ok()?, scale.trim().parse().ok()?);
        }
        if arguments.is_some() {
            return None;
        }
        Some(Self::Type(match name {
            "VOID" => SqlType::Void,
            "BOOLEAN" => SqlType::Boolean,
            "TINYINT" | "BYTE" => SqlType::TinyInt,
            "SMALLINT" | "SHORT" => SqlType::SmallInt,
            "INT" | "INTEGER" => SqlType::Int,
            "BIGINT" | "LONG" => SqlType::BigInt,
            "FLOAT" | "REAL" => SqlType::Float,
            "DOUBLE" => SqlType::Double,
            "STRING" => SqlType::String,
            "BINARY" => SqlType::Binary,
            "DATE" => SqlType::Date,
            "TIMESTAMP" | "TIMESTAMP_LTZ" => SqlType::Timestamp,
            "TIMESTAMP_NTZ" => SqlType::TimestampNtz,
            "INTERVAL DAY TO SECOND" => SqlType::DayTimeInterval,
            "INTERVAL YEAR TO MONTH" => SqlType::YearMonthInterval,
            "INTERVAL" => return Some(Self::Interval),
            "DECIMAL" | "DEC" | "NUMERIC" => return Some(Self::Decimal),
            "ARRAY" => return Some(Self::Array),
            "MAP" => return Some(Self::Map),
            _ => return None,
        }))
    }

    fn decimal(precision: u8, scale: u8) -> Option<Self> {
        let whole = (1..=SqlType::MOST_DIGITS).contains(&precision) && scale <= precision;
        whole.then_some(Self::Type(SqlType::Decimal { precision, scale }))
    }

    /// DECIMAL as the connector's class has it: either number of the two may be the number of all digits.
    fn of_digits(one: Option<u8>, other: Option<u8>) -> PyResult<Self> {
        match (one, other) {
            (None, None) => Ok(Self::Decimal),
            (Some(one), Some(other)) => {
                Self::decimal(one.max(other), one.min(other)).ok_or_else(|| {
                    PyValueError::new_err(format!(
                        "DECIMAL({},{}) is no type",
                        one.max(other),
                        one.min(other)
                    ))
                })
            }
            _ => Err(PyValueError::new_err(
                "precision and scale go together: give both or neither",
            )),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Type(sql_type) => sql_type.name().into_owned(),
            Self::Decimal => "DECIMAL".to_owned(),
            Self::Interval => "INTERVAL".to_owned(),
            Self::Array => "ARRAY".to_owned(),
            Self::Map => "MAP".to_owned(),
        }
    }
}

#[pymethods]
impl TypedParameter {
    #[new]
    #[pyo3(signature = (value, r#type, name=None))]
    fn new(value: Py<PyAny>, r#type: &str, name: Option<String>) -> PyResult<Self> {
        let given = r#type;
        let wanted = Wanted::parse(given).ok_or_else(|| {
            PyTypeError::new_err(format!("'{given}' is no SQL type of a parameter"))
        })?;
        Ok(Self {
            value,
            name,
            wanted,
        })
    }

    /// The SQL type.
    #[getter]
    fn r#type(&self) -> String {
        self.wanted.name()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = other.py();
        let Ok(other) = other.cast::<Self>() else {
            return Ok(false);
        };
        let other = other.get();
        let same = self.wanted == other.wanted && self.name == other.name;
        Ok(same && self.value.bind(py).eq(&other.value)?)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let this = slf.get();
        let value = this.value.bind(slf.py()).repr()?;
        let name = this
            .name
            .as_ref()
            .map_or(String::new(), |name| format!(", name={name:?}"));
        Ok(format!(
            "Parameter({value}, '{}'{name})",
            this.wanted.name()
        ))
    }
}

macro_rules! classes {
    ($($rust:ident $python:literal $wanted:expr, $doc:literal;)+) => {
        $(
            #[doc = $doc]
            #[pyclass(extends = TypedParameter, subclass, frozen, name = $python, module = "databricks_sql_kernel.dbapi")]
            pub(crate) struct $rust;

            #[pymethods]
            impl $rust {
                #[new]
                #[pyo3(signature = (value, name=None))]
                fn new(value: Py<PyAny>, name: Option<String>) -> PyClassInitializer<Self> {
                    let base = TypedParameter { value, name, wanted: $wanted };
                    PyClassInitializer::from(base).add_subclass(Self)
                }
            }
        )+

        /// Adds the classes to a module.
        pub(crate) fn add_classes(module: &Bound<'_, PyModule>) -> PyResult<()> {
            module.add_class::<TypedParameter>()?;
            module.add_class::<DecimalParameter>()?;
            $(module.add_class::<$rust>()?;)+
            Ok(())
        }
    };
}

classes! {
    VoidParameter "VoidParameter" Wanted::Type(SqlType::Void), "NULL.";
    BooleanParameter "BooleanParameter" Wanted::Type(SqlType::Boolean), "A BOOLEAN.";
    TinyIntParameter "TinyIntParameter" Wanted::Type(SqlType::TinyInt), "A TINYINT.";
    SmallIntParameter "SmallIntParameter" Wanted::Type(SqlType::SmallInt), "A SMALLINT.";
    IntegerParameter "IntegerParameter" Wanted::Type(SqlType::Int), "An INT.";
    BigIntegerParameter "BigIntegerParameter" Wanted::Type(SqlType::BigInt), "A BIGINT.";
    FloatParameter "FloatParameter" Wanted::Type(SqlType::Float), "A FLOAT, of 32 bits.";
    DoubleParameter "DoubleParameter" Wanted::Type(SqlType::Double), "A DOUBLE.";
    StringParameter "StringParameter" Wanted::Type(SqlType::String), "A STRING: a text, or what `str()` says of any other value but bytes and containers.";
    BinaryParameter "BinaryParameter" Wanted::Type(SqlType::Binary), "A BINARY.";
    DateParameter "DateParameter" Wanted::Type(SqlType::Date), "A DATE.";
    TimestampParameter "TimestampParameter" Wanted::Type(SqlType::Timestamp), "A TIMESTAMP.";
    TimestampNTZParameter "TimestampNTZParameter" Wanted::Type(SqlType::TimestampNtz), "A `TIMESTAMP_NTZ`.";
    IntervalParameter "IntervalParameter" Wanted::Interval, "An INTERVAL.";
    ArrayParameter "ArrayParameter" Wanted::Array, "An ARRAY.";
    MapParameter "MapParameter" Wanted::Map, "A MAP.";
}

/// A DECIMAL.
#[pyclass(extends = TypedParameter, subclass, frozen, module = "databricks_sql_kernel.dbapi")]
pub(crate) struct DecimalParameter;

#[pymethods]
impl DecimalParameter {
    #[new]
    #[pyo3(signature = (value, name=None, scale=None, precision=None))]
    fn new(
        value: Py<PyAny>,
        name: Option<String>,
        scale: Option<u8>,
        precision: Option<u8>,
    ) -> PyResult<PyClassInitializer<Self>> {
        let wanted = Wanted::of_digits(scale, precision)?;
        let base = TypedParameter {
            value,
            name,
            wanted,
        };
        Ok(PyClassInitializer::from(base).add_subclass(Self))
    }
}

/// The name that a typed parameter has; None for other values.
pub(super) fn name(value: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    if let Ok(own) = value.cast::<TypedParameter>() {
        return Ok(own.get().name.clone());
    }
    if is_plain(value) || cast_expression(value)?.is_none() {
        return Ok(None);
    }
    value.getattr("name")?.extract()
}

/// Whether the value is of a type that is certainly not a typed parameter.
fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    value.is_none()
        || value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyDate>()
        || value.is_instance_of::<PyFloat>()
}

/// The SQL type that the connector's parameters name.
fn cast_expression<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyString>>> {
    let found = value.get_type().getattr_opt("CAST_EXPR")?;
    Ok(found.and_then(|found| found.cast_into().ok()))
}

impl Reader {
    /// The value of a typed parameter; None for other values.
    pub(super) fn typed(
        &self,
        label: Label<'_>,
        given: &Bound<'_, PyAny>,
        depth: usize,
    ) -> Result<Option<Value>> {
        if let Ok(own) = given.cast::<TypedParameter>() {
            let own = own.get();
            return self
                .wanted(label, own.value.bind(given.py()), &own.wanted, depth)
                .map(Some);
        }
        let Some(expression) = cast_expression(given)? else {
            return Ok(None);
        };
        let expression = expression.to_str()?;
        let wanted = if expression.starts_with("DECIMAL(") {
            Wanted::of_digits(
                given.getattr("scale")?.extract()?,
                given.getattr("precision")?.extract()?,
            )?
        } else if let Some(wanted) = Wanted::parse(expression) {
            wanted
        } else {
            return wrong(format!(
                "{label} asks for the SQL type {expression}, which no parameter can have"
            ));
        };
        self.wanted(label, &given.getattr("value")?, &wanted, depth)
            .map(Some)
    }

    fn wanted(
        &self,
        label: Label<'_>,
        value: &Bound<'_, PyAny>,
        wanted: &Wanted,
        depth: usize,
    ) -> Result<Value> {
        if foreign::is_missing(value)? {
            return Ok(match wanted {
                Wanted::Type(sql_type) => Value::Scalar(sql_type.clone(), None),
                _ => Value::NULL,
            });
        }
        let found = match wanted {
            Wanted::Type(sql_type) => self.as_type(label, value, sql_type, depth)?,
            Wanted::Decimal if value.is_instance_of::<PyInt>() => {
                Some(number::decimal_as(label, value, SqlType::MOST_DIGITS, 0)?)
            }
            Wanted::Decimal if number::is_decimal(value)? => Some(number::decimal(label, value)?),
            Wanted::Decimal => None,
            Wanted::Interval => match (value.cast::<PyDelta>(), value.cast::<PyString>()) {
                (Ok(span), _) => Some(temporal::day_time_interval(label, span)?),
                (_, Ok(text)) => Some(interval(text.to_str()?)),
                _ => None,
            },
            Wanted::Array => match self.value(label, value, depth)? {
                found @ Value::Array(..) => Some(found),
                _ => None,
            },
            Wanted::Map
                if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() =>
            {
                Some(self.map_of_flat(label, value, depth)?)
            }
            Wanted::Map => match value.cast::<PyMapping>() {
                Ok(mapping) => Some(self.map(label, mapping, depth)?),
                Err(_) => None,
            },
        };
        let Some(found) = found else {
            let type_name = value.get_type().name()?;
            return wrong(format!(
                "{label} is {}, a {type_name}, which is no {}",
                value.repr()?,
                wanted.name()
            ));
        };
        Ok(found)
    }

    /// A value as one of the type, or None when it is of another kind.
    fn as_type(
        &self,
        label: Label<'_>,
        value: &Bound<'_, PyAny>,
        sql_type: &SqlType,
        depth: usize,
    ) -> Result<Option<Value>> {
        let written = value.cast::<PyString>().ok();
        // An array of one item would pass for a number, and a container or bytes for the text that shows them.
        if written.is_none() && *sql_type != SqlType::Binary && value.hasattr("__len__")? {
            return Ok(None);
        }
        Ok(match sql_type {
            SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => {
                Some(number::integer_as(label, value, sql_type.clone())?)
            }
            SqlType::Decimal { precision, scale } => {
                if value.is_instance_of::<PyInt>() || number::is_decimal(value)? {
                    Some(number::decimal_as(label, value, *precision, *scale)?)
                } else {
                    None
                }
            }
            SqlType::Float => number::float_as(value)?,
            SqlType::Double => number::double_as(value)?,
            SqlType::Boolean => {
                let flag = value.cast::<PyBool>().ok();
                flag.map(|flag| scalar(SqlType::Boolean, flag.is_true().to_string()))
            }
            SqlType::String => Some(match written {
                Some(written) => text(label, written)?,
                None => text(label, &value.str()?)?,
            }),
            SqlType::Date
            | SqlType::Timestamp
            | SqlType::TimestampNtz
            | SqlType::DayTimeInterval
            | SqlType::YearMonthInterval
                if written.is_some() =>
            {
                Some(scalar(sql_type.clone(), text_of(value)?))
            }
            SqlType::Date if !value.is_instance_of::<PyDateTime>() => {
                let date = value.cast::<PyDate>().ok();
                date.map(|date| temporal::date(label, date)).transpose()?
            }
            SqlType::Timestamp => match value.cast::<PyDateTime>() {
                Ok(moment) => Some(temporal::datetime(label, moment, false)?),
                Err(_) => None,
            },
            SqlType::TimestampNtz => {
                let moment = value.cast::<PyDateTime>().ok();
                moment
                    .map(|moment| temporal::datetime_ntz(label, moment))
                    .transpose()?
            }
            SqlType::DayTimeInterval => match value.cast::<PyDelta>() {
                Ok(span) => Some(temporal::day_time_interval(label, span)?),
                Err(_) => None,
            },
            SqlType::Binary => match self.value(label, value, depth)? {
                found @ Value::Binary(_) => Some(found),
                _ => None,
            },
            _ => None,
        })
    }

    /// A map of keys and values in turn, as the connector's class holds them.
    fn map_of_flat(
        &self,
        label: Label<'_>,
        value: &Bound<'_, PyAny>,
        depth: usize,
    ) -> Result<Value> {
        let mut items = value.try_iter()?;
        let mut entries = Vec::new();
        while let Some(key) = items.next() {
            let Some(item) = items.next() else {
                return wrong(format!("{label} is a MAP with a key that has no value"));
            };
            entries.push((
                self.value(label, &key?, depth + 1)?,
                self.value(label, &item?, depth + 1)?,
            ));
        }
        map_of(label, entries)
    }
}

/// `1-2` is of years and months, all else of days and smaller units.
fn interval(text: &str) -> Value {
    let unsigned = text.trim().trim_start_matches(['-', '+']);
    let years = unsigned.split_once('-').is_some_and(|(years, months)| {
        [years, months]
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    });
    let sql_type = if years {
        SqlType::YearMonthInterval
    } else {
        SqlType::DayTimeInterval
    };
    scalar(sql_type, text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_in_all_spellings() {
        let decimal = |precision, scale| Some(Wanted::Type(SqlType::Decimal { precision, scale }));
        assert_eq!(Wanted::parse(" decimal(10, 2) "), decimal(10, 2));
        assert_eq!(Wanted::parse("NUMERIC(5)"), decimal(5, 0));
        assert_eq!(Wanted::parse("DECIMAL"), Some(Wanted::Decimal));
        assert_eq!(Wanted::parse("integer"), Some(Wanted::Type(SqlType::Int)));
        for wrong in [
            "",
            "DECIMAL(39,0)",
            "DECIMAL(2,3)",
            "DECIMAL(",
            "INT(5)",
            "GEOMETRY",
        ] {
            assert_eq!(Wanted::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_kind_of_an_interval_is_told_by_its_text() {
        let years = |text| *interval(text).sql_type() == SqlType::YearMonthInterval;
        assert!(years("1-2") && years("-10-11"));
        assert!(!years("-1 02:03:04") && !years("5"));
    }
}
