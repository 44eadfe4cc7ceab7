//! What goes through a scripted server: requests as they came, and the replies that they get.

use std::fmt::Write;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path, still percent-encoded.
    pub(crate) path: String,
    pub(crate) query: String,
    headers: Vec<(String, String)>,
    /// The body, or null where it is no JSON.
    pub(crate) body: Value,
    text: String,
    pub(crate) at: Instant,
}

impl Request {
    /// The next request on a connection; nothing once the client has gone.
    pub(crate) async fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut words = lines.first()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
        let mut request = Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            body: Value::Null,
            text: String::new(),
            at: Instant::now(),
        };
        let length = request.header("content-length").unwrap_or("0");
        let mut body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut body).await.ok()?;
        request.body = serde_json::from_slice(&body).unwrap_or_default();
        request.text = String::from_utf8_lossy(&body).into_owned();
        Some(request)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A field of the form that it brings.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let mut fields = url::form_urlencoded::parse(self.text.as_bytes());
        let (_, value) = fields.find(|(own, _)| own == name)?;
        Some(value.into_owned())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Everything that came, for those who look for secrets.
    pub(crate) fn whole(&self) -> String {
        format!(
            "{} {}?{} {:?} {}",
            self.method, self.path, self.query, self.headers, self.text
        )
    }

    /// The last segment of the path, as a number.
    pub(crate) fn number(&self) -> u64 {
        self.path.rsplit('/').next().unwrap().parse().unwrap()
    }

    /// Whether it has this method and path, where `*` is any segment.
    pub(crate) fn matches(&self, method: &str, path: &str) -> bool {
        let (own, asked) = (self.path.split('/'), path.split('/'));
        self.method == method
            && own.clone().count() == asked.clone().count()
            && own
                .zip(asked)
                .all(|(own, asked)| asked == "*" || asked == own)
    }
}

/// What a request gets.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// How many bytes of the body go out before the connection is closed.
    cut: Option<usize>,
    closed: bool,
    /// Comes before each of the quarters of the body.
    pause: Duration,
    gate: Option<oneshot::Receiver<bool>>,
    /// How many bytes of the body go out before the gate; none of the answer without it.
    ahead: Option<usize>,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            cut: None,
            closed: false,
            pause: Duration::ZERO,
            gate: None,
            ahead: None,
        }
    }

    pub(crate) fn json(document: &Value) -> Self {
        Self::status(200).document(document)
    }

    pub(crate) fn bytes(body: Vec<u8>) -> Self {
        Self::status(200).body(body)
    }

    /// The connection ends before anything is answered.
    pub(crate) fn closed() -> Self {
        Self {
            closed: true,
            ..Self::status(0)
        }
    }

    /// The request is taken, and nothing ever comes back.
    pub(crate) fn never() -> Self {
        Self::status(0).held().0
    }

    pub(crate) fn document(self, document: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(document.to_string().into_bytes())
    }

    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The headers promise the whole body, of which only `length` bytes come.
    pub(crate) fn cut(mut self, length: usize) -> Self {
        self.cut = Some(length);
        self
    }

    /// The body comes in quarters, with a pause before each.
    pub(crate) fn slow(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// The answer waits until it is released.
    pub(crate) fn held(mut self) -> (Self, Release) {
        let (sender, receiver) = oneshot::channel();
        self.gate = Some(receiver);
        (self, Release(sender))
    }

    /// So many bytes of the body come; the rest waits until it is released.
    pub(crate) fn stalled(self, length: usize) -> (Self, Release) {
        let (mut reply, release) = self.held();
        reply.ahead = Some(length);
        (reply, release)
    }

    /// Waits for its release; whether the answer goes on.
    async fn released(&mut self, stream: &mut BufReader<TcpStream>) -> bool {
        let Some(gate) = self.gate.take() else {
            return true;
        };
        tokio::select! {
            Ok(go_on) = gate => go_on,
            // The client says nothing more, except by going.
            _ = stream.fill_buf() => false,
        }
    }

    /// Sends it; whether the connection can go on.
    pub(crate) async fn write(
        mut self,
        stream: &mut BufReader<TcpStream>,
    ) -> std::io::Result<bool> {
        if (self.ahead.is_none() && !self.released(stream).await) || self.closed {
            return Ok(false);
        }
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        write!(head, "content-length: {}\r\n\r\n", self.body.len()).unwrap();
        stream.write_all(head.as_bytes()).await?;
        let mut start = 0;
        if let Some(ahead) = self.ahead {
            stream.write_all(&self.body[..ahead]).await?;
            start = ahead;
            if !self.released(stream).await {
                return Ok(false);
            }
        }
        let body = &self.body[start..self.cut.unwrap_or(self.body.len())];
        for part in body.chunks(body.len().div_ceil(4).max(1)) {
            if !self.pause.is_zero() {
                tokio::time::sleep(self.pause).await;
            }
            stream.write_all(part).await?;
        }
        Ok(self.cut.is_none())
    }
}

/// Lets a held answer go; dropping it holds the answer as long as the client waits.
#[derive(Debug)]
pub(crate) struct Release(oneshot::Sender<bool>);

impl Release {
    pub(crate) fn go(self) {
        // Nobody listens where the client has gone.
        self.0.send(true).ok();
    }

    /// Ends the connection instead.
    pub(crate) fn drop_connection(self) {
        self.0.send(false).ok();
    }
}
