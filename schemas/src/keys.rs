//! Keys of a day: what makes personal information die on time. A record is encrypted with the key of the UTC
//! day of its writing; 24 hours after that day ends the key is destroyed, and with it every copy of the record. The visit cookies
//! that browsers hold have keys of a month (`visit_keys`).

mod clock_guard;
mod directory;
mod keeper;
mod key_file;
mod visit_keys;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use ring::aead::{self, LessSafeKey, Nonce, UnboundKey};

use crate::wire::NONCE_BYTES;

pub use clock_guard::{CLOCKS_APART_MAX_MS, ClockGuard, ClocksApart};
pub use directory::{DestroyedKey, Destruction, KeyDirectory, KeyDirectoryError, Maintained, Replaced};
pub use keeper::{Clocks, KeyKeeper};
pub use visit_keys::{VISIT_COOKIE_VALUE_BYTES_MAX, VisitKeys};

/// Length of the authentication tag behind the cipher text in bytes.
const TAG_BYTES: usize = 16;

/// Random name of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 16]);

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A 256-bit key for AES-GCM; its bytes never leave it.
#[derive(Clone)]
pub struct DayKey {
    id: KeyId,
    key: Arc<LessSafeKey>,
}

impl fmt::Debug for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DayKey({:?})", self.id)
    }
}

impl DayKey {
    /// Makes a key from its bytes.
    pub fn new(id: KeyId, bytes: [u8; 32]) -> Self {
        #[expect(
            clippy::expect_used,
            reason = "INVARIANT: an AES-256 key has 32 bytes, and so has the array"
        )]
        let unbound = UnboundKey::new(&aead::AES_256_GCM, &bytes).expect("32 bytes");
        Self { id, key: Arc::new(LessSafeKey::new(unbound)) }
    }

    /// Its random name, which stands in clear in each record.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn seal_in_place(
        &self,
        nonce: [u8; NONCE_BYTES],
        authenticated: &[u8],
        text: &mut [u8],
    ) -> [u8; TAG_BYTES] {
        let nonce = Nonce::assume_unique_for_key(nonce);
        #[expect(clippy::expect_used, reason = "INVARIANT: events are far below AES-GCM's 64 GiB")]
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, aead::Aad::from(authenticated), text)
            .expect("an event is short");
        let mut bytes = [0; TAG_BYTES];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// Decrypts in place; the length of the plain text, or nothing when the bytes are not authentic.
    pub(crate) fn open_in_place(
        &self,
        nonce: [u8; NONCE_BYTES],
        authenticated: &[u8],
        text: &mut [u8],
    ) -> Option<usize> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.key.open_in_place(nonce, aead::Aad::from(authenticated), text).ok()?;
        Some(opened.len())
    }
}

/// The keys that still open records, and those that were destroyed before their time.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    held: HashMap<KeyId, DayKey>,
    destroyed: HashSet<KeyId>,
}

impl Keys {
    /// The key of that name, unless it was destroyed.
    pub fn by_id(&self, id: KeyId) -> Option<&DayKey> {
        self.held.get(&id)
    }

    /// Whether the key of that name was destroyed before its time: it will not come any more.
    pub fn was_destroyed(&self, id: KeyId) -> bool {
        self.destroyed.contains(&id)
    }

    /// The same, where these were destroyed before their time.
    #[must_use]
    pub fn without(mut self, destroyed: impl IntoIterator<Item = KeyId>) -> Self {
        self.destroyed.extend(destroyed);
        self.held.retain(|id, _| !self.destroyed.contains(id));
        self
    }
}

/// Whether the key of a record written in `written_hour` (hours since the Unix epoch) should still be there at `now_hour`:
/// it lives for its UTC day and the next.
pub fn should_exist(written_hour: u32, now_hour: u32) -> bool {
    (written_hour / 24).saturating_add(directory::LIFE_DAYS as u32) > now_hour / 24
}

impl FromIterator<DayKey> for Keys {
    fn from_iter<I: IntoIterator<Item = DayKey>>(keys: I) -> Self {
        let held = keys.into_iter().map(|key| (key.id, key)).collect();
        Self { held, destroyed: HashSet::new() }
    }
}
