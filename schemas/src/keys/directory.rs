//! The key directory: a file of 0600 per UTC day, made a day ahead, destroyed 24 hours after its day ends.
//! Several programs may share it: a key is created exclusively, and whoever comes second reads the first's.
//!
//! `2026-11-22.key` is the key with which this directory's programs encrypt. Keys of machines that have a directory of their own
//! may be put beside it, as `2026-11-22.NAME.key`: they open records, and are destroyed with the others of their day. So is a
//! key that was replaced before its day ended. One that is destroyed before its time leaves a mark.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use zeroize::Zeroizing;

use super::key_file::{self, FILE_BYTES, io_error};
use super::{DayKey, KeyId, Keys};

mod marks;
mod replacement;

use marks::marked;
pub use replacement::{DestroyedKey, Destruction, Replaced};

/// Days after a key's own day at whose start it is destroyed: the next day, and then 24 hours.
pub(super) const LIFE_DAYS: i64 = 2;

/// What one round of upkeep did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Days for which a key was made.
    pub made: Vec<Date>,
    /// Days whose key was destroyed.
    pub destroyed: Vec<Date>,
    /// Files of other machines' keys and of past months' that are none; they were passed over.
    pub damaged: Vec<PathBuf>,
    /// Months, by their first day, whose key for visit cookies was destroyed.
    pub destroyed_months: Vec<Date>,
}

/// Why the key directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyDirectoryError {
    /// The directory or a file in it cannot be read or written.
    #[error(
        "key directory {path}: {error}; it must be writable by the collector and the processor and by nobody else"
    )]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A key file is no key.
    #[error(
        "key file {0} is damaged; move it away: what was encrypted with it is lost, new records get a new key"
    )]
    Damaged(PathBuf),
    /// No key for today: upkeep has not run.
    #[error("there is no key for {0}; is the key directory writable?")]
    Missing(Date),
    /// The key that was to stay is not the one its day's records are encrypted with.
    #[error(
        "key {0:?} is not the one that its day's records are encrypted with; was it replaced again, or is this another directory? Nothing is destroyed"
    )]
    NotInUse(KeyId),
}

/// The directory and the keys read from it.
#[derive(Debug)]
pub struct KeyDirectory {
    pub(super) path: PathBuf,
    /// By file name, so in the order of their days.
    files: BTreeMap<String, Held>,
    /// Keys that were destroyed before their time, and their days.
    marks: BTreeMap<KeyId, Date>,
}

/// A key that was read, and which state of its file that was.
#[derive(Debug, Clone)]
struct Held {
    day: Date,
    key: DayKey,
    state: FileState,
}

/// When a file was last changed, and its number: clocks of file systems are coarse.
type FileState = (SystemTime, u64);

impl KeyDirectory {
    /// Opens or makes the directory and reads its keys.
    ///
    /// # Errors
    /// When it cannot be made or read, or a key file is damaged.
    pub fn open(path: &Path) -> Result<Self, KeyDirectoryError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| io_error(path, error))?;
        let mut directory = Self { path: path.to_owned(), files: BTreeMap::new(), marks: BTreeMap::new() };
        // Damaged ones are named by the first round of upkeep.
        directory.read().map(|_| directory)
    }

    /// Makes the keys of today and tomorrow where missing, destroys overdue ones when `may_destroy`, and
    /// reads those that other programs made.
    ///
    /// # Errors
    /// When a file cannot be written, read or destroyed.
    pub fn maintain(
        &mut self,
        now: Timestamp,
        may_destroy: bool,
        mut random: impl FnMut(&mut [u8]),
    ) -> Result<Maintained, KeyDirectoryError> {
        let today = utc_day(now);
        let mut done = Maintained { damaged: self.read()?, ..Maintained::default() };
        for day in [today, today.saturating_add(1.day())] {
            if !self.files.contains_key(&name(day)) && self.make(day, &mut random)? {
                done.made.push(day);
            }
        }
        if may_destroy {
            let is_due = |held: &Held| is_due(held.day, today) || self.is_marked(held.key.id());
            let due = self.files.iter().filter(|(_, held)| is_due(held));
            let due: Vec<(String, Date)> = due.map(|(name, held)| (name.clone(), held.day)).collect();
            for (name, day) in due {
                self.destroy(&name)?;
                done.destroyed.push(day);
            }
            done.destroyed.dedup();
            self.forget_marks(today)?;
        }
        Ok(done)
    }

    /// The key with which a record written now is encrypted.
    ///
    /// # Errors
    /// [`KeyDirectoryError::Missing`] when upkeep has not made it.
    pub fn sealing_key(&self, now: Timestamp) -> Result<&DayKey, KeyDirectoryError> {
        let today = utc_day(now);
        self.files.get(&name(today)).map(|held| &held.key).ok_or(KeyDirectoryError::Missing(today))
    }

    /// All keys that still open records.
    pub fn keys(&self) -> Keys {
        let keys = self.files.values().map(|held| held.key.clone());
        keys.collect::<Keys>().without(self.marks.keys().copied())
    }

    /// The first UTC day whose records can still be read.
    pub fn oldest_readable_day(&self) -> Option<Date> {
        self.files.values().map(|held| held.day).min()
    }

    /// Takes over what came, went or changed since the last time.
    ///
    /// Another machine's file that is no key, half copied perhaps, stops nobody; it is given back.
    fn read(&mut self) -> Result<Vec<PathBuf>, KeyDirectoryError> {
        let (mut files, mut marks, mut damaged) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        for entry in fs::read_dir(&self.path).map_err(|error| io_error(&self.path, error))? {
            let path = entry.map_err(|error| io_error(&self.path, error))?.path();
            marks.extend(marked(&path));
            let Some((name, day)) = key_name(&path) else { continue };
            let Some(state) = file_state(&path)? else { continue };
            let known = self.files.get(name).filter(|held| held.state == state);
            let held = match known {
                Some(held) => Some(held.clone()),
                None => match key_file::read(&path) {
                    Err(KeyDirectoryError::Damaged(path)) if name != self::name(day) => {
                        damaged.push(path);
                        None
                    }
                    read => read?.map(|key| Held { day, key, state }),
                },
            };
            if let Some(held) = held {
                files.insert(name.to_owned(), held);
            }
        }
        (self.files, self.marks) = (files, marks);
        Ok(damaged)
    }

    /// Makes the key of a day; false when another program was quicker, whose key is then read.
    fn make(&mut self, day: Date, random: &mut impl FnMut(&mut [u8])) -> Result<bool, KeyDirectoryError> {
        let mut bytes = Zeroizing::new([0; FILE_BYTES]);
        random(&mut bytes[..]);
        let made = key_file::make(&self.path, &name(day), &bytes)?;
        self.read()?;
        Ok(made)
    }

    fn destroy(&mut self, name: &str) -> Result<(), KeyDirectoryError> {
        key_file::destroy(&self.path, name)?;
        self.files.remove(name);
        Ok(())
    }
}

/// The UTC day of a moment.
fn utc_day(now: Timestamp) -> Date {
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Overdue, or of a day that only a clock that was wrong has seen: it would be read until that day has gone by.
fn is_due(day: Date, today: Date) -> bool {
    day.saturating_add(LIFE_DAYS.days()) <= today || day > today.saturating_add(1.day())
}

/// The file of the key with which this directory's programs encrypt.
fn name(day: Date) -> String {
    format!("{day}.key")
}

/// The name of a key's file, and its day; nothing of another file.
fn key_name(path: &Path) -> Option<(&str, Date)> {
    let name = path.file_name()?.to_str()?;
    let stem = name.strip_suffix(".key")?;
    let day = stem.split_once('.').map_or(stem, |(day, _)| day);
    Some((name, day.parse().ok()?))
}

/// The state of a file; nothing when another program has just destroyed it.
fn file_state(path: &Path) -> Result<Option<FileState>, KeyDirectoryError> {
    match path.metadata().and_then(|file| Ok((file.modified()?, file.ino()))) {
        Ok(state) => Ok(Some(state)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(path, error)),
    }
}

#[cfg(test)]
mod tests;
