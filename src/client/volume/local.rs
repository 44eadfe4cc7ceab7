//! Which local files statements may read and write.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::client::{Error, ErrorCode, Result};

/// Directories and files that statements may read and write.
#[derive(Clone, Debug, Default)]
pub struct LocalPaths(Vec<PathBuf>);

impl LocalPaths {
    /// These, and what is in them.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        Self(paths)
    }

    /// Where a file is once links and dots are resolved, if it may be there.
    pub(super) fn resolve(&self, file: &str) -> Result<PathBuf> {
        if self.0.is_empty() {
            return Err(Error::invalid_argument(format!(
                "You must provide at least one staging_allowed_local_path: connect() was not told that \
                 the local file '{file}' may be used; pass it the directory of that file"
            )));
        }
        let resolved = resolved(Path::new(file))?;
        for allowed in &self.0 {
            // A directory that cannot be looked at allows nothing.
            if resolved.starts_with(self::resolved(allowed).unwrap_or_else(|_| allowed.clone())) {
                return Ok(resolved);
            }
        }
        let allowed: Vec<_> = self
            .0
            .iter()
            .map(|path| format!("'{}'", path.display()))
            .collect();
        Err(Error::invalid_argument(format!(
            "Local file operations are restricted to paths within the configured \
             staging_allowed_local_path ({}), and '{}' is outside of that",
            allowed.join(", "),
            resolved.display()
        )))
    }
}

/// An absolute path without links and dots. What does not exist yet cannot be a link: its dots are resolved as they are
/// written.
fn resolved(path: &Path) -> Result<PathBuf> {
    let unusable = |why: std::io::Error| {
        let message = format!(
            "the local path '{}' cannot be resolved: {why}",
            path.display()
        );
        Error::invalid_argument(message).with_source(why)
    };
    let mut resolved = PathBuf::new();
    for part in std::path::absolute(path).map_err(unusable)?.components() {
        match part {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir => resolved.push(part),
            Component::Normal(_) => {
                resolved.push(part);
                if fs::symlink_metadata(&resolved).is_ok() {
                    // A link that leads nowhere could lead anywhere tomorrow.
                    resolved = fs::canonicalize(&resolved).map_err(unusable)?;
                }
            }
        }
    }
    Ok(resolved)
}

/// A failure of the file system, with the file that it was about.
pub(super) fn named(path: &Path, what: &str, why: std::io::Error) -> Error {
    let code = match why.kind() {
        ErrorKind::NotFound => ErrorCode::NotFound,
        ErrorKind::PermissionDenied | ErrorKind::IsADirectory | ErrorKind::NotADirectory => {
            ErrorCode::InvalidArgument
        }
        _ => ErrorCode::Unknown,
    };
    let message = format!("the local file '{}' {what}: {why}", path.display());
    Error::new(code, message).with_source(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of a test's own.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("databricks-sql-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Self(fs::canonicalize(path).unwrap())
        }

        fn path(&self, below: &str) -> PathBuf {
            self.0.join(below)
        }

        fn text(&self, below: &str) -> String {
            self.path(below).display().to_string()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    #[test]
    fn files_are_confined_to_what_is_allowed() {
        let folder = Folder::new("confined");
        fs::create_dir(folder.path("in")).unwrap();
        fs::create_dir(folder.path("inner")).unwrap();
        fs::write(folder.path("in/here"), "").unwrap();
        let paths = LocalPaths::new(vec![folder.path("in"), folder.path("one")]);
        for inside in [
            "in",
            "in/here",
            "in/new",
            "in/new/er",
            "in/../in/here",
            "inner/../in/x",
            "one",
        ] {
            paths.resolve(&folder.text(inside)).expect(inside);
        }
        for outside in [
            "",
            "inner/x",
            "in/..",
            "in/../inner",
            "in/a/../../inner/x",
            "ones",
            "in/../../x",
        ] {
            let error = paths.resolve(&folder.text(outside)).expect_err(outside);
            assert!(
                error.message().contains("staging_allowed_local_path"),
                "{error}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_before_it_is_asked_where_they_lead() {
        use std::os::unix::fs::symlink;
        let folder = Folder::new("links");
        fs::create_dir(folder.path("in")).unwrap();
        fs::create_dir(folder.path("out")).unwrap();
        fs::write(folder.path("out/file"), "").unwrap();
        symlink(folder.path("out"), folder.path("in/out")).unwrap();
        symlink(folder.path("out/file"), folder.path("in/file")).unwrap();
        symlink(folder.path("out/none"), folder.path("in/none")).unwrap();
        symlink(folder.path("in"), folder.path("alias")).unwrap();
        let paths = LocalPaths::new(vec![folder.path("alias")]);
        assert_eq!(
            paths.resolve(&folder.text("alias/x")).unwrap(),
            folder.path("in/x")
        );
        assert_eq!(
            paths.resolve(&folder.text("in/x")).unwrap(),
            folder.path("in/x")
        );
        for outside in [
            "in/file",
            "in/out/file",
            "in/out/new",
            "in/none",
            "in/none/x",
            "alias/out/x",
            "in/new/../out/file",
        ] {
            paths.resolve(&folder.text(outside)).expect_err(outside);
        }
        // The parent of a link is that of what it leads to.
        paths.resolve(&folder.text("in/out/../in/x")).unwrap();
        paths.resolve(&folder.text("in/out/../x")).unwrap_err();
    }

    #[test]
    fn without_directories_nothing_is_allowed() {
        let error = LocalPaths::default().resolve("/any").unwrap_err();
        assert!(
            error
                .message()
                .contains("at least one staging_allowed_local_path"),
            "{error}"
        );
    }
}
