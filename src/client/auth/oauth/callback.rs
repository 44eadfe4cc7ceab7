//! The port of this machine to which the browser comes back.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use crate::client::{Error, ErrorCode, Result};

/// Longest request line that is read.
const LONGEST_LINE: u64 = 16 << 10;

const DONE: &str = "You are signed in. This window can be closed.";
const FAILED: &str =
    "The sign-in failed; the program that asked for it says why. This window can be closed.";

/// Waits for the browser.
pub(super) struct Callback {
    v4: TcpListener,
    /// Some browsers try this first for `localhost`.
    v6: Option<TcpListener>,
    port: u16,
}

impl Callback {
    /// Listens on the first of the ports that is free.
    pub(super) async fn listen(ports: &[u16], option: &str) -> Result<Self> {
        for port in ports {
            if let Ok(v4) = TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).await {
                let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, *port)).await.ok();
                return Ok(Self {
                    v4,
                    v6,
                    port: *port,
                });
            }
        }
        Err(Error::new(
            ErrorCode::Internal,
            format!(
                "all ports to which the browser could come back are in use: {ports:?}; \
                 {option} names another one"
            ),
        ))
    }

    /// Where the browser is to be sent back to.
    pub(super) fn redirect_uri(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// The code that the browser brings. Browsers open connections that they may need later, so that none of
    /// them is waited for alone.
    pub(super) async fn code(&self, state: &str) -> Result<String> {
        let mut visits = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.accept() => {
                    if let Ok(stream) = accepted {
                        visits.spawn(visit(stream, state.to_owned()));
                    }
                }
                Some(ended) = visits.join_next() => {
                    if let Ok(Some(code)) = ended {
                        return code;
                    }
                }
            }
        }
    }

    async fn accept(&self) -> std::io::Result<TcpStream> {
        let v6 = async {
            match &self.v6 {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = self.v4.accept() => accepted,
            accepted = v6 => accepted,
        }
        .map(|(stream, _)| stream)
    }
}

/// Answers one request; what it brought, if it is the one that is waited for.
async fn visit(stream: TcpStream, state: String) -> Option<Result<String>> {
    let mut stream = BufReader::new(stream);
    let Some(answer) = answer(&mut stream).await else {
        respond(stream, 404, "There is nothing here.").await;
        return None;
    };
    let code = code(&answer, &state);
    respond(stream, 200, if code.is_ok() { DONE } else { FAILED }).await;
    Some(code)
}

type Answer = HashMap<String, String>;

/// The query of a request that answers the question of a sign-in; browsers ask for icons, too.
async fn answer(stream: &mut BufReader<TcpStream>) -> Option<Answer> {
    let mut line = String::new();
    let mut limited = stream.take(LONGEST_LINE);
    limited.read_line(&mut line).await.ok()?;
    parsed(&line)
}

fn parsed(line: &str) -> Option<Answer> {
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    let url = Url::parse("http://localhost").ok()?.join(target).ok()?;
    let answer: Answer = url.query_pairs().into_owned().collect();
    (answer.contains_key("code") || answer.contains_key("error")).then_some(answer)
}

fn code(answer: &Answer, state: &str) -> Result<String> {
    let refused = |why: String| Err(Error::new(ErrorCode::Unauthenticated, why));
    if answer.get("state").map(String::as_str) != Some(state) {
        return refused(
            "the browser brought the answer to another sign-in; sign in once more".to_owned(),
        );
    }
    if let Some(code) = answer.get("code") {
        return Ok(code.clone());
    }
    let said = ["error", "error_description"].map(|name| answer.get(name).map_or("", |text| text));
    refused(format!(
        "the sign-in was refused: {}",
        said.join(" ").trim_end()
    ))
}

async fn respond(mut stream: BufReader<TcpStream>, status: u16, text: &str) {
    let body =
        format!("<!doctype html><meta charset=utf-8><title>Databricks</title><p>{text}</p>\n");
    let head = format!(
        "HTTP/1.1 {status} \r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // The browser may have gone; whether it shows the page is of no consequence.
    drop(stream.write_all((head + &body).as_bytes()).await);
    drop(stream.shutdown().await);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn other_requests_than_the_answer_are_told_apart() {
        let answer = parsed("GET /?code=a%20b&state=s HTTP/1.1\r\n").unwrap();
        assert_eq!(answer["code"], "a b");
        for line in [
            "",
            "GET",
            "GET /favicon.ico HTTP/1.1",
            "POST /?code=c HTTP/1.1",
            "GET //[",
        ] {
            assert!(parsed(line).is_none(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_request_is_too_odd(target in "(?s).{0,100}") {
            parsed(&format!("GET {target}"));
        }
    }

    fn answer(pairs: &[(&str, &str)]) -> Answer {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn answers_count_with_the_right_state_only() {
        let good = answer(&[("code", "c"), ("state", "s")]);
        assert_eq!(code(&good, "s").unwrap(), "c");
        for wrong in [
            answer(&[("code", "c"), ("state", "other")]),
            answer(&[("code", "c")]),
            answer(&[("error", "access_denied"), ("state", "other")]),
        ] {
            let error = code(&wrong, "s").unwrap_err();
            assert!(error.message().contains("another sign-in"), "{error}");
        }
        let denied = [
            ("error", "access_denied"),
            ("error_description", "The user said no"),
            ("state", "s"),
        ];
        let error = code(&answer(&denied), "s").unwrap_err();
        assert_eq!(
            error.message(),
            "the sign-in was refused: access_denied The user said no"
        );
    }
}
