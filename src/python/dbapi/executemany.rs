//! `executemany`: rows of INSERT together, other statements in turn.

use std::ops::Range;

use pyo3::prelude::*;

use super::cursor::Cursor;
use super::exceptions::{ProgrammingError, raise};
use super::turn::{About, Turn};
use crate::client::Statement;
use crate::client::sql::{BindError, InsertTemplate, Template, Values};
use crate::client::wire::StatementParameter;

impl Cursor {
    /// Executes `sql` for each set. All sets are read and bound before anything is sent.
    pub(super) fn execute_sets(
        &self,
        py: Python<'_>,
        sql: &str,
        sets: &Bound<'_, PyAny>,
        each: &Statement,
    ) -> PyResult<()> {
        let inline = self.parameter_options().inline;
        let template = Template::parse(sql, inline);
        if let Some(insert) = InsertTemplate::parse(sql) {
            let rows = self.read_sets(py, sets, |values| template.arrange(values))?;
            let count = rows.len();
            let batches = insert.batches(rows, inline);
            let statements = batches.map(|batch| (batch.sql, batch.parameters, batch.rows));
            return self.run_all(py, statements, count, each);
        }
        let bound = self.read_sets(py, sets, |values| template.bind(values))?;
        let count = bound.len();
        let statements = bound
            .into_iter()
            .enumerate()
            .map(|(at, bound)| (bound.sql.into_owned(), bound.parameters, at..at + 1));
        self.run_all(py, statements, count, each)
    }

    fn read_sets<T>(
        &self,
        py: Python<'_>,
        sets: &Bound<'_, PyAny>,
        take: impl Fn(Values) -> Result<T, BindError>,
    ) -> PyResult<Vec<T>> {
        let mut taken = Vec::with_capacity(sets.len().unwrap_or_default());
        for (at, set) in sets.try_iter()?.enumerate() {
            let named = |message: &dyn std::fmt::Display| {
                raise::<ProgrammingError>(py, format!("parameter set {at}: {message}"))
            };
            let values = self.values(py, &set?).map_err(|raised| {
                if raised.is_instance_of::<ProgrammingError>(py) {
                    named(raised.value(py))
                } else {
                    raised
                }
            })?;
            let values = values.unwrap_or(Values::Named(Vec::new()));
            taken.push(take(values).map_err(|error| named(&error))?);
        }
        Ok(taken)
    }

    /// Runs statements in turn; the row count is their sum in the end.
    fn run_all(
        &self,
        py: Python<'_>,
        statements: impl Iterator<Item = (String, Vec<StatementParameter>, Range<usize>)>,
        count: usize,
        each: &Statement,
    ) -> PyResult<()> {
        let mut turn: Turn<'_> = self.turn(py)?;
        self.connection.get().transactions().statement_runs();
        *turn = None;
        *self.inner().about() = About::default();
        let mut rowcount = Some(0);
        for (sql, parameters, sets) in statements {
            let what = (count > 1).then(|| describe(&sets, count));
            let statement = Statement {
                sql,
                parameters,
                ..each.clone()
            };
            self.run(py, &mut turn, statement, what.as_deref())?;
            rowcount = rowcount
                .zip(self.inner().about().rowcount)
                .map(|(sum, rows)| sum + rows);
        }
        self.inner().about().rowcount = rowcount;
        Ok(())
    }
}

/// Which sets a statement is for, counted from 0.
fn describe(sets: &Range<usize>, count: usize) -> String {
    if sets.len() == 1 {
        format!("parameter set {} of {count}", sets.start)
    } else {
        format!(
            "parameter sets {} to {} of {count}",
            sets.start,
            sets.end - 1
        )
    }
}
