//! Files of volumes: uploads, downloads and deletions at presigned URLs.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use databricks_sql_kernel::client::volume::{
    INPUT_STREAM, Local, LocalPaths, OUTPUT_STREAM, Piece, TimeLeft, Upload, VolumeOperation,
};
use databricks_sql_kernel::client::{
    Error, ErrorCode, HttpConfig, Received, Result, Session, SessionConfig, Statement,
    StatementControl,
};
use serde_json::json;
use tokio::sync::mpsc;

use crate::clock::{Clock, settle};
use crate::documents::succeeded;
use crate::exchange::{Reply, Request};
use crate::warehouse::{TOKEN, Warehouse, http};

/// Where the storage has the file.
const FILE: &str = "/Volumes/a/b/c/f";

const SIGNATURE: &str = "s3cret";

/// A directory of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("databricks-sql-volume-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> String {
        self.0.join("file").display().to_string()
    }

    fn write(&self, text: &str) -> String {
        fs::write(self.file(), text).unwrap();
        self.file()
    }

    fn paths(&self) -> LocalPaths {
        LocalPaths::new(vec![self.0.clone()])
    }

    /// What is in it, with the texts.
    fn contents(&self) -> Vec<(String, String)> {
        let mut contents: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        contents.sort();
        contents
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Answers statements with an operation on the file.
fn answer(warehouse: &Warehouse, command: &str, local: &str) {
    let names = ["operation", "presignedUrl", "headers", "localFile"];
    let columns = names.iter().enumerate().map(|(position, name)| {
        json!({"name": name, "type_text": "STRING", "type_name": "STRING", "position": position})
    });
    let url = format!("{}{FILE}?sig={SIGNATURE}", warehouse.storage.url());
    warehouse.answer(succeeded(
        &json!({
            "format": "JSON_ARRAY",
            "schema": {"column_count": 4, "columns": columns.collect::<Vec<_>>()},
            "total_chunk_count": 1,
            "total_row_count": 1,
            "is_volume_operation": true,
        }),
        &json!({
            "chunk_index": 0, "row_offset": 0, "row_count": 1,
            "data_array": [[command, url, r#"{"x-ms-blob-type":"BlockBlob"}"#, local]],
        }),
    ));
}

struct Transfer {
    session: Session,
    operation: VolumeOperation,
    control: StatementControl,
    time: Option<TimeLeft>,
    moved: Arc<Received>,
}

impl Transfer {
    async fn new(warehouse: &Warehouse, command: &str, local: &str) -> Self {
        Self::with(http(), warehouse, command, local).await
    }

    async fn with(http: HttpConfig, warehouse: &Warehouse, command: &str, local: &str) -> Self {
        answer(warehouse, command, local);
        let config = SessionConfig::default();
        let session = warehouse.open_with(http, config).await.unwrap();
        let control = StatementControl::default();
        let statement = Statement {
            sql: format!("{command} '{local}'"),
            ..Statement::default()
        };
        let executed = session.execute(statement, &control).await.unwrap();
        assert!(executed.is_volume_operation());
        let operation = VolumeOperation::read(executed.into_stream(), None).await;
        Self {
            session,
            operation: operation.unwrap(),
            control,
            time: None,
            moved: Arc::default(),
        }
    }

    async fn run(&self, local: Local<'_>) -> Result<()> {
        self.session
            .transfer(
                &self.operation,
                local,
                &self.control,
                (self.time, &self.moved),
            )
            .await
    }

    async fn file(&self, folder: &Folder) -> Result<()> {
        self.run(Local::File(&folder.paths())).await
    }
}

fn tells_no_secret(error: &Error) {
    let text = format!("{error:?} {:?}", std::error::Error::source(error));
    assert!(!text.contains(SIGNATURE) && !text.contains(TOKEN), "{text}");
}

fn check_headers(request: &Request) {
    assert_eq!(request.header("x-ms-blob-type"), Some("BlockBlob"));
    for foreign in ["authorization", "x-databricks-org-id", "x-mine"] {
        assert_eq!(request.header(foreign), None, "{foreign}");
    }
    assert_eq!(request.query, format!("sig={SIGNATURE}"));
}

fn with_header_of_ones_own() -> HttpConfig {
    HttpConfig {
        headers: vec![("x-mine".into(), "1".into())],
        ..http()
    }
}

#[tokio::test]
async fn files_are_sent_with_their_length_and_the_headers_of_the_url() {
    let warehouse = Warehouse::start().await;
    let folder = Folder::new();
    let large = "0123456789abcdef".repeat(1 << 16);
    for text in ["", "hello", &large] {
        warehouse.storage.on("PUT", FILE, [Reply::status(201)]);
        let file = folder.write(text);
        let transfer = Transfer::with(with_header_of_ones_own(), &warehouse, "PUT", &file).await;
        transfer.file(&folder).await.unwrap();
        let request = warehouse.storage.requests("PUT", FILE).pop().unwrap();
        check_headers(&request);
        assert_eq!(
            request.header("content-length"),
            Some(text.len().to_string().as_str())
        );
        assert_eq!(request.header("transfer-encoding"), None);
        assert!(request.text() == text);
    }
    assert_eq!(folder.contents().len(), 1);
}

#[tokio::test]
async fn an_upload_is_repeated_from_its_start() {
    let warehouse = Warehouse::start().await;
    let replies = [Reply::status(503), Reply::closed(), Reply::status(200)];
    warehouse.storage.on("PUT", FILE, replies);
    let folder = Folder::new();
    let file = folder.write("hello");
    let transfer = Transfer::new(&warehouse, "PUT", &file).await;
    transfer.file(&folder).await.unwrap();
    let sent = warehouse.storage.requests("PUT", FILE);
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|request| request.text() == "hello"));
    assert_eq!(warehouse.posts(), 1);
}

#[tokio::test]
async fn refusals_name_the_statement_and_no_secret() {
    let warehouse = Warehouse::start().await;
    let folder = Folder::new();
    let file = folder.write("hello");
    let cases = [
        ("PUT", 403, ErrorCode::PermissionDenied),
        ("PUT", 413, ErrorCode::InvalidArgument),
        ("GET", 404, ErrorCode::NotFound),
        ("REMOVE", 404, ErrorCode::NotFound),
        ("GET", 302, ErrorCode::Internal),
    ];
    for (command, status, code) in cases {
        let method = if command == "REMOVE" {
            "DELETE"
        } else {
            command
        };
        let refused = Reply::status(status)
            .header(
                "location",
                &format!("{}/elsewhere", warehouse.workspace.url()),
            )
            .body(format!("<Error>{SIGNATURE}</Error>").into_bytes());
        warehouse.storage.on(method, FILE, [refused]);
        let before = warehouse.storage.log().len();
        let transfer = Transfer::new(&warehouse, command, &file).await;
        let error = transfer.file(&folder).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert_eq!(error.http_status(), Some(status));
        assert!(
            error.message().contains(&format!("{command} '{file}'")),
            "{error}"
        );
        assert!(error.statement_id().is_some());
        tells_no_secret(&error);
        assert_eq!(
            warehouse.storage.log().len(),
            before + 1,
            "{command} {status}"
        );
    }
    assert_eq!(folder.contents(), [("file".to_owned(), "hello".to_owned())]);
}

#[tokio::test]
async fn files_outside_of_what_is_allowed_are_not_touched() {
    let warehouse = Warehouse::start().await;
    let (folder, other) = (Folder::new(), Folder::new());
    let file = folder.write("hello");
    for command in ["PUT", "GET"] {
        let transfer = Transfer::new(&warehouse, command, &file).await;
        for paths in [LocalPaths::default(), other.paths()] {
            let error = transfer.run(Local::File(&paths)).await.unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument);
            for part in ["staging_allowed_local_path", &file] {
                assert!(error.message().contains(part), "{error}");
            }
        }
    }
    assert!(warehouse.storage.log().is_empty());
    warehouse.storage.on("DELETE", FILE, [Reply::status(204)]);
    let transfer = Transfer::new(&warehouse, "REMOVE", "").await;
    transfer
        .run(Local::File(&LocalPaths::default()))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let warehouse = Warehouse::start().await;
    let folder = Folder::new();
    let transfer = Transfer::new(&warehouse, "PUT", &folder.file()).await;
    let error = transfer.file(&folder).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert!(error.message().contains(&folder.file()), "{error}");
    let below = format!("{}/none/file", folder.0.display());
    let transfer = Transfer::new(&warehouse, "GET", &below).await;
    let error = transfer.file(&folder).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    let folder_itself = folder.0.display().to_string();
    for command in ["PUT", "GET"] {
        let transfer = Transfer::new(&warehouse, command, &folder_itself).await;
        let error = transfer.file(&folder).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
    }
    assert!(warehouse.storage.log().is_empty());
}

/// The rest that a request asks for, of which only `most` bytes come.
fn part(body: &str, request: &Request, tag: Option<&str>, most: usize) -> Reply {
    let start = request.header("range").and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse::<usize>()
            .ok()
    });
    let reply = match start {
        None => Reply::status(200),
        Some(start) => Reply::status(206).header(
            "content-range",
            &format!("bytes {start}-{}/{}", body.len() - 1, body.len()),
        ),
    };
    let rest = body.as_bytes()[start.unwrap_or(0)..].to_vec();
    let reply = match tag {
        Some(tag) => reply.header("etag", tag),
        None => reply,
    };
    let cut = most.min(rest.len());
    let whole = cut == rest.len();
    let reply = reply.body(rest);
    if whole { reply } else { reply.cut(cut) }
}

#[tokio::test]
async fn a_download_that_breaks_off_goes_on_where_it_stopped() {
    let warehouse = Warehouse::start().await;
    warehouse.storage.always("GET", FILE, |request| {
        part("0123456789", request, Some("\"t\""), 4)
    });
    let folder = Folder::new();
    let file = folder.write("before");
    let transfer = Transfer::with(with_header_of_ones_own(), &warehouse, "GET", &file).await;
    transfer.file(&folder).await.unwrap();
    assert_eq!(
        folder.contents(),
        [("file".to_owned(), "0123456789".to_owned())]
    );
    let requests = warehouse.storage.requests("GET", FILE);
    let ranges: Vec<_> = requests
        .iter()
        .map(|request| request.header("range"))
        .collect();
    assert_eq!(ranges, [None, Some("bytes=4-"), Some("bytes=8-")]);
    requests.iter().for_each(check_headers);
}

#[tokio::test]
async fn a_file_that_is_another_one_by_then_is_read_from_its_start() {
    let warehouse = Warehouse::start().await;
    let mut bodies = [("old one", 3), ("the new one", 99)].into_iter();
    warehouse.storage.always("GET", FILE, move |_| {
        let (body, most) = bodies.next().unwrap();
        let most = most.min(body.len());
        let reply = Reply::bytes(body.into()).header("etag", &format!("\"{most}\""));
        if most < body.len() {
            reply.cut(most)
        } else {
            reply
        }
    });
    let folder = Folder::new();
    let transfer = Transfer::new(&warehouse, "GET", &folder.file()).await;
    transfer.file(&folder).await.unwrap();
    assert_eq!(
        folder.contents(),
        [("file".to_owned(), "the new one".to_owned())]
    );
}

#[tokio::test]
async fn a_download_that_fails_leaves_what_was_there() {
    let warehouse = Warehouse::start().await;
    warehouse
        .storage
        .always("GET", FILE, |request| part("0123456789", request, None, 4));
    let folder = Folder::new();
    let file = folder.write("before");
    let transfer = Transfer::new(&warehouse, "GET", &file).await;
    let error = transfer.file(&folder).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::DataLoss, "{error}");
    assert_eq!(
        folder.contents(),
        [("file".to_owned(), "before".to_owned())]
    );
    assert_eq!(warehouse.storage.count("GET", FILE), 5);
}

#[tokio::test]
async fn removing_again_what_a_lost_answer_was_about_is_no_failure() {
    let warehouse = Warehouse::start().await;
    let replies = [Reply::closed(), Reply::status(404)];
    warehouse.storage.on("DELETE", FILE, replies);
    let transfer = Transfer::new(&warehouse, "REMOVE", "").await;
    transfer
        .run(Local::File(&LocalPaths::default()))
        .await
        .unwrap();
    check_headers(&warehouse.storage.requests("DELETE", FILE)[0]);
}

#[tokio::test]
async fn streams_are_sent_and_given_piece_by_piece() {
    let warehouse = Warehouse::start().await;
    let replies = [Reply::status(500), Reply::status(200)];
    warehouse.storage.on("PUT", FILE, replies);
    let transfer = Transfer::new(&warehouse, "PUT", INPUT_STREAM).await;
    assert!(transfer.operation.is_stream());
    let (upload, mut attempts) = Upload::new(6);
    let giving = tokio::spawn(async move {
        let mut count = 0;
        while let Some(pieces) = attempts.recv().await {
            count += 1;
            for piece in ["abc", "def"] {
                drop(pieces.send(Ok(piece.into())).await);
            }
        }
        count
    });
    transfer.run(Local::Upload(upload)).await.unwrap();
    assert_eq!(giving.await.unwrap(), 2);
    let sent = warehouse.storage.requests("PUT", FILE);
    assert!(sent.iter().all(|request| request.text() == "abcdef"));

    warehouse
        .storage
        .always("GET", FILE, |request| part("0123456789", request, None, 10));
    let transfer = Transfer::new(&warehouse, "GET", OUTPUT_STREAM).await;
    assert!(transfer.operation.is_stream());
    let (pieces, mut given) = mpsc::channel(1);
    let taking = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Some(Piece::Bytes(bytes)) = given.recv().await {
            taken.extend_from_slice(&bytes);
        }
        taken
    });
    transfer.run(Local::Download(pieces)).await.unwrap();
    assert_eq!(taking.await.unwrap(), b"0123456789");
}

#[tokio::test]
async fn what_is_shorter_or_longer_than_promised_is_no_upload() {
    let warehouse = Warehouse::start().await;
    warehouse
        .storage
        .always("PUT", FILE, |_| Reply::status(200));
    for pieces in [vec!["abc"], vec!["abc", "defg"]] {
        let transfer = Transfer::new(&warehouse, "PUT", INPUT_STREAM).await;
        let (upload, mut attempts) = Upload::new(6);
        let giving = tokio::spawn(async move {
            let asked = attempts.recv().await.unwrap();
            for piece in pieces {
                drop(asked.send(Ok(piece.into())).await);
            }
            drop(asked);
            assert!(attempts.recv().await.is_none());
        });
        let error = transfer.run(Local::Upload(upload)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::DataLoss, "{error}");
        giving.await.unwrap();
    }
    assert_eq!(warehouse.storage.count("PUT", FILE), 0);
}

#[tokio::test(start_paused = true)]
async fn only_the_silence_of_the_storage_ends_an_upload() {
    let warehouse = Warehouse::start().await;
    let clock = Clock::hold();
    let transfer = Transfer::new(&warehouse, "PUT", INPUT_STREAM).await;
    warehouse.storage.on("PUT", FILE, [Reply::status(200)]);
    let (upload, mut attempts) = Upload::new(1);
    let sending = transfer.run(Local::Upload(upload));
    let giving = async {
        let pieces = attempts.recv().await.unwrap();
        // Longer than a server may be silent.
        tokio::time::sleep(Duration::from_secs(600)).await;
        pieces.send(Ok("a".into())).await.unwrap();
    };
    let both = async { tokio::join!(sending, giving).0 };
    let (sent, _) = clock.run(Duration::from_secs(5), both).await;
    sent.unwrap();

    warehouse.storage.always("PUT", FILE, |_| Reply::never());
    let folder = Folder::new();
    let file = folder.write("hello");
    let transfer = Transfer::new(&warehouse, "PUT", &file).await;
    let (sent, took) = clock
        .run(Duration::from_secs(5), transfer.file(&folder))
        .await;
    let error = sent.unwrap_err();
    assert_eq!(error.code(), ErrorCode::NetworkError);
    assert!(error.message().contains("socket_timeout"), "{error}");
    assert!(took >= Duration::from_secs(5 * 60), "{took:?}");
}

#[tokio::test]
async fn transfers_end_with_a_cancel_and_with_their_time() {
    let warehouse = Warehouse::start().await;
    warehouse
        .storage
        .always("GET", FILE, |_| Reply::bytes(vec![b'x'; 10]).stalled(4).0);
    let folder = Folder::new();
    let transfer = Transfer::new(&warehouse, "GET", &folder.file()).await;
    let cancelling = async {
        warehouse.storage.arrival("GET", FILE, 1).await;
        transfer.control.cancel();
    };
    let (done, ()) = tokio::join!(transfer.file(&folder), cancelling);
    assert_eq!(done.unwrap_err().code(), ErrorCode::Cancelled);

    let mut transfer = Transfer::new(&warehouse, "GET", &folder.file()).await;
    let whole = Duration::from_secs(9);
    transfer.time = Some(TimeLeft {
        whole,
        left: Duration::from_millis(50),
    });
    let error = transfer.file(&folder).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Timeout);
    assert!(error.message().contains("9s"), "{error}");
    // The part goes once the thread that wrote it has heard of the end.
    while !folder.contents().is_empty() {
        settle().await;
    }
}
