//! A workspace and its storage that answer well, and the client's side of them.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use databricks_sql_kernel::client::auth::{
    CachedToken, Grant, IdentityClient, PersonalAccessToken, TokenSource,
};
use databricks_sql_kernel::client::{
    Endpoint, Error, ExecutedStatement, HttpConfig, Result, ResultStream, RetryConfig, RetryPolicy,
    Session, SessionConfig, Statement, StatementControl, TlsConfig,
};
use serde_json::{Value, json};

use crate::documents::{
    BODY, CANCEL, CHUNK, SESSION, SESSIONS, STATEMENT, STATEMENTS, Table, succeeded,
};
use crate::exchange::Reply;
use crate::server::Server;

pub(crate) const TOKEN: &str = "dapi-t0ken";

/// The two servers that a driver talks to.
pub(crate) struct Warehouse {
    pub(crate) workspace: Server,
    /// Answers 400 to whoever brings credentials.
    pub(crate) storage: Server,
}

impl Warehouse {
    pub(crate) async fn start() -> Self {
        let (workspace, storage) = (Server::start().await, Server::start().await);
        workspace.always("POST", SESSIONS, |_| {
            Reply::json(&json!({"session_id": "session-1"}))
        });
        let done = [("DELETE", SESSION), ("DELETE", STATEMENT), ("POST", CANCEL)];
        for (method, path) in done {
            workspace.always(method, path, |_| Reply::json(&json!({})));
        }
        Self { workspace, storage }
    }

    /// Answers every statement so.
    pub(crate) fn answer(&self, document: Value) {
        self.workspace
            .always("POST", STATEMENTS, move |_| Reply::json(&document));
    }

    /// Answers every statement with this result.
    pub(crate) fn serve(&self, table: &Table) {
        let storage = self.storage.url();
        let first = table.links(&storage, 0, table.first);
        self.answer(succeeded(&table.manifest(), &first));
        let listed = table.clone();
        self.workspace.always("GET", CHUNK, move |request| {
            Reply::json(&listed.links(&storage, request.number(), listed.page))
        });
        let stored = table.clone();
        self.storage.always("GET", BODY, move |request| {
            match request.header("authorization") {
                None => Reply::bytes(stored.body(request.number())),
                Some(_) => Reply::status(400),
            }
        });
    }

    pub(crate) async fn open(&self) -> Session {
        self.open_with(http(), SessionConfig::default())
            .await
            .unwrap()
    }

    pub(crate) async fn open_with(
        &self,
        http: HttpConfig,
        config: SessionConfig,
    ) -> Result<Session> {
        let token = PersonalAccessToken::try_new(TOKEN.into()).unwrap();
        Session::open(self.endpoint(), Arc::new(token), http, config).await
    }

    pub(crate) async fn open_as(&self, token: impl TokenSource + 'static) -> Result<Session> {
        Session::open(
            self.endpoint(),
            Arc::new(token),
            http(),
            SessionConfig::default(),
        )
        .await
    }

    /// Signs in by `grant`.
    pub(crate) fn sign_in(&self, grant: impl Grant + 'static) -> CachedToken {
        CachedToken::new(grant, IdentityClient::new(&self.endpoint(), &http()))
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&self.workspace.url(), "/sql/1.0/warehouses/w1?o=42").unwrap()
    }

    /// How often a statement was sent.
    pub(crate) fn posts(&self) -> usize {
        self.workspace.count("POST", STATEMENTS)
    }
}

/// Little patience, so that tests of what lasts are short.
pub(crate) fn http() -> HttpConfig {
    HttpConfig {
        // Reading the trust store of the system takes a while, and nobody speaks TLS here.
        tls: TlsConfig {
            trusted_ca: Some(include_bytes!("../fixtures/ca.pem").to_vec()),
            ..TlsConfig::default()
        },
        retry: RetryPolicy::uniform(RetryConfig {
            min_wait: Duration::from_millis(1),
            max_wait: Duration::from_millis(4),
            max_attempts: 5,
            budget: Duration::from_secs(900),
        }),
        ..HttpConfig::default()
    }
}

pub(crate) fn query() -> Statement {
    Statement {
        sql: "SELECT n FROM numbers".into(),
        ..Statement::default()
    }
}

pub(crate) async fn execute(session: &Session) -> Result<ExecutedStatement> {
    session.execute(query(), &StatementControl::default()).await
}

/// The error of a statement that must fail.
pub(crate) async fn refusal(session: &Session) -> Error {
    execute(session).await.err().unwrap()
}

/// All rows of a statement's result.
pub(crate) async fn fetch(session: &Session) -> Result<Vec<i64>> {
    numbers(&mut execute(session).await?.into_stream()).await
}

/// The rows that are left.
pub(crate) async fn numbers(stream: &mut ResultStream) -> Result<Vec<i64>> {
    let mut numbers = Vec::new();
    while let Some(batch) = stream.next_batch().await? {
        numbers.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
    }
    Ok(numbers)
}
