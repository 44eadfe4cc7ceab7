//! Tags of statements and sessions.

use pyo3::{prelude::*, types::PyMapping};

use super::error::{argument, wrong_type};
use crate::client::wire::QueryTag;

/// The tags of an argument `query_tags`: a mapping, whose values may be None.
pub(crate) fn query_tags(given: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<QueryTag>> {
    let Some(given) = given.filter(|given| !given.is_none()) else {
        return Ok(Vec::new());
    };
    let mapping = given.cast::<PyMapping>();
    let mapping = mapping.map_err(|_| wrong_type("query_tags", "a mapping", given))?;
    let tags = mapping.items()?.iter().map(|pair| {
        let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = pair.extract()?;
        let place = format!("query_tags[{}]", key.repr()?);
        Ok(QueryTag {
            key: argument("a key of query_tags", "str", &key)?,
            value: argument(&place, "str or None", &value)?,
        })
    });
    tags.collect()
}
