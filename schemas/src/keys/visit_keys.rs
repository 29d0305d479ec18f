//! Keys of a month for the visit cookie: a file `visit-2026-11.key` of 0600 in the key directory, made a month ahead. A month's key
//! is destroyed when 13 more have ended: by then every cookie that it sealed has outlived its time.
//!
//! Keys of machines that have a directory of their own may be put beside it, as `visit-2026-11.NAME.key`: they open cookies that those
//! machines have set.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use zeroize::Zeroizing;

use super::key_file::{self, FILE_BYTES, io_error};
use super::{DayKey, KeyDirectoryError, TAG_BYTES};
use crate::visit_state::STATE_BYTES_MAX;
use crate::wire::NONCE_BYTES;

/// Months after a key's own for which it still opens cookies.
const LIFE_MONTHS: i32 = 13;
/// Longest value of a cookie that is looked at, in bytes: the longest state, sealed and in Base64.
pub const VISIT_COOKIE_VALUE_BYTES_MAX: usize = (STATE_BYTES_MAX + NONCE_BYTES + TAG_BYTES).div_ceil(3) * 4;

/// The keys as they stand, the latest first.
#[derive(Debug, Clone, Default)]
pub struct VisitKeys(Vec<MonthKey>);

#[derive(Debug, Clone)]
struct MonthKey {
    /// The month's first day.
    month: Date,
    /// This directory's programs seal with it.
    is_own: bool,
    key: DayKey,
}

impl VisitKeys {
    /// The value of the cookie `name` that holds `content` (AES-256-GCM; the name is authenticated, so that no cookie stands for another).
    /// None when upkeep has not made this month's key.
    ///
    /// `nonce` must be random: with one key, 2^32 cookies stay within NIST SP 800-38D's bound.
    #[must_use]
    pub fn seal(
        &self,
        name: &str,
        content: &[u8],
        nonce: [u8; NONCE_BYTES],
        now: Timestamp,
    ) -> Option<String> {
        let month = month_of(now);
        let own = self.0.iter().find(|key| key.is_own && key.month == month)?;
        let mut sealed = Vec::with_capacity(NONCE_BYTES + content.len() + TAG_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(content);
        let tag = own.key.seal_in_place(nonce, name.as_bytes(), sealed.get_mut(NONCE_BYTES..)?);
        sealed.extend_from_slice(&tag);
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What a value of the cookie `name` holds; nothing when it is not authentic, or its key is gone.
    #[must_use]
    pub fn open(&self, name: &str, value: &[u8]) -> Option<Vec<u8>> {
        if value.len() > VISIT_COOKIE_VALUE_BYTES_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        self.0.iter().find_map(|MonthKey { key, .. }| {
            let mut content = sealed.to_vec();
            let length = key.open_in_place(*nonce, name.as_bytes(), &mut content)?;
            content.truncate(length);
            Some(content)
        })
    }
}

/// The files of these keys.
#[derive(Debug)]
pub(super) struct VisitKeyFiles {
    path: PathBuf,
    /// By file name, so in the order of their months.
    files: BTreeMap<String, MonthKey>,
}

/// What one round of upkeep did to the keys of months.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MaintainedMonths {
    pub(super) destroyed: Vec<Date>,
    pub(super) damaged: Vec<PathBuf>,
}

impl VisitKeyFiles {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), files: BTreeMap::new() }
    }

    /// The keys as they stand.
    pub(super) fn keys(&self) -> VisitKeys {
        VisitKeys(self.files.values().rev().cloned().collect())
    }

    /// Makes the keys of this month and the next where missing, destroys overdue ones when `may_destroy`, and reads those that other
    /// programs made.
    pub(super) fn maintain(
        &mut self,
        now: Timestamp,
        may_destroy: bool,
        mut random: impl FnMut(&mut [u8]),
    ) -> Result<MaintainedMonths, KeyDirectoryError> {
        let month = month_of(now);
        let mut done = MaintainedMonths { damaged: self.read(month)?, ..MaintainedMonths::default() };
        let mut made = false;
        for month in [month, month.saturating_add(1.month())] {
            if !self.files.contains_key(&name(month)) {
                self.make(month, &mut random)?;
                made = true;
            }
        }
        if made {
            self.read(month)?;
        }
        if may_destroy {
            let damaged = done.damaged.iter().filter_map(|path| month_name(path));
            let all = self.files.iter().map(|(name, key)| (name.as_str(), key.month)).chain(damaged);
            let due: Vec<(String, Date)> = all
                .filter(|(_, of)| is_due(*of, month))
                .map(|(name, month)| (name.to_owned(), month))
                .collect();
            for (name, month) in due {
                self.destroy(&name)?;
                done.destroyed.push(month);
            }
        }
        Ok(done)
    }

    /// Takes over what came, went or changed. Of files that are no keys, only one with which this directory's programs would seal stops
    /// them; cookies of past months and other machines are counted in memory without theirs. Gives the others back.
    fn read(&mut self, this_month: Date) -> Result<Vec<PathBuf>, KeyDirectoryError> {
        let (mut files, mut damaged) = (BTreeMap::new(), Vec::new());
        for entry in fs::read_dir(&self.path).map_err(|error| io_error(&self.path, error))? {
            let path = entry.map_err(|error| io_error(&self.path, error))?.path();
            let Some((name, month)) = month_name(&path) else { continue };
            let is_own = name == self::name(month);
            let is_to_seal = is_own && (this_month..=this_month.saturating_add(1.month())).contains(&month);
            match key_file::read(&path) {
                Err(KeyDirectoryError::Damaged(path)) if !is_to_seal => damaged.push(path),
                read => {
                    let key = read?.map(|key| MonthKey { month, is_own, key });
                    files.extend(key.map(|key| (name.to_owned(), key)));
                }
            }
        }
        self.files = files;
        Ok(damaged)
    }

    /// Makes the key of a month, unless another program was quicker.
    fn make(&self, month: Date, random: &mut impl FnMut(&mut [u8])) -> Result<(), KeyDirectoryError> {
        let mut bytes = Zeroizing::new([0; FILE_BYTES]);
        random(&mut bytes[..]);
        key_file::make(&self.path, &name(month), &bytes).map(drop)
    }

    fn destroy(&mut self, name: &str) -> Result<(), KeyDirectoryError> {
        key_file::destroy(&self.path, name)?;
        self.files.remove(name);
        Ok(())
    }
}

/// The first day of the UTC month of a moment.
fn month_of(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date().first_of_month()
}

/// Overdue, or of a month that only a clock that was wrong has seen.
fn is_due(month: Date, this_month: Date) -> bool {
    month.saturating_add((LIFE_MONTHS + 1).months()) <= this_month
        || month > this_month.saturating_add(1.month())
}

/// The file of the key with which this directory's programs seal.
fn name(month: Date) -> String {
    format!("visit-{}.key", month.strftime("%Y-%m"))
}

/// The name of a key's file, and the first day of its month; nothing of another file.
fn month_name(path: &Path) -> Option<(&str, Date)> {
    let name = path.file_name()?.to_str()?;
    let stem = name.strip_prefix("visit-")?.strip_suffix(".key")?;
    let month = stem.split_once('.').map_or(stem, |(month, _)| month);
    Some((name, format!("{month}-01").parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use proptest::prelude::*;

    use super::*;
    use crate::keys::KeyDirectory;
    use crate::local_time::LocalDay;
    use crate::visit_state::VISIT_COOKIE_LIFE_DAYS;

    const NOW: &str = "2026-11-22T10:00:00Z";
    const NAME: &str = "__Host-visit-a379a6f6";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn month(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn counting() -> impl FnMut(&mut [u8]) {
        let mut next = 0;
        move |bytes| {
            next += 1;
            bytes.fill(next);
        }
    }

    fn made(folder: &Path) -> VisitKeyFiles {
        let mut files = VisitKeyFiles::new(folder);
        files.maintain(at(NOW), true, counting()).unwrap();
        files
    }

    #[test]
    fn keys_are_made_a_month_ahead_for_their_owner_only_and_day_keys_pass_over_them() {
        let folder = tempfile::tempdir().unwrap();
        made(folder.path());
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["visit-2026-11.key", "visit-2026-12.key"]);
        let mode = folder.path().join("visit-2026-11.key").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut days = KeyDirectory::open(folder.path()).unwrap();
        assert_eq!(days.oldest_readable_day(), None);
        let done = days.maintain(at("2099-01-01T00:00:00Z"), true, counting()).unwrap();
        assert_eq!((done.destroyed.len(), done.damaged.len()), (0, 0));
    }

    #[test]
    fn a_second_program_opens_what_the_first_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let first = made(folder.path()).keys();
        let mut second = VisitKeyFiles::new(folder.path());
        second.maintain(at(NOW), true, |bytes| bytes.fill(99)).unwrap();
        let value = first.seal(NAME, b"a state", [3; 12], at(NOW)).unwrap();
        assert_eq!(second.keys().open(NAME, value.as_bytes()).as_deref(), Some(&b"a state"[..]));
    }

    #[test]
    fn a_key_opens_cookies_for_thirteen_more_months_and_dies_then() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = made(folder.path());
        let value = files.keys().seal(NAME, b"a state", [3; 12], at("2026-11-30T23:59:59Z")).unwrap();
        let cookies_end =
            LocalDay::from(month("2026-11-30").saturating_add(i32::from(VISIT_COOKIE_LIFE_DAYS).days()));
        assert!(cookies_end < LocalDay::from(month("2028-01-01")), "no cookie outlives its key");
        let mut random = |bytes: &mut [u8]| bytes.fill(200);
        files.maintain(at("2027-12-31T23:59:59Z"), true, &mut random).unwrap();
        assert!(files.keys().open(NAME, value.as_bytes()).is_some());
        files.maintain(at("2028-01-01T00:00:00Z"), false, &mut random).unwrap();
        assert!(
            files.keys().open(NAME, value.as_bytes()).is_some(),
            "nothing is destroyed while clocks part"
        );
        let done = files.maintain(at("2028-01-01T00:00:00Z"), true, &mut random).unwrap();
        assert_eq!(done.destroyed, [month("2026-11-01")]);
        assert!(files.keys().open(NAME, value.as_bytes()).is_none());
        assert!(!folder.path().join("visit-2026-11.key").exists());
    }

    #[test]
    fn the_month_of_sealing_has_its_own_key_and_a_wrong_clocks_key_is_destroyed() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = made(folder.path());
        assert!(files.keys().seal(NAME, b"", [3; 12], at("2026-12-01T00:00:00Z")).is_some(), "made ahead");
        assert_eq!(files.keys().seal(NAME, b"", [3; 12], at("2027-01-01T00:00:00Z")), None);
        let mut random = counting();
        files.maintain(at("2029-05-01T00:00:00Z"), false, &mut random).unwrap();
        let done = files.maintain(at(NOW), true, &mut random).unwrap();
        assert_eq!(done.destroyed, [month("2029-05-01"), month("2029-06-01")]);
    }

    #[test]
    fn keys_of_other_machines_open_but_do_not_seal() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let mut other = VisitKeyFiles::new(elsewhere.path());
        other.maintain(at(NOW), true, |bytes| bytes.fill(77)).unwrap();
        let value = other.keys().seal(NAME, b"theirs", [3; 12], at(NOW)).unwrap();
        let copied = folder.path().join("visit-2026-11.machine-b.key");
        fs::copy(elsewhere.path().join("visit-2026-11.key"), &copied).unwrap();
        let half = folder.path().join("visit-2026-11.half-copied.key");
        fs::write(&half, [1; 10]).unwrap();
        let mut files = made(folder.path());
        assert_eq!(files.keys().open(NAME, value.as_bytes()).as_deref(), Some(&b"theirs"[..]));
        let own = files.keys().seal(NAME, b"ours", [3; 12], at(NOW)).unwrap();
        assert_eq!(other.keys().open(NAME, own.as_bytes()), None);
        assert_eq!(files.maintain(at(NOW), true, counting()).unwrap().damaged, [half]);
        fs::write(folder.path().join("visit-2026-12.key"), [1; 10]).unwrap();
        let error = files.maintain(at(NOW), true, counting()).unwrap_err().to_string();
        assert!(error.contains("visit-2026-12.key is damaged"), "{error}");
    }

    #[test]
    fn a_damaged_key_of_a_month_that_is_over_stops_nobody_and_goes_with_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("visit-2025-11.key");
        fs::write(&old, [1; 10]).unwrap();
        let mut files = VisitKeyFiles::new(folder.path());
        let done = files.maintain(at(NOW), true, counting()).unwrap();
        assert_eq!((done.damaged, done.destroyed), (vec![old.clone()], Vec::new()));
        assert!(files.keys().seal(NAME, b"a state", [3; 12], at(NOW)).is_some());
        let done = files.maintain(at("2027-01-01T00:00:00Z"), true, counting()).unwrap();
        assert_eq!((done.destroyed, old.exists()), (vec![month("2025-11-01")], false));
    }

    #[test]
    fn a_value_opens_under_its_own_name_and_whole_only() {
        let folder = tempfile::tempdir().unwrap();
        let keys = made(folder.path()).keys();
        let value = keys.seal(NAME, b"a state", [3; 12], at(NOW)).unwrap();
        assert_eq!(keys.open("__Host-visit-other", value.as_bytes()), None);
        for length in 0..value.len() {
            assert_eq!(keys.open(NAME, &value.as_bytes()[..length]), None, "cut at {length}");
        }
        for position in 0..value.len() {
            let mut forged = value.clone().into_bytes();
            forged[position] = if forged[position] == b'A' { b'B' } else { b'A' };
            assert_eq!(keys.open(NAME, &forged), None, "changed at {position}");
        }
        let fullest = keys.seal(NAME, &[255; STATE_BYTES_MAX], [3; 12], at(NOW)).unwrap();
        assert!(fullest.len() <= VISIT_COOKIE_VALUE_BYTES_MAX && NAME.len() + 1 + fullest.len() <= 1_000);
        assert!(keys.open(NAME, fullest.as_bytes()).is_some());
        let longer = keys.seal(NAME, &[255; STATE_BYTES_MAX + 3], [3; 12], at(NOW)).unwrap();
        assert_eq!(keys.open(NAME, longer.as_bytes()), None, "too long to be looked at");
    }

    proptest! {
        #[test]
        fn hostile_values_open_nothing(value in proptest::collection::vec(any::<u8>(), 0..1_100), text in "[A-Za-z0-9_-]{0,200}") {
            let folder = tempfile::tempdir().unwrap();
            let keys = made(folder.path()).keys();
            prop_assert_eq!(keys.open(NAME, &value), None);
            prop_assert_eq!(keys.open(NAME, text.as_bytes()), None);
        }
    }
}
