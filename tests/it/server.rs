//! A scripted HTTP server on loopback: it answers by rule and keeps a log of what it was asked.
//!
//! The newest rule that has an answer wins, so a test puts its faults on top of what answers well.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use crate::exchange::{Reply, Request};

type Answer = Box<dyn FnMut(&Request) -> Option<Reply> + Send>;

struct Rule {
    method: &'static str,
    path: String,
    answer: Answer,
}

#[derive(Default)]
struct State {
    rules: Mutex<Vec<Rule>>,
    log: Mutex<Vec<Request>>,
    arrived: Notify,
    connections: AtomicUsize,
    open: AtomicUsize,
}

/// A running server; it ends when it is dropped.
pub(crate) struct Server {
    address: String,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_at("http://127.0.0.1:0").await
    }

    /// Starts at an address where another server was.
    pub(crate) async fn start_at(url: &str) -> Self {
        let address = url.strip_prefix("http://").unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State::default());
        let served = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                served.connections.fetch_add(1, Ordering::Relaxed);
                connections.spawn(serve(BufReader::new(stream), Arc::clone(&served)));
            }
        });
        Self {
            address,
            state,
            accepting,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Gives these answers, one a request, to what has this method and path; `*` is any segment.
    pub(crate) fn on(
        &self,
        method: &'static str,
        path: &str,
        replies: impl IntoIterator<Item = Reply>,
    ) {
        let mut replies: VecDeque<_> = replies.into_iter().collect();
        self.maybe(method, path, move |_| replies.pop_front());
    }

    /// Answers every such request.
    pub(crate) fn always(
        &self,
        method: &'static str,
        path: &str,
        mut answer: impl FnMut(&Request) -> Reply + Send + 'static,
    ) {
        self.maybe(method, path, move |request| Some(answer(request)));
    }

    /// Answers such requests, or leaves them to older rules.
    pub(crate) fn maybe(
        &self,
        method: &'static str,
        path: &str,
        answer: impl FnMut(&Request) -> Option<Reply> + Send + 'static,
    ) {
        self.state.rules.lock().unwrap().push(Rule {
            method,
            path: path.to_owned(),
            answer: Box::new(answer),
        });
    }

    /// How many connections clients have not closed.
    pub(crate) fn open_connections(&self) -> usize {
        self.state.open.load(Ordering::Relaxed)
    }

    /// All requests so far, in the order in which they came.
    pub(crate) fn log(&self) -> Vec<Request> {
        self.state.log.lock().unwrap().clone()
    }

    /// How many connections were made to it so far.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    pub(crate) fn requests(&self, method: &str, path: &str) -> Vec<Request> {
        let mut log = self.log();
        log.retain(|request| request.matches(method, path));
        log
    }

    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        self.requests(method, path).len()
    }

    /// Waits for the `count`-th such request.
    pub(crate) async fn arrival(&self, method: &str, path: &str, count: usize) -> Request {
        loop {
            let arrived = self.state.arrived.notified();
            if let Some(request) = self.requests(method, path).into_iter().nth(count - 1) {
                return request;
            }
            arrived.await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: BufReader<TcpStream>, state: Arc<State>) {
    state.open.fetch_add(1, Ordering::Relaxed);
    answer_all(stream, &state).await;
    state.open.fetch_sub(1, Ordering::Relaxed);
}

async fn answer_all(mut stream: BufReader<TcpStream>, state: &State) {
    while let Some(request) = Request::read(&mut stream).await {
        let reply = state.answer(&request);
        state.log.lock().unwrap().push(request);
        state.arrived.notify_waiters();
        if !reply.write(&mut stream).await.unwrap_or(false) {
            return;
        }
    }
}

impl State {
    fn answer(&self, request: &Request) -> Reply {
        let mut rules = self.rules.lock().unwrap();
        let mut fitting = rules
            .iter_mut()
            .rev()
            .filter(|rule| request.matches(rule.method, &rule.path));
        // A status that nobody repeats and no test expects.
        fitting
            .find_map(|rule| (rule.answer)(request))
            .unwrap_or_else(|| Reply::status(418))
    }
}
