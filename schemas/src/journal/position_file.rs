//! A reader's place, kept over restarts.

use super::Position;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Far more than the file's one line has.
const BYTES_MAX: u64 = 256;

/// A file of one line: `journal-position <segment>:<offset> <CRC32C of what is before it>`. It is replaced as a whole, so that after a
/// crash it holds the place stored before or the new one.
#[derive(Debug, Clone)]
pub struct PositionFile {
    path: PathBuf,
}

/// Why a position can't be loaded or stored.
#[derive(Debug, thiserror::Error)]
pub enum PositionFileError {
    /// The file is there but is not what was stored.
    #[error(
        "the position file {path} is damaged; remove it to read the journal from its oldest record \
         (what was counted before is recognised and not counted twice)"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The file can't be read or written.
    #[error(
        "cannot use the position file {path}: {source}; check that its directory exists, has room and may be written"
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl PositionFile {
    /// The file at `path`, which need not be there yet.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        PositionFile { path: path.as_ref().to_path_buf() }
    }

    /// The position stored last; `None` when none was.
    ///
    /// # Errors
    /// When the file is damaged or can't be read.
    pub fn load(&self) -> Result<Option<Position>, PositionFileError> {
        let length = match fs::metadata(&self.path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.io(source)),
        };
        let bytes =
            if length > BYTES_MAX { Vec::new() } else { fs::read(&self.path).map_err(|e| self.io(e))? };
        let position = std::str::from_utf8(&bytes).ok().and_then(parse);
        position.map(Some).ok_or_else(|| PositionFileError::Damaged { path: self.path.clone() })
    }

    /// Stores `position`; when this returns, it is on the disk.
    ///
    /// # Errors
    /// When the file can't be written; the position stored before then still stands.
    pub fn store(&self, position: Position) -> Result<(), PositionFileError> {
        self.replace(line(position).as_bytes()).map_err(|source| self.io(source))
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let mut fresh = self.path.clone().into_os_string();
        fresh.push(".new");
        let mut file = File::create(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn io(&self, source: io::Error) -> PositionFileError {
        PositionFileError::Io { path: self.path.clone(), source }
    }
}

fn line(position: Position) -> String {
    let text = format!("journal-position {position}");
    let checksum = crc32c::crc32c(text.as_bytes());
    format!("{text} {checksum:08x}\n")
}

fn parse(text: &str) -> Option<Position> {
    let mut words = text.split_whitespace();
    let position = words.nth(1)?.parse().ok()?;
    (line(position) == text).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSITION: Position = Position { segment: 3, offset: 1234 };

    #[test]
    fn loads_what_was_stored_last() {
        let directory = tempfile::tempdir().unwrap();
        let file = PositionFile::new(directory.path().join("forwarder"));
        assert_eq!(file.load().unwrap(), None);
        file.store(Position::START).unwrap();
        file.store(POSITION).unwrap();
        assert_eq!(file.load().unwrap(), Some(POSITION));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn every_flipped_bit_and_cut_is_an_error_that_names_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("forwarder");
        let file = PositionFile::new(&path);
        let whole = line(POSITION).into_bytes();
        let flipped = (0..whole.len() * 8).map(|bit| {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        });
        let cut = (0..whole.len()).map(|length| whole[..length].to_vec());
        for bytes in flipped.chain(cut).chain([vec![b'1'; 1 << 20]]) {
            fs::write(&path, &bytes).unwrap();
            let error = file.load().unwrap_err();
            assert!(matches!(error, PositionFileError::Damaged { .. }), "{bytes:?}");
            assert!(error.to_string().contains("forwarder"));
        }
    }

    #[test]
    fn a_missing_directory_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let file = PositionFile::new(directory.path().join("missing/forwarder"));
        assert!(matches!(file.store(POSITION), Err(PositionFileError::Io { .. })));
    }
}
