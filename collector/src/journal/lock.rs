//! One program at a time writes a directory.

use super::JournalError;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

const NAME: &str = "lock";
/// A process id has at most ten digits.
const HOLDER_BYTES_MAX: u64 = 16;

/// Held until it is dropped; the kernel lets go of it when the program dies. The file stays, with the process id of its last holder.
pub(super) struct DirectoryLock {
    file: File,
}

impl Drop for DirectoryLock {
    /// Closing is not enough: a process being started elsewhere in the program holds a copy of the descriptor for a moment.
    fn drop(&mut self) {
        if let Err(error) = flock(&self.file, FlockOperation::Unlock) {
            tracing::warn!(%error, "the journal's lock could not be given back");
        }
    }
}

impl DirectoryLock {
    /// Makes the directory if it is missing, and locks it.
    pub(super) fn take(directory: &Path) -> Result<Self, JournalError> {
        make(directory)?;
        let path = directory.join(NAME);
        let failed = |source| JournalError::io(&path, source);
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(JournalError::Locked {
                    directory: directory.to_path_buf(),
                    holder: holder(&file),
                });
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(DirectoryLock { file })
    }
}

fn make(directory: &Path) -> Result<(), JournalError> {
    match fs::create_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(JournalError::NotADirectory { directory: directory.to_path_buf() })
        }
        made => made.map_err(|source| JournalError::io(directory, source)),
    }
}

fn holder(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(directory.path()).unwrap();
        let error = DirectoryLock::take(directory.path()).err().unwrap();
        let me = std::process::id();
        assert!(matches!(error, JournalError::Locked { holder: Some(pid), .. } if pid == me), "{error}");
        assert!(error.to_string().contains(&format!("in use by process {me}")), "{error}");
        drop(first);
        assert!(DirectoryLock::take(directory.path()).is_ok());
    }

    #[test]
    fn makes_a_missing_directory_and_refuses_a_file() {
        let directory = tempfile::tempdir().unwrap();
        assert!(DirectoryLock::take(&directory.path().join("a/b")).is_ok());
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        for path in [file.clone(), file.join("below")] {
            let error = DirectoryLock::take(&path).err().unwrap();
            assert!(matches!(error, JournalError::NotADirectory { .. }), "{error}");
        }
    }
}
