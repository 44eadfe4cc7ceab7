//! Statements that are known by their first word.

use super::lexer::{Kind, Lexer, Piece};

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

/// Whether a statement is a query, which changes nothing whatever becomes of it.
pub(crate) fn only_queries(sql: &str) -> bool {
    let mut words = words(sql);
    match words.next() {
        Some(first) if is_one_of(first, &["SELECT", "TABLE", "VALUES"]) => true,
        // What they name may go into a table.
        Some(first) if is_one_of(first, &["FROM", "WITH"]) => {
            !words.any(|word| is_one_of(word, &["DELETE", "INSERT", "MERGE", "UPDATE"]))
        }
        _ => false,
    }
}

/// Statements that leave nothing behind in their session.
const LEAVES_SESSION: [&str; 36] = [
    "ALTER", "ANALYZE", "COMMENT", "CONVERT", "COPY", "CREATE", "DELETE", "DESC", "DESCRIBE",
    "DROP", "EXPLAIN", "FROM", "FSCK", "GET", "GRANT", "INSERT", "LIST", "LS", "MERGE", "MSCK",
    "OPTIMIZE", "PUT", "REFRESH", "REMOVE", "RESTORE", "REVOKE", "RM", "SELECT", "SHOW", "TABLE",
    "TRUNCATE", "UNDROP", "UPDATE", "VACUUM", "VALUES", "WITH",
];

/// Whether a statement may leave something in its session: a name, a setting, a temporary object, a transaction.
pub(crate) fn alters_session(sql: &str) -> bool {
    if sql.contains(';') && is_followed(sql) {
        return true;
    }
    let mut words = words(sql);
    let Some(first) = words.next() else {
        return false;
    };
    !is_one_of(first, &LEAVES_SESSION)
        || is_one_of(first, &["ALTER", "CREATE", "DROP"])
            && words
                .take(4)
                .any(|word| is_one_of(word, &["TEMP", "TEMPORARY"]))
}

/// Whether another statement follows the first.
fn is_followed(sql: &str) -> bool {
    let is_end = |piece: &Piece| piece.kind == Kind::Symbol(';');
    Lexer::new(sql)
        .filter(|piece| piece.kind != Kind::Space)
        .skip_while(|piece| !is_end(piece))
        .any(|piece| !is_end(&piece))
}

/// The words outside of quotes, in order.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    Lexer::new(sql)
        .filter(|piece| piece.kind == Kind::Word)
        .map(|piece| &sql[piece.range])
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
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
    fn queries_are_told_from_what_writes() {
        for sql in [
            "SELECT 1",
            "(select 1) UNION (SELECT 2)",
            "VALUES (1)",
            "TABLE t",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "FROM t SELECT *",
            "WITH a AS (SELECT 'INSERT' AS `insert`) SELECT * FROM a",
        ] {
            assert!(only_queries(sql), "{sql}");
        }
        for sql in [
            "",
            "INSERT INTO t VALUES (1)",
            "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
            "FROM s INSERT INTO t SELECT *",
            "CALL p()",
            "EXECUTE IMMEDIATE 'SELECT 1'",
            "BEGIN SELECT 1; END",
        ] {
            assert!(!only_queries(sql), "{sql}");
        }
    }

    #[test]
    fn what_stays_in_a_session_is_told_by_words() {
        for sql in [
            "USE CATALOG main",
            "set a = 1",
            "RESET",
            "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
            "create global temporary view v as select 1",
            "DROP TEMPORARY FUNCTION f",
            "DECLARE x INT",
            "BEGIN TRANSACTION",
            "COMMIT",
            "EXECUTE IMMEDIATE 'USE s'",
            "CALL p()",
            "CACHE TABLE t",
            "SELECT 1; USE s",
            "nonsense",
        ] {
            assert!(alters_session(sql), "{sql}");
        }
        for sql in [
            "",
            "SELECT 1;",
            "(SELECT 1)",
            "INSERT INTO temp VALUES (1)",
            "CREATE TABLE t AS SELECT * FROM a.b.c.temp",
            "DROP TABLE IF EXISTS t; -- done",
            "/* USE */ SHOW TABLES",
            "SELECT 'a; USE s'",
            "PUT 'a' INTO 'b'",
        ] {
            assert!(!alters_session(sql), "{sql}");
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
            only_queries(&sql);
            alters_session(&sql);
        }
    }
}
