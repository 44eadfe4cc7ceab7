//! Literals in the places of markers: each is one operand there, as a parameter is, whatever stands around it.

use super::clauses::{Role, starts_with_unit};
use super::lexer::{Kind, Lexer};
use super::markers::{Before, Marker};
use super::value::Value;

impl Value {
    /// Appends the value in the place of a marker of `template`; `sql` ends with what stands before it.
    ///
    /// Where parts of the literal could belong to a neighbour (`5 -3`, `'a' 'b'`, `-3::STRING`, `t TRUE`), a CAST holds
    /// them together: it is an operand wherever one may stand, and an error elsewhere.
    pub(super) fn write_operand(&self, sql: &mut String, template: &str, marker: &Marker) {
        let after = &template[marker.range.end..];
        if sql.ends_with(|last| !separates_before(last)) {
            sql.push(' ');
        }
        let start = sql.len();
        self.write_literal(sql);
        if !stands_alone(&sql[start..], marker, &template[marker.word.clone()], after) {
            sql.insert_str(start, "CAST(");
            sql.push_str(" AS ");
            sql.push_str(&self.sql_type().name());
            sql.push(')');
        }
        if after.starts_with(|first| !separates_after(first)) {
            sql.push(' ');
        }
    }
}

fn separates_before(last: char) -> bool {
    last.is_ascii_whitespace() || matches!(last, '(' | '[' | ',')
}

fn separates_after(first: char) -> bool {
    first.is_ascii_whitespace() || matches!(first, ')' | ']' | ',' | ';')
}

/// Whether a literal is one operand as it is: after what stands before, the last `word` of it, and in front of the rest.
fn stands_alone(literal: &str, marker: &Marker, word: &str, after: &str) -> bool {
    let is = |words: &[&str]| words.iter().any(|other| other.eq_ignore_ascii_case(word));
    if literal.starts_with("CAST(") {
        return true;
    }
    match next(after) {
        Next::Cast if !literal.starts_with(is_plain) => return false,
        Next::Part => return false,
        _ => {}
    }
    let negative = literal.starts_with('-');
    let rest = without_space(after);
    match marker.role {
        Role::Truth if matches!(literal, "TRUE" | "FALSE" | "NULL") => return true,
        Role::Pattern if literal.starts_with('\'') => return true,
        Role::IntervalPart if negative && starts_with_unit(rest) => return true,
        Role::Property if rest.starts_with([',', ')']) => return true,
        _ => {}
    }
    match marker.before {
        // These two take any operand, and columns are called so.
        Before::Nothing => !is(&["LIMIT", "OFFSET"]) || literal.starts_with(is_plain),
        Before::Operand | Before::Path | Before::Cast => false,
        // What is no keyword is a name: a value may not follow it, but `-3` could, or `TRUE` as an alias.
        Before::Word | Before::WordAndSpace if literal.starts_with('\'') => !is(&["AS", "X"]),
        Before::Word | Before::WordAndSpace => {
            literal.starts_with(is_plain)
                || is(&["DEFAULT"])
                || (negative && (is(&["WITH"]) || (is(&["INTERVAL"]) && starts_with_unit(rest))))
        }
    }
}

/// Whether a literal that starts so is a number without a sign, or a text.
fn is_plain(first: char) -> bool {
    first.is_ascii_digit() || first == '\''
}

/// What follows a literal.
enum Next {
    /// `::`
    Cast,
    /// What would make something else of a literal, or be part of it.
    Part,
    /// Anything else.
    Other,
}

fn next(after: &str) -> Next {
    let rest = without_space(after);
    match rest.as_bytes() {
        [b':', b':', ..] => Next::Cast,
        [b'\'' | b'"' | b'.' | b'[' | b'(' | b':' | b'$', ..]
        | [b'-' | b'=', b'>', ..]
        | [b'r' | b'R', b'\'' | b'"', ..] => Next::Part,
        _ => Next::Other,
    }
}

/// The text from its first piece on that is neither space nor a comment.
fn without_space(text: &str) -> &str {
    let mut at = 0;
    // Only space is looked at as a piece: to find the end of others could take long.
    while text[at..].starts_with(|first: char| first.is_whitespace() || matches!(first, '-' | '/'))
    {
        match Lexer::new(&text[at..]).next() {
            Some(piece) if piece.kind == Kind::Space => at += piece.range.end,
            _ => break,
        }
    }
    &text[at..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::client::sql::lexer::{Kind, Lexer};
    use crate::client::sql::markers::{Form, Scanner, Step};
    use crate::client::sql::{SqlType, Template, Value, Values};

    fn scalar(sql_type: SqlType, text: &str) -> Value {
        Value::Scalar(sql_type, Some(text.to_owned()))
    }

    fn int(number: i32) -> Value {
        scalar(SqlType::Int, &number.to_string())
    }

    fn string(text: &str) -> Value {
        scalar(SqlType::String, text)
    }

    fn no() -> Value {
        scalar(SqlType::Boolean, "false")
    }

    fn inline(sql: &str, values: Vec<Value>) -> String {
        let bound = Template::parse(sql, true).bind(Values::Placed(values));
        bound.expect(sql).sql.into_owned()
    }

    #[test]
    fn literals_do_not_touch_their_neighbours() {
        let cases = [
            ("v > 5 -? AND w", int(-3), "v > 5 - -3 AND w"),
            ("v-?-w", int(-3), "v- -3 -w"),
            ("f(?,?)", int(-3), "f(-3,-3)"),
            ("LIMIT?", int(2), "LIMIT 2"),
            ("SELECT ?AS x", int(3), "SELECT 3 AS x"),
            ("SELECT ?L", int(3), "SELECT 3 L"),
            ("6/?/2", int(3), "6/ 3 /2"),
            ("?--c\n", int(3), "3 --c\n"),
            ("a LIKE?", string("b"), "a LIKE 'b'"),
            ("a = ?;", string("b"), "a = 'b';"),
            ("a\u{a0}=\u{a0}?", int(3), "a\u{a0}=\u{a0} 3"),
            ("m[?]", string("b"), "m['b']"),
        ];
        for (sql, value, expected) in cases {
            let count = sql.matches('?').count();
            assert_eq!(inline(sql, vec![value; count]), expected);
        }
    }

    #[test]
    fn what_could_belong_to_a_neighbour_is_held_together() {
        let minus = "CAST(-3 AS INT)";
        let yes = scalar(SqlType::Boolean, "true");
        let cases = [
            ("SELECT ?::STRING", int(-3), minus),
            ("SELECT ? /**/ ::STRING", int(-3), minus),
            ("SELECT 5 ?", int(-3), minus),
            ("SELECT a ?", int(-3), minus),
            ("LIMIT ?", int(-3), minus),
            ("SELECT (a) ?", int(-3), minus),
            ("SELECT t.?", int(-3), minus),
            ("SELECT a::?", int(-3), minus),
            ("SELECT ?[0]", int(-3), minus),
            ("SELECT ?.5", int(3), "CAST(3 AS INT)"),
            ("SELECT 5?", int(3), "CAST(3 AS INT)"),
            ("FROM t ?", yes.clone(), "CAST(TRUE AS BOOLEAN)"),
            ("f(? -> 1)", yes, "CAST(TRUE AS BOOLEAN)"),
            ("FROM t ?", Value::NULL, "CAST(NULL AS VOID)"),
            (
                "FROM t ?",
                Value::Array(SqlType::Void, vec![Value::NULL]),
                "CAST(array(NULL) AS ARRAY<VOID>)",
            ),
            ("SELECT 'a' ?", string("b"), "CAST('b' AS STRING)"),
            ("SELECT ? 'a'", string("b"), "CAST('b' AS STRING)"),
            ("SELECT ?r'a'", string("b"), "CAST('b' AS STRING)"),
            ("SELECT x?", string("FF"), "CAST('FF' AS STRING)"),
            ("SELECT a AS ?", string("b"), "CAST('b' AS STRING)"),
            ("SELECT a.b ?", string("b"), "CAST('b' AS STRING)"),
            ("SELECT is ?", Value::NULL, "CAST(NULL AS VOID)"),
            ("SELECT DISTINCT is ?", no(), "CAST(FALSE AS BOOLEAN)"),
            ("SELECT t.is ?", no(), "CAST(FALSE AS BOOLEAN)"),
            ("a IS ?::STRING", no(), "CAST(FALSE AS BOOLEAN)"),
            ("SHOW TABLES IN 'a' ?", string("b"), "CAST('b' AS STRING)"),
            (
                "SHOW TABLES IN a.b ?; SELECT a.b ?",
                string("b"),
                "a.b CAST('b' AS STRING)",
            ),
            ("SELECT INTERVAL 1 DAY ?", int(-3), minus),
            ("SELECT INTERVAL DAY ? HOUR", int(-3), minus),
            ("SELECT DATE '2024-01-01' + 1 DAY ? HOUR", int(-3), minus),
            ("SELECT options('k' ?)", string("b"), "CAST('b' AS STRING)"),
            (
                "CREATE VIEW v AS SELECT ALL options('k' ?)",
                string("b"),
                "CAST('b' AS STRING)",
            ),
            (
                "CREATE FUNCTION f() RETURN options('k' ?)",
                string("b"),
                "CAST('b' AS STRING)",
            ),
            (
                "CREATE TABLE t OPTIONS (k = 'a' ?)",
                string("b"),
                "CAST('b' AS STRING)",
            ),
            ("CREATE TABLE t OPTIONS (k ? + 1)", int(-3), minus),
            ("CREATE TABLE t OPTIONS (k = f(a ?))", int(-3), minus),
            (
                "CREATE TABLE t OPTIONS ('k' ? 'v')",
                string("b"),
                "CAST('b' AS STRING)",
            ),
        ];
        for (sql, value, expected) in cases {
            let count = sql.matches('?').count();
            let text = inline(sql, vec![value; count]);
            assert!(text.contains(expected), "{text}");
        }
        let texts = inline("SELECT ??", vec![string("a"), string("b")]);
        assert_eq!(texts, "SELECT 'a' CAST('b' AS STRING)");
    }

    #[test]
    fn literals_stay_literals_where_only_these_may_stand() {
        let cases = [
            ("INTERVAL ? DAY", int(-3), "INTERVAL -3 DAY"),
            ("INTERVAL ? hours", int(3), "INTERVAL 3 hours"),
            ("INTERVAL ? DAY ? HOUR", int(-3), "INTERVAL -3 DAY -3 HOUR"),
            (
                "INTERVAL '1' day ? hours",
                int(-3),
                "INTERVAL '1' day -3 hours",
            ),
            ("INTERVAL -1 DAY ? HOUR", int(-3), "INTERVAL -1 DAY -3 HOUR"),
            ("INTERVAL ? DAY", string("3"), "INTERVAL '3' DAY"),
            ("DATE?", string("2024-01-02"), "DATE '2024-01-02'"),
            ("PARTITION (a = ?)", int(-3), "PARTITION (a = -3)"),
            ("START WITH ?", int(-3), "START WITH -3"),
            ("DEFAULT ?", Value::NULL, "DEFAULT NULL"),
            ("a IS ?", Value::NULL, "a IS NULL"),
            ("(a = 1) IS ?", no(), "(a = 1) IS FALSE"),
            ("t.a is/**/?OR b", no(), "t.a is/**/ FALSE OR b"),
            ("a IS NOT ?", no(), "a IS NOT FALSE"),
            ("? IS NOT ?", Value::NULL, "NULL IS NOT NULL"),
            ("a LIKE b ESCAPE ?", string("^"), "a LIKE b ESCAPE '^'"),
            (
                "COMMENT ON TABLE t IS ?",
                string("^"),
                "COMMENT ON TABLE t IS '^'",
            ),
            ("SHOW TABLES IN s ?", string("a*"), "SHOW TABLES IN s 'a*'"),
            (
                "SHOW TABLES IN c.s ?",
                string("a*"),
                "SHOW TABLES IN c.s 'a*'",
            ),
            (
                "SHOW TABLES IN `s`?",
                string("a*"),
                "SHOW TABLES IN `s` 'a*'",
            ),
            (
                "SHOW VIEWS FROM c.`s` ?",
                string("a*"),
                "SHOW VIEWS FROM c.`s` 'a*'",
            ),
            (
                "CREATE TABLE default.t (a INT) TBLPROPERTIES ('k' ?, a.b ?, `k`?)",
                no(),
                "CREATE TABLE default.t (a INT) TBLPROPERTIES ('k' FALSE, a.b FALSE, `k` FALSE)",
            ),
            (
                "CREATE TABLE t USING csv OPTIONS (a = 'b', 'k' ?, ? ?) AS SELECT 1",
                string("v"),
                "CREATE TABLE t USING csv OPTIONS (a = 'b', 'k' 'v', 'v' 'v') AS SELECT 1",
            ),
            (
                "ALTER TABLE t SET TBLPROPERTIES (k ? /**/ )",
                int(-3),
                "ALTER TABLE t SET TBLPROPERTIES (k -3 /**/ )",
            ),
            ("ORDER BY ?", int(1), "ORDER BY 1"),
            ("SELECT ?::STRING", int(3), "SELECT 3 ::STRING"),
        ];
        for (sql, value, expected) in cases {
            let count = sql.matches('?').count();
            assert_eq!(inline(sql, vec![value; count]), expected);
        }
    }

    #[test]
    fn the_value_cannot_close_a_text_that_the_statement_opens() {
        let text = inline("SELECT $a$, ?", vec![string("$a$ OR 1 = 1 --")]);
        let pieces: Vec<_> = Lexer::new(&text).map(|piece| piece.kind).collect();
        assert_eq!(pieces.last(), Some(&Kind::Text), "{text}");
    }

    #[test]
    fn the_time_grows_with_the_length() {
        let started = std::time::Instant::now();
        let count = 100_000;
        for part in ["? $a$ ", "? 'a' ", "?-- ?\n", "? /* */ ", "?r'", "?-"] {
            let sql = part.repeat(count);
            let markers = super::super::markers::markers(&sql).len();
            inline(&sql, vec![int(-3); markers]);
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(20));
    }

    /// Kinds and texts of all but space.
    fn pieces(sql: &str) -> Vec<String> {
        Lexer::new(sql)
            .filter(|piece| piece.kind != Kind::Space)
            .map(|piece| sql[piece.range].to_owned())
            .collect()
    }

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            (-3..4_i32).prop_map(int),
            "[-a'\"$\\\\/*]{0,4}".prop_map(|text| string(&text)),
            Just(Value::NULL),
            Just(scalar(SqlType::Boolean, "true")),
            Just(scalar(SqlType::Double, "-1.5e-7")),
            Just(scalar(
                SqlType::Decimal {
                    precision: 2,
                    scale: 1
                },
                "-1.5"
            )),
            Just(scalar(SqlType::Date, "2024-01-02")),
            Just(scalar(SqlType::DayTimeInterval, "-1 00:00:00.000000")),
            Just(Value::Binary(vec![1])),
            Just(Value::Array(SqlType::Int, vec![int(-3), Value::NULL])),
        ]
    }

    proptest! {
        /// The text that is sent has the pieces of the statement, with those of one operand in place of each marker.
        #[test]
        fn a_literal_is_one_operand_wherever_it_stands(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "?", "?", "?", "?", "?", " ", "-", "+", "/", "*", "'a'", "r'a'", "5", ".5", "a", "x", "r", ".", ": ",
                    "::", "(", ")", "[", "]", ",", "$", "$a$", "e", "LIMIT", "INTERVAL", "DATE", "AND", "--c\n", "/*c*/",
                    "=", ">", "`b`", "\u{a0}", "\"", "'", "AS", " IS ", " DAY ",
                ]),
                1..12,
            ),
            values in prop::collection::vec(values(), 12),
        ) {
            let sql = parts.concat();
            let mut scanner = Scanner::new(&sql);
            let mut given = values.iter();
            let (mut used, mut alone, mut held) = (Vec::new(), Vec::new(), Vec::new());
            let mut after_operand = false;
            while let Some(step) = scanner.step() {
                match step {
                    Step::Piece(piece) if piece.kind == Kind::Space => {}
                    Step::Piece(piece) => {
                        let text = sql[piece.range].to_owned();
                        after_operand = matches!(piece.kind, Kind::Number | Kind::Text | Kind::QuotedName)
                            || [")", "]"].contains(&text.as_str());
                        alone.push(vec![text.clone()]);
                        held.push(vec![text]);
                    }
                    Step::Marker(marker) if marker.form != Form::Question => {
                        let texts = pieces(&sql[marker.range]);
                        alone.push(texts.clone());
                        held.push(texts);
                        after_operand = true;
                    }
                    Step::Marker(_) => {
                        let value = given.next().expect("a value");
                        used.push(value.clone());
                        let mut literal = String::new();
                        value.write_literal(&mut literal);
                        let cast = pieces(&format!("CAST({literal} AS {})", value.sql_type().name()));
                        alone.push(if after_operand { cast.clone() } else { pieces(&literal) });
                        held.push(cast);
                        after_operand = true;
                    }
                }
            }
            let text = inline(&sql, used);
            let mut rest = pieces(&text);
            for (alone, held) in alone.iter().zip(&held) {
                let taken = if rest.starts_with(held) {
                    held
                } else {
                    prop_assert!(rest.starts_with(alone), "{} became {}", sql, text);
                    alone
                };
                rest.drain(..taken.len());
            }
            prop_assert_eq!(rest, Vec::<String>::new());
        }
    }
}
