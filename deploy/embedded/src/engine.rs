//! ClickHouse inside this process: chDB (`libchdb.so`), loaded at run time.
//! One engine per process and one process per data directory; a connection per request.

mod configuration;
mod exception;
mod ffi;
mod library;

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};

pub use exception::Exception;
pub use ffi::{Chunk, Statement, Statistics};
pub use library::{ENVIRONMENT, find_library};

/// Why the engine could not be opened; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No `libchdb.so` was found.
    #[error(
        "ClickHouse's engine libchdb.so was not found; run `make engine` to fetch it, or set FOOTFALL_ENGINE to its path (looked at {})",
        list(looked_at)
    )]
    Missing {
        /// Every path that was tried.
        looked_at: Vec<PathBuf>,
    },
    /// The file is no libchdb for this machine, or one of another version.
    #[error("{} is not a usable libchdb.so: {reason}; run `make engine` to fetch the right one", path.display())]
    BadLibrary {
        /// The file.
        path: PathBuf,
        /// What the dynamic linker said.
        reason: String,
    },
    /// Another process has the data directory open.
    #[error(
        "the ClickHouse data in {} is in use by another process; stop that `footfall` first, or choose another directory with --data",
        data.display()
    )]
    Locked {
        /// The directory.
        data: PathBuf,
    },
    /// The directory can't be created, read or written.
    #[error("the ClickHouse data directory {} can't be used: {error}", data.display())]
    Data {
        /// The directory.
        data: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// libchdb gave no connection.
    #[error(
        "ClickHouse's engine would not open {}: its reason is on standard error; this process may have another directory open, or the data may come from a newer engine",
        data.display()
    )]
    Refused {
        /// The directory.
        data: PathBuf,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The running engine. Its threads end with the process.
pub struct Engine {
    library: Arc<ffi::Library>,
    data: PathBuf,
    arguments: Vec<CString>,
    /// With no connection open the engine would unload its tables.
    _keeps_running: ffi::RawConnection,
}

impl Engine {
    /// Loads `library` and opens the data directory `data`, created if need be. `config` replaces the
    /// configuration that is otherwise written into the data directory.
    ///
    /// # Errors
    /// [`EngineError`], whose text tells the operator what to do.
    pub fn open(library: &Path, data: &Path, config: Option<&Path>) -> Result<Self, EngineError> {
        let data = create(data).map_err(|error| EngineError::Data { data: data.to_path_buf(), error })?;
        refuse_if_locked(&data)?;
        let config = config.map_or_else(|| configuration::write(&data), |path| Ok(path.to_path_buf()))?;
        let arguments = arguments(&data, &config)?;
        let loaded = ffi::Library::load(library)
            .map_err(|error| EngineError::BadLibrary { path: library.into(), reason: error.to_string() })?;
        let connection = ffi::RawConnection::open(&loaded, &arguments);
        let connection = connection.ok_or_else(|| EngineError::Refused { data: data.clone() })?;
        Ok(Self { library: loaded, data, arguments, _keeps_running: connection })
    }

    /// The version of chDB, such as `26.7.3`.
    #[must_use]
    pub fn version(&self) -> String {
        self.library.version()
    }

    /// A new connection: default settings, database `default`. Takes about 0.3 ms.
    ///
    /// # Errors
    /// [`EngineError::Refused`].
    pub fn connect(&self) -> Result<Connection, EngineError> {
        let connection = ffi::RawConnection::open(&self.library, &self.arguments);
        connection.map(Connection).ok_or_else(|| EngineError::Refused { data: self.data.clone() })
    }

    /// Runs one statement on a connection of its own and returns its whole answer.
    ///
    /// # Errors
    /// ClickHouse's exception.
    pub fn query(&self, sql: &str, format: &str) -> Result<Vec<u8>, Exception> {
        let mut connection = self.connect().map_err(|error| Exception::new(&error.to_string()))?;
        let answer = connection.query(Statement { sql: sql.as_bytes(), format, parameters: &[] })?;
        Ok(answer.as_ref().to_vec())
    }
}

fn create(data: &Path) -> io::Result<PathBuf> {
    std::fs::create_dir_all(data)?;
    data.canonicalize()
}

fn refuse_if_locked(data: &Path) -> Result<(), EngineError> {
    if is_in_use(data) { Err(EngineError::Locked { data: data.to_path_buf() }) } else { Ok(()) }
}

/// Whether a process has the data directory open. chDB locks the file `status` (flock) but tells of a lock it can't
/// get only on standard error.
#[must_use]
pub fn is_in_use(data: &Path) -> bool {
    let status = File::open(data.join("status"));
    status.is_ok_and(|status| flock(&status, FlockOperation::NonBlockingLockExclusive).is_err())
}

fn arguments(data: &Path, config: &Path) -> Result<Vec<CString>, EngineError> {
    let invalid = |_| EngineError::Data { data: data.into(), error: io::ErrorKind::InvalidFilename.into() };
    let path = |name: &str, path: &Path| {
        let mut argument = name.as_bytes().to_vec();
        argument.extend_from_slice(path.as_os_str().as_encoded_bytes());
        CString::new(argument).map_err(invalid)
    };
    Ok(vec![c"chdb".to_owned(), path("--path=", data)?, path("--config-file=", config)?])
}

/// What the engine's parser says about a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Analysis {
    /// Number of statements; 0 if the text does not parse.
    pub statements: u32,
    /// What they would do.
    pub effect: Effect,
}

/// What a statement changes (`chdb_query_class`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: SELECT, SHOW, DESCRIBE, EXPLAIN, EXISTS, CHECK.
    Reads,
    /// Databases and tables, or what lies beside them (functions).
    Writes,
    /// The session or the server (USE, SET, SYSTEM, KILL, …), or something outside of the engine
    /// (`INTO OUTFILE`, `INSERT INTO FUNCTION`).
    Controls,
    /// Can't be told.
    Unknown,
}

impl From<ffi::Analysis> for Analysis {
    fn from(analysis: ffi::Analysis) -> Self {
        let effect = match analysis.class {
            0 if analysis.statements > 0 => Effect::Reads,
            1 | 2 => Effect::Writes,
            3 => Effect::Controls,
            _ => Effect::Unknown,
        };
        Self { statements: analysis.statements, effect }
    }
}

/// A connection with settings, a current database and temporary tables of its own.
pub struct Connection(ffi::RawConnection);

impl Connection {
    /// Runs a statement and returns its whole answer.
    ///
    /// # Errors
    /// ClickHouse's exception.
    pub fn query(&mut self, statement: Statement<'_>) -> Result<Chunk, Exception> {
        self.0.query(statement).map_err(Exception::from)
    }

    /// Starts a SELECT whose answer is fetched in pieces.
    ///
    /// # Errors
    /// ClickHouse's exception, if the statement fails before its first row.
    pub fn select(&mut self, statement: Statement<'_>) -> Result<Select<'_>, Exception> {
        self.0.select(statement).map(Select).map_err(Exception::from)
    }

    /// Starts an INSERT whose data follow in pieces.
    ///
    /// # Errors
    /// ClickHouse's exception.
    pub fn insert(&mut self, statement: Statement<'_>) -> Result<Insert<'_>, Exception> {
        self.0.insert(statement).map(Insert).map_err(Exception::from)
    }

    /// Parses a text as the engine would, without running it.
    pub fn analyse(&mut self, sql: &[u8]) -> Analysis {
        self.0.analyse(sql).unwrap_or_default().into()
    }
}

/// A SELECT in progress. Dropping it cancels the statement.
pub struct Select<'a>(ffi::RawSelect<'a>);

impl Select<'_> {
    /// The next piece, formatted as an answer of its own (with the format's header, if it has one); `None`
    /// at the end.
    ///
    /// # Errors
    /// ClickHouse's exception, in the middle of the answer.
    pub fn fetch(&mut self) -> Result<Option<Chunk>, Exception> {
        self.0.next().map_err(Exception::from)
    }
}

/// An INSERT in progress. Dropping it cancels the statement; blocks of about a million rows that were
/// already written stay.
pub struct Insert<'a>(ffi::RawInsert<'a>);

impl Insert<'_> {
    /// Hands over the next bytes of data, in pieces of any size. Blocks while the engine is behind.
    ///
    /// # Errors
    /// ClickHouse's exception.
    pub fn append(&mut self, data: &[u8]) -> Result<(), Exception> {
        self.0.append(data).map_err(Exception::from)
    }

    /// Ends the data and waits until they are written.
    ///
    /// # Errors
    /// ClickHouse's exception.
    pub fn finish(self) -> Result<Statistics, Exception> {
        self.0.finish().map_err(Exception::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_engine_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("libchdb.so");
        std::fs::write(&library, "not a library").unwrap();
        let error = Engine::open(&library, &folder.path().join("data"), None).err().unwrap();
        assert!(matches!(error, EngineError::BadLibrary { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&library.display().to_string()) && text.contains("make engine"), "{text}");
    }

    #[test]
    fn a_data_directory_that_can_not_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = Engine::open(Path::new("/nowhere"), &file.join("data"), None).err().unwrap();
        assert!(matches!(&error, EngineError::Data { data, .. } if *data == file.join("data")), "{error}");
    }

    #[test]
    fn a_locked_data_directory_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let status = File::create(folder.path().join("status")).unwrap();
        flock(&status, FlockOperation::LockExclusive).unwrap();
        let error = Engine::open(Path::new("/nowhere"), folder.path(), None).err().unwrap();
        assert!(matches!(error, EngineError::Locked { .. }), "{error}");
    }
}
