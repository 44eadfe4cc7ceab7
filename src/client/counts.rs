//! The row of counts that the service answers INSERT, UPDATE, DELETE and MERGE with.

use crate::client::wire::ColumnInfo;

/// Columns of the row; the first is always there.
const COUNTS: [&str; 4] = [
    "num_affected_rows",
    "num_updated_rows",
    "num_deleted_rows",
    "num_inserted_rows",
];

/// Whether the columns of a statement that does not only read are those of a row of counts.
pub(crate) fn are_counts(columns: &[ColumnInfo]) -> bool {
    columns
        .first()
        .is_some_and(|column| column.name == COUNTS[0])
        && columns
            .iter()
            .all(|column| COUNTS.contains(&column.name.as_str()))
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
