//! Where the loop stands.

use std::collections::BTreeSet;
use std::time::Instant;

use schemas::keys::Keys;

use crate::missing_keys::MissingKeys;

#[derive(Debug)]
pub(super) struct Standing {
    /// Keys that open records now.
    pub(super) opened_by: Keys,
    pub(super) missing_keys: MissingKeys,
    /// When a key was last looked for because a record needed it.
    pub(super) looked_for_key: Option<Instant>,
    /// Assigned partitions.
    pub(super) assigned: Vec<i32>,
    /// When those that are not read yet are to be begun.
    pub(super) begin_at: Option<Instant>,
    /// Partitions of which all was written anew that was written before this start.
    pub(super) replayed: BTreeSet<i32>,
    pub(super) is_paused: bool,
    pub(super) batch_since: Option<Instant>,
    pub(super) upkeep_at: Instant,
    pub(super) gauges_at: Instant,
}

impl Standing {
    pub(super) fn new(opened_by: Keys) -> Self {
        let now = Instant::now();
        Self {
            opened_by,
            missing_keys: MissingKeys::default(),
            looked_for_key: None,
            assigned: Vec::new(),
            begin_at: None,
            replayed: BTreeSet::new(),
            is_paused: false,
            batch_since: None,
            upkeep_at: now,
            gauges_at: now,
        }
    }
}
