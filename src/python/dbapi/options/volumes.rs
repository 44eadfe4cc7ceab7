//! Options of files in volumes.

use std::path::PathBuf;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::super::exceptions::{ProgrammingError, raise};
use crate::client::volume::LocalPaths;

pub(super) const NAMES: &[&str] = &["staging_allowed_local_path"];

pub(super) fn set(
    paths: &mut LocalPaths,
    name: &str,
    given: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    match name {
        "staging_allowed_local_path" => *paths = local_paths(given, value)?,
        other => unreachable!("{other} is no option of volumes"),
    }
    Ok(())
}

/// One path or several.
fn local_paths(given: &str, value: &Bound<'_, PyAny>) -> PyResult<LocalPaths> {
    let paths = match value.extract::<PathBuf>() {
        Ok(path) => vec![path],
        Err(_) => value
            .extract::<Vec<PathBuf>>()
            .map_err(|_| PyTypeError::new_err("it must be a path, or a list of paths"))?,
    };
    // The working directory must be meant by name.
    if paths.iter().any(|path| path.as_os_str().is_empty()) {
        return Err(raise::<ProgrammingError>(
            value.py(),
            format!("connect() option '{given}' has an empty path; '.' is the working directory"),
        ));
    }
    Ok(LocalPaths::new(paths))
}
