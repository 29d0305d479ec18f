//! The directory in which a program keeps its files.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("data directory {path}: {error}; name one that this user may write with --data")]
pub struct DataError {
    path: PathBuf,
    error: io::Error,
}

impl DataError {
    /// The error for `error` at `path`.
    pub fn new(path: &Path, error: io::Error) -> Self {
        Self { path: path.to_owned(), error }
    }
}

/// Makes the directory where missing, for its owner only, and gives its full path once it is known to be writable.
///
/// # Errors
/// When it cannot be made or written.
pub fn open(path: &Path) -> Result<PathBuf, DataError> {
    let refuse = |error| DataError::new(path, error);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(refuse)?;
    let path = path.canonicalize().map_err(refuse)?;
    let probe = path.join(format!(".writable-{}", std::process::id()));
    std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).map_err(refuse)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_place_of_the_directory_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = open(file.path()).unwrap_err().to_string();
        assert!(error.contains("--data") && error.contains(&file.path().display().to_string()), "{error}");
    }
}
