//! The key that a collector encrypts with is told in the log, in every partition, whenever it becomes another: behind that
//! record nothing of this collector needs an older one. An operator who destroys keys waits for it.
//!
//! Encryption happens on the journal's thread, so it is that thread which notes each change ([`Notes`]) and which writes the key
//! into the record ([`Notes::on`]): the one that this very record is encrypted with. The record is ordered by upkeep ([`KeyInUse`]),
//! again and again until the disk has all copies and nothing changed from the first to the last.

use std::sync::{Mutex, PoisonError};

use schemas::event::{self, Event, Order};
use schemas::keys::KeyId;
use schemas::wire::CollectorId;
use tokio::sync::watch;

use crate::recorder::Recorder;
use crate::refusal::Refusal;

/// What the journal's thread tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// How often collector id or key became another.
    changes: u64,
    /// The changes and the key when the last first copy was encrypted.
    told: Option<(u64, KeyId)>,
}

/// The journal thread's part.
pub(crate) struct Notes {
    noted: watch::Sender<Noted>,
    last: Option<(CollectorId, KeyId)>,
}

impl Notes {
    pub(crate) fn new() -> Self {
        Self { noted: watch::Sender::new(Noted::default()), last: None }
    }

    /// A record is about to be encrypted by this collector with this key.
    pub(crate) fn on(&mut self, collector: CollectorId, key: KeyId, lane: u8, event: &mut Event) {
        if self.last != Some((collector, key)) {
            self.last = Some((collector, key));
            self.noted.send_modify(|noted| noted.changes += 1);
        }
        let Event::Control(event::Control { order: Some(Order::KeyInUse(told)) }) = event else { return };
        told.key = key.0.to_vec();
        if lane == 0 {
            self.noted.send_modify(|noted| noted.told = Some((noted.changes, key)));
        }
    }

    pub(crate) fn watch(&self) -> KeyInUse {
        KeyInUse { noted: self.noted.subscribe(), on_disk: Mutex::new(None) }
    }
}

/// Upkeep's part: what is to be told, and what the log tells already.
#[derive(Debug)]
pub(crate) struct KeyInUse {
    noted: watch::Receiver<Noted>,
    on_disk: Mutex<Option<(u64, KeyId)>>,
}

impl KeyInUse {
    /// Tells, if there is something to tell; `current` is the key for now.
    pub(crate) async fn tell(&self, recorder: &Recorder, current: KeyId) -> Result<(), Refusal> {
        if !self.is_due(current) {
            return Ok(());
        }
        let key = event::KeyInUse { key: Vec::new() };
        recorder.orders("", &Order::KeyInUse(key)).await?;
        let told = self.noted.borrow().told;
        *self.on_disk.lock().unwrap_or_else(PoisonError::into_inner) = told;
        tracing::debug!("the log tells which key is in use");
        Ok(())
    }

    fn is_due(&self, current: KeyId) -> bool {
        let on_disk = *self.on_disk.lock().unwrap_or_else(PoisonError::into_inner);
        on_disk != Some((self.noted.borrow().changes, current))
    }

    /// Wakes whoever waits for a change.
    pub(crate) fn changes(&self) -> watch::Receiver<Noted> {
        self.noted.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLLECTOR: CollectorId = CollectorId([1; 16]);
    const OLD: KeyId = KeyId([2; 16]);
    const NEW: KeyId = KeyId([3; 16]);

    fn copy() -> Event {
        Order::KeyInUse(event::KeyInUse { key: Vec::new() }).into()
    }

    fn told(event: &Event) -> Vec<u8> {
        let Event::Control(event::Control { order: Some(Order::KeyInUse(told)) }) = event else { panic!() };
        told.key.clone()
    }

    /// Encrypts copies under these keys, as if the disk had taken them.
    fn write(notes: &mut Notes, keys: &[KeyId], in_use: &KeyInUse) {
        for (lane, key) in keys.iter().enumerate() {
            let mut event = copy();
            notes.on(COLLECTOR, *key, lane.try_into().unwrap(), &mut event);
            assert_eq!(told(&event), key.0, "a record tells the key that it is encrypted with itself");
        }
        *in_use.on_disk.lock().unwrap() = in_use.noted.borrow().told;
    }

    fn visit(notes: &mut Notes, collector: CollectorId, key: KeyId) {
        notes.on(collector, key, 7, &mut Order::Goodbye(event::Goodbye {}).into());
    }

    #[test]
    fn each_change_is_told_once() {
        let mut notes = Notes::new();
        let in_use = notes.watch();
        visit(&mut notes, COLLECTOR, OLD);
        assert!(in_use.is_due(OLD), "at the start");
        write(&mut notes, &[OLD, OLD], &in_use);
        assert!(!in_use.is_due(OLD));
        assert!(in_use.is_due(NEW), "nobody has written since the key became another");
        write(&mut notes, &[NEW, NEW], &in_use);
        assert!(!in_use.is_due(NEW));
        visit(&mut notes, COLLECTOR, NEW);
        assert!(!in_use.is_due(NEW));
        visit(&mut notes, CollectorId([9; 16]), NEW);
        assert!(in_use.is_due(NEW), "another collector id, after a failure of the disk");
    }

    #[test]
    fn a_change_between_two_copies_is_told_again() {
        let mut notes = Notes::new();
        let in_use = notes.watch();
        write(&mut notes, &[OLD, NEW], &in_use);
        assert!(in_use.is_due(NEW));
        write(&mut notes, &[NEW, NEW], &in_use);
        assert!(!in_use.is_due(NEW));
    }

    #[test]
    fn an_older_key_that_came_back_for_a_moment_is_told() {
        let mut notes = Notes::new();
        let in_use = notes.watch();
        write(&mut notes, &[NEW, NEW], &in_use);
        visit(&mut notes, COLLECTOR, OLD); // the clock was set back over midnight
        visit(&mut notes, COLLECTOR, NEW);
        assert!(in_use.is_due(NEW), "behind the last record that tells it there is one under another key");
    }
}
