//! The SQL types that can be bound.

use super::text::{date, decimal, float, geospatial, timestamp};
use crate::client::{Error, Result};

/// The name of a type in capitals, without what stands in brackets.
pub(super) fn base_of(sql_type: &str) -> String {
    let end = sql_type.find(['(', '<']).unwrap_or(sql_type.len());
    sql_type[..end].trim().to_ascii_uppercase()
}

/// The numbers in the round brackets of a type.
fn arguments_of(sql_type: &str) -> Option<Vec<i64>> {
    let Some((_, rest)) = sql_type.split_once('(') else {
        return Some(Vec::new());
    };
    let (inside, after) = rest.split_once(')')?;
    if !after.trim().is_empty() {
        return None;
    }
    inside
        .split(',')
        .map(|part| part.trim().parse().ok())
        .collect()
}

/// The types that can be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Void,
    Boolean,
    /// With its name and its bounds.
    Integer(&'static str, i64, i64),
    Float,
    Double,
    /// With precision and scale, where they are given.
    Decimal(Option<(i64, i64)>),
    /// With the most characters, where a length is given.
    Text(Option<i64>),
    Binary,
    Date,
    Timestamp,
    LocalTimestamp,
    Interval(String),
    /// With the reference system, where it is given.
    Geospatial(Option<i64>),
}

impl Kind {
    pub(super) fn parse(sql_type: &str) -> Option<Self> {
        let base = base_of(sql_type);
        let arguments = arguments_of(sql_type)?;
        let plain = arguments.is_empty();
        Some(match (base.as_str(), arguments.as_slice()) {
            ("VOID" | "NULL", []) => Self::Void,
            ("BOOLEAN" | "BOOL", []) => Self::Boolean,
            ("TINYINT" | "BYTE", []) => Self::Integer("TINYINT", i8::MIN.into(), i8::MAX.into()),
            ("SMALLINT" | "SHORT", []) => {
                Self::Integer("SMALLINT", i16::MIN.into(), i16::MAX.into())
            }
            ("INT" | "INTEGER", []) => Self::Integer("INT", i32::MIN.into(), i32::MAX.into()),
            ("BIGINT" | "LONG", []) => Self::Integer("BIGINT", i64::MIN, i64::MAX),
            ("FLOAT" | "REAL", []) => Self::Float,
            ("DOUBLE", []) => Self::Double,
            ("DECIMAL" | "NUMERIC" | "DEC", []) => Self::Decimal(None),
            ("DECIMAL" | "NUMERIC" | "DEC", [precision]) => Self::decimal(*precision, 0)?,
            ("DECIMAL" | "NUMERIC" | "DEC", [precision, scale]) => {
                Self::decimal(*precision, *scale)?
            }
            ("STRING" | "VARIANT" | "VARCHAR" | "CHAR", []) => Self::Text(None),
            ("VARCHAR" | "CHAR", [length]) => Self::Text(Some(*length)),
            ("BINARY", []) => Self::Binary,
            ("DATE", []) => Self::Date,
            ("TIMESTAMP" | "TIMESTAMP_LTZ", []) => Self::Timestamp,
            ("TIMESTAMP_NTZ", []) => Self::LocalTimestamp,
            ("GEOMETRY" | "GEOGRAPHY", []) => Self::Geospatial(None),
            ("GEOMETRY" | "GEOGRAPHY", [srid]) => Self::Geospatial(Some(*srid)),
            (interval, []) if plain && is_interval(interval) => Self::Interval(base),
            _ => return None,
        })
    }

    fn decimal(precision: i64, scale: i64) -> Option<Self> {
        let fits = (1..=38).contains(&precision) && (0..=precision).contains(&scale);
        fits.then_some(Self::Decimal(Some((precision, scale))))
    }

    pub(super) fn null_type(&self) -> String {
        match self {
            Self::Void | Self::Text(_) | Self::Geospatial(_) => "STRING".to_owned(),
            Self::Decimal(None) => "DECIMAL(10,0)".to_owned(),
            _ => self.name(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Void => "VOID".to_owned(),
            Self::Boolean => "BOOLEAN".to_owned(),
            Self::Integer(name, _, _) => (*name).to_owned(),
            Self::Float => "FLOAT".to_owned(),
            Self::Double => "DOUBLE".to_owned(),
            Self::Decimal(None) => "DECIMAL".to_owned(),
            Self::Decimal(Some((precision, scale))) => format!("DECIMAL({precision},{scale})"),
            Self::Text(_) | Self::Geospatial(_) => "STRING".to_owned(),
            Self::Binary => "BINARY".to_owned(),
            Self::Date => "DATE".to_owned(),
            Self::Timestamp => "TIMESTAMP".to_owned(),
            Self::LocalTimestamp => "TIMESTAMP_NTZ".to_owned(),
            Self::Interval(name) => name.clone(),
        }
    }

    /// The type and the text that are sent for a value.
    pub(super) fn wire(&self, value: &str) -> Result<(String, Option<String>)> {
        let refused = |why: &str| {
            let shown: String = value.chars().take(60).collect();
            Error::invalid_argument(format!(
                "'{}' is no value of {}{why}",
                shown.escape_debug(),
                self.name()
            ))
        };
        let text = match self {
            Self::Void => return Err(refused(", which has none but NULL")),
            Self::Boolean => match value.to_ascii_lowercase().as_str() {
                "true" | "1" => "true".to_owned(),
                "false" | "0" => "false".to_owned(),
                _ => return Err(refused("")),
            },
            Self::Integer(_, least, most) => {
                let number: i128 = value.parse().map_err(|_| refused(""))?;
                if !(i128::from(*least)..=i128::from(*most)).contains(&number) {
                    return Err(refused(&format!(", which goes from {least} to {most}")));
                }
                number.to_string()
            }
            Self::Float => float(value, |value| value.parse::<f32>().ok().map(f64::from))
                .ok_or_else(|| refused(""))?,
            Self::Double => float(value, |value| value.parse().ok()).ok_or_else(|| refused(""))?,
            Self::Decimal(declared) => {
                return decimal(value, *declared).map_err(|why| refused(&why));
            }
            Self::Text(Some(length)) => {
                let characters = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
                if characters > *length {
                    return Err(refused(&format!(" of {length} characters")));
                }
                value.to_owned()
            }
            Self::Text(None) | Self::Binary | Self::Interval(_) => value.to_owned(),
            Self::Date => date(value).ok_or_else(|| refused(""))?,
            Self::Timestamp => timestamp(value, true).ok_or_else(|| refused(""))?,
            Self::LocalTimestamp => timestamp(value, false).ok_or_else(|| refused(""))?,
            Self::Geospatial(declared) => {
                geospatial(value, *declared).ok_or_else(|| refused(" with this SRID"))?
            }
        };
        Ok((self.name(), Some(text)))
    }
}

fn is_interval(name: &str) -> bool {
    const FIELDS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
    let mut words = name.split_whitespace();
    if words.next() != Some("INTERVAL") {
        return false;
    }
    match words.collect::<Vec<_>>().as_slice() {
        [] => true,
        [field] => FIELDS.contains(field),
        [from, "TO", to] => FIELDS.contains(from) && FIELDS.contains(to),
        _ => false,
    }
}
