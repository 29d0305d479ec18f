//! A key that takes another's place before its day ends, so that what the other one opens can be destroyed early.
//!
//! [`KeyDirectory::replace`]: the new key is written to a temporary file, today's is linked under a second name under which it only
//! opens records, and then the new file is renamed over `DAY.key`. `DAY.key` is there at every moment, and after a crash at any of
//! them there is either one key under one name or two, or both keys: nothing that was encrypted has lost its key.
//! [`KeyDirectory::destroy_all_but`] may be repeated until it succeeds: what it did stays done, and it never touches the key in use.
//! Each key is marked as destroyed before it is.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use zeroize::Zeroizing;

use super::{KeyDirectory, KeyDirectoryError, key_name, name, utc_day};
use crate::keys::KeyId;
use crate::keys::key_file::{FILE_BYTES, beginning, io_error, sync, write_temporary};

/// What took whose place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The UTC day whose key was replaced.
    pub day: Date,
    /// The key with which that day's records are encrypted from now on.
    pub key: KeyId,
}

/// A key that is no more, or is to be destroyed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DestroyedKey {
    /// The UTC day whose records it opened.
    pub day: Date,
    /// Its file.
    pub name: String,
}

/// What became of keys that were to be destroyed.
#[derive(Debug, Default)]
pub struct Destruction {
    /// Those that are no more.
    pub destroyed: Vec<DestroyedKey>,
    /// Why it went no further; nothing when all are destroyed.
    pub failed: Option<KeyDirectoryError>,
}

impl DestroyedKey {
    /// Whether it was put there as a copy of another machine's, as `DAY.NAME.key`: the original is elsewhere. A key that was replaced has
    /// 16 hexadecimal digits for a name.
    pub fn is_copy(&self) -> bool {
        let stem = self.name.strip_suffix(".key").and_then(|stem| stem.strip_prefix(&self.day.to_string()));
        let is_replaced = |name: &str| name.len() == 16 && u64::from_str_radix(name, 16).is_ok();
        stem.and_then(|stem| stem.strip_prefix('.')).is_some_and(|name| !is_replaced(name))
    }
}

impl KeyDirectory {
    /// Puts a new key in the place of today's, which opens records until it is destroyed. Programs that share the directory
    /// take it up at their next upkeep.
    ///
    /// # Errors
    /// When a file cannot be written or read.
    pub fn replace(
        &mut self,
        now: Timestamp,
        mut random: impl FnMut(&mut [u8]),
    ) -> Result<Replaced, KeyDirectoryError> {
        let day = utc_day(now);
        let mut bytes = Zeroizing::new([0; FILE_BYTES]);
        random(&mut bytes[..]);
        let temporary = write_temporary(&self.path, &name(day), &bytes)?;
        let path = self.path.join(name(day));
        self.keep_as(&path, &format!("{day}.{:016x}.key", beginning(&bytes)))?;
        fs::rename(&temporary, &path).map_err(|error| io_error(&path, error))?;
        sync(&self.path)?;
        self.read()?;
        let key = self.files.get(&name(day)).map(|held| held.key.id());
        key.map(|key| Replaced { day, key }).ok_or(KeyDirectoryError::Missing(day))
    }

    /// Gives a key a second name, which is on disk before its first one may go.
    fn keep_as(&self, path: &Path, second: &str) -> Result<(), KeyDirectoryError> {
        match fs::hard_link(path, self.path.join(second)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_error(path, error)),
            _ => sync(&self.path),
        }
    }

    /// Destroys all keys of the day of `key` and of days before, but not `key`: other machines' keys too, and files that should
    /// be keys and cannot be read. Programs that share the directory forget them at their next upkeep.
    ///
    /// # Errors
    /// [`KeyDirectoryError::NotInUse`], and when the directory cannot be read: then nothing is destroyed.
    pub fn destroy_all_but(&mut self, key: KeyId) -> Result<Destruction, KeyDirectoryError> {
        let mut done = Destruction::default();
        for file in self.all_but(key)? {
            if let Err(error) = self.destroy_marked(&file) {
                done.failed = Some(error);
                break;
            }
            done.destroyed.push(file);
        }
        Ok(done)
    }

    /// The keys that [`KeyDirectory::destroy_all_but`] destroys.
    ///
    /// # Errors
    /// [`KeyDirectoryError::NotInUse`], and when the directory cannot be read.
    pub fn all_but(&mut self, key: KeyId) -> Result<Vec<DestroyedKey>, KeyDirectoryError> {
        self.read()?;
        let in_use = self.files.iter().find(|(file, held)| held.key.id() == key && **file == name(held.day));
        let last = in_use.map(|(_, held)| held.day).ok_or(KeyDirectoryError::NotInUse(key))?;
        let is_in_use = |name: &str| self.files.get(name).is_some_and(|held| held.key.id() == key);
        let mut files = self.key_files()?;
        files.retain(|file| file.day <= last && file.name != name(last) && !is_in_use(&file.name));
        Ok(files)
    }

    fn destroy_marked(&mut self, file: &DestroyedKey) -> Result<(), KeyDirectoryError> {
        if let Some(held) = self.files.get(&file.name) {
            self.mark(held.key.id(), file.day)?;
        }
        self.destroy(&file.name)
    }

    /// The keys with which records of `day` and later ones are or will be encrypted, as they are now.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn in_use_since(&mut self, day: Date) -> Result<Vec<KeyId>, KeyDirectoryError> {
        self.read()?;
        let in_use = self.files.iter().filter(|(file, held)| held.day >= day && **file == name(held.day));
        Ok(in_use.map(|(_, held)| held.key.id()).collect())
    }

    /// All files that are keys by their names, in order.
    fn key_files(&self) -> Result<Vec<DestroyedKey>, KeyDirectoryError> {
        let entries = fs::read_dir(&self.path).map_err(|error| io_error(&self.path, error))?;
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| io_error(&self.path, error))?.path();
            files.extend(key_name(&path).map(|(name, day)| DestroyedKey { day, name: name.to_owned() }));
        }
        files.sort();
        Ok(files)
    }
}

#[cfg(test)]
mod tests;
