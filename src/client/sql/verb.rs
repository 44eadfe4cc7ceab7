//! The word that says what a statement does: its first, or the one behind the queries that WITH names.

use std::iter::Peekable;

use super::lexer::{Kind, Lexer, Piece};

/// Words of changes to rows.
pub(super) const CHANGES: [&str; 4] = ["DELETE", "INSERT", "MERGE", "UPDATE"];

/// The word that says what a statement does; None where it cannot be told for certain.
pub(super) fn verb(sql: &str) -> Option<&str> {
    let mut code = Code::new(sql);
    while code.take(Kind::Symbol(';')) {}
    loop {
        while code.take(Kind::Symbol('(')) {}
        let word = code.word()?;
        if word.eq_ignore_ascii_case("FROM") {
            return Some(code.change().unwrap_or(word));
        }
        if !word.eq_ignore_ascii_case("WITH") {
            return Some(word);
        }
        code.named_queries()?;
    }
}

/// What is neither blank nor comment, from some place on.
struct Code<'a> {
    sql: &'a str,
    pieces: Peekable<Lexer<'a>>,
}

impl<'a> Code<'a> {
    fn new(sql: &'a str) -> Self {
        let pieces = Lexer::new(sql).peekable();
        Self { sql, pieces }
    }

    fn peek(&mut self) -> Option<&Piece> {
        while self
            .pieces
            .next_if(|piece| piece.kind == Kind::Space)
            .is_some()
        {}
        self.pieces.peek()
    }

    /// Goes on behind a piece of a kind, if one is next.
    fn take(&mut self, kind: Kind) -> bool {
        let is_next = self.peek().is_some_and(|piece| piece.kind == kind);
        is_next && self.pieces.next().is_some()
    }

    fn next_word(&mut self) -> Option<&'a str> {
        let sql = self.sql;
        let piece = self.peek().filter(|piece| piece.kind == Kind::Word)?;
        Some(&sql[piece.range.clone()])
    }

    fn word(&mut self) -> Option<&'a str> {
        let word = self.next_word()?;
        self.pieces.next();
        Some(word)
    }

    fn is_next(&mut self, word: &str) -> bool {
        let next = self.next_word();
        next.is_some_and(|next| next.eq_ignore_ascii_case(word))
    }

    /// Goes on behind `word`, if it is next.
    fn take_word(&mut self, word: &str) -> bool {
        self.is_next(word) && self.word().is_some()
    }

    /// Goes behind the queries that WITH names: `name [(columns)] [MAX RECURSION LEVEL n] AS (query), ...`
    fn named_queries(&mut self) -> Option<()> {
        let is_recursive = self.take_word("RECURSIVE");
        let mut is_named = is_recursive && (self.is_next("AS") || self.is_opened());
        loop {
            // RECURSIVE can be the name itself.
            if !std::mem::take(&mut is_named) && !self.take(Kind::QuotedName) {
                self.word()?;
            }
            if self.is_opened() {
                self.group()?;
            }
            if self.take_word("MAX") {
                let limit = self.take_word("RECURSION") && self.take_word("LEVEL");
                (limit && self.take(Kind::Number)).then_some(())?;
            }
            self.take_word("AS").then_some(())?;
            self.group()?;
            if !self.take(Kind::Symbol(',')) {
                return Some(());
            }
        }
    }

    fn is_opened(&mut self) -> bool {
        let next = self.peek();
        next.is_some_and(|piece| piece.kind == Kind::Symbol('('))
    }

    /// Goes behind what stands in brackets.
    fn group(&mut self) -> Option<()> {
        self.take(Kind::Symbol('(')).then_some(())?;
        let mut depth = 1;
        while depth > 0 {
            match self.pieces.next()?.kind {
                Kind::Symbol('(') => depth += 1,
                Kind::Symbol(')') => depth -= 1,
                _ => {}
            }
        }
        Some(())
    }

    /// The first word of a change that follows, whether or not it stands in brackets.
    fn change(&mut self) -> Option<&'a str> {
        while self.peek().is_some() {
            match self.word() {
                Some(word) if is_one_of(word, &CHANGES) => return Some(word),
                Some(_) => {}
                None => drop(self.pieces.next()),
            }
        }
        None
    }
}

/// Whether a word is one of some keywords. The service compares capitals, also those of letters such as `ı` and `ſ`.
pub(super) fn is_one_of(word: &str, keywords: &[&str]) -> bool {
    let is = |keyword: &&str| keyword.eq_ignore_ascii_case(word);
    keywords.iter().any(is) || !word.is_ascii() && keywords.contains(&&*word.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::verb;

    #[test]
    fn the_first_word_tells_behind_comments_and_brackets() {
        for (sql, word) in [
            ("INSERT INTO t", Some("INSERT")),
            ("  -- SELECT\n insert into t", Some("insert")),
            ("/* a /* b */ c */ Merge into t", Some("Merge")),
            ("((SELECT 1))", Some("SELECT")),
            ("; UPDATE t", Some("UPDATE")),
            ("SELECT /*+ BROADCAST(a) */ 1", Some("SELECT")),
            ("-- nothing", None),
            ("/* open", None),
            ("", None),
            ("'SELECT'", None),
            ("`SELECT`", None),
            ("1 SELECT", None),
        ] {
            assert_eq!(verb(sql), word, "{sql}");
        }
    }

    #[test]
    fn behind_named_queries_the_statement_tells() {
        for queries in [
            "a AS (SELECT 1)",
            "a AS (SELECT ')', \")\", `)` -- )\n /* ) */)",
            "a as (SELECT (1)), b(c, d) AS (VALUES (1, (2)))",
            "`INSERT INTO` (`)`) AS (SELECT 1)",
            "insert AS (SELECT 1), update AS (SELECT 2)",
            "/* , */ a /* x */ AS /* y */ ( /* ( */ SELECT 1) -- z\n",
            "RECURSIVE a AS (SELECT 1), b AS (SELECT 2)",
            "recursive AS (SELECT 1)",
            "recursive(a, b) AS (SELECT 1, 2)",
            "RECURSIVE max AS (SELECT 1)",
            "RECURSIVE `a` (n) MAX RECURSION LEVEL 200 AS (SELECT 1)",
            "max AS (SELECT 1)",
            "a AS (WITH b AS (SELECT 1) SELECT * FROM b)",
            "a AS (((SELECT 1)))",
            "IDENTIFIER(:name) AS (SELECT 1)",
            "é AS (SELECT 1)",
        ] {
            for (rest, word) in [
                ("SELECT * FROM a", "SELECT"),
                ("(SELECT 1) UNION SELECT 2", "SELECT"),
                ("insert INTO t SELECT * FROM a", "insert"),
                ("UPDATE t SET x = 1", "UPDATE"),
                ("DELETE FROM t", "DELETE"),
                ("MERGE INTO t USING a ON true", "MERGE"),
                ("FROM a SELECT *", "FROM"),
                ("FROM a INSERT INTO t SELECT *", "INSERT"),
                ("(WITH z AS (SELECT 1) DELETE FROM t)", "DELETE"),
                ("(WITH z AS (SELECT 1) (FROM z))", "FROM"),
            ] {
                let sql = format!("WITH {queries} {rest}");
                assert_eq!(verb(&sql), Some(word), "{sql}");
            }
        }
    }

    #[test]
    fn where_named_queries_are_not_understood_nothing_is_told() {
        for sql in [
            "WITH",
            "WITH a",
            "WITH a AS",
            "WITH a AS (SELECT 1",
            "WITH a AS (SELECT 1)",
            "WITH a AS (SELECT 1),",
            "WITH a (SELECT 1) SELECT 1",
            "WITH a (SELECT 1) INSERT INTO t WITH b AS (SELECT 1) SELECT 1",
            "WITH a AS b AS (SELECT 1) SELECT 1",
            "WITH a AS MATERIALIZED (SELECT 1) SELECT 1",
            "WITH a MAX LEVEL 1 AS (SELECT 1) SELECT 1",
            "WITH a AS (SELECT 1) 'SELECT'",
            "WITH a AS (SELECT 1); SELECT 1",
            "WITH a AS (SELECT '\\') SELECT 1",
        ] {
            assert_eq!(verb(sql), None, "{sql}");
        }
    }

    #[test]
    fn what_from_names_may_go_into_a_table() {
        for (sql, word) in [
            ("FROM t", "FROM"),
            ("FROM t |> WHERE a > 1", "FROM"),
            ("FROM `insert` SELECT 'update' -- delete", "FROM"),
            ("FROM s INSERT INTO t SELECT *", "INSERT"),
            ("from s ınſert into t select *", "ınſert"),
            ("from (select 1) x insert overwrite t select *", "insert"),
        ] {
            assert_eq!(verb(sql), Some(word), "{sql}");
        }
    }

    #[test]
    fn deep_brackets_are_no_trouble() {
        let deep = "(".repeat(1 << 20);
        assert_eq!(verb(&format!("{deep}SELECT")), Some("SELECT"));
        assert_eq!(verb(&format!("WITH a AS {deep}")), None);
    }
}
