//! The key directory shared by the threads of one program, and its upkeep against two clocks.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use jiff::Timestamp;

use super::visit_keys::{VisitKeyFiles, VisitKeys};
use super::{ClockGuard, ClocksApart, DayKey, KeyDirectory, KeyDirectoryError, Keys, Maintained};

/// Wall clock and boot clock at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// The wall clock.
    pub now: Timestamp,
    /// Milliseconds since boot, suspended time included.
    pub boot_ms: u64,
}

impl Clocks {
    /// The system's clocks.
    pub fn read() -> Self {
        let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let boot_ms = u64::try_from(boot.tv_sec).unwrap_or(0) * 1000
            + u64::try_from(boot.tv_nsec).unwrap_or(0) / 1_000_000;
        Self { now: Timestamp::now(), boot_ms }
    }

    fn wall_ms(&self) -> u64 {
        u64::try_from(self.now.as_millisecond()).unwrap_or(0)
    }
}

/// Keeps keys made and destroyed on time.
#[derive(Debug)]
pub struct KeyKeeper {
    directory: Mutex<KeyDirectory>,
    visit_files: Mutex<VisitKeyFiles>,
    visit_keys: RwLock<Arc<VisitKeys>>,
    guard: ClockGuard,
}

impl KeyKeeper {
    /// Opens or makes the directory `path` and keeps it from now on.
    ///
    /// # Errors
    /// When the directory cannot be kept.
    pub fn open(path: &Path) -> Result<Self, KeyDirectoryError> {
        Self::new(KeyDirectory::open(path)?, Clocks::read())
    }

    /// Takes over an opened directory and runs upkeep once, so that there is a key for now.
    ///
    /// # Errors
    /// When the directory cannot be kept.
    pub fn new(directory: KeyDirectory, clocks: Clocks) -> Result<Self, KeyDirectoryError> {
        let guard = ClockGuard::new(clocks.wall_ms(), clocks.boot_ms);
        let visit_files = Mutex::new(VisitKeyFiles::new(&directory.path));
        let visit_keys = RwLock::default();
        let keeper = Self { directory: Mutex::new(directory), visit_files, visit_keys, guard };
        let (_, agree) = keeper.maintain(clocks)?;
        debug_assert!(agree.is_ok(), "the guard was set a moment ago");
        Ok(keeper)
    }

    /// Makes and destroys what is due; call it several times a minute. While the clocks are apart nothing is destroyed.
    ///
    /// # Errors
    /// When the directory cannot be kept.
    pub fn maintain(
        &self,
        clocks: Clocks,
    ) -> Result<(Maintained, Result<(), ClocksApart>), KeyDirectoryError> {
        let agree = self.guard.check(clocks.wall_ms(), clocks.boot_ms);
        let mut done = self.directory().maintain(clocks.now, agree.is_ok(), |bytes| rand::fill(bytes))?;
        self.maintain_visit_keys(clocks.now, agree.is_ok(), &mut done)?;
        Ok((done, agree))
    }

    /// The keys of the visit cookies, as they stand.
    pub fn visit_keys(&self) -> Arc<VisitKeys> {
        Arc::clone(&self.visit_keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn maintain_visit_keys(
        &self,
        now: Timestamp,
        may_destroy: bool,
        done: &mut Maintained,
    ) -> Result<(), KeyDirectoryError> {
        let mut files = self.visit_files.lock().unwrap_or_else(PoisonError::into_inner);
        let months = files.maintain(now, may_destroy, |bytes| rand::fill(bytes))?;
        *self.visit_keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(files.keys());
        done.destroyed_months = months.destroyed;
        done.damaged.extend(months.damaged);
        Ok(())
    }

    /// The key with which a record written now is encrypted. After a suspended night it may have to be made first.
    ///
    /// # Errors
    /// When there is none and none can be made.
    pub fn sealing_key(&self, now: Timestamp) -> Result<DayKey, KeyDirectoryError> {
        let mut directory = self.directory();
        if let Ok(key) = directory.sealing_key(now) {
            return Ok(key.clone());
        }
        directory.maintain(now, false, |bytes| rand::fill(bytes))?;
        directory.sealing_key(now).cloned()
    }

    /// All keys that still open records.
    pub fn keys(&self) -> Keys {
        self.directory().keys()
    }

    /// Hours since the oldest record that can still be read may have been written.
    pub fn oldest_readable_hours(&self, now: Timestamp) -> u64 {
        let oldest = self.directory().oldest_readable_day();
        let start = oldest.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok());
        start.map_or(0, |start| u64::try_from(now.duration_since(start.timestamp()).as_hours()).unwrap_or(0))
    }

    fn directory(&self) -> MutexGuard<'_, KeyDirectory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(now: &str, boot_ms: u64) -> Clocks {
        Clocks { now: now.parse().unwrap(), boot_ms }
    }

    #[test]
    fn a_wall_clock_that_leaps_a_year_destroys_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let directory = KeyDirectory::open(folder.path()).unwrap();
        let keeper = KeyKeeper::new(directory, clocks("2026-11-22T10:00:00Z", 1000)).unwrap();
        let id = keeper.sealing_key("2026-11-22T10:00:00Z".parse().unwrap()).unwrap().id();
        let (done, agree) = keeper.maintain(clocks("2027-11-22T10:00:00Z", 61_000)).unwrap();
        assert!(agree.is_err() && done.destroyed.is_empty());
        assert!(keeper.keys().by_id(id).is_some());
    }

    #[test]
    fn a_machine_that_slept_for_days_has_a_key_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let directory = KeyDirectory::open(folder.path()).unwrap();
        let keeper = KeyKeeper::new(directory, clocks("2026-11-22T10:00:00Z", 1000)).unwrap();
        assert!(keeper.sealing_key("2026-11-29T10:00:00Z".parse().unwrap()).is_ok());
    }
}
