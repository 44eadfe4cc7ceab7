//! Statements that begin and end transactions, or say which ones begin by themselves.

use super::lexer::{Kind, Lexer};
use super::verb::is_one_of;

/// What a statement does to the transactions of its session, if it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionStatement {
    /// Begins one.
    Begin,
    /// Commits it or rolls it back.
    End,
    /// Has statements commit themselves, or not.
    SetAutocommit(bool),
    /// Asks whether they do.
    AskAutocommit,
}

/// What a statement does to transactions; None for all others, blocks of BEGIN and END among them.
///
/// Where other statements follow in the text, only what opens a transaction counts: it may be open in the end.
#[must_use]
pub fn transaction_statement(sql: &str) -> Option<TransactionStatement> {
    const MOST_PIECES: usize = 5;
    let is_end = |kind: Kind| kind == Kind::Symbol(';');
    let mut code = Lexer::new(sql)
        .filter(|piece| piece.kind != Kind::Space)
        .skip_while(|piece| is_end(piece.kind))
        .peekable();
    let mut pieces = Vec::with_capacity(MOST_PIECES);
    while pieces.len() < MOST_PIECES
        && let Some(piece) = code.next_if(|piece| !is_end(piece.kind))
    {
        pieces.push(sql[piece.range].trim_matches(['`', '\'', '"']));
    }
    let statement = told_by(&pieces)?;
    let may_open = matches!(
        statement,
        TransactionStatement::Begin | TransactionStatement::SetAutocommit(false)
    );
    (may_open || code.all(|piece| is_end(piece.kind))).then_some(statement)
}

fn told_by(pieces: &[&str]) -> Option<TransactionStatement> {
    let is = |at: usize, words: &[&str]| pieces.get(at).is_some_and(|word| is_one_of(word, words));
    let is_named = is(1, &["TRANSACTION", "WORK"]);
    if is(0, &["BEGIN"]) && (is_named || pieces.len() == 1) || is(0, &["START"]) && is_named {
        return Some(TransactionStatement::Begin);
    }
    if is(0, &["COMMIT", "ROLLBACK"]) && pieces.len() == 1 + usize::from(is_named) {
        return Some(TransactionStatement::End);
    }
    if !(is(0, &["SET"]) && is(1, &["AUTOCOMMIT"])) {
        return None;
    }
    match pieces[2..].strip_prefix(&["="]).unwrap_or(&pieces[2..]) {
        [] => Some(TransactionStatement::AskAutocommit),
        [mode] if is_one_of(mode, &["TRUE", "ON", "1"]) => {
            Some(TransactionStatement::SetAutocommit(true))
        }
        [mode] if is_one_of(mode, &["FALSE", "OFF", "0"]) => {
            Some(TransactionStatement::SetAutocommit(false))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::TransactionStatement::{AskAutocommit, Begin, End, SetAutocommit};
    use super::transaction_statement;

    #[test]
    fn transactions_are_begun_and_ended_by_words() {
        for (sql, statement) in [
            ("BEGIN TRANSACTION", Begin),
            (" -- a comment\n;begin /* b */ Transaction;", Begin),
            ("BEGIN WORK", Begin),
            ("BEGIN", Begin),
            ("START TRANSACTION", Begin),
            ("start transaction read only", Begin),
            ("COMMIT", End),
            ("commit transaction ; -- done", End),
            ("COMMIT WORK", End),
            ("/* a */ ROLLBACK", End),
            ("rollback work;", End),
            ("SET AUTOCOMMIT", AskAutocommit),
            ("SET AUTOCOMMIT = TRUE", SetAutocommit(true)),
            ("set autocommit=false;", SetAutocommit(false)),
            ("SET AUTOCOMMIT FALSE", SetAutocommit(false)),
            ("SET `autocommit` = 'false'", SetAutocommit(false)),
        ] {
            assert_eq!(transaction_statement(sql), Some(statement), "{sql}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_none_of_them() {
        for sql in [
            "",
            ";",
            "BEGIN ATOMIC INSERT INTO t VALUES (1); COMMIT; END",
            "BEGIN SELECT 1; END",
            "BEGIN\n  DECLARE transaction INT; COMMIT;\nEND",
            "a: BEGIN SELECT 1; END a",
            "START",
            "COMMENT ON TABLE t IS 'COMMIT'",
            "ROLLBACK TO SAVEPOINT a",
            "COMMIT AND CHAIN",
            "SET a = 'autocommit'",
            "SET AUTOCOMMIT = :mode",
            "SET AUTOCOMMIT = TRUE OR FALSE",
            "CREATE PROCEDURE p() AS BEGIN INSERT INTO t VALUES (1); COMMIT; END",
            "EXPLAIN COMMIT",
            "/* BEGIN TRANSACTION */ SELECT 1",
        ] {
            assert_eq!(transaction_statement(sql), None, "{sql}");
        }
    }

    #[test]
    fn of_several_statements_what_may_leave_a_transaction_open_counts() {
        for (sql, statement) in [
            ("BEGIN TRANSACTION; INSERT INTO t VALUES (1)", Some(Begin)),
            (
                "SET AUTOCOMMIT = FALSE; SELECT 1",
                Some(SetAutocommit(false)),
            ),
            ("COMMIT; INSERT INTO t VALUES (1)", None),
            ("SET AUTOCOMMIT = TRUE; SET AUTOCOMMIT = FALSE", None),
        ] {
            assert_eq!(transaction_statement(sql), statement, "{sql}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(sql in "(?s).{0,100}") {
            let _ = transaction_statement(&sql);
        }

        #[test]
        fn blanks_comments_and_case_tell_nothing(
            begin in "(?i:BEGIN)", gap in "( |\n|/\\* COMMIT \\*/|-- END;\n){1,3}", word in "[Tt]ransaction|TRANSACTION|[Ww][Oo][Rr][Kk]",
        ) {
            prop_assert_eq!(transaction_statement(&format!("{gap}{begin}{gap}{word}{gap}")), Some(Begin));
        }
    }
}
