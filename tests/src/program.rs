//! The built programs and the files they need.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The program under test: `FOOTFALL_BIN`, or the one beside this test's own program.
///
/// # Panics
/// When it has not been built.
pub fn footfall() -> PathBuf {
    std::env::var_os("FOOTFALL_BIN").map_or_else(|| built("footfall"), PathBuf::from)
}

/// A program beside this test's own.
///
/// # Panics
/// When it has not been built.
#[expect(clippy::panic, reason = "a test without its program has nothing to test")]
pub fn built(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built; run `cargo build --workspace` first"))
}

/// The repository's own folder.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// What a command of the program said and how it ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; nothing when a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub said: String,
    /// Its standard error.
    pub complained: String,
}

/// Runs `footfall` with arguments to its end.
///
/// # Errors
/// When it cannot be started.
pub async fn run(arguments: &[&OsStr]) -> std::io::Result<Ended> {
    let output = tokio::process::Command::new(footfall()).args(arguments).kill_on_drop(true).output().await?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ended { code: output.status.code(), said: text(&output.stdout), complained: text(&output.stderr) })
}

/// `footfall reconcile` on a data directory, whether the program runs on it or not.
///
/// # Errors
/// When it cannot be started.
pub async fn reconcile(data: &Path) -> std::io::Result<Ended> {
    run(&["reconcile".as_ref(), "--data".as_ref(), data.as_os_str()]).await
}
