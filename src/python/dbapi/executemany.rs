//! `executemany`: rows of INSERT together, other statements in turn.

use std::iter;
use std::ops::Range;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::cursor::Cursor;
use super::exceptions::{ProgrammingError, raise, to_pyerr};
use super::execution::{Beside, check_not_empty};
use super::turn::{About, Turn};
use crate::client::sql::{BindError, InsertTemplate, Target, Template, Value, Values};
use crate::client::wire::StatementParameter;
use crate::client::{ErrorCode, Statement, StatementControl};
use crate::python::convert::{next_foreign, wrong_type};
use crate::python::runtime::wait;

impl Cursor {
    /// Executes `sql` for each set. All sets are read and bound before anything is sent.
    pub(super) fn execute_sets(
        &self,
        py: Python<'_>,
        sql: &str,
        sets: &Bound<'_, PyAny>,
        each: &Statement,
    ) -> PyResult<()> {
        check_not_empty(py, sql)?;
        let inline = self.parameter_options().inline;
        let template = Template::parse(sql, inline);
        if let Some(insert) = InsertTemplate::parse(sql) {
            let rows = self.read_sets(py, sets, |values| template.arrange(values))?;
            let count = rows.len();
            let mut turn = self.turn(py)?;
            let targets = self.ask_for_targets(py, &insert, &rows, each)?;
            let batches = insert.batches(rows, targets, inline);
            let statements = batches.map(|batch| (batch.sql, batch.parameters, batch.rows));
            return self.run_all(py, &mut turn, statements, count, each);
        }
        let bound = self.read_sets(py, sets, |values| template.bind(values))?;
        let count = bound.len();
        let statements = bound
            .into_iter()
            .enumerate()
            .map(|(at, bound)| (bound.sql.into_owned(), bound.parameters, at..at + 1));
        let mut turn = self.turn(py)?;
        self.run_all(py, &mut turn, statements, count, each)
    }

    /// What the markers go into, where knowing that makes for fewer statements.
    ///
    /// The service is asked for the types of the columns. It may refuse, to those who may write a table but not read
    /// it; then nothing is known. Within a transaction it is not asked: a refusal could end it.
    fn ask_for_targets(
        &self,
        py: Python<'_>,
        insert: &InsertTemplate<'_>,
        rows: &[Vec<Value>],
        each: &Statement,
    ) -> PyResult<Vec<Target>> {
        /// A request must save more than one.
        const WORTH_ASKING: usize = 3;
        let connection = self.connection.get();
        let unknown = insert.targets(&[]);
        if !connection.transactions().commits_each() || insert.saved_by_targets(rows) < WORTH_ASKING
        {
            return Ok(unknown);
        }
        let control = StatementControl::default();
        *self.inner().about() = About {
            control: control.clone(),
            ..About::default()
        };
        let query = Statement {
            sql: insert.target_query(),
            ..each.clone()
        };
        let answer = wait(py, connection.session(py)?.execute(query, &control))?;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error)
                if matches!(
                    error.code(),
                    ErrorCode::SqlError | ErrorCode::PermissionDenied
                ) =>
            {
                return Ok(unknown);
            }
            Err(error) => return Err(to_pyerr(py, &error)),
        };
        let columns = answer.stream().columns();
        let types: Vec<String> = columns
            .iter()
            .map(|column| column.type_name.to_ascii_uppercase())
            .collect();
        let types: Vec<&str> = types.iter().map(String::as_str).collect();
        Ok(insert.targets(&types))
    }

    fn read_sets<T>(
        &self,
        py: Python<'_>,
        sets: &Bound<'_, PyAny>,
        take: impl Fn(Values) -> Result<T, BindError>,
    ) -> PyResult<Vec<T>> {
        let mut taken = Vec::with_capacity(sets.len().unwrap_or_default());
        let each = sets.try_iter().map_err(|raised| {
            if raised.is_instance_of::<PyTypeError>(py) {
                wrong_type("seq_of_parameters", "a sequence of parameters", sets)
            } else {
                raised
            }
        })?;
        for (at, set) in iter::from_fn(|| next_foreign(&each)).enumerate() {
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
        turn: &mut Turn<'_>,
        statements: impl Iterator<Item = (String, Vec<StatementParameter>, Range<usize>)>,
        count: usize,
        each: &Statement,
    ) -> PyResult<()> {
        **turn = None;
        *self.inner().about() = About::default();
        let mut rowcount = Some(0);
        let transactions = self.connection.get().transactions();
        for (sql, parameters, sets) in statements {
            let what = (count > 1).then(|| describe(&sets, count));
            let statement = Statement {
                sql,
                parameters,
                ..each.clone()
            };
            let beside = Beside {
                what: what.as_deref(),
                is_later: sets.start > 0 && transactions.commits_each(),
                ..Beside::default()
            };
            self.run(py, turn, statement, beside)?;
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
