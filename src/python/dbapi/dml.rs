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

/// Whether a result is the row of counts of a statement that changed rows.
pub(super) fn is_count_row(sql: &str, columns: &[ColumnInfo]) -> bool {
    columns
        .first()
        .is_some_and(|column| column.name == COUNTS[0])
        && columns
            .iter()
            .all(|column| COUNTS.contains(&column.name.as_str()))
        && !READS
            .iter()
            .any(|word| first_word(sql).eq_ignore_ascii_case(word))
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
    fn a_query_with_columns_of_such_names_is_no_row_of_counts() {
        let counts = columns(&["num_affected_rows", "num_inserted_rows"]);
        assert!(is_count_row("INSERT INTO t VALUES (1)", &counts));
        assert!(is_count_row("COPY INTO t FROM 'x'", &counts));
        assert!(!is_count_row("SELECT 1 AS num_affected_rows", &counts));
        assert!(!is_count_row(
            "WITH a AS (SELECT 1) SELECT * FROM a",
            &counts
        ));
        assert!(!is_count_row("INSERT", &columns(&["a"])));
        assert!(!is_count_row(
            "INSERT",
            &columns(&["num_affected_rows", "a"])
        ));
        assert!(!is_count_row("INSERT", &[]));
    }
}
