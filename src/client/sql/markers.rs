//! Where a statement has markers for values.
//!
//! A colon is a marker or the start of a path into a value (`col:field`); which of the two is told by what stands before
//! it, as in the service's grammar: a marker starts an operand, a path follows one.

use std::ops::Range;

use super::clauses::{Clauses, Role};
use super::lexer::{Kind, Lexer, Piece, goes_on_name, name, starts_name};

/// How a marker is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `:name`, or `` :`name` ``
    Named(String),
    /// `?`
    Question,
    /// `%(name)s`
    PercentNamed(String),
    /// `%s`
    Percent,
    /// `%%`, which stands for a percent sign where there are markers with percent signs.
    PercentSign,
}

/// A marker and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) form: Form,
    pub(super) range: Range<usize>,
    /// What stands before it.
    pub(super) before: Before,
    /// The word before it; empty where something else stands there.
    pub(super) word: Range<usize>,
    pub(super) role: Role,
}

/// All markers, in order.
pub(super) fn markers(sql: &str) -> Vec<Marker> {
    let mut found = Vec::new();
    // Most statements with parameters are short, and their markers few.
    let mut scanner = Scanner::new(sql);
    while let Some(step) = scanner.step() {
        if let Step::Marker(marker) = step {
            found.push(marker);
        }
    }
    found
}

/// A marker, or a piece that is not part of one.
pub(super) enum Step {
    Marker(Marker),
    Piece(Piece),
}

/// Goes through a statement, telling markers from other pieces.
pub(super) struct Scanner<'a> {
    sql: &'a str,
    lexer: Lexer<'a>,
    before: Before,
    word: Range<usize>,
    clauses: Clauses,
}

/// What stands before a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing that an operand ends with.
    Nothing,
    /// The end of an operand, whatever space follows it.
    Operand,
    /// A word, which is a name or a keyword.
    Word,
    /// A word and space: keywords before markers are written so, columns before paths are not.
    WordAndSpace,
    /// `.` or the colon of a path; a name follows.
    Path,
    /// `::`; a type follows.
    Cast,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(sql: &'a str) -> Self {
        Self {
            sql,
            lexer: Lexer::new(sql),
            before: Before::Nothing,
            word: 0..0,
            clauses: Clauses::default(),
        }
    }

    pub(super) fn step(&mut self) -> Option<Step> {
        let piece = self.lexer.next()?;
        let rest = &self.sql[piece.range.start..];
        let form = match piece.kind {
            Kind::Symbol('?') => Some((Form::Question, 1)),
            Kind::Symbol(':') if self.starts_operand() => named(rest),
            Kind::Symbol('%') => percent(rest).filter(|(form, _)| {
                *form == Form::PercentSign || !matches!(self.before, Before::Operand)
            }),
            _ => None,
        };
        if let Some((form, length)) = form {
            let range = piece.range.start..piece.range.start + length;
            self.lexer.skip_to(range.end);
            let after = if form == Form::PercentSign {
                Before::Nothing
            } else {
                Before::Operand
            };
            let role = self.clauses.role();
            self.clauses.marker();
            return Some(Step::Marker(Marker {
                form,
                range,
                before: std::mem::replace(&mut self.before, after),
                word: std::mem::take(&mut self.word),
                role,
            }));
        }
        self.clauses.piece(self.sql, &piece, self.before);
        match piece.kind {
            Kind::Space => {}
            Kind::Word => self.word = piece.range.clone(),
            _ => self.word = 0..0,
        }
        self.before = match piece.kind {
            Kind::Space if self.before == Before::Word => Before::WordAndSpace,
            Kind::Space => self.before,
            Kind::Word if self.before == Before::Path => Before::Operand,
            Kind::Word if is_operator(&self.sql[piece.range.clone()]) => Before::Nothing,
            Kind::Word => Before::Word,
            Kind::Number | Kind::Text | Kind::QuotedName | Kind::Symbol(')' | ']') => {
                Before::Operand
            }
            Kind::Symbol('.' | ':') => Before::Path,
            Kind::Cast => Before::Cast,
            Kind::Symbol(_) => Before::Nothing,
        };
        Some(Step::Piece(piece))
    }

    /// Whether what comes next can be an operand rather than go on with one.
    fn starts_operand(&self) -> bool {
        matches!(
            self.before,
            Before::Nothing | Before::Cast | Before::WordAndSpace
        )
    }
}

/// Whether `word` is one of the reserved words that operands follow, so that not even `SELECT:a` is a path.
fn is_operator(word: &str) -> bool {
    const OPERATORS: [&str; 20] = [
        "AND", "BETWEEN", "BY", "CASE", "ELSE", "FROM", "HAVING", "ILIKE", "IN", "LIKE", "LIMIT",
        "NOT", "OFFSET", "ON", "OR", "RLIKE", "SELECT", "THEN", "WHEN", "WHERE",
    ];
    OPERATORS
        .iter()
        .any(|operator| operator.eq_ignore_ascii_case(word))
}

/// The name after a colon, and the length of the marker.
fn named(rest: &str) -> Option<(Form, usize)> {
    let after = &rest[1..];
    if after.starts_with('`') {
        let piece = Lexer::new(after).next()?;
        let inner = after.get(1..piece.range.end.checked_sub(1)?)?;
        return (piece.range.end > 2 && after[..piece.range.end].ends_with('`'))
            .then(|| (Form::Named(inner.replace("``", "`")), 1 + piece.range.end));
    }
    after.chars().next().filter(|first| starts_name(*first))?;
    let length = name(after);
    Some((Form::Named(after[..length].to_owned()), 1 + length))
}

fn percent(rest: &str) -> Option<(Form, usize)> {
    let after = &rest[1..];
    if after.starts_with('%') {
        return Some((Form::PercentSign, 2));
    }
    let (form, length) = if let Some(inner) = after.strip_prefix('(') {
        // A bracket within would not be a name's, and `%(%(%(` would take long.
        let end = inner.find(['(', ')'])?;
        inner[end..].strip_prefix(")s")?;
        let name = inner[..end].to_owned();
        (Form::PercentNamed(name), 1 + end + 3)
    } else {
        after.strip_prefix('s')?;
        (Form::Percent, 2)
    };
    let ends = !rest[length..].starts_with(goes_on_name);
    ends.then_some((form, length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Form, markers};

    fn texts(sql: &str) -> Vec<&str> {
        markers(sql)
            .into_iter()
            .map(|marker| &sql[marker.range])
            .collect()
    }

    #[test]
    fn markers_are_found_in_code() {
        let cases: [(&str, &[&str]); 30] = [
            ("SELECT :a", &[":a"]),
            ("SELECT:a,:b", &[":a", ":b"]),
            ("a=:a AND b>:größe", &[":a", ":größe"]),
            ("SELECT :`odd name` + :`a``b`", &[":`odd name`", ":`a``b`"]),
            ("VALUES (?, ?,?)", &["?", "?", "?"]),
            ("SELECT ?::INT, ? :: INT, :a::INT", &["?", "?", ":a"]),
            ("%(a)s = %(b)s", &["%(a)s", "%(b)s"]),
            ("(%s,%s)", &["%s", "%s"]),
            ("LIMIT %s", &["%s"]),
            ("a %% 2", &["%%"]),
            ("x -> x + :a", &[":a"]),
            ("f(a => :a)", &[":a"]),
            ("INTERVAL :n DAY", &[":n"]),
            ("TIMESTAMP AS OF :t", &[":t"]),
            ("IN (:a, :b)", &[":a", ":b"]),
            ("CASE WHEN :a THEN :b ELSE :c END", &[":a", ":b", ":c"]),
            ("m[:key]", &[":key"]),
            ("-:a", &[":a"]),
            ("raw:a:b", &[]),
            ("raw:items[0].x, raw:`odd name`, raw['a']:b", &[]),
            ("t.raw:from:x", &[]),
            ("raw:select:x", &[]),
            ("parse_json(:a):b", &[":a"]),
            (":a:field", &[":a"]),
            ("?:field[?]", &["?", "?"]),
            ("CAST(x AS STRUCT<a:INT, b: STRING>)", &[]),
            ("a::INT", &[]),
            ("10 %(b)s, (a) %s", &[]),
            ("%(a)st %sa %d", &[]),
            ("f(:a) /* :b */ -- :c ?\n + :d", &[":a", ":d"]),
        ];
        for (sql, expected) in cases {
            assert_eq!(texts(sql), expected, "{sql}");
        }
    }

    #[test]
    fn there_are_none_in_quotes_and_comments() {
        for sql in [
            r"':a' ':a\' ?' 'it''s :a' r'\' ':a'",
            r#"":a" "%s" "\" ?""#,
            "`:a` `a``? `",
            "-- :a ? %s",
            "/* :a /* ? */ %s */",
            "$$ return ? if :a else '%s' $$",
            "'::a' 'unclosed ?",
        ] {
            assert_eq!(texts(sql), [""; 0], "{sql}");
        }
    }

    #[test]
    fn names_are_unquoted() {
        let forms: Vec<Form> = markers(":a, :`b``c`, %(d e)s")
            .into_iter()
            .map(|marker| marker.form)
            .collect();
        assert_eq!(
            forms,
            [
                Form::Named("a".to_owned()),
                Form::Named("b`c".to_owned()),
                Form::PercentNamed("d e".to_owned())
            ]
        );
    }

    #[test]
    fn the_time_grows_with_the_length() {
        let tags: Vec<String> = (0..50_000)
            .map(|number| format!("${} $", letters(number)))
            .collect();
        let tags = tags.concat();
        let started = std::time::Instant::now();
        for sql in [
            "%(a".repeat(100_000),
            "$a$ ".repeat(50_001),
            tags,
            ":`".repeat(100_001),
        ] {
            markers(&sql);
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(20));
    }

    fn letters(number: u32) -> String {
        number
            .to_string()
            .bytes()
            .map(|digit| char::from(digit - b'0' + b'a'))
            .collect()
    }

    proptest! {
        #[test]
        fn quoted_text_hides_markers(text in "[^']{0,20}") {
            let quoted = text.replace('\\', "\\\\");
            let sql = format!("f('{quoted}', ?)");
            prop_assert_eq!(texts(&sql), ["?"]);
        }

        #[test]
        fn any_text_is_scanned(sql in any::<String>()) {
            for marker in markers(&sql) {
                prop_assert!(sql.get(marker.range).is_some());
            }
        }

        #[test]
        fn any_code_is_scanned(sql in "[-a'\"`$/*?:%()s\\\\\nr ü1.]{0,40}") {
            for marker in markers(&sql) {
                prop_assert!(sql.get(marker.range).is_some());
            }
        }
    }
}
