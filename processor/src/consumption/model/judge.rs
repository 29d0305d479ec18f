//! Whether a world that has settled keeps the promises.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemas::journal::RecordId;

use super::store::{Store, StoredRow};
use super::world::{Hit, World};
use crate::partition::{self, Partition, Start};

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// A record of the journal has no row.
    Missing(RecordId),
    /// A record has several rows.
    Doubled(RecordId),
    /// A row stands for a record that is in no journal.
    OfNoRecord(RecordId),
    /// A hit was answered, and is counted nowhere.
    NotCounted(usize),
    /// A hit is counted more than once.
    CountedTwice(usize),
    /// A row is not what an undisturbed processor would have written.
    Differs(Box<[StoredRow; 2]>),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(rows) => write!(f, "is\n{}\nshould be\n{}", rows[0].shown(), rows[1].shown()),
            other => write!(f, "{other:?}"),
        }
    }
}

/// The first promise that is broken, if any is.
pub(super) fn judge(world: &World) -> Result<(), Wrong> {
    let rows = world.store.rows();
    accounted(world, &rows)?;
    let rows: BTreeMap<RecordId, &StoredRow> = rows.into_iter().map(|row| (row.key.1, row)).collect();
    for (number, hit) in world.hits.iter().enumerate() {
        counted_once(number, hit, &rows)?;
    }
    undisturbed(world, &rows)
}

/// Every record of every journal has exactly one row, and nothing else has.
fn accounted(world: &World, rows: &[&StoredRow]) -> Result<(), Wrong> {
    let entries = world.machines.iter().flat_map(|machine| &machine.journal.entries);
    let recorded: BTreeSet<RecordId> = entries.map(|entry| entry.id).collect();
    let mut missing = recorded.clone();
    for row in rows {
        let id = row.key.1;
        if !recorded.contains(&id) {
            return Err(Wrong::OfNoRecord(id));
        }
        if !missing.remove(&id) {
            return Err(Wrong::Doubled(id));
        }
    }
    missing.first().map_or(Ok(()), |id| Err(Wrong::Missing(*id)))
}

/// An answered hit is counted once, any other at most once. A client's re-send counts again where no id is looked up: on
/// another local day, and when it is late; a bot's row does not say that it is late.
fn counted_once(number: usize, hit: &Hit, rows: &BTreeMap<RecordId, &StoredRow>) -> Result<(), Wrong> {
    let rows = hit.records.iter().filter_map(|id| rows.get(id));
    let counted: Vec<_> = rows.filter(|row| row.kind != "repeat").collect();
    if hit.is_answered && counted.is_empty() {
        return Err(Wrong::NotCounted(number));
    }
    let mut days = BTreeSet::new();
    let counts_again =
        counted.iter().any(|row| row.reason != "late" && row.kind != "bot" && !days.insert(row.local_day));
    if counts_again { Err(Wrong::CountedTwice(number)) } else { Ok(()) }
}

/// The rows are those that one processor of each partition writes when nothing ever goes wrong.
fn undisturbed(world: &World, rows: &BTreeMap<RecordId, &StoredRow>) -> Result<(), Wrong> {
    let keys = world.ground.keys();
    let (mut store, mut batch) = (Store::default(), world.ground.batch());
    let everything = partition::Log { low: 0, high: 0, committed: None, warm_up: None };
    for log in &world.log.partitions {
        let mut partition = Partition::new(world.ground.pipeline(), Start::everything(&everything));
        for (offset, appended) in (0..).zip(&log.records) {
            if let Some(taken) = partition.take(offset, appended.record(), &keys) {
                batch.add(&taken);
            }
        }
    }
    store.insert(&batch.take());
    for expected in store.rows() {
        match rows.get(&expected.key.1) {
            Some(row) if *row == expected => {}
            Some(row) => return Err(Wrong::Differs(Box::new([(*row).clone(), expected.clone()]))),
            None => return Err(Wrong::Missing(expected.key.1)),
        }
    }
    Ok(())
}
