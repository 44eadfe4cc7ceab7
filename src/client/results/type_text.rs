//! The service's `type_text`, for example `MAP<STRING, DECIMAL(10,2)>`, to an Arrow type.
//!
//! The types are those that the service itself sends: `list<element>`, `map<entries<key, value>>`.

use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, Fields, IntervalUnit, TimeUnit};

/// Deeper types are not taken apart.
const MAX_DEPTH: usize = 64;

/// The Arrow type for `text`; TIMESTAMP gets `time_zone`. What is not understood is text.
#[must_use]
pub fn parse_type(text: &str, time_zone: &str) -> DataType {
    let mut parser = Parser {
        rest: text,
        time_zone,
        depth: 0,
    };
    parser
        .column()
        .filter(|_| parser.rest.trim_start().is_empty())
        .map_or(DataType::Utf8, |(data_type, _)| data_type)
}

/// The Arrow type of DECIMAL with `precision` digits, `scale` of them after the point.
#[must_use]
pub(super) fn decimal(precision: i32, scale: i32) -> Option<DataType> {
    let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
    let fits = (1..=DECIMAL128_MAX_PRECISION).contains(&precision);
    let whole = u8::try_from(scale).is_ok_and(|scale| scale <= precision);
    (fits && whole).then_some(DataType::Decimal128(precision, scale))
}

/// Reads from the front of `rest`; `None` means that it is not a type.
struct Parser<'a> {
    rest: &'a str,
    time_zone: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// A type with what may follow it; the flag tells whether it may be null.
    fn column(&mut self) -> Option<(DataType, bool)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let data_type = self.data_type()?;
        let nullable = self.modifiers()?;
        self.depth -= 1;
        Some((data_type, nullable))
    }

    fn data_type(&mut self) -> Option<DataType> {
        let name = self.word()?.to_ascii_uppercase();
        Some(match name.as_str() {
            "BOOLEAN" => DataType::Boolean,
            "TINYINT" | "BYTE" => DataType::Int8,
            "SMALLINT" | "SHORT" => DataType::Int16,
            "INT" | "INTEGER" => DataType::Int32,
            "BIGINT" | "LONG" => DataType::Int64,
            "FLOAT" | "REAL" => DataType::Float32,
            "DOUBLE" => self.double(),
            "DECIMAL" | "NUMERIC" | "DEC" => self.decimal()?,
            "BINARY" => DataType::Binary,
            "DATE" => DataType::Date32,
            "TIMESTAMP" | "TIMESTAMP_LTZ" => {
                DataType::Timestamp(TimeUnit::Microsecond, Some(self.time_zone.into()))
            }
            "TIMESTAMP_NTZ" => DataType::Timestamp(TimeUnit::Microsecond, None),
            "VOID" | "NULL" => DataType::Null,
            "INTERVAL" => self.interval()?,
            "ARRAY" => self.array()?,
            "MAP" => self.map()?,
            "STRUCT" => self.structure()?,
            _ => self.unknown()?,
        })
    }

    fn double(&mut self) -> DataType {
        self.keyword("PRECISION");
        DataType::Float64
    }

    fn decimal(&mut self) -> Option<DataType> {
        if !self.punctuation('(') {
            return decimal(10, 0);
        }
        let precision = self.number()?;
        let scale = if self.punctuation(',') {
            self.number()?
        } else {
            0
        };
        self.punctuation(')').then(|| decimal(precision, scale))?
    }

    fn interval(&mut self) -> Option<DataType> {
        let first = self.word()?.to_ascii_uppercase();
        if self.keyword("TO") {
            self.word()?;
        }
        Some(match first.as_str() {
            "YEAR" | "MONTH" => DataType::Interval(IntervalUnit::YearMonth),
            "DAY" | "HOUR" | "MINUTE" | "SECOND" => DataType::Duration(TimeUnit::Microsecond),
            _ => return None,
        })
    }

    fn array(&mut self) -> Option<DataType> {
        self.expect('<')?;
        let (element, nullable) = self.column()?;
        self.expect('>')?;
        Some(DataType::List(Arc::new(Field::new(
            "element", element, nullable,
        ))))
    }

    fn map(&mut self) -> Option<DataType> {
        self.expect('<')?;
        let (key, _) = self.column()?;
        self.expect(',')?;
        let (value, nullable) = self.column()?;
        self.expect('>')?;
        let fields = vec![
            Field::new("key", key, false),
            Field::new("value", value, nullable),
        ];
        let entries = Field::new("entries", DataType::Struct(fields.into()), false);
        Some(DataType::Map(Arc::new(entries), false))
    }

    fn structure(&mut self) -> Option<DataType> {
        self.expect('<')?;
        let mut fields = Vec::new();
        while !self.punctuation('>') {
            if !fields.is_empty() {
                self.expect(',')?;
            }
            let name = self.field_name()?;
            let (data_type, nullable) = self.column()?;
            fields.push(Field::new(name, data_type, nullable));
        }
        Some(DataType::Struct(Fields::from(fields)))
    }

    /// A quoted name, everything before a colon, or one word.
    fn field_name(&mut self) -> Option<String> {
        self.skip_space();
        let name = if self.rest.starts_with('`') {
            self.quoted('`')?
        } else {
            let end = self.rest.find(|c| ":<>,()`'".contains(c));
            match end.filter(|end| self.rest[*end..].starts_with(':')) {
                Some(end) => self.take(end).trim_end().to_owned(),
                None => self.word()?.to_owned(),
            }
        };
        self.punctuation(':');
        Some(name)
    }

    /// A type that is text to us, with its arguments skipped.
    fn unknown(&mut self) -> Option<DataType> {
        self.skip_space();
        for (open, close) in [('(', ')'), ('<', '>')] {
            if self.rest.starts_with(open) {
                self.skip_balanced(open, close)?;
            }
        }
        Some(DataType::Utf8)
    }

    fn skip_balanced(&mut self, open: char, close: char) -> Option<()> {
        let mut depth = 0_usize;
        while let Some(next) = self.rest.chars().next() {
            if next == '`' || next == '\'' {
                self.quoted(next)?;
                continue;
            }
            self.take(next.len_utf8());
            if next == open {
                depth += 1;
            } else if next == close {
                depth -= 1;
                if depth == 0 {
                    return Some(());
                }
            }
        }
        None
    }

    /// Reads what may follow a type; the answer tells whether it may be null.
    fn modifiers(&mut self) -> Option<bool> {
        let mut nullable = true;
        loop {
            if self.keyword("NOT") {
                self.keyword("NULL").then_some(())?;
                nullable = false;
            } else if self.keyword("COLLATE") {
                self.word()?;
            } else if self.keyword("COMMENT") {
                self.skip_space();
                let quote = self
                    .rest
                    .chars()
                    .next()
                    .filter(|quote| "'\"".contains(*quote))?;
                self.quoted(quote)?;
            } else {
                return Some(nullable);
            }
        }
    }

    /// Text between two `quote`s; doubled they stand for one, and a backslash escapes in literals.
    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = chars.next() {
            if c == '\\' && quote != '`' {
                text.push(chars.next()?.1);
            } else if c != quote {
                text.push(c);
            } else if chars.next_if(|(_, next)| *next == quote).is_some() {
                text.push(quote);
            } else {
                self.take(at + quote.len_utf8());
                return Some(text);
            }
        }
        None
    }

    fn word(&mut self) -> Option<&'a str> {
        self.skip_space();
        let end = self
            .rest
            .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
        let end = end.unwrap_or(self.rest.len());
        (end > 0).then(|| self.take(end))
    }

    fn number(&mut self) -> Option<i32> {
        self.word()?.parse().ok()
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let before = self.rest;
        let found = self
            .word()
            .is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        if !found {
            self.rest = before;
        }
        found
    }

    fn punctuation(&mut self, c: char) -> bool {
        self.skip_space();
        let found = self.rest.starts_with(c);
        if found {
            self.take(c.len_utf8());
        }
        found
    }

    fn expect(&mut self, c: char) -> Option<()> {
        self.punctuation(c).then_some(())
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes `length` bytes, which end between two characters.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

#[cfg(test)]
mod tests;
