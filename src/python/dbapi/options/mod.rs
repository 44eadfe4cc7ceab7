//! The keyword options of `connect`, by what they are about. Each group has the names that it honours and reads
//! their values.

mod address;
mod auth;
mod http;
mod names;
mod parameters;
mod results;
mod session;
mod tls;
mod value;
mod volumes;

use std::ffi::CString;

use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};

pub(super) use self::address::AddressOptions;
pub(super) use self::auth::AuthOptions;
use self::names::{Meaningless, WITHOUT_MEANING};
pub(super) use self::results::{OnTruncated, ResultOptions};
pub(super) use self::value::seconds;
use super::exceptions::{NotSupportedError, raise};
use super::progress::callback;
use super::transaction::TransactionOptions;
use crate::client::volume::LocalPaths;
use crate::client::{HttpConfig, SessionConfig};
use crate::python::convert::parameter::ParameterOptions;

/// Options of the official connector that this driver does not understand yet.
const NOT_YET: [&[&str]; 1] = [auth::NOT_YET];

/// Options of the official connector that will not be supported, and what to do instead.
const NEVER: [(&str, &str); 3] = [
    (
        "connection_uri",
        "name the host in server_hostname and the warehouse in http_path",
    ),
    (
        "password",
        "the service takes no passwords; use access_token or OAuth",
    ),
    (
        "username",
        "the service takes no passwords; use access_token or OAuth",
    ),
];

/// The option of what is called while statements are waited for.
const PROGRESS: &str = "progress";

/// What the options come to.
#[derive(Default)]
pub(super) struct ConnectOptions {
    pub(super) auth: AuthOptions,
    pub(super) http: HttpConfig,
    pub(super) parameters: ParameterOptions,
    pub(super) session: SessionConfig,
    pub(super) transactions: TransactionOptions,
    pub(super) results: ResultOptions,
    pub(super) address: AddressOptions,
    /// Where statements may read and write files.
    pub(super) local_paths: LocalPaths,
    /// Called while statements are waited for.
    pub(super) progress: Option<Py<PyAny>>,
}

impl ConnectOptions {
    pub(super) fn parse(py: Python<'_>, options: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let mut parsed = Self::default();
        parsed.session.reopens = true;
        for (name, value) in options.into_iter().flat_map(|options| options.iter()) {
            let given: String = name.extract()?;
            // The connector spells many of its options with an underscore in front.
            let name = given.strip_prefix('_').unwrap_or(&given);
            if !is_known(name) {
                return Err(names::unknown(&given, known()));
            }
            if !value.is_none() {
                parsed.set(py, name, &given, &value)?;
            }
        }
        tls::check(py, &parsed.http)?;
        Ok(parsed)
    }

    fn set(
        &mut self,
        py: Python<'_>,
        name: &str,
        given: &str,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let read = if address::NAMES.contains(&name) {
            address::set(&mut self.address, name, value)
        } else if auth::NAMES.contains(&name) {
            auth::set(&mut self.auth, name, given, value)
        } else if http::NAMES.contains(&name) {
            http::set(&mut self.http, name, given, value)
        } else if parameters::NAMES.contains(&name) {
            parameters::set(&mut self.parameters, name, value)
        } else if results::NAMES.contains(&name) {
            results::set(
                &mut self.results,
                &mut self.session.results,
                name,
                given,
                value,
            )
        } else if session::NAMES.contains(&name) {
            session::set(&mut self.session, &mut self.transactions, name, value)
        } else if tls::NAMES.contains(&name) {
            tls::set(&mut self.http, name, given, value)
        } else if volumes::NAMES.contains(&name) {
            volumes::set(&mut self.local_paths, name, given, value)
        } else if name == PROGRESS {
            callback(given, value).map(|callback| self.progress = Some(callback))
        } else if let Some(option) = WITHOUT_MEANING.iter().find(|one| one.name == name) {
            return ignore(py, option, given, value);
        } else if let Some((_, advice)) = NEVER.iter().find(|one| one.0 == name) {
            let message = format!("connect() does not support the option '{given}': {advice}");
            return Err(raise::<NotSupportedError>(py, message));
        } else {
            return refuse(py, name, given, value);
        };
        read.map_err(|raised| value::named(py, given, raised))
    }
}

/// The names of all options, without underscores in front.
fn known() -> impl Iterator<Item = &'static str> {
    let groups = [
        address::NAMES,
        auth::NAMES,
        http::NAMES,
        parameters::NAMES,
        results::NAMES,
        session::NAMES,
        tls::NAMES,
        volumes::NAMES,
    ];
    groups
        .into_iter()
        .chain(NOT_YET)
        .chain([&[PROGRESS][..]])
        .flatten()
        .copied()
        .chain(WITHOUT_MEANING.iter().map(|option| option.name))
        .chain(NEVER.iter().map(|(name, _)| *name))
}

fn is_known(name: &str) -> bool {
    known().any(|known| known == name)
}

fn ignore(
    py: Python<'_>,
    option: &Meaningless,
    given: &str,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    if value
        .cast::<PyBool>()
        .is_ok_and(|value| option.usual == Some(value.is_true()))
    {
        return Ok(());
    }
    let message = format!("connect() ignores '{given}': {}", option.why);
    PyErr::warn(
        py,
        &py.get_type::<PyUserWarning>(),
        &CString::new(message)?,
        1,
    )
}

fn refuse(py: Python<'_>, name: &str, given: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    // True is what happens anyway for this one, and False for the others.
    let usual = name == "tls_verify_hostname";
    if value.is_truthy()? == usual {
        return Ok(());
    }
    Err(raise::<NotSupportedError>(
        py,
        format!("connect() does not support the option '{given}' yet"),
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_option_is_in_one_list_only() {
        let mut seen = HashSet::new();
        for name in known() {
            assert!(seen.insert(name), "{name}");
        }
    }
}
