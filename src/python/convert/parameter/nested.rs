//! Lists and mappings as values.

use pyo3::prelude::*;
use pyo3::types::PyMapping;

use super::{Label, MOST_DEPTH, Reader, Result, wrong};
use crate::client::sql::{SqlType, Value};

impl Reader {
    /// An array of the items, which must be of one type.
    pub(super) fn array(
        &self,
        label: Label<'_>,
        value: &Bound<'_, PyAny>,
        depth: usize,
    ) -> Result<Value> {
        check_depth(label, depth)?;
        let mut items = Vec::with_capacity(value.len()?);
        for item in value.try_iter()? {
            items.push(self.value(label, &item?, depth + 1)?);
        }
        let item = one_type(label, "array", &items)?;
        Ok(Value::Array(item, items))
    }

    /// A map of the entries, whose keys must be of one type, and whose values too.
    pub(super) fn map(
        &self,
        label: Label<'_>,
        value: &Bound<'_, PyMapping>,
        depth: usize,
    ) -> Result<Value> {
        check_depth(label, depth)?;
        let mut entries = Vec::with_capacity(value.len()?);
        for pair in value.items()?.iter() {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
            entries.push((
                self.value(label, &key, depth + 1)?,
                self.value(label, &value, depth + 1)?,
            ));
        }
        map_of(label, entries)
    }
}

pub(super) fn map_of(label: Label<'_>, entries: Vec<(Value, Value)>) -> Result<Value> {
    if entries.iter().any(|(key, _)| key.is_null()) {
        return wrong(format!(
            "{label} has the key None, but keys of a MAP cannot be NULL"
        ));
    }
    let key = one_type(label, "map", entries.iter().map(|(key, _)| key))?;
    let value = one_type(label, "map", entries.iter().map(|(_, value)| value))?;
    Ok(Value::Map(key, value, entries))
}

pub(super) fn check_depth(label: Label<'_>, depth: usize) -> Result<()> {
    if depth >= MOST_DEPTH {
        return wrong(format!("{label} is nested more than {MOST_DEPTH} deep"));
    }
    Ok(())
}

/// The type that holds all of the values, each an equal one.
fn one_type<'a>(
    label: Label<'_>,
    what: &str,
    values: impl IntoIterator<Item = &'a Value> + Clone,
) -> Result<SqlType> {
    let mut found = SqlType::Void;
    for value in values.clone() {
        let sql_type = value.sql_type();
        match found.widened(&sql_type) {
            Some(wider) => found = wider,
            None => {
                return wrong(format!(
                    "{label} mixes values of {} and {}; an {what} holds values of one type",
                    found.name(),
                    sql_type.name()
                ));
            }
        }
    }
    match values.into_iter().find(|value| !is_equal_in(value, &found)) {
        Some(value) => wrong(format!(
            "{label} mixes floats with {value:?}, which no DOUBLE equals"
        )),
        None => Ok(found),
    }
}

/// Whether whole numbers are small enough for the DOUBLE that they become.
fn is_equal_in(value: &Value, sql_type: &SqlType) -> bool {
    match (value, sql_type) {
        (_, SqlType::Double) => value.is_equal_to_a_double(),
        (Value::Array(_, items), SqlType::Array(item)) => {
            items.iter().all(|value| is_equal_in(value, item))
        }
        (Value::Map(_, _, entries), SqlType::Map(key, value)) => entries
            .iter()
            .all(|(k, v)| is_equal_in(k, key) && is_equal_in(v, value)),
        _ => true,
    }
}
