//! What is open at the service, a session and statements in it, and how it is closed.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Method;
use serde::de::IgnoredAny;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::background::counted;
use super::config::SessionConfig;
use super::control::{Stop, StopSignal, cancelled};
use super::of_process::OfProcess;
use super::transport::{Call, Hold, Transport};
use super::turns::Turns;
use super::wire::{
    CreateSessionRequest, CreateSessionResponse, Disposition, SessionVersion, WarehouseResponse,
};
use super::{Error, ErrorCode, Result};

/// Longest time that closing waits for statements, and then for the session.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest time that a cancel may take.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// What the service knows a session by.
#[derive(Debug)]
struct Identity {
    id: Arc<str>,
    version: Option<SessionVersion>,
}

/// An open session; dropping it closes it in the background.
#[derive(Debug)]
pub(crate) struct OpenSession {
    transport: Arc<Transport>,
    config: SessionConfig,
    identity: Mutex<Identity>,
    /// Whether a statement may have changed something in it that would be lost with it.
    altered: AtomicBool,
    reopening: tokio::sync::Mutex<()>,
    closed: AtomicBool,
    /// Whether something in it goes on without us.
    left_open: AtomicBool,
    closings: Mutex<JoinSet<()>>,
    turns: Turns,
    /// How many statements nobody waits for any more, which are yet to be cancelled.
    left: watch::Sender<usize>,
    /// Until it is closed.
    connections: Mutex<Option<Hold>>,
    runtime: Handle,
    process: u32,
}

impl OpenSession {
    /// It must be polled to completion: the session that it got could not be closed otherwise.
    pub(crate) async fn create(
        transport: Arc<Transport>,
        config: SessionConfig,
        stop: StopSignal,
    ) -> Result<Self> {
        let connections = transport.hold();
        let identity = request(&transport, &config, stop).await?;
        Ok(Self {
            transport,
            config,
            identity: Mutex::new(identity),
            altered: AtomicBool::new(false),
            reopening: tokio::sync::Mutex::default(),
            closed: AtomicBool::new(false),
            left_open: AtomicBool::new(false),
            closings: Mutex::new(JoinSet::new()),
            turns: Turns::default(),
            left: watch::Sender::default(),
            connections: Mutex::new(Some(connections)),
            runtime: Handle::current(),
            process: std::process::id(),
        })
    }

    /// Opens it again where the service has lost the session `lost`, unless something that was changed in it was lost with
    /// it; whether it is open. It must be polled to completion, as `create`.
    pub(crate) async fn reopen(&self, lost: &str, stop: StopSignal) -> Result<bool> {
        let _one = self.reopening.lock().await;
        if *self.id() != *lost {
            return Ok(true);
        }
        if !self.config.reopens || self.is_closed() {
            return Ok(false);
        }
        let identity = request(&self.transport, &self.config, stop).await;
        let identity = identity.map_err(|error| {
            error.with_context("the service lost the session, and it could not be opened again")
        })?;
        *self.identity() = identity;
        Ok(true)
    }

    /// Notes that a statement may change something in it; whether that was so before.
    pub(crate) fn alter(&self) -> bool {
        self.altered.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn is_altered(&self) -> bool {
        self.altered.load(Ordering::Acquire)
    }

    fn identity(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process opened it; a forked child has neither its sockets nor its threads.
    pub(crate) fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Closes it, once.
    pub(crate) async fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            close(&self.transport, self.to_close(), self.take_closings()).await;
            drop(self.take_connections());
        }
    }

    /// Has closing leave the session to the service, which closes it when it was idle for a while.
    pub(crate) fn leave_open(&self) {
        self.left_open.store(true, Ordering::Release);
    }

    /// What is to be closed at the service.
    fn to_close(&self) -> Option<Arc<str>> {
        (!self.left_open.load(Ordering::Acquire)).then(|| self.id())
    }

    pub(crate) fn id(&self) -> Arc<str> {
        Arc::clone(&self.identity().id)
    }

    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// Leaves a statement that nobody waits for to itself.
    pub(crate) fn leave<T: Send + 'static>(self: &Arc<Self>, work: JoinHandle<T>) {
        self.left.send_modify(|left| *left += 1);
        let session = Arc::clone(self);
        self.runtime.spawn(async move {
            drop(work.await);
            session.left.send_modify(|left| *left -= 1);
        });
    }

    /// Waits until the service has been told to cancel what was left, unless somebody wants an end.
    pub(crate) async fn settled(&self, stop: &StopSignal) -> Result<()> {
        let (mut left, mut stop) = (self.left.subscribe(), stop.clone());
        tokio::select! {
            biased;
            _ = left.wait_for(|left| *left == 0) => Ok(()),
            _ = stop.wait_for(|wish| *wish != Stop::No) => Err(cancelled()),
        }
    }

    pub(crate) fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    pub(crate) fn config(&self) -> &SessionConfig {
        &self.config
    }

    pub(crate) fn version(&self) -> Option<SessionVersion> {
        self.identity().version
    }

    /// Notes a version that an answer told; of answers that overtake one another the newest counts.
    pub(crate) fn note_version(&self, version: Option<SessionVersion>) {
        let mut identity = self.identity();
        identity.version = version.max(identity.version);
    }

    /// How result data are asked for.
    pub(crate) fn disposition(&self) -> Disposition {
        if !self.config.results.external_links {
            Disposition::Inline
        } else if !self.config.results.hybrid || HYBRID_REFUSED.lock().contains(&self.hybrid_key())
        {
            Disposition::ExternalLinks
        } else {
            Disposition::InlineOrExternalLinks
        }
    }

    pub(crate) fn remember_hybrid_refused(&self) {
        HYBRID_REFUSED.lock().insert(self.hybrid_key());
    }

    fn hybrid_key(&self) -> (String, String) {
        (
            self.transport.endpoint().authority(),
            self.transport.config().user_agent.clone(),
        )
    }

    /// Asks the service to cancel a statement. Where nobody hears of a failure, the statement ends by
    /// itself.
    pub(crate) async fn cancel_statement(&self, id: &str) -> Result<()> {
        let path = ["api", "2.0", "sql", "statements", id, "cancel"];
        let mut call = Call::new(Method::POST, &path);
        call.urgent = true;
        self.bounded(call).await
    }

    /// Whether the warehouse does not run yet.
    pub(crate) async fn warehouse_is_starting(&self) -> Result<bool> {
        let id = self.transport.endpoint().warehouse_id();
        let path = ["api", "2.0", "sql", "warehouses", id];
        let mut call = Call::new(Method::GET, &path);
        call.urgent = true;
        let answer = timeout(
            CANCEL_TIMEOUT,
            self.transport.call::<WarehouseResponse>(call),
        )
        .await;
        let answer = answer.map_err(|_| Error::new(ErrorCode::Timeout, "no answer"))??;
        Ok(matches!(
            answer.state.as_str(),
            "STARTING" | "STOPPED" | "STOPPING"
        ))
    }

    /// Closes a statement and waits for the answer.
    pub(crate) async fn close_statement_now(&self, id: &str) -> Result<()> {
        let path = ["api", "2.0", "sql", "statements", id];
        self.bounded(closing(&path)).await
    }

    async fn bounded(&self, call: Call<'_>) -> Result<()> {
        let answer = timeout(CANCEL_TIMEOUT, self.transport.call::<IgnoredAny>(call)).await;
        match answer {
            Ok(answer) => answer.map(|_| ()),
            Err(_) => Err(Error::new(
                ErrorCode::Timeout,
                format!("the service did not answer within {CANCEL_TIMEOUT:?}"),
            )),
        }
    }

    /// Closes a statement in the background.
    pub(crate) fn close_statement(&self, id: String) {
        if !self.is_of_this_process() {
            return;
        }
        let transport = Arc::clone(&self.transport);
        let mut closings = self.closings.lock().unwrap_or_else(PoisonError::into_inner);
        while closings.try_join_next().is_some() {}
        let closing = counted(async move {
            let path = ["api", "2.0", "sql", "statements", &id];
            let call = transport.call::<IgnoredAny>(closing(&path));
            drop(timeout(CANCEL_TIMEOUT, call).await);
        });
        closings.spawn_on(closing, &self.runtime);
    }

    fn take_connections(&self) -> Option<Hold> {
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        connections.take()
    }

    fn take_closings(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.closings.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for OpenSession {
    fn drop(&mut self) {
        if !self.is_of_this_process() {
            // Their tasks live in the parent, and another thread may have held their locks at the fork.
            std::mem::forget(std::mem::take(&mut self.closings));
            std::mem::forget(std::mem::take(&mut self.left));
        } else if !self.is_closed() {
            let closings = self.take_closings();
            let (transport, id) = (Arc::clone(&self.transport), self.to_close());
            let connections = self.take_connections();
            self.runtime.spawn(counted(async move {
                close(&transport, id, closings).await;
                drop(connections);
            }));
        }
    }
}

/// Asks the service for a session.
async fn request(
    transport: &Transport,
    config: &SessionConfig,
    stop: StopSignal,
) -> Result<Identity> {
    let request = CreateSessionRequest {
        warehouse_id: transport.endpoint().warehouse_id().to_owned(),
        catalog: config.catalog.clone(),
        schema: config.schema.clone(),
        session_confs: config.session_configuration.clone(),
    };
    let body = serde_json::to_vec(&request).map_err(|why| {
        Error::invalid_argument("the session's settings cannot be written as JSON").with_source(why)
    })?;
    let mut call = Call::new(Method::POST, &["api", "2.0", "sql", "sessions"]);
    call.body = Some(body);
    call.stop = Some(stop);
    let answer = transport.call::<CreateSessionResponse>(call).await;
    let response = answer.map_err(|error| match error.code() {
        ErrorCode::Unauthenticated | ErrorCode::PermissionDenied => {
            let remedy = transport.remedy();
            error.with_context(&format!("the workspace refuses the credentials; {remedy}"))
        }
        _ => error,
    })?;
    tracing::info!("opened session {}", response.session_id);
    Ok(Identity {
        id: response.session_id.into(),
        version: response.session_version,
    })
}

/// A request that takes load away from the service, and so does not wait where that asked for fewer.
fn closing<'a>(path: &'a [&'a str]) -> Call<'a> {
    let mut call = Call::new(Method::DELETE, path);
    call.urgent = true;
    call
}

/// Lets the statements close first, then closes the session.
async fn close(transport: &Transport, id: Option<Arc<str>>, mut closings: JoinSet<()>) {
    let all = async { while closings.join_next().await.is_some() {} };
    drop(timeout(CLOSE_TIMEOUT, all).await);
    let Some(id) = id else {
        return;
    };
    tracing::info!("closing session {id}");
    let path = ["api", "2.0", "sql", "sessions", &id];
    let mut call = closing(&path);
    call.query = Some(("warehouse_id", transport.endpoint().warehouse_id()));
    drop(timeout(CLOSE_TIMEOUT, transport.call::<IgnoredAny>(call)).await);
}

/// A statement that the service holds for us; dropping it closes the statement in the background.
pub(crate) struct OpenStatement {
    session: Arc<OpenSession>,
    id: String,
    open: AtomicBool,
    /// Another's hold on the same statement, kept for as long as this one.
    shared: Option<Arc<OpenStatement>>,
}

impl OpenStatement {
    pub(crate) fn new(session: Arc<OpenSession>, id: String) -> Self {
        Self {
            session,
            id,
            open: AtomicBool::new(true),
            shared: None,
        }
    }

    /// A statement that somebody else closes.
    pub(crate) fn borrowed(session: Arc<OpenSession>, id: String) -> Self {
        let borrowed = Self::new(session, id);
        borrowed.forget();
        borrowed
    }

    /// The same statement, which stays open for as long as either is held.
    pub(crate) fn sharing(other: &Arc<Self>) -> Self {
        let mut sharing = Self::borrowed(Arc::clone(&other.session), other.id.clone());
        sharing.shared = Some(Arc::clone(other));
        sharing
    }

    pub(crate) fn session(&self) -> &Arc<OpenSession> {
        &self.session
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Leaves the closing to others, or to the service; the answer tells whether it was left to us.
    pub(crate) fn forget(&self) -> bool {
        self.open.swap(false, Ordering::AcqRel)
    }
}

impl Drop for OpenStatement {
    fn drop(&mut self) {
        if self.forget() && !self.id.is_empty() {
            self.session.close_statement(std::mem::take(&mut self.id));
        }
    }
}

/// Hosts and user agents for which the service refuses to choose between inline data and links.
static HYBRID_REFUSED: OfProcess<Mutex<HashSet<(String, String)>>> = OfProcess::new(Mutex::default);
