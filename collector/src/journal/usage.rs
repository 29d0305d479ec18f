//! What the segments take on the disk, and their removal.

use super::JournalSettings;
use schemas::journal::segment;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{fs, io};

/// Shared by the writer, which adds segments, and the handles, which remove them.
pub(super) struct Usage {
    directory: PathBuf,
    max_bytes: u64,
    held: Mutex<Held>,
}

struct Held {
    /// Bytes of each segment by its number.
    segments: BTreeMap<u64, u64>,
    /// Bytes of the one that has no number yet.
    prepared_bytes: u64,
}

impl Held {
    fn bytes(&self) -> u64 {
        self.segments.values().sum::<u64>() + self.prepared_bytes
    }
}

impl Usage {
    pub(super) fn new(settings: &JournalSettings, segments: BTreeMap<u64, u64>) -> Self {
        let held = Mutex::new(Held { segments, prepared_bytes: 0 });
        Usage { directory: settings.directory.clone(), max_bytes: settings.max_bytes, held }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.held().bytes()
    }

    /// Whether a segment of `bytes` may be prepared; it is counted from then on.
    pub(super) fn reserve(&self, bytes: u64) -> bool {
        let mut held = self.held();
        let fits = held.bytes().saturating_add(bytes) <= self.max_bytes;
        if fits {
            held.prepared_bytes = bytes;
        }
        fits
    }

    /// The prepared segment could not be made, or is removed.
    pub(super) fn release(&self) {
        self.held().prepared_bytes = 0;
    }

    /// The prepared segment is now segment `number`.
    pub(super) fn name(&self, number: u64) {
        let mut held = self.held();
        let bytes = std::mem::take(&mut held.prepared_bytes);
        held.segments.insert(number, bytes);
    }

    /// Segment `number` was cut to `bytes`.
    pub(super) fn cut(&self, number: u64, bytes: u64) {
        if let Some(held_bytes) = self.held().segments.get_mut(&number) {
            *held_bytes = bytes;
        }
    }

    /// Removes all segments below `number`, oldest first, and gives the bytes set free. A removal that a crash undoes only means that
    /// old segments are seen again.
    pub(super) fn remove_before(&self, number: u64) -> io::Result<u64> {
        let mut freed_bytes = 0;
        while let Some((oldest, bytes)) = self.oldest().filter(|(oldest, _)| *oldest < number) {
            match fs::remove_file(segment::path(&self.directory, oldest)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            self.held().segments.remove(&oldest);
            freed_bytes += bytes;
        }
        Ok(freed_bytes)
    }

    fn oldest(&self) -> Option<(u64, u64)> {
        self.held().segments.first_key_value().map(|(number, bytes)| (*number, *bytes))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
