//! Statements that are known by the words that they begin with.

use super::lexer::{Kind, Lexer, Piece};
use super::verb::{CHANGES, is_one_of, verb};

/// What begins statements that tell of things.
const LOOKS: [&str; 4] = ["DESC", "DESCRIBE", "EXPLAIN", "SHOW"];

/// What begins queries, of files among them.
const QUERIES: [&str; 6] = ["FROM", "LIST", "LS", "SELECT", "TABLE", "VALUES"];

/// Whether a statement changes nothing and costs next to nothing, so that it may be sent again although
/// it may have run.
pub(crate) fn only_looks(sql: &str) -> bool {
    begins_with(sql, &LOOKS) && !is_followed(sql) && !is_explained_by_running(sql)
}

/// Whether a statement defines things or settings, and leaves the rows of tables to others.
#[must_use]
pub fn only_defines(sql: &str) -> bool {
    begins_with(sql, &["ALTER", "COMMENT", "CREATE", "DROP", "SET", "USE"])
}

/// Whether a statement does nothing but read, as the word says that tells what it does. Functions that it calls may do
/// more: nothing tells that.
pub(crate) fn only_reads(sql: &str) -> bool {
    let reads = |verb| is_one_of(verb, &QUERIES) || is_one_of(verb, &LOOKS);
    verb(sql).is_some_and(reads) && !is_followed(sql) && !is_explained_by_running(sql)
}

/// Whether a statement may have changed something although it failed, since it is made of several.
pub(crate) fn may_run_in_part(sql: &str) -> bool {
    is_followed(sql) || begins_with(sql, &["BEGIN", "CALL", "EXECUTE"])
}

/// Whether a statement may end the transaction of its session, whatever is behind it: what waits for that may do so in
/// vain.
pub(crate) fn ends_transaction(sql: &str) -> bool {
    begins_with(sql, &["COMMIT", "ROLLBACK"])
        || begins_with(sql, &["SET"])
            && words(sql)
                .nth(1)
                .is_some_and(|name| name.eq_ignore_ascii_case("AUTOCOMMIT"))
}

/// Whether a statement may be sent again where queries may: it only reads, and no word of a change is where a dialect
/// might allow one.
pub(crate) fn only_queries(sql: &str) -> bool {
    let may_name_changes = || {
        let mut words = words(sql);
        words
            .next()
            .is_some_and(|first| is_one_of(first, &["FROM", "WITH"]))
            && words.any(|word| is_one_of(word, &CHANGES))
    };
    only_reads(sql) && !may_name_changes()
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
    if is_followed(sql) {
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
    sql.contains(';')
        && Lexer::new(sql)
            .filter(|piece| piece.kind != Kind::Space)
            .skip_while(|piece| !is_end(piece))
            .any(|piece| !is_end(&piece))
}

/// EXPLAIN ANALYZE runs what it explains, where there is such a thing.
fn is_explained_by_running(sql: &str) -> bool {
    let mut words = words(sql);
    words
        .next()
        .is_some_and(|first| first.eq_ignore_ascii_case("EXPLAIN"))
        && words
            .next()
            .is_some_and(|second| second.eq_ignore_ascii_case("ANALYZE"))
}

/// The words outside of quotes, in order.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    Lexer::new(sql)
        .filter(|piece| piece.kind == Kind::Word)
        .map(|piece| &sql[piece.range])
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
            "SHOW TABLES; DROP TABLE t",
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
            "SELECT 1;",
            "(select 1) UNION (SELECT 2)",
            "SELECT /*+ REPARTITION(3) */ a FROM t -- INSERT",
            "SELECT update, `delete` FROM t",
            "VALUES (1)",
            "TABLE t",
            "LIST '/Volumes/a/b/c'",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "WITH RECURSIVE a(n) AS (SELECT 1), b AS (TABLE t) (SELECT * FROM a) UNION TABLE b",
            "FROM t SELECT *",
            "FROM t |> WHERE a > 1",
            "WITH a AS (SELECT 'INSERT; DELETE' AS `insert`) SELECT * /* MERGE */ FROM a",
        ] {
            assert!(only_reads(sql) && only_queries(sql), "{sql}");
        }
        for sql in [
            "SHOW TABLES",
            "desc t",
            "DESCRIBE HISTORY t",
            "EXPLAIN DELETE FROM t",
            "EXPLAIN FORMATTED WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
        ] {
            assert!(only_reads(sql) && only_looks(sql), "{sql}");
        }
        for sql in [
            "",
            ";",
            "nonsense",
            "INSERT INTO t VALUES (1)",
            "/* SELECT */ INSERT INTO t SELECT 1",
            "COPY INTO t FROM 'x'",
            "WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a",
            "WITH a AS (SELECT 1), b(c) AS (SELECT 2) UPDATE t SET x = (SELECT c FROM b)",
            "WITH RECURSIVE a AS (SELECT 1) DELETE FROM t WHERE x IN (SELECT * FROM a)",
            "WITH a AS (SELECT 1) MERGE INTO t USING a ON true WHEN MATCHED THEN DELETE",
            "WITH a AS (SELECT 1) FROM a INSERT INTO t SELECT *",
            "(WITH a AS (SELECT 1) DELETE FROM t)",
            "WITH a AS (SELECT 1) CALL p()",
            "FROM s INSERT INTO t SELECT *",
            "FROM s INSERT INTO t SELECT a INSERT OVERWRITE u SELECT b",
            "CALL p()",
            "EXECUTE IMMEDIATE 'SELECT 1'",
            "BEGIN SELECT 1; END",
            "SET x = 1",
            "USE s",
            "GET '/Volumes/a' TO 'b'",
            "CACHE SELECT * FROM t",
            "OPTIMIZE t",
            "MAP a USING 'script' FROM t",
            "SELECT 1; DELETE FROM t",
            "SHOW TABLES; DELETE FROM t",
            "EXPLAIN SELECT 1; DELETE FROM t",
            "EXPLAIN ANALYZE DELETE FROM t",
        ] {
            assert!(!only_reads(sql), "{sql}");
            assert!(!only_queries(sql) && !only_looks(sql), "{sql}");
        }
    }

    #[test]
    fn what_names_a_word_of_change_is_a_query_that_is_not_sent_again() {
        for sql in [
            "WITH a AS (SELECT update FROM t) SELECT * FROM a",
            "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a",
            "WITH merge AS (SELECT 1) SELECT * FROM merge",
        ] {
            assert!(only_reads(sql) && !only_queries(sql), "{sql}");
        }
    }

    #[test]
    fn what_is_made_of_several_statements_is_told_by_words() {
        for sql in [
            "BEGIN INSERT INTO t VALUES (1); SELECT 1; END",
            "call p()",
            "EXECUTE IMMEDIATE x",
            "SELECT 1; SELECT 2",
        ] {
            assert!(may_run_in_part(sql), "{sql}");
        }
        for sql in [
            "",
            "SELECT 1;",
            "INSERT INTO t SELECT ';'",
            "WITH a AS (SELECT 1) DELETE FROM t",
        ] {
            assert!(!may_run_in_part(sql), "{sql}");
        }
    }

    #[test]
    fn ends_of_transactions_are_told_by_words() {
        for sql in ["COMMIT", "/* a */ rollback", "SET AUTOCOMMIT = TRUE"] {
            assert!(ends_transaction(sql), "{sql}");
        }
        for sql in [
            "",
            "SELECT 1",
            "SET a = 'autocommit'",
            "COMMENT ON TABLE t IS 'COMMIT'",
        ] {
            assert!(!ends_transaction(sql), "{sql}");
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

    /// Blanks, comments, names, brackets and keywords, none of which a change is hidden in.
    fn code() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            " ",
            "a",
            "`q`",
            "'x'",
            "1",
            ",",
            "(",
            ")",
            "(SELECT 1)",
            "(b, c)",
            "AS",
            "RECURSIVE",
            "MAX",
            "RECURSION",
            "LEVEL",
            "SELECT",
            "FROM",
            "VALUES",
            "TABLE",
            "*",
            "/* ) */",
            "-- (\n",
            "WITH",
            ";",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.join(" "))
    }

    fn change() -> impl Strategy<Value = String> {
        "(?i:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO)"
    }

    fn named_query() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec![
            "a",
            "`b)`",
            "insert",
            "select",
            "max",
            "c /* ( */",
            "e(f, g)",
        ]);
        let query = prop::sample::select(vec![
            "SELECT 1",
            "SELECT (1) AS `(`",
            "VALUES ((1)), (')')",
            "WITH x AS (SELECT 1) SELECT * FROM x -- )\n",
            "(SELECT ')' /* ) */)",
        ]);
        (name, query).prop_map(|(name, query)| format!("{name} AS ({query})"))
    }

    proptest! {
        #[test]
        fn what_holds_a_change_behind_with_is_no_query(before in code(), change in change(), after in code()) {
            for begin in ["WITH", "FROM", "/* a */ ((WITH", "-- a\nwith recursive"] {
                let sql = format!("{begin} {before} {change} {after}");
                prop_assert!(!only_queries(&sql) && !only_looks(&sql), "{}", sql);
            }
        }

        #[test]
        fn a_change_behind_named_queries_is_no_read(
            recursive in "(|RECURSIVE )",
            queries in prop::collection::vec(named_query(), 1..4),
            change in change(),
            after in code(),
        ) {
            let queries = queries.join(", ");
            let sql = format!("WITH {recursive}{queries} {change} {after}");
            prop_assert!(!only_reads(&sql), "{}", sql);
            let query = format!("WITH {recursive}{queries} SELECT 1");
            prop_assert!(only_reads(&query), "{}", query);
        }

        #[test]
        fn no_text_is_too_odd(sql in "(?s).{0,100}") {
            let _ = (only_looks(&sql), only_queries(&sql), only_reads(&sql), alters_session(&sql));
        }
    }
}
