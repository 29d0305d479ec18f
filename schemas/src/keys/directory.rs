//! The key directory: a file of 0600 per UTC day, made a day ahead, destroyed 24 hours after its day ends.
//! Several programs may share it: a key is created exclusively, and whoever comes second reads the first's.
//!
//! `2026-11-22.key` is the key with which this directory's programs encrypt. Keys of machines that have a directory of their own
//! may be put beside it, as `2026-11-22.NAME.key`: they open records, and are destroyed with the others of their day.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use zeroize::{Zeroize as _, Zeroizing};

use super::{DayKey, KeyId, Keys};

/// Bytes of a key file: id and key.
pub(super) const FILE_BYTES: usize = 16 + 32;
/// Days after a key's own day at whose start it is destroyed: the next day, and then 24 hours.
pub(super) const LIFE_DAYS: i64 = 2;

/// What one round of upkeep did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Maintained {
    /// Days for which a key was made.
    pub made: Vec<Date>,
    /// Days whose key was destroyed.
    pub destroyed: Vec<Date>,
    /// Files of other machines' keys that are none; they were passed over.
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
}

/// The directory and the keys read from it.
#[derive(Debug)]
pub struct KeyDirectory {
    pub(super) path: PathBuf,
    /// By file name, so in the order of their days.
    files: BTreeMap<String, Held>,
}

/// A key that was read, and when its file had last been changed by then.
#[derive(Debug, Clone)]
struct Held {
    day: Date,
    key: DayKey,
    modified: SystemTime,
}

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
        let mut directory = Self { path: path.to_owned(), files: BTreeMap::new() };
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
            let due = self.files.iter().filter(|(_, held)| is_due(held.day, today));
            let due: Vec<(String, Date)> = due.map(|(name, held)| (name.clone(), held.day)).collect();
            for (name, day) in due {
                self.destroy(&name)?;
                done.destroyed.push(day);
            }
            done.destroyed.dedup();
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
        self.files.values().map(|held| held.key.clone()).collect()
    }

    /// The first UTC day whose records can still be read.
    pub fn oldest_readable_day(&self) -> Option<Date> {
        self.files.values().map(|held| held.day).min()
    }

    /// Takes over what came, went or changed since the last time.
    ///
    /// Another machine's file that is no key, half copied perhaps, stops nobody; it is given back.
    fn read(&mut self) -> Result<Vec<PathBuf>, KeyDirectoryError> {
        let (mut files, mut damaged) = (BTreeMap::new(), Vec::new());
        for entry in fs::read_dir(&self.path).map_err(|error| io_error(&self.path, error))? {
            let path = entry.map_err(|error| io_error(&self.path, error))?.path();
            let Some((name, day)) = key_name(&path) else { continue };
            let Some(modified) = modified(&path)? else { continue };
            let known = self.files.get(name).filter(|held| held.modified == modified);
            let held = match known {
                Some(held) => Some(held.clone()),
                None => match read_key(&path) {
                    Err(KeyDirectoryError::Damaged(path)) if name != self::name(day) => {
                        damaged.push(path);
                        None
                    }
                    read => read?.map(|key| Held { day, key, modified }),
                },
            };
            if let Some(held) = held {
                files.insert(name.to_owned(), held);
            }
        }
        self.files = files;
        Ok(damaged)
    }

    /// Makes the key of a day; false when another program was quicker, whose key is then read.
    fn make(&mut self, day: Date, random: &mut impl FnMut(&mut [u8])) -> Result<bool, KeyDirectoryError> {
        let mut bytes = Zeroizing::new([0; FILE_BYTES]);
        random(&mut bytes[..]);
        let path = self.path.join(name(day));
        // The key is complete before its name exists: a crash leaves a temporary file, never half a key.
        let temporary = self.path.join(format!(
            "{day}.{:016x}.new",
            u64::from_be_bytes([
                bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
            ])
        ));
        write_new(&temporary, &bytes[..]).map_err(|error| io_error(&temporary, error))?;
        let linked = fs::hard_link(&temporary, &path);
        fs::remove_file(&temporary).map_err(|error| io_error(&temporary, error))?;
        let made = match linked {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(io_error(&path, error)),
        };
        self.sync()?;
        self.read()?;
        Ok(made)
    }

    /// Overwrites a key's bytes before its name goes; what the disk itself keeps is the README's business.
    fn destroy(&mut self, name: &str) -> Result<(), KeyDirectoryError> {
        let path = self.path.join(name);
        let overwrite = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.write_all(&[0; FILE_BYTES])?;
            file.sync_all()?;
            fs::remove_file(&path)
        };
        match overwrite() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(&path, error)),
            _ => self.sync()?,
        }
        self.files.remove(name);
        Ok(())
    }

    fn sync(&self) -> Result<(), KeyDirectoryError> {
        File::open(&self.path)
            .and_then(|directory| directory.sync_all())
            .map_err(|error| io_error(&self.path, error))
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

/// When a file was last changed; nothing when another program has just destroyed it.
fn modified(path: &Path) -> Result<Option<SystemTime>, KeyDirectoryError> {
    match path.metadata().and_then(|file| file.modified()) {
        Ok(modified) => Ok(Some(modified)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(path, error)),
    }
}

/// The key in a file; nothing when another program has just destroyed it. All zeros are a destruction that was cut short between overwriting and removing: it is finished.
pub(super) fn read_key(path: &Path) -> Result<Option<DayKey>, KeyDirectoryError> {
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

pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

pub(super) fn io_error(path: &Path, error: io::Error) -> KeyDirectoryError {
    KeyDirectoryError::Io { path: path.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn counting() -> impl FnMut(&mut [u8]) {
        let mut next = 0;
        move |bytes| {
            next += 1;
            bytes.fill(next);
        }
    }

    #[test]
    fn keys_are_made_a_day_ahead_and_only_their_owner_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut directory = KeyDirectory::open(folder.path()).unwrap();
        let done = directory.maintain(at("2026-11-22T10:00:00Z"), true, counting()).unwrap();
        assert_eq!(done.made, ["2026-11-22".parse().unwrap(), "2026-11-23".parse().unwrap()]);
        let mode = folder.path().join("2026-11-22.key").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
    }

    #[test]
    fn a_second_program_reads_the_first_ones_keys() {
        let folder = tempfile::tempdir().unwrap();
        let now = at("2026-11-22T10:00:00Z");
        let mut first = KeyDirectory::open(folder.path()).unwrap();
        first.maintain(now, true, counting()).unwrap();
        let mut second = KeyDirectory::open(folder.path()).unwrap();
        assert_eq!(second.maintain(now, true, |bytes| bytes.fill(99)).unwrap(), Maintained::default());
        assert_eq!(first.sealing_key(now).unwrap().id(), second.sealing_key(now).unwrap().id());
    }

    #[test]
    fn a_key_dies_24_hours_after_its_day_ended_and_not_earlier() {
        let folder = tempfile::tempdir().unwrap();
        let mut directory = KeyDirectory::open(folder.path()).unwrap();
        let mut random = counting();
        directory.maintain(at("2026-11-22T10:00:00Z"), true, &mut random).unwrap();
        let id = directory.sealing_key(at("2026-11-22T10:00:00Z")).unwrap().id();
        directory.maintain(at("2026-11-23T23:59:59Z"), true, &mut random).unwrap();
        assert!(directory.keys().by_id(id).is_some());
        let kept = directory.maintain(at("2026-11-24T00:00:00Z"), false, &mut random).unwrap();
        assert_eq!(kept.destroyed, [], "while the clocks part nothing is destroyed");
        let done = directory.maintain(at("2026-11-24T00:00:00Z"), true, &mut random).unwrap();
        assert_eq!(done.destroyed, ["2026-11-22".parse().unwrap()]);
        assert!(directory.keys().by_id(id).is_none());
        assert!(!folder.path().join("2026-11-22.key").exists());
    }

    #[test]
    fn a_destruction_that_was_cut_short_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("2026-11-20.key");
        fs::write(&path, [0; FILE_BYTES]).unwrap();
        let directory = KeyDirectory::open(folder.path()).unwrap();
        assert_eq!(directory.oldest_readable_day(), None);
        assert!(!path.exists());
    }

    #[test]
    fn a_key_that_a_wrong_clock_made_for_another_year_is_destroyed() {
        let folder = tempfile::tempdir().unwrap();
        let mut directory = KeyDirectory::open(folder.path()).unwrap();
        directory.maintain(at("2027-11-22T10:00:00Z"), true, counting()).unwrap();
        let done = directory.maintain(at("2026-11-22T10:00:00Z"), true, counting()).unwrap();
        assert_eq!(done.destroyed, ["2027-11-22".parse().unwrap(), "2027-11-23".parse().unwrap()]);
    }

    #[test]
    fn keys_of_other_machines_open_records_and_die_with_their_day() {
        let folder = tempfile::tempdir().unwrap();
        let now = at("2026-11-22T10:00:00Z");
        let mut directory = KeyDirectory::open(folder.path()).unwrap();
        directory.maintain(now, true, counting()).unwrap();
        let own = directory.sealing_key(now).unwrap().id();
        fs::write(folder.path().join("2026-11-22.machine-b.key"), [77; FILE_BYTES]).unwrap();
        let half = folder.path().join("2026-11-22.half-copied.key");
        fs::write(&half, [78; 10]).unwrap();
        assert_eq!(directory.maintain(now, true, counting()).unwrap().damaged, [half]);
        let other = KeyId([77; 16]);
        assert!(directory.keys().by_id(other).is_some() && directory.keys().by_id(own).is_some());
        assert_eq!(
            directory.sealing_key(now).unwrap().id(),
            own,
            "records are encrypted with this one's own"
        );
        let done = directory.maintain(at("2026-11-24T00:00:00Z"), true, counting()).unwrap();
        assert_eq!(done.destroyed, ["2026-11-22".parse().unwrap()]);
        assert!(directory.keys().by_id(other).is_none());
        assert!(!folder.path().join("2026-11-22.machine-b.key").exists());
    }

    #[test]
    fn a_file_that_was_replaced_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let now = at("2026-11-22T10:00:00Z");
        let mut directory = KeyDirectory::open(folder.path()).unwrap();
        directory.maintain(now, true, counting()).unwrap();
        let path = folder.path().join("2026-11-22.key");
        fs::write(&path, [77; FILE_BYTES]).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        directory.maintain(now, true, counting()).unwrap();
        assert_eq!(directory.sealing_key(now).unwrap().id(), KeyId([77; 16]));
    }

    #[test]
    fn a_damaged_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("2026-11-22.key"), [1; 10]).unwrap();
        let error = KeyDirectory::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("2026-11-22.key is damaged"), "{error}");
    }
}
