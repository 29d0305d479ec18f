//! A key's file in the key directory: 0600, complete before its name exists, overwritten before its name goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::{Zeroize as _, Zeroizing};

use super::{DayKey, KeyDirectoryError, KeyId};

/// Bytes of a key file: id and key.
pub(super) const FILE_BYTES: usize = 16 + 32;

/// Makes the file `name`; false when another program was quicker, whose key it then is.
pub(super) fn make(
    directory: &Path,
    name: &str,
    bytes: &[u8; FILE_BYTES],
) -> Result<bool, KeyDirectoryError> {
    let temporary = write_temporary(directory, name, bytes)?;
    let path = directory.join(name);
    let linked = fs::hard_link(&temporary, &path);
    fs::remove_file(&temporary).map_err(|error| io_error(&temporary, error))?;
    let made = match linked {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(io_error(&path, error)),
    };
    sync(directory)?;
    Ok(made)
}

/// What is to become the file `name`: a crash leaves a temporary file, never half a key.
pub(super) fn write_temporary(
    directory: &Path,
    name: &str,
    bytes: &[u8; FILE_BYTES],
) -> Result<PathBuf, KeyDirectoryError> {
    let stem = name.strip_suffix(".key").unwrap_or(name);
    let path = directory.join(format!("{stem}.{:016x}.new", beginning(bytes)));
    write_new(&path, bytes).map_err(|error| io_error(&path, error))?;
    Ok(path)
}

/// Overwrites a key's bytes before its name goes; what the disk itself keeps is the README's business.
pub(super) fn destroy(directory: &Path, name: &str) -> Result<(), KeyDirectoryError> {
    let path = directory.join(name);
    let overwrite = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).open(&path)?;
        file.write_all(&[0; FILE_BYTES])?;
        file.sync_all()?;
        fs::remove_file(&path)
    };
    match overwrite() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(&path, error)),
        _ => sync(directory),
    }
}

/// The key in a file; nothing when another program has just destroyed it. All zeros are a destruction that was cut short between
/// overwriting and removing: it is finished.
pub(super) fn read(path: &Path) -> Result<Option<DayKey>, KeyDirectoryError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES + 1));
    match File::open(path).and_then(|file| file.take(FILE_BYTES as u64 + 1).read_to_end(&mut bytes)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|error| io_error(path, error))?,
    };
    let damaged = || KeyDirectoryError::Damaged(path.to_owned());
    let whole: &[u8; FILE_BYTES] = bytes.as_slice().try_into().map_err(|_| damaged())?;
    if whole == &[0; FILE_BYTES] {
        fs::remove_file(path).map_err(|error| io_error(path, error))?;
        return Ok(None);
    }
    let (id, key) = whole.split_at(16);
    let mut key: [u8; 32] = key.try_into().map_err(|_| damaged())?;
    let day_key = DayKey::new(KeyId(id.try_into().map_err(|_| damaged())?), key);
    key.zeroize();
    Ok(Some(day_key))
}

/// The beginning of a key's id, which no other key of its day has.
pub(super) fn beginning(bytes: &[u8; FILE_BYTES]) -> u64 {
    bytes.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Writes a file that must not be there yet.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Names that came and went are on disk.
pub(super) fn sync(directory: &Path) -> Result<(), KeyDirectoryError> {
    File::open(directory).and_then(|opened| opened.sync_all()).map_err(|error| io_error(directory, error))
}

pub(super) fn io_error(path: &Path, error: io::Error) -> KeyDirectoryError {
    KeyDirectoryError::Io { path: path.to_owned(), error }
}
