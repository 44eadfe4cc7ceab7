//! Signing in: what is asked of whom, how often, and what comes of refusals.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use databricks_sql_kernel::client::ErrorCode;
use databricks_sql_kernel::client::auth::oauth::{Algorithm, Assertion, ClientCredentials, Proof};
use databricks_sql_kernel::client::auth::{
    CachedToken, Dialect, Federated, PersonalAccessToken, Token, TokenSource,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::documents::{SESSIONS, Table};
use crate::exchange::Reply;
use crate::server::Server;
use crate::warehouse::{Warehouse, fetch};

const DISCOVERY: &str = "/oidc/.well-known/oauth-authorization-server";
const TOKEN: &str = "/oidc/v1/token";
const SECRET: &str = "dose-s3cret";

fn secret() -> ClientCredentials {
    ClientCredentials::try_new("me", Proof::Secret(SECRET.into())).unwrap()
}

fn text(token: &Token) -> String {
    token.bearer().expose_secret().to_owned()
}

/// Answers discovery, with endpoints on this server.
fn discovers(server: &Server) {
    let base = server.url();
    server.always("GET", DISCOVERY, move |_| {
        Reply::json(&json!({
            "authorization_endpoint": format!("{base}/oidc/v1/authorize"),
            "token_endpoint": format!("{base}/oidc/v1/token"),
        }))
    });
}

/// Gives tokens `token-1`, `token-2` and so on, good for so many seconds.
fn gives_tokens(server: &Server, path: &str, seconds: u64) {
    let given = AtomicU32::new(0);
    server.always("POST", path, move |_| {
        let number = given.fetch_add(1, Ordering::Relaxed) + 1;
        Reply::json(&json!({"access_token": format!("token-{number}"), "expires_in": seconds}))
    });
}

async fn signing_in(seconds: u64) -> Warehouse {
    let warehouse = Warehouse::start().await;
    discovers(&warehouse.workspace);
    gives_tokens(&warehouse.workspace, TOKEN, seconds);
    warehouse
}

fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!(
        "{}.{}.c2lnbmF0dXJl",
        part(&json!({"alg": "RS256"})),
        part(claims)
    )
}

#[tokio::test]
async fn a_service_principal_shows_its_secret_to_the_discovered_endpoint_only() {
    let warehouse = signing_in(3600).await;
    let table = Table::new([2, 2]);
    warehouse.serve(&table);
    let session = warehouse
        .open_as(warehouse.sign_in(secret()))
        .await
        .unwrap();
    assert_eq!(fetch(&session).await.unwrap(), [0, 1, 2, 3]);
    session.close().await;
    let asked = warehouse.workspace.requests("POST", TOKEN);
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].field("grant_type").as_deref(),
        Some("client_credentials")
    );
    assert_eq!(asked[0].field("scope").as_deref(), Some("all-apis"));
    let basic = format!("Basic {}", STANDARD.encode(format!("me:{SECRET}")));
    assert_eq!(asked[0].header("authorization"), Some(basic.as_str()));
    let discovery = warehouse.workspace.requests("GET", DISCOVERY);
    assert_eq!(discovery[0].header("authorization"), None);
    let opened = warehouse.workspace.requests("POST", SESSIONS);
    assert_eq!(opened[0].header("authorization"), Some("Bearer token-1"));
    let storage = warehouse.storage.log();
    assert!(!storage.is_empty());
    assert!(
        storage
            .iter()
            .all(|request| !request.whole().contains("token-1"))
    );
}

#[tokio::test]
async fn many_askers_at_the_moment_of_expiry_make_one_request() {
    let warehouse = signing_in(0).await;
    let source = Arc::new(warehouse.sign_in(secret()));
    // The first token is expired as soon as it is there, and the second lives.
    source.token(None).await.unwrap();
    gives_tokens(&warehouse.workspace, TOKEN, 3600);
    let before = warehouse.workspace.count("POST", TOKEN);
    let askers = (0..32).map(|_| {
        let source = Arc::clone(&source);
        tokio::spawn(async move { text(&source.token(None).await.unwrap()) })
    });
    for asker in askers.collect::<Vec<_>>() {
        assert_eq!(asker.await.unwrap(), "token-1");
    }
    assert_eq!(warehouse.workspace.count("POST", TOKEN), before + 1);
}

#[tokio::test]
async fn many_who_are_refused_at_once_make_one_request() {
    let warehouse = signing_in(3600).await;
    let source = Arc::new(warehouse.sign_in(secret()));
    let refused = source.token(None).await.unwrap();
    let askers = (0..32).map(|_| {
        let (source, refused) = (Arc::clone(&source), refused.clone());
        tokio::spawn(async move { text(&source.token(Some(&refused)).await.unwrap()) })
    });
    for asker in askers.collect::<Vec<_>>() {
        assert_eq!(asker.await.unwrap(), "token-2");
    }
    assert_eq!(warehouse.workspace.count("POST", TOKEN), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_in_the_background_before_it_ends() {
    let clock = Clock::hold();
    let warehouse = signing_in(100).await;
    let source = warehouse.sign_in(secret());
    assert_eq!(text(&source.token(None).await.unwrap()), "token-1");
    tokio::time::advance(Duration::from_secs(79)).await;
    assert_eq!(text(&source.token(None).await.unwrap()), "token-1");
    assert_eq!(warehouse.workspace.count("POST", TOKEN), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    // Whoever asks now does not wait.
    assert_eq!(text(&source.token(None).await.unwrap()), "token-1");
    let renewed = async { warehouse.workspace.arrival("POST", TOKEN, 2).await };
    clock.run(Duration::from_millis(1), renewed).await;
    let settled = async {
        while text(&source.token(None).await.unwrap()) == "token-1" {
            tokio::task::yield_now().await;
        }
    };
    clock.run(Duration::from_millis(1), settled).await;
    assert_eq!(warehouse.workspace.count("POST", TOKEN), 2);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_in_the_background_is_no_error_while_the_token_is_good() {
    let clock = Clock::hold();
    let warehouse = signing_in(100).await;
    let source = warehouse.sign_in(secret());
    source.token(None).await.unwrap();
    warehouse
        .workspace
        .always("POST", TOKEN, |_| Reply::status(401));
    tokio::time::advance(Duration::from_secs(85)).await;
    assert_eq!(text(&source.token(None).await.unwrap()), "token-1");
    let renewal = async { warehouse.workspace.arrival("POST", TOKEN, 2).await };
    clock.run(Duration::from_millis(1), renewal).await;
    assert_eq!(text(&source.token(None).await.unwrap()), "token-1");
    tokio::time::advance(Duration::from_secs(10)).await;
    let expired = clock
        .run(Duration::from_millis(1), source.token(None))
        .await
        .0;
    assert_eq!(expired.unwrap_err().code(), ErrorCode::Unauthenticated);
}

#[tokio::test]
async fn a_refusal_reaches_all_who_wait_with_its_reason_and_without_the_secret() {
    let warehouse = Warehouse::start().await;
    discovers(&warehouse.workspace);
    let document =
        json!({"error": "invalid_client", "error_description": format!("{SECRET} is wrong")});
    warehouse.workspace.always("POST", TOKEN, move |_| {
        Reply::status(401).document(&document)
    });
    let source = Arc::new(warehouse.sign_in(secret()));
    let askers = (0..8).map(|_| {
        let source = Arc::clone(&source);
        tokio::spawn(async move { source.token(None).await.unwrap_err() })
    });
    for asker in askers.collect::<Vec<_>>() {
        let error = asker.await.unwrap();
        assert_eq!(error.code(), ErrorCode::Unauthenticated);
        assert_eq!(error.http_status(), Some(401));
        let texts = format!("{error} {error:?} {:?}", error.source());
        assert!(texts.contains("invalid_client: *** is wrong"), "{texts}");
        assert!(!texts.contains(SECRET), "{texts}");
    }
    assert_eq!(warehouse.workspace.count("POST", TOKEN), 1);
}

#[tokio::test]
async fn passing_failures_of_the_token_endpoint_are_got_over_and_lasting_ones_end() {
    let warehouse = signing_in(3600).await;
    let faults = [Reply::status(503), Reply::closed(), Reply::status(429)];
    warehouse.workspace.on("POST", TOKEN, faults);
    let source = warehouse.sign_in(secret());
    assert_eq!(text(&source.token(None).await.unwrap()), "token-1");
    warehouse.workspace.always("POST", TOKEN, |_| {
        Reply::status(500).body(b"s3cret page".to_vec())
    });
    let error = warehouse.sign_in(secret()).token(None).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert!(error.is_retryable());
    assert!(!error.message().contains("s3cret"), "{error}");
}

#[tokio::test]
async fn discovered_endpoints_on_foreign_hosts_get_no_secret() {
    let warehouse = Warehouse::start().await;
    let other = Server::start().await;
    for endpoint in ["https://evil.example.com/token", "http://192.0.2.1/token"] {
        warehouse.workspace.on(
            "GET",
            DISCOVERY,
            [Reply::json(
                &json!({"authorization_endpoint": endpoint, "token_endpoint": endpoint}),
            )],
        );
        let error = warehouse.sign_in(secret()).token(None).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unauthenticated);
        assert!(
            error.message().contains("no secret is sent there"),
            "{error}"
        );
    }
    // A redirect is not followed either.
    let away = Reply::status(307).header("location", &format!("{}/token", other.url()));
    discovers(&warehouse.workspace);
    warehouse.workspace.on("POST", TOKEN, [away]);
    assert!(warehouse.sign_in(secret()).token(None).await.is_err());
    assert!(other.log().is_empty());
}

#[tokio::test]
async fn assertions_are_signed_for_the_token_endpoint_that_was_named() {
    let pem = include_bytes!("../fixtures/rsa-encrypted.pem");
    let passphrase = "passphrase-s3cret".into();
    let assertion = Assertion::try_new(pem, Some(&passphrase), "key-1", Algorithm::Ps256).unwrap();
    let provider = Server::start().await;
    gives_tokens(&provider, "/oauth2/v1/token", 3600);
    let warehouse = Warehouse::start().await;
    let url = format!("{}/oauth2/v1/token", provider.url());
    let grant = ClientCredentials::try_new("me", Proof::Assertion(assertion)).unwrap();
    let grant = grant
        .with_token_url(&url)
        .unwrap()
        .with_scopes(&["sql", "more"]);
    assert_eq!(
        text(&warehouse.sign_in(grant).token(None).await.unwrap()),
        "token-1"
    );
    let asked = &provider.requests("POST", "/oauth2/v1/token")[0];
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(asked.field("scope").as_deref(), Some("sql more"));
    let signed = asked.field("client_assertion").unwrap();
    let parts: Vec<_> = signed
        .split('.')
        .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
        .collect();
    let header: Value = serde_json::from_slice(&parts[0]).unwrap();
    assert_eq!(
        header,
        json!({"typ": "JWT", "alg": "PS256", "kid": "key-1"})
    );
    let claims: Value = serde_json::from_slice(&parts[1]).unwrap();
    assert_eq!(claims["aud"], json!(url));
    assert_eq!([&claims["iss"], &claims["sub"]], [&json!("me"); 2]);
    assert_eq!(parts[2].len(), 256);
    assert!(warehouse.workspace.log().is_empty());
}

fn foreign() -> String {
    jwt(&json!({"iss": "https://idp.example.com/", "sub": "x"}))
}

fn federated(token: &str, dialect: Dialect, id: Option<&str>) -> Federated<PersonalAccessToken> {
    let token = PersonalAccessToken::try_new(token.into()).unwrap();
    Federated::new(token, dialect, id.map(str::to_owned))
}

#[tokio::test]
async fn tokens_of_other_issuers_are_exchanged_in_either_dialect() {
    let warehouse = signing_in(3600).await;
    let exchanged = |dialect, id| {
        let source: CachedToken = warehouse.sign_in(federated(&foreign(), dialect, id));
        async move { text(&source.token(None).await.unwrap()) }
    };
    assert_eq!(exchanged(Dialect::TokenExchange, None).await, "token-1");
    assert_eq!(
        exchanged(Dialect::TokenExchange, Some("sp")).await,
        "token-2"
    );
    assert_eq!(exchanged(Dialect::JwtBearer, None).await, "token-3");
    assert_eq!(exchanged(Dialect::JwtBearer, Some("sp")).await, "token-4");
    let asked = warehouse.workspace.requests("POST", TOKEN);
    let fields = |name: &str| -> Vec<_> { asked.iter().map(|asked| asked.field(name)).collect() };
    let (some, none) = (|text: &str| Some(text.to_owned()), None::<String>);
    assert_eq!(fields("scope"), vec![some("sql"); 4]);
    let jwt = some(&foreign());
    assert_eq!(
        fields("subject_token"),
        [jwt.clone(), jwt.clone(), none.clone(), none.clone()]
    );
    assert_eq!(
        fields("assertion"),
        [none.clone(), none.clone(), jwt.clone(), jwt]
    );
    assert_eq!(
        fields("client_id"),
        [none.clone(), some("sp"), none.clone(), none.clone()]
    );
    let original = fields("return_original_token_if_authenticated");
    assert_eq!(
        original,
        [some("true"), some("true"), some("true"), none.clone()]
    );
    let federated = fields("identity_federation_client_id");
    assert_eq!(federated, [none.clone(), none.clone(), none, some("sp")]);
}

#[tokio::test]
async fn a_refused_exchange_falls_back_unless_a_principal_was_named() {
    let warehouse = Warehouse::start().await;
    warehouse
        .workspace
        .always("POST", TOKEN, |_| Reply::status(400));
    for dialect in [Dialect::TokenExchange, Dialect::JwtBearer] {
        let source = warehouse.sign_in(federated(&foreign(), dialect, None));
        assert_eq!(text(&source.token(None).await.unwrap()), foreign());
        let source = warehouse.sign_in(federated(&foreign(), dialect, Some("sp")));
        let error = source.token(None).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unauthenticated);
        assert!(!error.message().contains(&foreign()), "{error}");
    }
}

#[tokio::test]
async fn own_and_opaque_tokens_are_not_exchanged() {
    let warehouse = Warehouse::start().await;
    let own = jwt(&json!({"iss": format!("{}/oidc", warehouse.workspace.url())}));
    for token in ["dapi-opaque", &own] {
        let source = warehouse.sign_in(federated(token, Dialect::TokenExchange, None));
        assert_eq!(text(&source.token(None).await.unwrap()), token);
    }
    assert!(warehouse.workspace.log().is_empty());
}
