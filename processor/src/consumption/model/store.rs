//! A ClickHouse table: it takes Native blocks, and shows of all rows with one key the readable one that came last.

use std::collections::{BTreeMap, BTreeSet};

use schemas::journal::RecordId;
use schemas::wire::CollectorId;

use crate::store::Hole;

/// A row's key.
pub(super) type Key = (String, RecordId);

/// One row, with the bytes of all its columns and those among them that the model looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredRow {
    pub(super) key: Key,
    pub(super) readable: u8,
    pub(super) kind: String,
    pub(super) reason: String,
    pub(super) local_day: u16,
    tail: RecordId,
    bytes: Vec<u8>,
}

impl StoredRow {
    /// For a report; the numbers behind the texts are the measures.
    pub(super) fn shown(&self) -> String {
        let RecordId { collector, sequence } = self.key.1;
        let Self { kind, reason, local_day, bytes, .. } = self;
        format!("{collector} {sequence} {kind} {reason} day {local_day} {}", bytes.escape_ascii())
    }
}

/// All inserted rows, oldest first.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) rows: Vec<StoredRow>,
    /// Rows with one key stay apart: what must never be.
    pub(super) keeps_doubles: bool,
}

impl Store {
    pub(super) fn insert(&mut self, block: &[u8]) {
        self.rows.append(&mut decode(block));
    }

    /// The table as its readers see it.
    pub(super) fn rows(&self) -> Vec<&StoredRow> {
        if self.keeps_doubles {
            return self.rows.iter().collect();
        }
        let mut shown: BTreeMap<&Key, &StoredRow> = BTreeMap::new();
        for row in &self.rows {
            let last = shown.entry(&row.key).or_insert(row);
            if row.readable >= last.readable {
                *last = row;
            }
        }
        shown.into_values().collect()
    }

    /// A disaster: a row is gone. Only one that the hole check can miss: a higher one of its collector is there.
    pub(super) fn vanish(&mut self, choice: usize) {
        let ids: BTreeSet<RecordId> = self.rows.iter().map(|row| row.key.1).collect();
        let has_higher =
            |id: &&RecordId| ids.range(**id..).nth(1).is_some_and(|higher| higher.collector == id.collector);
        let missed: Vec<RecordId> = ids.iter().filter(has_higher).copied().collect();
        if let Some(place) = choice.checked_rem(missed.len()) {
            self.rows.retain(|row| row.key.1 != missed[place]);
        }
    }

    /// Runs of sequences without a row, as `holes.sql` finds them.
    pub(super) fn holes(&self) -> Vec<Hole> {
        let after = |id: RecordId| RecordId { sequence: id.sequence + 1, ..id };
        let rows = self.rows.iter().map(|row| row.key.1);
        let tails = self.rows.iter().map(|row| row.tail).filter(|tail| tail.sequence > 0).map(after);
        let expected: BTreeSet<RecordId> = rows.chain(tails).collect();
        let (mut holes, mut previous) =
            (Vec::new(), RecordId { collector: CollectorId::default(), sequence: 0 });
        for id in expected {
            let known = if id.collector == previous.collector { previous.sequence } else { 0 };
            if id.sequence > known + 1 {
                let (from, to) = (known + 1, id.sequence - 1);
                holes.push(Hole { collector: id.collector, from, to, written_hour: 0 });
            }
            previous = id;
        }
        holes
    }
}

/// Reads a block that [`crate::block`] encoded.
fn decode(block: &[u8]) -> Vec<StoredRow> {
    let mut reader = Reader(block);
    let (columns, rows) = (reader.number(), reader.number());
    let mut found: Vec<Columns<'_>> = (0..rows).map(|_| Columns::new()).collect();
    for column in 0..columns {
        let (name, kind) = (reader.text(), reader.text());
        let looked_at = LOOKED_AT.iter().position(|(place, _)| *place == column);
        if let Some(place) = looked_at {
            assert_eq!(name, LOOKED_AT[place].1.as_bytes());
        }
        let width = width(kind);
        for row in &mut found {
            let value = match width {
                Some(width) => reader.bytes(width),
                None => reader.text(),
            };
            row.all.extend_from_slice(value);
            if let Some(place) = looked_at {
                row.looked_at[place] = value;
            }
        }
    }
    found.into_iter().map(Columns::row).collect()
}

/// The columns that the model looks at, by their places.
const LOOKED_AT: [(usize, &str); 9] = [
    (0, "site"),
    (1, "collector"),
    (2, "sequence"),
    (5, "readable"),
    (6, "kind"),
    (7, "reason"),
    (9, "local_day"),
    (39, "tail_collector"),
    (40, "tail_sequence"),
];

/// A row's values while its block is read.
struct Columns<'a> {
    looked_at: [&'a [u8]; LOOKED_AT.len()],
    all: Vec<u8>,
}

impl Columns<'_> {
    fn new() -> Self {
        Self { looked_at: [&[]; LOOKED_AT.len()], all: Vec::with_capacity(256) }
    }

    fn row(self) -> StoredRow {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let [site, collector, sequence, readable, kind, reason, local_day, tail_collector, tail_sequence] =
            self.looked_at;
        StoredRow {
            key: (text(site), record_id(collector, sequence)),
            readable: readable[0],
            kind: text(kind),
            reason: text(reason),
            local_day: u16::from_le_bytes(local_day.try_into().unwrap()),
            tail: record_id(tail_collector, tail_sequence),
            bytes: self.all,
        }
    }
}

fn record_id(collector: &[u8], sequence: &[u8]) -> RecordId {
    let mut id: [u8; 16] = collector.try_into().unwrap();
    id[..8].reverse();
    id[8..].reverse();
    let sequence = u64::from_le_bytes(sequence.try_into().unwrap());
    RecordId { collector: CollectorId(id), sequence }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    /// LEB128.
    fn number(&mut self) -> usize {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let byte = self.bytes(1)[0];
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        value
    }

    fn text(&mut self) -> &'a [u8] {
        let length = self.number();
        self.bytes(length)
    }
}

/// Bytes of a value; none for a text, which tells its own length.
fn width(kind: &[u8]) -> Option<usize> {
    match kind {
        b"String" => None,
        b"UInt8" | b"Int8" => Some(1),
        b"Date" => Some(2),
        b"UInt32" | b"DateTime('UTC')" => Some(4),
        b"UInt64" | b"Int64" => Some(8),
        b"UUID" => Some(16),
        other => panic!("{}", String::from_utf8_lossy(other)),
    }
}
