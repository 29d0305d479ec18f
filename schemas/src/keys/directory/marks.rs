//! Marks of keys that were destroyed before their time, `2026-11-22.ID.destroyed`: an empty file with the key's random id, which
//! stands in clear in every record. Whoever reads such a record knows from it that no wait and no copy will bring the key, and a
//! copy that comes all the same is destroyed. A mark goes with its day.

use std::fs;
use std::io;
use std::path::Path;

use jiff::civil::Date;

use super::{KeyDirectory, KeyDirectoryError, is_due};
use crate::keys::KeyId;
use crate::keys::key_file::{io_error, sync, write_new};

/// What a mark's file ends with.
const ENDING: &str = "destroyed";

/// The key that a file marks as destroyed, and its day; nothing of another file.
pub(super) fn marked(path: &Path) -> Option<(KeyId, Date)> {
    let stem = path.file_name()?.to_str()?.strip_suffix(ENDING)?.strip_suffix('.')?;
    let (day, id) = stem.split_once('.')?;
    Some((KeyId(u128::from_str_radix(id, 16).ok()?.to_be_bytes()), day.parse().ok()?))
}

impl KeyDirectory {
    /// Marks a key as destroyed, which it is then about to be: after a crash in between, upkeep destroys it.
    pub(super) fn mark(&mut self, id: KeyId, day: Date) -> Result<(), KeyDirectoryError> {
        let path = self.path.join(format!("{day}.{id:?}.{ENDING}"));
        match write_new(&path, &[]) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io_error(&path, error)),
            _ => sync(&self.path)?,
        }
        self.marks.insert(id, day);
        Ok(())
    }

    /// Whether a key should be gone before its time.
    pub(super) fn is_marked(&self, id: KeyId) -> bool {
        self.marks.contains_key(&id)
    }

    /// Removes the marks of keys that would be gone by now.
    pub(super) fn forget_marks(&mut self, today: Date) -> Result<(), KeyDirectoryError> {
        let due = self.marks.iter().filter(|(_, day)| is_due(**day, today));
        for (id, day) in due.map(|(id, day)| (*id, *day)).collect::<Vec<_>>() {
            let path = self.path.join(format!("{day}.{id:?}.{ENDING}"));
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(&path, error)),
                _ => _ = self.marks.remove(&id),
            }
        }
        Ok(())
    }
}
