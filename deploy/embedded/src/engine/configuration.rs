//! The engine's own configuration, written into its data directory at every start.
//! Small pools, half of the machine's memory, no logs, and no way out of the data directory from SQL.

use std::io;
use std::path::{Path, PathBuf};

use super::EngineError;

/// Server settings. There is no `logger` and no `*_log` section: without them chDB writes neither log files
/// nor system tables that would hold the texts of statements. An explicit file also keeps chDB from reading a
/// `config.xml` of the working directory.
const SERVER: &str = include_str!("configuration/server.xml");
/// Settings and grants of the one user that chDB knows.
const USERS: &str = include_str!("configuration/users.xml");

/// Writes `engine.xml` and `engine-users.xml` below `data` and returns the first one's absolute path.
///
/// # Errors
/// [`EngineError::Data`] if they can't be written.
pub(super) fn write(data: &Path) -> Result<PathBuf, EngineError> {
    write_files(data).map_err(|error| EngineError::Data { data: data.to_path_buf(), error })
}

fn write_files(data: &Path) -> io::Result<PathBuf> {
    let users = data.join("engine-users.xml");
    std::fs::write(&users, USERS)?;
    let server = data.join("engine.xml");
    std::fs::write(&server, SERVER.replace("{users}", &escape(&users.to_string_lossy())))?;
    Ok(server)
}

/// Escapes a text for XML content.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_users_file_and_configures_no_log() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a&b");
        std::fs::create_dir(&data).unwrap();
        let server = std::fs::read_to_string(write(&data).unwrap()).unwrap();
        assert!(server.contains("a&amp;b/engine-users.xml</users_config>"), "{server}");
        assert!(!server.contains("_log>") && !server.contains("<logger"), "{server}");
    }
}
