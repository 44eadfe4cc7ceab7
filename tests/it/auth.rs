//! Tokens: who gets them, when they are renewed, where they must not show.

use std::sync::Mutex;

use databricks_sql_kernel::client::ErrorCode;
use databricks_sql_kernel::client::auth::{PersonalAccessToken, Token, TokenFuture, TokenSource};
use secrecy::ExposeSecret;

use crate::documents::{
    CHUNK, SESSIONS, STATEMENT, STATEMENTS, Table, in_state, succeeded, with_attachment,
};
use crate::exchange::{Reply, Request};
use crate::warehouse::{TOKEN, Warehouse, fetch, http, refusal};

/// Gives its first token until that is refused, and then the next; the last one for ever.
#[derive(Debug)]
pub(crate) struct Rotating(Mutex<Vec<&'static str>>);

impl Rotating {
    pub(crate) fn new(tokens: impl IntoIterator<Item = &'static str>) -> Self {
        let mut tokens: Vec<_> = tokens.into_iter().collect();
        tokens.reverse();
        Self(Mutex::new(tokens))
    }
}

impl TokenSource for Rotating {
    fn token<'a>(&'a self, refused: Option<&'a Token>) -> TokenFuture<'a> {
        let mut tokens = self.0.lock().unwrap();
        let current = *tokens.last().unwrap();
        if tokens.len() > 1
            && refused.is_some_and(|token| token.bearer().expose_secret() == current)
        {
            tokens.pop();
        }
        let token = Token::try_new((*tokens.last().unwrap()).into());
        Box::pin(std::future::ready(token))
    }
}

fn refuses_stale(request: &Request) -> Option<Reply> {
    let stale = request.header("authorization") == Some("Bearer stale");
    stale.then(|| Reply::status(401))
}

#[tokio::test]
async fn a_token_that_expires_is_renewed_in_every_phase() {
    let phases = [
        ("POST", SESSIONS),
        ("GET", STATEMENT),
        ("GET", CHUNK),
        ("DELETE", STATEMENT),
    ];
    for (method, path) in phases {
        let table = Table::new([2, 2]);
        let warehouse = Warehouse::start().await;
        warehouse.serve(&table);
        let storage = warehouse.storage.url();
        let links = table.links(&storage, 0, 1);
        let done = succeeded(&table.manifest(), &links);
        warehouse.answer(in_state("PENDING"));
        warehouse
            .workspace
            .always("GET", STATEMENT, move |_| Reply::json(&done));
        warehouse.workspace.maybe(method, path, refuses_stale);
        let session = warehouse
            .open_as(Rotating::new(["stale", "fresh"]))
            .await
            .unwrap();
        assert_eq!(fetch(&session).await.unwrap(), [0, 1, 2, 3]);
        session.close().await;
        let log = warehouse.workspace.requests(method, path);
        let tokens: Vec<_> = log.iter().map(|r| r.header("authorization")).collect();
        assert_eq!(
            tokens,
            [Some("Bearer stale"), Some("Bearer fresh")],
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_session_without_a_good_token_is_refused_at_once() {
    for (status, code) in [
        (401, ErrorCode::Unauthenticated),
        (403, ErrorCode::PermissionDenied),
    ] {
        let warehouse = Warehouse::start().await;
        warehouse
            .workspace
            .always("POST", SESSIONS, move |_| Reply::status(status));
        let opened = warehouse.open_with(http(), <_>::default()).await;
        let error = opened.unwrap_err();
        assert_eq!(error.code(), code);
        assert_eq!(error.http_status(), Some(status));
        assert_eq!(warehouse.workspace.log().len(), 1);
    }
}

#[tokio::test]
async fn tokens_show_in_no_error_and_no_debug_text() {
    let warehouse = Warehouse::start().await;
    let session = warehouse.open().await;
    assert!(!format!("{session:?}").contains(TOKEN));
    let echo = Reply::status(400).body(format!("<p>Bearer {TOKEN}</p>").into_bytes());
    let faults = [Reply::status(401), Reply::closed(), echo];
    for fault in faults {
        warehouse.workspace.on("POST", STATEMENTS, [fault]);
        let error = refusal(&session).await;
        let mut texts = vec![format!("{error} {error:?}")];
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            texts.push(format!("{cause} {cause:?}"));
            source = cause.source();
        }
        assert!(!texts.concat().contains(TOKEN), "{texts:?}");
    }
}

#[tokio::test]
async fn a_source_that_has_no_token_fails_the_request_before_it_is_sent() {
    #[derive(Debug)]
    struct Failing;
    impl TokenSource for Failing {
        fn token<'a>(&'a self, _: Option<&'a Token>) -> TokenFuture<'a> {
            // Only the core itself makes errors.
            let none = PersonalAccessToken::try_new(String::new().into());
            Box::pin(std::future::ready(Err(none.unwrap_err())))
        }
    }
    let warehouse = Warehouse::start().await;
    warehouse.answer(with_attachment("SUCCEEDED", 1));
    let error = warehouse.open_as(Failing).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(warehouse.workspace.log().is_empty());
}
