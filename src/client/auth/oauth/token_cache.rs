//! Tokens that outlive the process: encrypted files that only their owner can read.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::pbkdf2;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::random;
use crate::client::auth::Token;
use crate::client::{Error, ErrorCode, Result};

/// What it costs to try a passphrase; unit tests are built without optimisation, and guess nothing.
const ROUNDS: NonZeroU32 = NonZeroU32::new(if cfg!(test) { 1_000 } else { 600_000 }).unwrap();

/// A remembered token that ends sooner is renewed.
const LEAST_LIFE: i64 = 60;

/// How long a token is taken to be good that does not say it.
const UNKNOWN_LIFE: Duration = Duration::from_secs(3600);

/// Where tokens are kept, and what opens them.
#[derive(Clone)]
pub struct TokenCache {
    directory: PathBuf,
    passphrase: Option<SecretString>,
}

impl fmt::Debug for TokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenCache").field(&self.directory).finish()
    }
}

impl Hash for TokenCache {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let passphrase = self.passphrase.as_ref().map(ExposeSecret::expose_secret);
        (&self.directory, passphrase).hash(state);
    }
}

/// What is kept of a sign-in.
#[derive(Debug)]
pub(super) struct Remembered {
    access_token: SecretString,
    /// Seconds since 1970.
    expires_at: i64,
    pub(super) refresh_token: Option<SecretString>,
}

#[derive(Serialize, Deserialize)]
struct Document {
    access_token: String,
    expires_at: i64,
    refresh_token: Option<String>,
}

/// A file as it lies on the disk.
#[derive(Serialize, Deserialize)]
struct Sealed {
    salt: String,
    nonce: String,
    data: String,
}

impl Remembered {
    pub(super) fn new(token: &Token, refresh_token: Option<SecretString>) -> Self {
        let left = token.left().unwrap_or_default();
        Self {
            access_token: token.bearer().clone(),
            expires_at: Utc::now().timestamp() + i64::try_from(left.as_secs()).unwrap_or_default(),
            refresh_token,
        }
    }

    /// What somebody else kept, who does not know how long it is good.
    pub(super) fn kept(access_token: SecretString, refresh_token: Option<SecretString>) -> Self {
        let token = Token::try_new(access_token.clone());
        let left = token.map_or(Some(Duration::ZERO), |token| token.left());
        let left = left.unwrap_or(UNKNOWN_LIFE).as_secs();
        Self {
            access_token,
            expires_at: Utc::now().timestamp() + i64::try_from(left).unwrap_or_default(),
            refresh_token,
        }
    }

    /// The token, if it is good for a while.
    pub(super) fn token(&self) -> Option<Token> {
        let left = self.expires_at - Utc::now().timestamp();
        let life = u64::try_from(left).ok().filter(|_| left >= LEAST_LIFE)?;
        let token = Token::try_new(self.access_token.clone()).ok()?;
        Some(token.living(Duration::from_secs(life)))
    }

    fn document(&self) -> Document {
        Document {
            access_token: self.access_token.expose_secret().to_owned(),
            expires_at: self.expires_at,
            refresh_token: self
                .refresh_token
                .as_ref()
                .map(|token| token.expose_secret().to_owned()),
        }
    }
}

impl From<Document> for Remembered {
    fn from(document: Document) -> Self {
        Self {
            access_token: document.access_token.into(),
            expires_at: document.expires_at,
            refresh_token: document.refresh_token.map(Into::into),
        }
    }
}

impl TokenCache {
    /// In the directory of the user's settings. Without a passphrase the files are sealed with a key
    /// that lies beside them.
    pub fn of_user(passphrase: Option<SecretString>) -> Result<Self> {
        let directory = settings_directory().ok_or_else(|| {
            Error::invalid_argument("there is no home directory to keep tokens in")
        })?;
        let directory = directory.join("databricks-sql-kernel").join("oauth");
        Ok(Self::at(directory, passphrase))
    }

    /// In another directory.
    #[must_use]
    pub fn at(directory: PathBuf, passphrase: Option<SecretString>) -> Self {
        Self {
            directory,
            passphrase,
        }
    }

    /// The entry of this name; other processes wait until it is dropped.
    pub(super) async fn lock(&self, name: &[&str]) -> Result<Entry> {
        let name = hex(digest(&SHA256, name.join("\n").as_bytes()).as_ref());
        let cache = self.clone();
        blocking(move || {
            private_directory(&cache.directory)?;
            if cache.passphrase.is_none() {
                let _lock = locked(&cache.directory.join("key.lock"))?;
                cache.key_file()?;
            }
            let lock = locked(&cache.directory.join(format!("{name}.lock")))?;
            Ok(Entry {
                cache,
                name,
                _lock: lock,
            })
        })
        .await
    }

    fn key(&self, salt: &[u8]) -> io::Result<LessSafeKey> {
        let mut key = [0; 32];
        match &self.passphrase {
            Some(passphrase) => {
                let passphrase = passphrase.expose_secret().as_bytes();
                pbkdf2::derive(
                    pbkdf2::PBKDF2_HMAC_SHA256,
                    ROUNDS,
                    salt,
                    passphrase,
                    &mut key,
                );
            }
            None => key = self.key_file()?,
        }
        let unbound = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| damaged())?;
        Ok(LessSafeKey::new(unbound))
    }

    fn key_file(&self) -> io::Result<[u8; 32]> {
        let path = self.directory.join("key");
        let mut options = OpenOptions::new();
        match private_file(&path, options.create_new(true).write(true)) {
            Ok(mut file) => {
                let key = random::<32>().map_err(io::Error::other)?;
                file.write_all(&key)?;
                Ok(key)
            }
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
                let mut key = [0; 32];
                File::open(&path)?.read_exact(&mut key)?;
                Ok(key)
            }
            Err(why) => Err(why),
        }
    }
}

/// One sign-in in the cache, locked.
pub(super) struct Entry {
    cache: TokenCache,
    name: String,
    _lock: File,
}

impl Entry {
    fn path(&self) -> PathBuf {
        self.cache.directory.join(format!("{}.json", self.name))
    }

    /// What is kept there; nothing where it cannot be opened.
    pub(super) async fn read(&self) -> Option<Remembered> {
        let (cache, name, path) = (self.cache.clone(), self.name.clone(), self.path());
        blocking(move || opened(&cache, &name, &fs::read(path)?))
            .await
            .ok()
    }

    pub(super) async fn write(&self, remembered: &Remembered) -> Result<()> {
        let (cache, name, path) = (self.cache.clone(), self.name.clone(), self.path());
        let document = remembered.document();
        blocking(move || {
            let sealed = sealed(&cache, &name, &document)?;
            let written = path.with_extension("new");
            let mut options = OpenOptions::new();
            private_file(&written, options.create(true).truncate(true).write(true))?
                .write_all(&sealed)?;
            fs::rename(&written, &path)
        })
        .await
    }
}

fn sealed(cache: &TokenCache, name: &str, document: &Document) -> io::Result<Vec<u8>> {
    let salt: [u8; 16] = random().map_err(io::Error::other)?;
    let nonce: [u8; NONCE_LEN] = random().map_err(io::Error::other)?;
    let mut data = serde_json::to_vec(document)?;
    cache
        .key(&salt)?
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(name.as_bytes()),
            &mut data,
        )
        .map_err(|_| damaged())?;
    let [salt, nonce, data] = [&salt[..], &nonce, &data].map(|part| STANDARD.encode(part));
    Ok(serde_json::to_vec(&Sealed { salt, nonce, data })?)
}

fn opened(cache: &TokenCache, name: &str, file: &[u8]) -> io::Result<Remembered> {
    let sealed: Sealed = serde_json::from_slice(file)?;
    let bytes = |text: &str| STANDARD.decode(text).map_err(|_| damaged());
    let nonce: [u8; NONCE_LEN] = bytes(&sealed.nonce)?.try_into().map_err(|_| damaged())?;
    let mut data = bytes(&sealed.data)?;
    let key = cache.key(&bytes(&sealed.salt)?)?;
    let plain = key
        .open_in_place(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(name.as_bytes()),
            &mut data,
        )
        .map_err(|_| damaged())?;
    Ok(serde_json::from_slice::<Document>(plain)?.into())
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let failed = |why: io::Error| {
        let message = format!("the cache of tokens cannot be used: {why}");
        Error::new(ErrorCode::Internal, message).with_source(why)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(failed),
        Err(why) => Err(failed(io::Error::other(why))),
    }
}

fn private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn private_file(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// A file that nobody else has locked; dropping it unlocks it.
fn locked(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = private_file(path, options.create(true).truncate(false).write(true))?;
    file.lock()?;
    Ok(file)
}

fn settings_directory() -> Option<PathBuf> {
    let variable = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if cfg!(windows) {
        return variable("APPDATA");
    }
    let home = std::env::home_dir();
    if cfg!(target_os = "macos") {
        return home.map(|home| home.join("Library").join("Application Support"));
    }
    variable("XDG_CONFIG_HOME").or_else(|| home.map(|home| home.join(".config")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered() -> Remembered {
        let token = Token::try_new("s3cret-access".into()).unwrap();
        let token = token.living(Duration::from_secs(3600));
        Remembered::new(&token, Some("s3cret-refresh".into()))
    }

    fn cache(directory: &str, passphrase: Option<&str>) -> TokenCache {
        let path =
            std::env::temp_dir().join(format!("token-cache-{}-{directory}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        TokenCache::at(path, passphrase.map(Into::into))
    }

    fn texts(cache: &TokenCache) -> String {
        let files = fs::read_dir(&cache.directory).unwrap();
        let read = |file: io::Result<fs::DirEntry>| fs::read(file.unwrap().path()).unwrap();
        files
            .map(|file| String::from_utf8_lossy(&read(file)).into_owned())
            .collect()
    }

    #[tokio::test]
    async fn what_was_kept_comes_back_to_whoever_has_the_key() {
        for passphrase in [None, Some("s3cret-passphrase")] {
            let cache = cache(&format!("back-{}", passphrase.is_some()), passphrase);
            let entry = cache.lock(&["host", "client"]).await.unwrap();
            assert!(entry.read().await.is_none());
            entry.write(&remembered()).await.unwrap();
            drop(entry);
            let entry = cache.lock(&["host", "client"]).await.unwrap();
            let back = entry.read().await.unwrap();
            assert_eq!(
                back.refresh_token.unwrap().expose_secret(),
                "s3cret-refresh"
            );
            assert!(!texts(&cache).contains("s3cret"));
            let other = cache.lock(&["other", "client"]).await.unwrap();
            assert!(other.read().await.is_none());
            let stranger = TokenCache::at(cache.directory.clone(), Some("guess".into()));
            drop(entry);
            let entry = stranger.lock(&["host", "client"]).await.unwrap();
            assert!(entry.read().await.is_none());
            fs::remove_dir_all(&cache.directory).unwrap();
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_the_owner_can_read_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let cache = cache("modes", None);
        let entry = cache.lock(&["host"]).await.unwrap();
        entry.write(&remembered()).await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&cache.directory), 0o700);
        for file in fs::read_dir(&cache.directory).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
        fs::remove_dir_all(&cache.directory).unwrap();
    }

    #[tokio::test]
    async fn damaged_files_count_as_none() {
        let cache = cache("damaged", None);
        let entry = cache.lock(&["host"]).await.unwrap();
        entry.write(&remembered()).await.unwrap();
        let good = fs::read(entry.path()).unwrap();
        for bad in [&good[..good.len() / 2], b"{}", b""] {
            fs::write(entry.path(), bad).unwrap();
            assert!(entry.read().await.is_none());
        }
        fs::remove_dir_all(&cache.directory).unwrap();
    }
}
