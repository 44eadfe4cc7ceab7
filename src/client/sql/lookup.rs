//! Statements that are known by their first word.

use super::lexer::{Kind, Lexer};

/// Whether a statement changes nothing and costs next to nothing, so that it may be sent again although
/// it may have run.
pub(crate) fn only_looks(sql: &str) -> bool {
    begins_with(sql, &["DESC", "DESCRIBE", "EXPLAIN", "SHOW"])
}

/// Whether a statement defines things or settings, and leaves the rows of tables to others.
#[must_use]
pub fn only_defines(sql: &str) -> bool {
    begins_with(sql, &["ALTER", "COMMENT", "CREATE", "DROP", "SET", "USE"])
}

/// Whether there is nothing to execute in a text but blanks, comments and semicolons.
#[must_use]
pub fn is_empty(sql: &str) -> bool {
    Lexer::new(sql).all(|piece| matches!(piece.kind, Kind::Space | Kind::Symbol(';')))
}

fn begins_with(sql: &str, words: &[&str]) -> bool {
    let first = Lexer::new(sql).find(|piece| piece.kind != Kind::Space);
    first.is_some_and(|piece| {
        let word = &sql[piece.range];
        piece.kind == Kind::Word && words.iter().any(|known| known.eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn statements_that_only_look_are_told_by_their_first_word() {
        for sql in [
            "SHOW TABLES",
            " -- a comment\n/* another */ describe t",
            "desc t",
            "Explain SELECT 1",
        ] {
            assert!(only_looks(sql), "{sql}");
        }
        for sql in [
            "",
            "SELECT 1",
            "SHOWN",
            "`SHOW`",
            "'SHOW'",
            "/* SHOW */ DELETE FROM t",
            "-- SHOW\nINSERT INTO t VALUES (1)",
            "WITH show AS (SELECT 1) SELECT 1",
            "(SHOW TABLES)",
        ] {
            assert!(!only_looks(sql), "{sql}");
        }
    }

    #[test]
    fn statements_that_define_are_told_by_their_first_word() {
        for sql in ["/* a */ create table t (a INT)", "DROP TABLE t", "use s"] {
            assert!(only_defines(sql), "{sql}");
        }
        for sql in [
            "INSERT INTO t VALUES (1)",
            "SELECT 1",
            "TRUNCATE TABLE t",
            "",
        ] {
            assert!(!only_defines(sql), "{sql}");
        }
    }

    #[test]
    fn blanks_and_comments_are_no_statement() {
        for sql in ["", " \n", ";", "-- a", "/* a */ ; -- b"] {
            assert!(is_empty(sql), "{sql}");
        }
        for sql in ["SELECT 1", "/* a */ x", "'"] {
            assert!(!is_empty(sql), "{sql}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(sql in "(?s).{0,100}") {
            only_looks(&sql);
        }
    }
}
