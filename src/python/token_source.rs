//! A Python callable as a source of tokens, and Python's way to whoever signs in with a browser.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};
use url::Url;

use super::convert::{call_foreign, call_foreign_method};
use crate::client::auth::oauth::{Browser, SystemBrowser};
use crate::client::auth::{Grant, IdentityClient, Token, TokenFuture};
use crate::client::{Error, ErrorCode, Result};

/// A token that does not say how long it is good is asked for again after this time.
const UNKNOWN_LIFE: Duration = Duration::from_secs(300);

/// Calls a Python object for tokens: it returns a token, or headers, or a callable that returns headers;
/// or something to await that comes to one of these.
pub(crate) struct PythonTokens {
    object: Arc<Py<PyAny>>,
    asked: Asked,
}

/// How an object is asked for a token.
#[derive(Clone, Copy)]
enum Asked {
    ByCall,
    /// Its method `add_headers` adds headers to a dict.
    ForHeaders,
}

impl Asked {
    fn name(self) -> &'static str {
        match self {
            Self::ByCall => "the credentials_provider",
            Self::ForHeaders => "the auth_provider",
        }
    }
}

impl PythonTokens {
    pub(crate) fn new(callable: Py<PyAny>) -> Self {
        Self {
            object: Arc::new(callable),
            asked: Asked::ByCall,
        }
    }

    /// The tokens of an object with a method `add_headers`, as the official connector has them.
    pub(crate) fn of_provider(provider: Py<PyAny>) -> Self {
        Self {
            object: Arc::new(provider),
            asked: Asked::ForHeaders,
        }
    }
}

impl fmt::Debug for PythonTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PythonTokens")
    }
}

impl Grant for PythonTokens {
    fn request<'a>(&'a self, _identity: &'a IdentityClient) -> TokenFuture<'a> {
        Box::pin(async move {
            let gone = || Error::new(ErrorCode::Cancelled, "the interpreter is shutting down");
            let (object, asked) = (Arc::clone(&self.object), self.asked);
            // Whatever it does, it does not hold up a thread of the runtime; nor does whoever has the interpreter.
            let answer = tokio::task::spawn_blocking(move || {
                Python::try_attach(|py| {
                    let giving = Giving::begin(&object);
                    let token = match asked {
                        Asked::ByCall => token(object.bind(py)),
                        Asked::ForHeaders => added(object.bind(py)),
                    };
                    drop((giving, object));
                    token.map_err(|raised| failed(py, asked.name(), raised))
                })
            });
            match answer.await {
                Ok(Some(token)) => token?,
                _ => Err(gone()),
            }
        })
    }
}

/// What Python code raised, which goes with the error to whoever asked for a token.
pub(super) fn failed(py: Python<'_>, what: &str, raised: PyErr) -> Error {
    let class = raised.get_type(py).name();
    let class = class.map_or_else(|_| "an exception".to_owned(), |name| name.to_string());
    let message = format!("{what} raised {class}: {}", raised.value(py));
    Error::new(ErrorCode::Unauthenticated, message).with_source(raised)
}

thread_local! {
    /// The callables that give a token on this thread right now.
    static GIVING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Whether this thread runs in `callable`, so that waiting for its token would never end.
pub(crate) fn is_giving(callable: &Py<PyAny>) -> bool {
    GIVING.with_borrow(|giving| giving.contains(&callable.as_ptr().addr()))
}

/// As long as this lives, `is_giving` is true of a callable.
struct Giving;

impl Giving {
    fn begin(callable: &Py<PyAny>) -> Self {
        GIVING.with_borrow_mut(|giving| giving.push(callable.as_ptr().addr()));
        Self
    }
}

impl Drop for Giving {
    fn drop(&mut self) {
        GIVING.with_borrow_mut(|giving| giving.truncate(giving.len().saturating_sub(1)));
    }
}

fn token(callable: &Bound<'_, PyAny>) -> PyResult<Result<Token>> {
    let given = awaited(call_foreign(callable, ())?)?;
    let given = if given.is_callable() {
        awaited(call_foreign(&given, ())?)?
    } else {
        given
    };
    if let Ok(text) = given.cast::<PyString>() {
        return Ok(Token::try_new(text.to_str()?.to_owned().into()).map(lasting));
    }
    if let Ok(headers) = given.cast::<PyMapping>() {
        return from_headers(headers);
    }
    Err(PyTypeError::new_err(format!(
        "it returned {}, which is neither a token (str) nor headers (dict)",
        given.get_type().name()?
    )))
}

/// The token among the headers that an object adds.
fn added(provider: &Bound<'_, PyAny>) -> PyResult<Result<Token>> {
    // One that keeps what it exchanged would give a token again that was refused.
    if provider.hasattr("_cached_token")? {
        provider.setattr("_cached_token", provider.py().None())?;
    }
    let headers = PyDict::new(provider.py());
    call_foreign_method(provider, "add_headers", (&headers,))?;
    from_headers(headers.as_mapping())
}

fn lasting(token: Token) -> Token {
    if token.has_end() {
        token
    } else {
        token.living(UNKNOWN_LIFE)
    }
}

/// Runs what is to be awaited in an event loop of its own: this thread has none.
fn awaited(given: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    if !given.hasattr("__await__")? {
        return Ok(given);
    }
    let py = given.py();
    let scope = PyDict::new(py);
    py.run(
        c"async def waited(given):\n    return await given\n",
        None,
        Some(&scope),
    )?;
    let coroutine = scope
        .get_item("waited")?
        .ok_or_else(|| PyTypeError::new_err("nothing to await with"))?
        .call1((given,))?;
    call_foreign_method(py.import("asyncio")?.as_any(), "run", (coroutine,))
}

fn from_headers(headers: &Bound<'_, PyMapping>) -> PyResult<Result<Token>> {
    let mut bearer = None;
    let mut others = Vec::new();
    for pair in headers.items()?.iter() {
        let (name, value): (String, String) = pair.extract()?;
        if name.eq_ignore_ascii_case("authorization") {
            bearer = value.strip_prefix("Bearer ").map(str::to_owned);
        } else {
            others.push((name, value));
        }
    }
    let Some(bearer) = bearer else {
        return Err(PyTypeError::new_err(
            "its headers have no 'Authorization: Bearer ...'",
        ));
    };
    let token = Token::try_new(bearer.trim().to_owned().into()).map(lasting);
    Ok(others.iter().fold(token, |token, (name, value)| {
        token?.with_header(name, value)
    }))
}

/// The user's usual browser; what is to be said goes to `sys.stderr`, which notebooks show.
#[derive(Debug)]
pub(crate) struct PythonBrowser;

impl Browser for PythonBrowser {
    fn open(&self, url: &Url) -> bool {
        SystemBrowser.open(url)
    }

    fn say(&self, text: &str) {
        let said = Python::try_attach(|py| -> PyResult<()> {
            let stream = py.import("sys")?.getattr("stderr")?;
            call_foreign_method(&stream, "write", (format!("{text}\n"),))?;
            call_foreign_method(&stream, "flush", ()).map(drop)
        });
        if !matches!(said, Some(Ok(()))) {
            SystemBrowser.say(text);
        }
    }
}
