//! Values as literals: exact, typed, and closed to whatever their text says.

use std::fmt::Write as _;

use super::lexer::dollar_tag;
use super::value::{SqlType, Value};

impl Value {
    /// Appends the value as a literal of its type.
    pub(super) fn write_literal(&self, sql: &mut String) {
        match self {
            Self::Scalar(SqlType::Void, _) => sql.push_str("NULL"),
            Self::Scalar(sql_type, None) => cast(sql, "NULL", sql_type),
            Self::Scalar(sql_type, Some(text)) => scalar(sql, sql_type, text),
            Self::Binary(bytes) => hexadecimal(sql, bytes),
            Self::Array(_, items) => {
                sql.push_str("array(");
                separated(sql, items);
                sql.push(')');
            }
            Self::Map(_, _, entries) => {
                sql.push_str("map(");
                separated(sql, entries.iter().flat_map(|(key, value)| [key, value]));
                sql.push(')');
            }
        }
    }
}

fn separated<'a>(sql: &mut String, items: impl IntoIterator<Item = &'a Value>) {
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            sql.push_str(", ");
        }
        item.write_literal(sql);
    }
}

fn scalar(sql: &mut String, sql_type: &SqlType, text: &str) {
    match sql_type {
        SqlType::String => string(sql, text),
        SqlType::Boolean => sql.push_str(if text.eq_ignore_ascii_case("true") {
            "TRUE"
        } else {
            "FALSE"
        }),
        SqlType::Int => sql.push_str(text),
        SqlType::BigInt => {
            sql.push_str(text);
            // Shorter numbers would be of type INT.
            if text.parse::<i32>().is_ok() {
                sql.push('L');
            }
        }
        SqlType::Double if text.ends_with(|last: char| last.is_ascii_digit()) => {
            // A number with an exponent is of type DOUBLE.
            sql.extend(text.chars().map(|letter| letter.to_ascii_uppercase()));
            if !text.contains('e') {
                sql.push_str("E0");
            }
        }
        SqlType::Decimal { precision, scale } if is_plain_decimal(text, *precision, *scale) => {
            sql.push_str(text);
        }
        SqlType::Date => typed(sql, "DATE", text, ""),
        SqlType::Timestamp => typed(sql, "TIMESTAMP", text, ""),
        SqlType::TimestampNtz => typed(sql, "TIMESTAMP_NTZ", text, ""),
        SqlType::DayTimeInterval => typed(sql, "INTERVAL", text, " DAY TO SECOND"),
        SqlType::YearMonthInterval => typed(sql, "INTERVAL", text, " YEAR TO MONTH"),
        other => {
            let mut quoted = String::new();
            string(&mut quoted, text);
            cast(sql, &quoted, other);
        }
    }
}

/// Whether a number written as it is has the type DECIMAL(precision, scale).
fn is_plain_decimal(text: &str, precision: u8, scale: u8) -> bool {
    /// Parsers that count a leading zero find one digit more.
    const MOST: usize = 36;
    let Some((whole, fraction)) = text.trim_start_matches('-').split_once('.') else {
        return false;
    };
    let digits = whole.trim_start_matches('0').len() + fraction.len();
    fraction.len() == usize::from(scale) && digits == usize::from(precision) && digits <= MOST
}

fn cast(sql: &mut String, value: &str, sql_type: &SqlType) {
    // Writing to a String cannot fail.
    let _ = write!(sql, "CAST({value} AS {})", sql_type.name());
}

fn typed(sql: &mut String, before: &str, text: &str, after: &str) {
    sql.push_str(before);
    sql.push(' ');
    string(sql, text);
    sql.push_str(after);
}

/// Text in quotes. Only backslashes and quotes are special in it, but `${name}` is replaced by the service before it
/// looks at quotes, and `$tag$` would close a text that the statement opens.
fn string(sql: &mut String, text: &str) {
    let mut dollars = text.match_indices('$').map(|(at, _)| &text[at..]);
    let special: &[char] =
        if dollars.any(|rest| rest.starts_with("${") || dollar_tag(rest).is_some()) {
            &['\\', '\'', '$', '{']
        } else {
            &['\\', '\'']
        };
    sql.push('\'');
    let mut rest = text;
    while let Some(at) = rest.find(special) {
        let (before, special) = rest.split_at(at);
        sql.push_str(before);
        sql.push('\\');
        sql.push_str(&special[..1]);
        rest = &special[1..];
    }
    sql.push_str(rest);
    sql.push('\'');
}

fn hexadecimal(sql: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    sql.push_str("X'");
    sql.extend(
        bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| char::from(DIGITS[usize::from(digit)])),
    );
    sql.push('\'');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::client::sql::lexer::{Kind, Lexer};
    use crate::client::sql::{SqlType, Value};

    fn literal(value: &Value) -> String {
        let mut sql = String::new();
        value.write_literal(&mut sql);
        sql
    }

    fn scalar(sql_type: SqlType, text: &str) -> String {
        literal(&Value::Scalar(sql_type, Some(text.to_owned())))
    }

    #[test]
    fn literals_have_their_type() {
        let decimal = |precision, scale| SqlType::Decimal { precision, scale };
        let cases = [
            (SqlType::Boolean, "true", "TRUE"),
            (SqlType::Int, "-2147483648", "-2147483648"),
            (SqlType::BigInt, "5", "5L"),
            (
                SqlType::BigInt,
                "-9223372036854775808",
                "-9223372036854775808",
            ),
            (SqlType::SmallInt, "5", "CAST('5' AS SMALLINT)"),
            (SqlType::Double, "1.5e-300", "1.5E-300"),
            (SqlType::Double, "-0.0", "-0.0E0"),
            (SqlType::Double, "3.14", "3.14E0"),
            (SqlType::Double, "NaN", "CAST('NaN' AS DOUBLE)"),
            (SqlType::Double, "-Infinity", "CAST('-Infinity' AS DOUBLE)"),
            (SqlType::Float, "1.5e0", "CAST('1.5e0' AS FLOAT)"),
            (decimal(4, 2), "-12.50", "-12.50"),
            (decimal(3, 3), "0.001", "0.001"),
            (decimal(4, 0), "1000", "CAST('1000' AS DECIMAL(4,0))"),
            (decimal(10, 2), "12.50", "CAST('12.50' AS DECIMAL(10,2))"),
            (SqlType::Date, "2024-02-29", "DATE '2024-02-29'"),
            (
                SqlType::Timestamp,
                "2024-02-29T00:00:00+00:00",
                "TIMESTAMP '2024-02-29T00:00:00+00:00'",
            ),
            (
                SqlType::DayTimeInterval,
                "-1 02:03:04.000005",
                "INTERVAL '-1 02:03:04.000005' DAY TO SECOND",
            ),
            (
                SqlType::YearMonthInterval,
                "1-2",
                "INTERVAL '1-2' YEAR TO MONTH",
            ),
            (SqlType::String, r"it's \n", r"'it\'s \\n'"),
            (SqlType::String, "${env:HOME}", r"'\$\{env:HOME}'"),
            (SqlType::String, "$5 a$1", "'$5 a$1'"),
            (SqlType::String, "$a$ {", r"'\$a\$ \{'"),
        ];
        for (sql_type, text, expected) in cases {
            assert_eq!(scalar(sql_type, text), expected);
        }
        assert_eq!(literal(&Value::NULL), "NULL");
        assert_eq!(
            literal(&Value::Scalar(SqlType::Int, None)),
            "CAST(NULL AS INT)"
        );
        assert_eq!(literal(&Value::Binary(vec![0, 255])), "X'00FF'");
    }

    #[test]
    fn nested_values_are_calls() {
        let one = Value::Scalar(SqlType::Int, Some("1".to_owned()));
        let array = Value::Array(SqlType::Int, vec![one.clone(), Value::NULL]);
        assert_eq!(literal(&array), "array(1, NULL)");
        let map = Value::Map(
            SqlType::Int,
            array.sql_type().into_owned(),
            vec![(one, array)],
        );
        assert_eq!(literal(&map), "map(1, array(1, NULL))");
        assert_eq!(literal(&Value::Array(SqlType::Void, vec![])), "array()");
    }

    proptest! {
        #[test]
        fn a_string_is_one_piece_that_says_the_text(text in any::<String>()) {
            let sql = scalar(SqlType::String, &text);
            let replaced = sql.contains("${");
            prop_assert!(!replaced);
            let pieces: Vec<_> = Lexer::new(&sql).collect();
            prop_assert_eq!(pieces.len(), 1);
            prop_assert_eq!(pieces[0].kind, Kind::Text);
            let mut read = String::new();
            let mut letters = sql[1..sql.len() - 1].chars();
            while let Some(letter) = letters.next() {
                read.extend(if letter == '\\' { letters.next() } else { Some(letter) });
            }
            prop_assert_eq!(read, text);
        }

        #[test]
        fn quotes_and_backslashes_do_not_end_it(text in r"['\\${}\n\x00a-]{0,30}") {
            let sql = format!("f({}, ?)", scalar(SqlType::String, &text));
            let markers = super::super::markers::markers(&sql);
            prop_assert_eq!(markers.len(), 1);
            prop_assert_eq!(markers[0].range.end, sql.len() - 1);
        }
    }
}
