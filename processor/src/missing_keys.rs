//! A record whose key should be on this machine and is not: the key directory is not shared with the collectors, or not
//! yet. The record waits for a while; then it is counted as unreadable, so that nobody who can write to the topic stops it.
//! A replay (`processor run --replay`) makes it readable once the key is there.

use jiff::{SignedDuration, Timestamp};
use schemas::keys::{KeyId, Keys, should_exist};
use schemas::local_time::Hour;
use schemas::wire;

/// How long a record waits for its key: directories that are copied from machine to machine take minutes.
const WAIT: SignedDuration = SignedDuration::from_mins(5);
/// After it waited in vain, none waits for so long.
const PAUSE: SignedDuration = SignedDuration::from_hours(1);
/// Who has not asked for so long does not wait any more.
const STALE: SignedDuration = SignedDuration::from_secs(90);

/// The key that is waited for.
#[derive(Debug, Default)]
pub struct MissingKeys {
    /// Which key, since when, and when it was last asked for.
    waiting: Option<(KeyId, Timestamp, Timestamp)>,
    pause_until: Option<Timestamp>,
}

/// The key of a record that is not among `keys` although it should exist.
pub fn lacking(record: &[u8], keys: &Keys, now: Timestamp) -> Option<KeyId> {
    let (id, written_hour) = wire::key_needed(record)?;
    let will_not_come = || keys.was_destroyed(id) || !should_exist(written_hour, Hour::of(now).epoch_hours());
    (keys.by_id(id).is_none() && !will_not_come()).then_some(id)
}

impl MissingKeys {
    /// Whether a record has to wait for its key.
    pub fn must_wait(&mut self, record: &[u8], keys: &Keys, now: Timestamp) -> bool {
        let Some(id) = lacking(record, keys, now) else { return false };
        if self.pause_until.is_some_and(|until| now < until) {
            return false;
        }
        // A record that waited may have gone to another processor.
        let is_recent = |asked: Timestamp| now.duration_since(asked) < STALE;
        let since = self.waiting.filter(|(.., asked)| is_recent(*asked)).map_or(now, |(_, since, _)| since);
        self.waiting = Some((id, since, now));
        if now.duration_since(since) < WAIT {
            return true;
        }
        tracing::error!(
            "a key did not come; its records are counted as unreadable. Share the collectors' key directory \
             (keys.directory) with this processor, then run it once with --replay"
        );
        self.waiting = None;
        self.pause_until = now.checked_add(PAUSE).ok();
        false
    }

    /// Keys may have come to this machine: the one that was waited for among them?
    pub fn look_again(&mut self, keys: &Keys) {
        self.waiting = self.waiting.filter(|(id, ..)| keys.by_id(*id).is_none());
    }

    /// Whether a record waits.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::keys::DayKey;
    use schemas::wire::{CollectorId, Header};

    const NOW: &str = "2026-11-24T10:00:00Z";

    fn at(minutes: i64) -> Timestamp {
        NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
    }

    fn record(written: Timestamp) -> (Vec<u8>, DayKey) {
        let key = DayKey::new(KeyId([1; 16]), [2; 32]);
        let written_hour = Hour::of(written).epoch_hours();
        let header =
            Header { collector: CollectorId([3; 16]), sequence: 1, site: "a".into(), written_hour, lane: 0 };
        let mut record = Vec::new();
        wire::seal(&header, &key, [4; 12], b"", &mut record);
        (record, key)
    }

    #[test]
    fn a_young_record_waits_for_its_key_but_not_for_ever() {
        let (record, key) = record(at(0));
        let mut missing = MissingKeys::default();
        assert!(missing.must_wait(&record, &Keys::default(), at(0)) && missing.is_waiting());
        assert!((1..5).all(|minutes| missing.must_wait(&record, &Keys::default(), at(minutes))));
        assert!(!missing.must_wait(&record, &Keys::default(), at(5)));
        assert!(!missing.must_wait(&record, &Keys::default(), at(64)), "no more waiting for an hour");
        assert!(missing.must_wait(&record, &Keys::default(), at(66)));
        let keys = Keys::from_iter([key]);
        missing.look_again(&keys);
        assert!(!missing.is_waiting() && !missing.must_wait(&record, &keys, at(66)));
    }

    #[test]
    fn a_wait_that_was_left_is_begun_anew() {
        let (record, _) = record(at(0));
        let mut missing = MissingKeys::default();
        assert!(missing.must_wait(&record, &Keys::default(), at(0)));
        assert!(missing.must_wait(&record, &Keys::default(), at(60)));
        assert!(missing.must_wait(&record, &Keys::default(), at(61)));
    }

    #[test]
    fn nothing_waits_for_a_key_that_will_not_come() {
        let (record, _) = record(at(-60 * 24 * 2));
        let mut missing = MissingKeys::default();
        assert!(!missing.must_wait(&record, &Keys::default(), at(0)));
        assert!(!missing.must_wait(b"garbage", &Keys::default(), at(0)));
        let (young, key) = self::record(at(0));
        let destroyed = Keys::default().without([key.id()]);
        assert!(
            !missing.must_wait(&young, &destroyed, at(0)),
            "a key that an operator destroyed does not come"
        );
        assert!(!missing.is_waiting());
    }
}
