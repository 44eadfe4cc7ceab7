//! The type that a column of VALUES has for all of its rows.

use super::value::{SqlType, Value};

/// What is known of the column of the table that values go into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// Nothing, or that it shows the type of a value: a text of 1.50 is another one than that of 1.5.
    #[default]
    Any,
    /// A DECIMAL, which a number of another scale reaches as the same number.
    Exact,
    /// A FLOAT or DOUBLE, which a whole number reaches as the same number by way of DOUBLE.
    Approximate,
}

/// The type of a column, as its values come.
#[derive(Clone, Debug)]
pub(super) struct ColumnType {
    joined: SqlType,
    target: Target,
    /// Whether all whole numbers so far are equal to a DOUBLE.
    exact: bool,
}

impl ColumnType {
    pub(super) fn new(target: Target) -> Self {
        Self {
            joined: SqlType::Void,
            target,
            exact: true,
        }
    }

    /// Whether the value can be in the column, too, without a change of any value.
    pub(super) fn takes(&mut self, value: &Value) -> bool {
        let sql_type = value.sql_type();
        self.exact = self.exact && value.is_equal_to_a_double();
        if *sql_type == SqlType::Void || *sql_type == self.joined {
            return true;
        }
        let joined = self.joined.joined(&sql_type).or_else(|| {
            let widened = self.joined.widened(&sql_type)?;
            // Between DECIMAL and DOUBLE engines round in ways of their own.
            match (self.target, &widened) {
                (Target::Exact, SqlType::Decimal { .. }) => Some(widened),
                (Target::Approximate, SqlType::Double) if self.exact => Some(widened),
                _ => None,
            }
        });
        let taken = joined.is_some();
        if let Some(joined) = joined {
            self.joined = joined;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::{ColumnType, Target};
    use crate::client::sql::{SqlType, Value};

    fn taken(target: Target, values: &[(SqlType, &str)]) -> usize {
        let mut column = ColumnType::new(target);
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
    fn exact_numbers_go_together_into_exact_columns_only() {
        let prices = [
            (decimal(2, 1), "1.5"),
            (decimal(3, 2), "2.25"),
            (SqlType::Int, "3"),
        ];
        assert_eq!(taken(Target::Exact, &prices), 3);
        assert_eq!(taken(Target::Any, &prices), 1);
        assert_eq!(taken(Target::Approximate, &prices), 1);
    }

    #[test]
    fn whole_numbers_and_floats_go_together_into_approximate_columns_only() {
        let floats = [
            (SqlType::Int, "1"),
            (SqlType::Double, "2.5"),
            (SqlType::BigInt, "3000000000"),
        ];
        assert_eq!(taken(Target::Approximate, &floats), 3);
        assert_eq!(taken(Target::Any, &floats), 1);
        assert_eq!(taken(Target::Exact, &floats), 1);
    }

    #[test]
    fn what_cannot_be_joined_exactly_never_does() {
        for target in [Target::Any, Target::Exact, Target::Approximate] {
            let float = (SqlType::Double, "2.5");
            let whole = (SqlType::Int, "1");
            assert_eq!(taken(target, &[float, (decimal(2, 1), "1.5")]), 1);
            assert_eq!(taken(target, &[whole.clone(), (SqlType::String, "x")]), 1);
            assert_eq!(taken(target, &[(decimal(38, 38), "0.1"), whole]), 1);
        }
    }

    #[test]
    fn numbers_that_a_double_would_round_do_not() {
        let large = (SqlType::BigInt, "9007199254740993");
        let float = (SqlType::Double, "2.5");
        let taken = |values: &[_]| taken(Target::Approximate, values);
        assert_eq!(taken(&[large.clone(), float.clone()]), 1);
        assert_eq!(taken(&[float, large.clone()]), 1);
        assert_eq!(taken(&[large, (SqlType::Int, "1")]), 2);
    }
}
