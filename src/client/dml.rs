//! The row of counts that the service answers INSERT, UPDATE, DELETE and MERGE with.

use crate::client::wire::ColumnInfo;

/// Columns of the row; the first is always there.
const COUNTS: [&str; 4] = [
    "num_affected_rows",
    "num_updated_rows",
    "num_deleted_rows",
    "num_inserted_rows",
];

/// Words that begin statements that only read, whatever their columns are called.
const READS: [&str; 8] = [
    "SELECT", "VALUES", "TABLE", "WITH", "FROM", "SHOW", "DESCRIBE", "EXPLAIN",
];

/// Whether a statement only reads, as its first word says.
#[must_use]
pub fn only_reads(sql: &str) -> bool {
    let word = first_word(sql);
    READS.iter().any(|read| read.eq_ignore_ascii_case(word))
}

/// Whether the columns of a statement that does not only read are those of a row of counts.
#[must_use]
pub fn are_counts(columns: &[ColumnInfo]) -> bool {
    columns
        .first()
        .is_some_and(|column| column.name == COUNTS[0])
        && columns
            .iter()
            .all(|column| COUNTS.contains(&column.name.as_str()))
}

/// The first word behind blanks, comments and brackets.
fn first_word(sql: &str) -> &str {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(' || c == ';');
        rest = if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, behind)| behind)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            after_comment(comment)
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphabetic());
            return &rest[..end.unwrap_or(rest.len())];
        };
    }
}

/// What stands behind the end of a comment, inside which there may be others.
fn after_comment(mut rest: &str) -> &str {
    let mut depth = 1;
    while depth > 0 {
        match (rest.find("*/"), rest.find("/*")) {
            (Some(end), begin) if begin.is_none_or(|begin| end < begin) => {
                depth -= 1;
                rest = &rest[end + 2..];
            }
            (Some(_), Some(begin)) => {
                depth += 1;
                rest = &rest[begin + 2..];
            }
            _ => return "",
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Vec<ColumnInfo> {
        let column = |name: &&str| ColumnInfo {
            name: (*name).to_owned(),
            ..ColumnInfo::default()
        };
        names.iter().map(column).collect()
    }

    #[test]
    fn the_first_word_is_found_behind_comments_and_brackets() {
        let cases = [
            ("INSERT INTO t", "INSERT"),
            ("  -- SELECT\n insert into t", "insert"),
            ("/* a /* b */ c */ Merge into t", "Merge"),
            ("((SELECT 1))", "SELECT"),
            ("; UPDATE t", "UPDATE"),
            ("-- nothing", ""),
            ("/* open", ""),
            ("", ""),
            ("é", ""),
        ];
        for (sql, word) in cases {
            assert_eq!(first_word(sql), word, "{sql}");
        }
    }

    #[test]
    fn statements_that_only_read_are_told_by_their_first_word() {
        assert!(only_reads("SELECT 1 AS num_affected_rows"));
        assert!(only_reads("WITH a AS (SELECT 1) SELECT * FROM a"));
        assert!(!only_reads("INSERT INTO t VALUES (1)"));
        assert!(!only_reads("COPY INTO t FROM 'x'"));
    }

    #[test]
    fn counts_are_told_by_their_names() {
        assert!(are_counts(&columns(&[
            "num_affected_rows",
            "num_inserted_rows"
        ])));
        assert!(!are_counts(&columns(&["a"])));
        assert!(!are_counts(&columns(&["num_affected_rows", "a"])));
        assert!(!are_counts(&[]));
    }
}
