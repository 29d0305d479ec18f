//! One entry of the chain. Its hash is the SHA-256 of canonical JSON (RFC 8785) of an object of its other fields, so that anybody can
//! recompute it:
//!
//! ```text
//! {"action":"erase_address","at":"2026-11-24T12:00:00Z","facts":"{\"copies\":3,…}","number":7,"previous":"…"}
//! ```

use std::fmt::Write as _;

use jiff::Timestamp;
use ring::digest;
use schemas::local_time::Hour;
use serde::Serialize;

use super::Facts;

/// Characters of a hash.
const HASH_CHARACTERS: usize = 64;

/// An entry, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3, …
    pub number: u64,
    /// Start of the hour in which it was written, in seconds since 1970-01-01T00:00Z.
    pub at_seconds: u32,
    /// What was done: `erase`, `erase_address`, `destroying_keys`, `keys_destroyed`.
    pub action: String,
    /// Canonical JSON.
    pub facts: String,
    /// Hash of the entry before; zeros in the first one.
    pub previous: String,
    /// SHA-256 in hexadecimal.
    pub hash: String,
}

/// The chain's last entry, as far as the next one needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its number; 0 of an empty chain.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self { number: 0, hash: "0".repeat(HASH_CHARACTERS) }
    }
}

/// What a hash covers, in the order of the names, as canonical JSON wants it.
#[derive(Serialize)]
struct Statement<'a> {
    action: &'a str,
    at: String,
    facts: &'a str,
    number: u64,
    previous: &'a str,
}

impl Entry {
    /// The entry that comes after `head`.
    pub fn after(head: &Head, facts: &Facts, now: Timestamp) -> Self {
        let mut entry = Self {
            number: head.number.saturating_add(1),
            at_seconds: Hour::of(now).epoch_hours().saturating_mul(60 * 60),
            action: facts.action().to_owned(),
            facts: facts.json(),
            previous: head.hash.clone(),
            hash: String::new(),
        };
        entry.hash = entry.computed_hash();
        entry
    }

    /// The hash that it should have.
    pub fn computed_hash(&self) -> String {
        let Self { number, action, facts, previous, .. } = self;
        let statement = Statement { action, at: self.at(), facts, number: *number, previous };
        // INVARIANT: texts and a number are JSON.
        let canonical = serde_json::to_vec(&statement).unwrap_or_default();
        let mut hex = String::with_capacity(HASH_CHARACTERS);
        for byte in digest::digest(&digest::SHA256, &canonical).as_ref() {
            // INVARIANT: writing to a String does not fail.
            _ = write!(hex, "{byte:02x}");
        }
        hex
    }

    /// When it was written, such as `2026-11-24T12:00:00Z`.
    pub fn at(&self) -> String {
        Timestamp::from_second(self.at_seconds.into()).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
    }

    /// What the next entry needs of it.
    pub fn head(&self) -> Head {
        Head { number: self.number, hash: self.hash.clone() }
    }
}

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {} {} {}", self.number, self.at(), self.action, self.facts, self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::OrderPassed;

    /// Independent of this program: `printf '%s' '{"action":"erase_address",…}' | sha256sum`.
    #[test]
    fn anybody_can_recompute_a_hash() {
        let order = "07070707-0707-0707-0707-070707070707".to_owned();
        let passed = OrderPassed { copies: 3, order, site: "münchen.example".into() };
        let entry = Entry::after(
            &Head::default(),
            &Facts::AddressErased(passed),
            "2026-11-24T12:34:56Z".parse().unwrap(),
        );
        assert_eq!(
            entry.facts,
            r#"{"copies":3,"order":"07070707-0707-0707-0707-070707070707","site":"münchen.example"}"#
        );
        assert_eq!(entry.at(), "2026-11-24T12:00:00Z", "no time is finer than the hour");
        assert_eq!(entry.hash, "78bf6fae9c86abc252224edebf1148671e4dd2c8ac25b89b9b8ac3506692f19a");
    }
}
