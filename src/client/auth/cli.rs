//! Programs that know a token: the Databricks CLI, and how such programs are asked.

use std::ffi::OsString;
use std::io::Read;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{Grant, IdentityClient, Token, TokenFuture};
use crate::client::{Error, ErrorCode, Result};

/// Longest time that a program may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whoever is signed in with the Databricks CLI.
#[derive(Debug, Default)]
pub struct DatabricksCli {
    program: Option<String>,
    profile: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    access_token: String,
    expiry: Option<String>,
}

impl DatabricksCli {
    /// The program `databricks`, or the one at this path; its profile, or the one of the workspace.
    #[must_use]
    pub fn new(program: Option<String>, profile: Option<String>) -> Self {
        Self { program, profile }
    }

    async fn obtain(&self, identity: &IdentityClient) -> Result<Token> {
        let host = identity.workspace().url(&[]);
        let host = host.as_str().trim_end_matches('/');
        let program = self.program.as_deref().unwrap_or("databricks");
        let login = format!("databricks auth login --host {host}");
        let mut command = Command::new(program, "the Databricks CLI", &login);
        command.arguments(["auth", "token"]);
        match &self.profile {
            Some(profile) => command.arguments(["--profile", profile]),
            None => command.arguments(["--host", host]),
        }
        let document: Document = command.answer().await?;
        let token = Token::try_new(document.access_token.into())?;
        let end = document
            .expiry
            .and_then(|expiry| DateTime::parse_from_rfc3339(&expiry).ok());
        Ok(match end {
            Some(end) => token.living(life_until(end.timestamp())),
            None => token,
        })
    }
}

impl Grant for DatabricksCli {
    fn request<'a>(&'a self, identity: &'a IdentityClient) -> TokenFuture<'a> {
        Box::pin(self.obtain(identity))
    }
}

/// How long it is until a time in seconds since 1970.
pub(super) fn life_until(end: i64) -> Duration {
    let left = end - Utc::now().timestamp();
    Duration::from_secs(u64::try_from(left).unwrap_or_default())
}

/// A program that writes a JSON document.
pub(super) struct Command<'a> {
    program: &'a str,
    named: &'a str,
    login: &'a str,
    arguments: Vec<OsString>,
}

/// What a program left behind.
struct Ended {
    good: bool,
    output: Vec<u8>,
    errors: String,
}

impl<'a> Command<'a> {
    /// `login` is what to do where nobody is signed in.
    pub(super) fn new(program: &'a str, named: &'a str, login: &'a str) -> Self {
        Self {
            program,
            named,
            login,
            arguments: Vec::new(),
        }
    }

    pub(super) fn arguments<const N: usize>(&mut self, arguments: [&str; N]) {
        self.arguments.extend(arguments.map(OsString::from));
    }

    /// Runs it and reads what it writes, which no message repeats: it is a token.
    pub(super) async fn answer<T: DeserializeOwned>(&self) -> Result<T> {
        let ended = self.run().await?;
        if !ended.good {
            let said = ended.errors.trim();
            return Err(self.failed(&format!("says: {said}; '{}' may help", self.login)));
        }
        serde_json::from_slice(&ended.output)
            .map_err(|_| self.failed("gave no document that this driver understands"))
    }

    async fn run(&self) -> Result<Ended> {
        let mut command = std::process::Command::new(self.program);
        let child = command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|why| {
                let message = format!("('{}') cannot be run: {why}", self.program);
                self.failed(&message).with_source(why)
            })?;
        let child = Arc::new(Mutex::new(child));
        let running = Arc::clone(&child);
        let work = tokio::task::spawn_blocking(move || finished(&running));
        let Ok(ended) = timeout(PATIENCE, work).await else {
            // It may have ended just now, and then nothing is to be done.
            drop(child.try_lock().map(|mut child| child.kill()));
            return Err(self.failed(&format!("did not answer within {PATIENCE:?}")));
        };
        match ended {
            Ok(Ok(ended)) => Ok(ended),
            _ => Err(self.failed("could not be waited for")),
        }
    }

    fn failed(&self, what: &str) -> Error {
        let message = format!("{} {what}", self.named);
        Error::new(ErrorCode::Unauthenticated, message)
    }
}

fn finished(child: &Mutex<Child>) -> std::io::Result<Ended> {
    let child = || child.lock().unwrap_or_else(PoisonError::into_inner);
    let (output, errors) = {
        let mut child = child();
        (child.stdout.take(), child.stderr.take())
    };
    let read = |source: Option<Box<dyn Read + Send>>| {
        let mut bytes = Vec::new();
        source.map_or(Ok(0), |mut source| source.read_to_end(&mut bytes))?;
        Ok::<_, std::io::Error>(bytes)
    };
    let errors = errors.map(|errors| Box::new(errors) as Box<dyn Read + Send>);
    let errors = std::thread::spawn(move || read(errors));
    let output = read(output.map(|output| Box::new(output) as _))?;
    let errors = errors.join().unwrap_or_else(|_| Ok(Vec::new()))?;
    Ok(Ended {
        good: child().wait()?.success(),
        output,
        errors: String::from_utf8_lossy(&errors).into_owned(),
    })
}
