//! Values that go into a statement, as parameters or as literals.

use std::borrow::Cow;

use crate::client::wire::StatementParameter;

/// The SQL type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqlType {
    /// That of NULL, which fits any other.
    Void,
    /// BOOLEAN
    Boolean,
    /// TINYINT
    TinyInt,
    /// SMALLINT
    SmallInt,
    /// INT
    Int,
    /// BIGINT
    BigInt,
    /// FLOAT
    Float,
    /// DOUBLE
    Double,
    /// DECIMAL
    Decimal {
        /// All digits.
        precision: u8,
        /// Those after the point.
        scale: u8,
    },
    /// STRING
    String,
    /// BINARY
    Binary,
    /// DATE
    Date,
    /// TIMESTAMP, an instant.
    Timestamp,
    /// `TIMESTAMP_NTZ`, a wall time.
    TimestampNtz,
    /// INTERVAL DAY TO SECOND
    DayTimeInterval,
    /// INTERVAL YEAR TO MONTH
    YearMonthInterval,
    /// ARRAY
    Array(Box<SqlType>),
    /// MAP
    Map(Box<SqlType>, Box<SqlType>),
}

impl SqlType {
    /// Most digits of DECIMAL.
    pub const MOST_DIGITS: u8 = 38;

    /// The type as SQL writes it.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Void => "VOID",
            Self::Boolean => "BOOLEAN",
            Self::TinyInt => "TINYINT",
            Self::SmallInt => "SMALLINT",
            Self::Int => "INT",
            Self::BigInt => "BIGINT",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::String => "STRING",
            Self::Binary => "BINARY",
            Self::Date => "DATE",
            Self::Timestamp => "TIMESTAMP",
            Self::TimestampNtz => "TIMESTAMP_NTZ",
            Self::DayTimeInterval => "INTERVAL DAY TO SECOND",
            Self::YearMonthInterval => "INTERVAL YEAR TO MONTH",
            Self::Decimal { precision, scale } => {
                return format!("DECIMAL({precision},{scale})").into();
            }
            Self::Array(item) => return format!("ARRAY<{}>", item.name()).into(),
            Self::Map(key, value) => {
                return format!("MAP<{}, {}>", key.name(), value.name()).into();
            }
        })
    }

    /// The type of a column of VALUES that holds both, if every value of either is the same in it: also as text.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Void, any) | (any, Self::Void) => Some(any.clone()),
            (Self::Int | Self::BigInt, Self::Int | Self::BigInt) if self != other => {
                Some(Self::BigInt)
            }
            (
                Self::Decimal { precision, scale },
                Self::Decimal {
                    precision: other_precision,
                    scale: other_scale,
                },
            ) => (scale == other_scale).then(|| Self::Decimal {
                precision: *precision.max(other_precision),
                scale: *scale,
            }),
            (Self::Array(item), Self::Array(other)) => {
                Some(Self::Array(item.joined(other)?.into()))
            }
            (Self::Map(key, value), Self::Map(other_key, other_value)) => Some(Self::Map(
                key.joined(other_key)?.into(),
                value.joined(other_value)?.into(),
            )),
            _ => (self == other).then(|| self.clone()),
        }
    }

    /// The type of the items of an array that holds both, if every value of either is an equal one in it.
    ///
    /// Whole numbers beyond 2^53 are not equal to any DOUBLE; callers look out for them.
    #[must_use]
    pub fn widened(&self, other: &Self) -> Option<Self> {
        if let Some(joined) = self.joined(other) {
            return Some(joined);
        }
        match (self, other) {
            (Self::Double, Self::Int | Self::BigInt) | (Self::Int | Self::BigInt, Self::Double) => {
                Some(Self::Double)
            }
            (Self::Array(item), Self::Array(other)) => {
                Some(Self::Array(item.widened(other)?.into()))
            }
            (Self::Map(key, value), Self::Map(other_key, other_value)) => Some(Self::Map(
                key.widened(other_key)?.into(),
                value.widened(other_value)?.into(),
            )),
            _ => {
                let ((whole, scale), (other_whole, other_scale)) =
                    (self.digits()?, other.digits()?);
                let scale = scale.max(other_scale);
                let precision = whole.max(other_whole) + scale;
                (precision <= Self::MOST_DIGITS).then_some(Self::Decimal { precision, scale })
            }
        }
    }

    /// Digits before and after the point of exact numbers.
    fn digits(&self) -> Option<(u8, u8)> {
        match self {
            Self::Int => Some((10, 0)),
            // As the service counts, which has room for any number of 64 bits.
            Self::BigInt => Some((20, 0)),
            Self::Decimal { precision, scale } => Some((precision - scale, *scale)),
            _ => None,
        }
    }
}

/// A value for a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// What has a parameter type: the text that a parameter has, or NULL.
    Scalar(SqlType, Option<String>),
    /// Bytes.
    Binary(Vec<u8>),
    /// Items, and their type.
    Array(SqlType, Vec<Value>),
    /// Keys with values, and the types of both.
    Map(SqlType, SqlType, Vec<(Value, Value)>),
}

impl Value {
    /// NULL, of no type.
    pub const NULL: Self = Self::Scalar(SqlType::Void, None);

    /// The SQL type.
    #[must_use]
    pub fn sql_type(&self) -> Cow<'_, SqlType> {
        match self {
            Self::Scalar(sql_type, _) => Cow::Borrowed(sql_type),
            Self::Binary(_) => Cow::Owned(SqlType::Binary),
            Self::Array(item, _) => Cow::Owned(SqlType::Array(item.clone().into())),
            Self::Map(key, value, _) => {
                Cow::Owned(SqlType::Map(key.clone().into(), value.clone().into()))
            }
        }
    }

    /// Whether the value is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(_, None))
    }

    /// Whether the value is none of the whole numbers that DOUBLE would round.
    #[must_use]
    pub fn is_equal_to_a_double(&self) -> bool {
        const MOST: u64 = 1 << f64::MANTISSA_DIGITS;
        match self {
            Self::Scalar(SqlType::Int | SqlType::BigInt, Some(text)) => text
                .parse::<i64>()
                .is_ok_and(|number| number.unsigned_abs() <= MOST),
            _ => true,
        }
    }

    /// Whether a parameter can be of the value's type.
    #[must_use]
    pub fn has_parameter_type(&self) -> bool {
        matches!(self, Self::Scalar(sql_type, _) if *sql_type != SqlType::Binary)
    }

    /// The value as a parameter; those that [`Self::has_parameter_type`] refuses are not understood by the service.
    #[must_use]
    pub(super) fn into_parameter(
        self,
        name: Option<String>,
        ordinal: Option<u32>,
    ) -> StatementParameter {
        let (sql_type, value) = match self {
            // The service takes NULL as STRING for any type.
            Self::Scalar(SqlType::Void, _) => ("STRING".to_owned(), None),
            Self::Scalar(sql_type, value) => (sql_type.name().into_owned(), value),
            other => {
                let mut text = String::new();
                other.write_literal(&mut text);
                (other.sql_type().name().into_owned(), Some(text))
            }
        };
        StatementParameter {
            name,
            ordinal,
            sql_type,
            value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SqlType;

    const fn decimal(precision: u8, scale: u8) -> SqlType {
        SqlType::Decimal { precision, scale }
    }

    #[test]
    fn types_that_change_no_text_are_joined() {
        let joined = |a: SqlType, b: SqlType| {
            assert_eq!(a.joined(&b), b.joined(&a));
            a.joined(&b)
        };
        assert_eq!(joined(SqlType::Void, SqlType::Date), Some(SqlType::Date));
        assert_eq!(joined(SqlType::Int, SqlType::BigInt), Some(SqlType::BigInt));
        assert_eq!(joined(decimal(3, 2), decimal(9, 2)), Some(decimal(9, 2)));
        assert_eq!(joined(decimal(3, 2), decimal(3, 1)), None);
        assert_eq!(joined(SqlType::Int, SqlType::Double), None);
        assert_eq!(joined(SqlType::Date, SqlType::Timestamp), None);
        let array = |item: SqlType| SqlType::Array(item.into());
        assert_eq!(
            joined(array(SqlType::Void), array(SqlType::Int)),
            Some(array(SqlType::Int))
        );
        assert_eq!(joined(array(SqlType::Int), SqlType::Int), None);
    }

    #[test]
    fn numbers_that_stay_equal_are_widened() {
        let widened = |a: SqlType, b: SqlType| {
            assert_eq!(a.widened(&b), b.widened(&a));
            a.widened(&b)
        };
        assert_eq!(
            widened(SqlType::Int, SqlType::Double),
            Some(SqlType::Double)
        );
        assert_eq!(widened(decimal(3, 2), decimal(3, 1)), Some(decimal(4, 2)));
        assert_eq!(widened(decimal(38, 38), SqlType::Int), None);
        assert_eq!(widened(decimal(3, 2), SqlType::Double), None);
        assert_eq!(widened(SqlType::String, SqlType::Int), None);
        assert_eq!(widened(SqlType::Boolean, SqlType::Int), None);
    }
}
