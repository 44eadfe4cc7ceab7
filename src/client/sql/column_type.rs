//! The type that a column of VALUES has for all of its rows.

use super::value::{SqlType, Value};

/// The type of a column, as its values come.
#[derive(Clone, Debug)]
pub(super) struct ColumnType {
    joined: SqlType,
    /// Whether the column goes into numbers, which show the value of a number and not its type.
    into_numbers: bool,
    /// Whether all whole numbers so far are equal to a DOUBLE.
    exact: bool,
}

impl ColumnType {
    pub(super) fn new(into_numbers: bool) -> Self {
        Self {
            joined: SqlType::Void,
            into_numbers,
            exact: true,
        }
    }

    /// Whether the value can be in the column, too, without a change of any value.
    pub(super) fn takes(&mut self, value: &Value) -> bool {
        let sql_type = value.sql_type();
        if *sql_type == SqlType::Void || (*sql_type == self.joined && !self.into_numbers) {
            return true;
        }
        if !self.into_numbers {
            return self.keep(self.joined.joined(&sql_type));
        }
        self.exact = self.exact && value.is_equal_to_a_double();
        let joined = self.joined.widened(&sql_type);
        self.keep(joined.filter(|joined| *joined != SqlType::Double || self.exact))
    }

    fn keep(&mut self, joined: Option<SqlType>) -> bool {
        let taken = joined.is_some();
        if let Some(joined) = joined {
            self.joined = joined;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::ColumnType;
    use crate::client::sql::{SqlType, Value};

    fn taken(into_numbers: bool, values: &[(SqlType, &str)]) -> usize {
        let mut column = ColumnType::new(into_numbers);
        values
            .iter()
            .take_while(|(sql_type, text)| {
                column.takes(&Value::Scalar(sql_type.clone(), Some((*text).to_owned())))
            })
            .count()
    }

    const fn decimal(precision: u8, scale: u8) -> SqlType {
        SqlType::Decimal { precision, scale }
    }

    #[test]
    fn numbers_of_other_types_go_together_into_numbers_only() {
        let prices = [
            (decimal(2, 1), "1.5"),
            (decimal(3, 2), "2.25"),
            (SqlType::Int, "3"),
        ];
        assert_eq!(taken(true, &prices), 3);
        assert_eq!(taken(false, &prices), 1);
        let floats = [
            (SqlType::Int, "1"),
            (SqlType::Double, "2.5"),
            (SqlType::BigInt, "3000000000"),
        ];
        assert_eq!(taken(true, &floats), 3);
        assert_eq!(taken(false, &floats), 1);
        assert_eq!(
            taken(true, &[(SqlType::Double, "2.5"), (decimal(2, 1), "1.5")]),
            1
        );
        assert_eq!(
            taken(true, &[(SqlType::Int, "1"), (SqlType::String, "x")]),
            1
        );
    }

    #[test]
    fn numbers_that_would_be_rounded_do_not() {
        let large = (SqlType::BigInt, "9007199254740993");
        let float = (SqlType::Double, "2.5");
        assert_eq!(taken(true, &[large.clone(), float.clone()]), 1);
        assert_eq!(taken(true, &[float, large.clone()]), 1);
        assert_eq!(taken(true, &[large, (SqlType::Int, "1")]), 2);
        assert_eq!(
            taken(true, &[(decimal(38, 38), "0.1"), (SqlType::Int, "1")]),
            1
        );
    }
}
