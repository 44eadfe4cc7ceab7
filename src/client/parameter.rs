//! Parameters that come as texts with the names of their SQL types.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::wire::StatementParameter;
use super::{Error, Result};

/// Most places that `?` markers may have.
const MOST_PLACES: i64 = 65_535;

/// What has been bound to a statement: by name or by place, never both.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    named: Vec<StatementParameter>,
    placed: Vec<Option<StatementParameter>>,
}

impl Bindings {
    /// Binds the `ordinal`-th `?`, from 1. Binding again overwrites; places left out are NULL.
    pub fn bind_place(&mut self, ordinal: i64, value: Option<&str>, sql_type: &str) -> Result<()> {
        if !(1..=MOST_PLACES).contains(&ordinal) {
            return Err(Error::invalid_argument(format!(
                "the ordinal {ordinal} of a parameter is not between 1 and {MOST_PLACES}"
            )));
        }
        if !self.named.is_empty() {
            return Err(mixed());
        }
        let place = usize::try_from(ordinal - 1).unwrap_or_default();
        let mut parameter = typed(value, sql_type)?;
        parameter.ordinal = u32::try_from(ordinal).ok();
        if self.placed.len() <= place {
            self.placed.resize(place + 1, None);
        }
        self.placed[place] = Some(parameter);
        Ok(())
    }

    /// Binds `:name`. Binding again overwrites.
    pub fn bind_name(&mut self, name: &str, value: Option<&str>, sql_type: &str) -> Result<()> {
        if name.is_empty() {
            return Err(Error::invalid_argument("the name of a parameter is empty"));
        }
        if !self.placed.is_empty() {
            return Err(mixed());
        }
        let mut parameter = typed(value, sql_type)?;
        parameter.name = Some(name.to_owned());
        self.named
            .retain(|bound| bound.name.as_deref() != Some(name));
        self.named.push(parameter);
        Ok(())
    }

    /// What is sent.
    #[must_use]
    pub fn parameters(&self) -> Vec<StatementParameter> {
        let places = (1..).zip(&self.placed).map(|(ordinal, bound)| {
            bound.clone().unwrap_or(StatementParameter {
                name: None,
                ordinal: Some(ordinal),
                sql_type: "STRING".to_owned(),
                value: None,
            })
        });
        self.named.iter().cloned().chain(places).collect()
    }
}

fn mixed() -> Error {
    Error::invalid_argument(
        "named and positional parameters are mutually exclusive; pass only one kind",
    )
}

/// A value as text, checked against the name of its SQL type.
///
/// # Errors
/// `InvalidArgument` when the type cannot be bound or the text is no value of it.
pub fn typed(value: Option<&str>, sql_type: &str) -> Result<StatementParameter> {
    let kind = Kind::parse(sql_type);
    let (sql_type, value) = match (kind, value) {
        (Some(kind), Some(value)) => kind.wire(value)?,
        (Some(kind), None) => (kind.null_type(), None),
        // Whatever its type, NULL is NULL.
        (None, None) => ("STRING".to_owned(), None),
        (None, Some(_)) => return Err(unbindable(sql_type)),
    };
    Ok(StatementParameter {
        name: None,
        ordinal: None,
        sql_type,
        value,
    })
}

fn unbindable(sql_type: &str) -> Error {
    let base = base_of(sql_type);
    let way_out = if matches!(base.as_str(), "ARRAY" | "MAP" | "STRUCT") {
        "; write a literal, or bind a JSON text and read it with from_json"
    } else {
        ""
    };
    Error::invalid_argument(format!(
        "the SQL type '{sql_type}' cannot be bound as a parameter{way_out}"
    ))
}

/// The name of a type in capitals, without what stands in brackets.
fn base_of(sql_type: &str) -> String {
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
enum Kind {
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
    fn parse(sql_type: &str) -> Option<Self> {
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

    fn null_type(&self) -> String {
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
    fn wire(&self, value: &str) -> Result<(String, Option<String>)> {
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
            Self::Decimal(declared) => return decimal(value, *declared).ok_or_else(|| refused("")),
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

/// A number as the service reads it; what overflows is refused.
fn float(value: &str, parse: impl Fn(&str) -> Option<f64>) -> Option<String> {
    let number = parse(value)?;
    let written_out = value.trim_start_matches(['+', '-']).to_ascii_lowercase();
    Some(match written_out.as_str() {
        "nan" => "NaN".to_owned(),
        "inf" | "infinity" if number > 0.0 => "Infinity".to_owned(),
        "inf" | "infinity" => "-Infinity".to_owned(),
        _ if number.is_finite() => value.to_owned(),
        _ => return None,
    })
}

/// Digits without exponent. A scale too small for the value is widened, never the value cut.
fn decimal(value: &str, declared: Option<(i64, i64)>) -> Option<(String, Option<String>)> {
    const MOST_DIGITS: i64 = 38;
    let (negative, unsigned) = match value.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, value.strip_prefix('+').unwrap_or(value)),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits || exponent.abs() > MOST_DIGITS * 2 {
        return None;
    }
    // Where the point goes among the digits; it may stand outside of them.
    let point = i64::try_from(whole.len()).ok()? + exponent;
    let length = i64::try_from(digits.len()).ok()?;
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or_default());
    let (whole, fraction) = if point <= 0 {
        (String::new(), zeros(-point) + &digits)
    } else if point >= length {
        (digits + &zeros(point - length), String::new())
    } else {
        let (whole, fraction) = digits.split_at(usize::try_from(point).ok()?);
        (whole.to_owned(), fraction.to_owned())
    };
    let whole = whole.trim_start_matches('0');
    let (before, after) = (
        i64::try_from(whole.len()).ok()?,
        i64::try_from(fraction.len()).ok()?,
    );
    let (precision, scale) = match declared {
        Some((precision, scale)) if after <= scale && before <= precision - scale => {
            (precision, scale)
        }
        Some((_, scale)) => (before + after.max(scale), after.max(scale)),
        None => ((before + after).max(1), after),
    };
    if precision > MOST_DIGITS {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    let text = format!("{sign}{whole}{point}{fraction}");
    Some((format!("DECIMAL({precision},{scale})"), Some(text)))
}

fn date(value: &str) -> Option<String> {
    let date = NaiveDate::parse_from_str(value, "%Y-%m-%d").ok()?;
    Some(date.format("%Y-%m-%d").to_string())
}

/// A date and time. The offset names the instant and is kept, except for types that know none.
fn timestamp(value: &str, keeps_offset: bool) -> Option<String> {
    let value = value.trim();
    if let Some(date) = date(value) {
        return Some(date);
    }
    let (day, time) = value.split_once(['T', 't', ' '])?;
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    let end = time.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.');
    let (time, offset) = time.split_at(end.unwrap_or(time.len()));
    let time = NaiveTime::parse_from_str(time, "%H:%M:%S%.f").ok()?;
    let local = NaiveDateTime::new(day, time).format("%Y-%m-%dT%H:%M:%S%.f");
    let offset = normalised_offset(offset.trim())?;
    Some(if keeps_offset {
        format!("{local}{offset}")
    } else {
        local.to_string()
    })
}

/// Nothing, `Z` or `+hh:mm`.
fn normalised_offset(offset: &str) -> Option<String> {
    if offset.is_empty() {
        return Some(String::new());
    }
    if offset.eq_ignore_ascii_case("z") || offset == "UTC" {
        return Some("Z".to_owned());
    }
    let sign = offset.chars().next().filter(|sign| "+-".contains(*sign))?;
    let rest = &offset[1..];
    let (hours, minutes) = match rest.split_once(':') {
        Some((hours, minutes)) => (hours, minutes.strip_suffix(":00").unwrap_or(minutes)),
        None if rest.len() == 4 => rest.split_at(2),
        None => (rest, "00"),
    };
    let number = |text: &str, most: u8| {
        let digits =
            (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        digits
            .then(|| text.parse::<u8>().ok())?
            .filter(|number| *number <= most)
    };
    Some(format!(
        "{sign}{:02}:{:02}",
        number(hours, 18)?,
        number(minutes, 59)?
    ))
}

/// Extended well-known text; what the type and the text say of the reference system must agree.
fn geospatial(value: &str, declared: Option<i64>) -> Option<String> {
    let named = match value.trim().get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("SRID=") => {
            let (number, _) = value.trim()[5..].split_once(';')?;
            Some(number.trim().parse::<i64>().ok()?)
        }
        _ => None,
    };
    match (declared, named) {
        (Some(declared), Some(named)) if declared != named => None,
        (Some(declared), None) => Some(format!("SRID={declared};{value}")),
        _ => Some(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(value: &str, sql_type: &str) -> (String, String) {
        let parameter = typed(Some(value), sql_type).unwrap_or_else(|error| panic!("{error}"));
        (parameter.sql_type, parameter.value.unwrap())
    }

    fn pair(sql_type: &str, value: &str) -> (String, String) {
        (sql_type.to_owned(), value.to_owned())
    }

    #[test]
    fn values_are_sent_as_their_type() {
        let cases = [
            ("TRUE", "boolean", "BOOLEAN", "true"),
            ("0", "BOOL", "BOOLEAN", "false"),
            ("+007", "INTEGER", "INT", "7"),
            ("-128", "BYTE", "TINYINT", "-128"),
            (
                "9223372036854775807",
                "LONG",
                "BIGINT",
                "9223372036854775807",
            ),
            ("1e300", "DOUBLE", "DOUBLE", "1e300"),
            ("nan", "DOUBLE", "DOUBLE", "NaN"),
            ("-inf", "FLOAT", "FLOAT", "-Infinity"),
            ("x", "VARCHAR(1)", "STRING", "x"),
            ("{}", "VARIANT", "STRING", "{}"),
            ("ab", "BINARY", "BINARY", "ab"),
            ("2020-1-1", "DATE", "DATE", "2020-01-01"),
            (
                "1-2",
                "interval year to month",
                "INTERVAL YEAR TO MONTH",
                "1-2",
            ),
            ("3", "INTERVAL", "INTERVAL", "3"),
            (
                "POINT(1 2)",
                "GEOMETRY(4326)",
                "STRING",
                "SRID=4326;POINT(1 2)",
            ),
            (
                "SRID=1;POINT(1 2)",
                "GEOGRAPHY",
                "STRING",
                "SRID=1;POINT(1 2)",
            ),
        ];
        for (value, given, sql_type, text) in cases {
            assert_eq!(sent(value, given), pair(sql_type, text), "{value} {given}");
        }
    }

    #[test]
    fn decimals_keep_their_digits() {
        let cases = [
            ("1.25", "DECIMAL(10,2)", "DECIMAL(10,2)", "1.25"),
            ("1.255", "DECIMAL(4,2)", "DECIMAL(4,3)", "1.255"),
            ("12345", "DECIMAL(3,0)", "DECIMAL(5,0)", "12345"),
            ("1.5E+3", "DECIMAL(10)", "DECIMAL(10,0)", "1500"),
            ("-1e-3", "DECIMAL(5,4)", "DECIMAL(5,4)", "-0.001"),
            (".5", "NUMERIC", "DECIMAL(1,1)", "0.5"),
            ("5.", "DECIMAL", "DECIMAL(1,0)", "5"),
            ("0", "DECIMAL", "DECIMAL(1,0)", "0"),
        ];
        for (value, given, sql_type, text) in cases {
            assert_eq!(sent(value, given), pair(sql_type, text), "{value} {given}");
        }
    }

    #[test]
    fn timestamps_keep_their_instant() {
        let cases = [
            ("2024-01-02 03:04:05", "TIMESTAMP", "2024-01-02T03:04:05"),
            (
                "2024-01-02T03:04:05.5+02:00",
                "TIMESTAMP",
                "2024-01-02T03:04:05.500+02:00",
            ),
            (
                "2024-01-02 03:04:05 -0730",
                "TIMESTAMP_LTZ",
                "2024-01-02T03:04:05-07:30",
            ),
            ("2024-01-02 03:04:05Z", "TIMESTAMP", "2024-01-02T03:04:05Z"),
            (
                "2024-01-02 03:04:05+02:00",
                "TIMESTAMP_NTZ",
                "2024-01-02T03:04:05",
            ),
            ("2024-01-02", "TIMESTAMP", "2024-01-02"),
        ];
        for (value, given, text) in cases {
            assert_eq!(sent(value, given).1, text, "{value} {given}");
        }
    }

    #[test]
    fn null_keeps_its_type_where_that_can_be_sent() {
        let null = |sql_type| typed(None, sql_type).unwrap().sql_type;
        let types = [
            "INT",
            "decimal(10,2)",
            "VOID",
            "ARRAY<INT>",
            "nonsense",
            "TIMESTAMP_NTZ",
        ];
        let sent = [
            "INT",
            "DECIMAL(10,2)",
            "STRING",
            "STRING",
            "STRING",
            "TIMESTAMP_NTZ",
        ];
        assert_eq!(types.map(null), sent);
    }

    #[test]
    fn what_is_no_value_of_its_type_is_refused() {
        let cases = [
            ("abc", "INT"),
            ("128", "TINYINT"),
            (" 1", "INT"),
            ("1e400", "DOUBLE"),
            ("1e39", "FLOAT"),
            ("x", "VOID"),
            ("yes", "BOOLEAN"),
            ("ab", "VARCHAR(1)"),
            ("1.2.3", "DECIMAL(5,2)"),
            ("1e99", "DECIMAL(5,2)"),
            ("", "DECIMAL"),
            ("2024-13-01", "DATE"),
            ("2024-01-02 03:04", "TIMESTAMP"),
            ("2024-01-02 03:04:05 Europe/Berlin", "TIMESTAMP"),
            ("SRID=1;POINT(1 2)", "GEOMETRY(2)"),
            ("[1]", "ARRAY<INT>"),
            ("1", "DECIMAL(39,0)"),
            ("1", "DECIMAL(5,6)"),
            ("1", "TIME"),
            ("1", "INT(4)"),
            ("1", "INTERVAL CENTURY"),
        ];
        for (value, sql_type) in cases {
            let error = typed(Some(value), sql_type).expect_err(sql_type);
            assert_eq!(
                error.code(),
                crate::client::ErrorCode::InvalidArgument,
                "{value}"
            );
        }
    }

    #[test]
    fn places_are_filled_and_kinds_are_not_mixed() {
        let mut bindings = Bindings::default();
        bindings.bind_place(3, Some("3"), "INT").unwrap();
        bindings.bind_place(1, Some("x"), "STRING").unwrap();
        bindings.bind_place(1, Some("1"), "INT").unwrap();
        let sent = bindings.parameters();
        let values: Vec<_> = sent
            .iter()
            .map(|it| (it.ordinal, it.value.as_deref()))
            .collect();
        assert_eq!(
            values,
            [(Some(1), Some("1")), (Some(2), None), (Some(3), Some("3"))]
        );
        assert!(bindings.bind_name("a", None, "INT").is_err());
        for ordinal in [0, -1, 1 << 32, i64::MAX] {
            assert!(
                bindings.bind_place(ordinal, None, "INT").is_err(),
                "{ordinal}"
            );
        }
        let mut named = Bindings::default();
        named.bind_name("a", Some("1"), "INT").unwrap();
        named.bind_name("a", Some("2"), "INT").unwrap();
        assert_eq!(named.parameters().len(), 1);
        assert!(named.bind_name("", None, "INT").is_err());
        assert!(named.bind_place(1, None, "INT").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(value in ".{0,30}", sql_type in "[A-Z_]{1,12}(\\([0-9, ]{0,6}\\))?") {
            drop(typed(Some(&value), &sql_type));
        }

        #[test]
        fn integers_pass_unchanged(number: i64) {
            prop_assert_eq!(sent(&number.to_string(), "BIGINT"), pair("BIGINT", &number.to_string()));
        }

        #[test]
        fn written_decimals_pass_unchanged(whole in 0_u64..1_000_000, fraction in "[0-9]{1,12}") {
            let text = format!("{whole}.{fraction}");
            prop_assert_eq!(sent(&text, "DECIMAL").1, text);
        }
    }
}
