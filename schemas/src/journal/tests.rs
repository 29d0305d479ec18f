//! Journals written by hand, broken in every way a disk can break them, and read back.

use super::segment::{self, HEADER_BYTES, Header};
use super::{CollectorId, Item, Limit, Position, ReadError, Reader, RecordId, frame};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const A: CollectorId = CollectorId([0xaa; 16]);
const B: CollectorId = CollectorId([0xbb; 16]);

/// A segment as the writer leaves it: header, frames, zeros.
struct Written {
    number: u64,
    bytes: Vec<u8>,
    /// Of each record: its id and the place behind it.
    records: Vec<(RecordId, u64)>,
}

impl Written {
    fn new(number: u64, collector: CollectorId, first_sequence: u64, previous: Option<&Written>) -> Self {
        let previous_end = previous.map_or(0, Written::end);
        let bytes = Header { collector, first_sequence, previous_end }.encode().to_vec();
        let mut written = Written { number, bytes, records: Vec::new() };
        written.records.push((RecordId { collector, sequence: first_sequence - 1 }, HEADER_BYTES as u64));
        written
    }

    fn end(&self) -> u64 {
        self.records.last().unwrap().1
    }

    fn with(mut self, bodies: &[usize]) -> Self {
        for body_bytes in bodies {
            let last = self.records.last().unwrap().0;
            let id = RecordId { sequence: last.sequence + 1, ..last };
            frame::encode::<frame::FrameSizeError>(&mut self.bytes, |out| {
                out.extend(payload(id, *body_bytes));
                Ok(())
            })
            .unwrap();
            self.records.push((id, self.bytes.len() as u64));
        }
        self
    }

    fn store(&self, directory: &Path, spare_bytes: usize) {
        let mut bytes = self.bytes.clone();
        bytes.resize(bytes.len() + spare_bytes, 0);
        fs::write(segment::path(directory, self.number), bytes).unwrap();
    }

    fn position(&self) -> Position {
        Position { segment: self.number, offset: self.end() }
    }

    fn ids(&self) -> impl Iterator<Item = RecordId> {
        self.records.iter().skip(1).map(|(id, _)| *id)
    }
}

fn payload(id: RecordId, body_bytes: usize) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend(id.collector.0);
    bytes.extend(id.sequence.to_be_bytes());
    bytes.extend((0..body_bytes).map(|place| (place as u64 * 7 + id.sequence) as u8));
    bytes
}

/// What a reader told, in short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Record(RecordId),
    Damaged(Position, u64),
    Missing(CollectorId, u64, u64),
}

fn read_from(directory: &Path, from: Position, limit: Limit) -> Vec<(Told, Position)> {
    let mut reader = Reader::open(directory, from).unwrap();
    let mut told = Vec::new();
    loop {
        told.push(match reader.next(limit).unwrap() {
            Item::Record { bytes, next } => {
                let id = RecordId::of(bytes).unwrap();
                assert_eq!(bytes, payload(id, bytes.len() - RecordId::END));
                (Told::Record(id), next)
            }
            Item::Damaged { from, bytes, next } => (Told::Damaged(from, bytes), next),
            Item::Missing { collector, first, last, next } => (Told::Missing(collector, first, last), next),
            Item::End => return told,
        });
    }
}

fn read(directory: &Path, limit: Limit) -> Vec<Told> {
    read_from(directory, Position::START, limit).into_iter().map(|(told, _)| told).collect()
}

fn records(segments: &[&Written]) -> Vec<Told> {
    segments.iter().flat_map(|written| written.ids()).map(Told::Record).collect()
}

/// Two segments of A, one of B.
fn three_segments(directory: &Path, spare_bytes: usize) -> [Written; 3] {
    let one = Written::new(1, A, 1, None).with(&[10, 0, 300]);
    let two = Written::new(2, A, 4, Some(&one)).with(&[50, 60]);
    let three = Written::new(3, B, 1, Some(&two)).with(&[1, 2, 3]);
    for written in [&one, &two, &three] {
        written.store(directory, spare_bytes);
    }
    [one, two, three]
}

fn flip(directory: &Path, number: u64, offset: u64) {
    let path = segment::path(directory, number);
    let mut bytes = fs::read(&path).unwrap();
    bytes[offset as usize] ^= 0x55;
    fs::write(&path, bytes).unwrap();
}

#[test]
fn reads_all_segments_in_order_with_and_without_spare_room() {
    for spare_bytes in [0, 5, 100_000] {
        let directory = TempDir::new().unwrap();
        let [one, two, three] = three_segments(directory.path(), spare_bytes);
        let expected = records(&[&one, &two, &three]);
        assert_eq!(read(directory.path(), Limit::Everything), expected);
        assert_eq!(read(directory.path(), Limit::Confirmed(three.position())), expected);
        assert_eq!(read(directory.path(), Limit::Confirmed(two.position())), records(&[&one, &two]));
    }
}

#[test]
fn goes_on_from_every_place_it_gave() {
    let directory = TempDir::new().unwrap();
    let [_, two, three] = three_segments(directory.path(), 64);
    flip(directory.path(), 2, two.records[1].1 - 1);
    let limit = Limit::Confirmed(three.position());
    let all = read_from(directory.path(), Position::START, limit);
    assert_eq!(all.len(), 9, "{all:?}");
    for (read, (told, next)) in all.iter().enumerate() {
        let read = if matches!(told, Told::Missing(..)) { read - 1 } else { read };
        assert_eq!(read_from(directory.path(), *next, limit), all[read + 1..], "from {next}");
    }
}

#[test]
fn sees_what_the_writer_adds_only_when_it_is_confirmed() {
    let directory = TempDir::new().unwrap();
    let written = Written::new(1, A, 1, None).with(&[10, 20, 30]);
    written.store(directory.path(), 500);
    let mut reader = Reader::open(directory.path(), Position::START).unwrap();
    for (_, end) in &written.records[1..] {
        let limit = Limit::Confirmed(Position { segment: 1, offset: *end });
        assert!(matches!(reader.next(limit), Ok(Item::Record { .. })));
        assert!(matches!(reader.next(limit), Ok(Item::End)));
    }
    let behind = Limit::Confirmed(Position { segment: 1, offset: 60 });
    assert!(matches!(reader.next(behind), Err(ReadError::Ahead { .. })));
}

#[test]
fn names_the_numbers_between_two_records_around_damage() {
    let directory = TempDir::new().unwrap();
    let written = Written::new(1, A, 1, None).with(&[10, 20, 30, 40]);
    written.store(directory.path(), 100);
    let (from, to) = (written.records[1].1, written.records[3].1);
    flip(directory.path(), 1, from + 3);
    flip(directory.path(), 1, to - 1);
    let expected = [
        Told::Record(written.records[1].0),
        Told::Damaged(Position { segment: 1, offset: from }, to - from),
        Told::Missing(A, 2, 3),
        Told::Record(written.records[4].0),
    ];
    assert_eq!(read(directory.path(), Limit::Everything), expected);
    assert_eq!(read(directory.path(), Limit::Confirmed(written.position())), expected);
}

#[test]
fn a_length_turned_to_zero_does_not_hide_the_records_behind_it() {
    let directory = TempDir::new().unwrap();
    let [one, two, three] = three_segments(directory.path(), 100);
    let path = segment::path(directory.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    let from = one.records[1].1;
    bytes[from as usize..one.end() as usize].fill(0);
    fs::write(&path, bytes).unwrap();
    let mut expected = vec![Told::Record(one.records[1].0)];
    expected.push(Told::Damaged(Position { segment: 1, offset: from }, one.end() - from));
    expected.push(Told::Missing(A, 2, 3));
    expected.extend(records(&[&two, &three]));
    assert_eq!(read(directory.path(), Limit::Everything), expected);
}

#[test]
fn a_length_that_begins_with_zeros_is_found_behind_zeros() {
    for payload_bytes in [256, 512, frame::PAYLOAD_BYTES_MAX] {
        let directory = TempDir::new().unwrap();
        let written = Written::new(1, A, 1, None).with(&[10, 20, payload_bytes - RecordId::END]);
        written.store(directory.path(), 100);
        let path = segment::path(directory.path(), 1);
        let mut bytes = fs::read(&path).unwrap();
        bytes[HEADER_BYTES..written.records[2].1 as usize].fill(0);
        fs::write(&path, bytes).unwrap();
        let told = read(directory.path(), Limit::Everything);
        assert_eq!(told[1..], [Told::Missing(A, 1, 2), Told::Record(written.records[3].0)]);
    }
}

#[test]
fn a_lost_segment_is_told_with_its_numbers() {
    let directory = TempDir::new().unwrap();
    let one = Written::new(1, A, 1, None).with(&[10, 20]);
    let two = Written::new(2, A, 3, Some(&one)).with(&[30, 40]);
    let three = Written::new(3, A, 5, Some(&two)).with(&[50]);
    one.store(directory.path(), 0);
    three.store(directory.path(), 0);
    let mut expected = records(&[&one]);
    expected.push(Told::Damaged(one.position(), 0));
    expected.push(Told::Missing(A, 3, 4));
    expected.extend(records(&[&three]));
    assert_eq!(read(directory.path(), Limit::Confirmed(three.position())), expected);
}

#[test]
fn a_damaged_header_costs_no_record() {
    let directory = TempDir::new().unwrap();
    let [one, two, three] = three_segments(directory.path(), 100);
    flip(directory.path(), 2, 20);
    let mut expected = records(&[&one]);
    expected.push(Told::Damaged(Position { segment: 2, offset: 0 }, HEADER_BYTES as u64));
    expected.extend(records(&[&two, &three]));
    assert_eq!(read(directory.path(), Limit::Everything), expected);
    assert_eq!(read(directory.path(), Limit::Confirmed(three.position())), expected);
}

#[test]
fn what_an_abandoned_segment_never_confirmed_is_not_read() {
    let directory = TempDir::new().unwrap();
    let confirmed = Written::new(1, A, 1, None).with(&[10, 20]);
    let next = Written::new(2, B, 1, Some(&confirmed)).with(&[30]);
    let abandoned = Written::new(1, A, 1, None).with(&[10, 20, 25]);
    abandoned.store(directory.path(), 100);
    next.store(directory.path(), 100);
    assert_eq!(read(directory.path(), Limit::Everything), records(&[&confirmed, &next]));
}

#[test]
fn a_newer_format_is_an_error_not_damage() {
    let directory = TempDir::new().unwrap();
    let mut bytes = Written::new(1, A, 1, None).bytes;
    bytes[8] = 9;
    let checksum = crc32c::crc32c(&bytes[..HEADER_BYTES - 4]).to_le_bytes();
    bytes[HEADER_BYTES - 4..].copy_from_slice(&checksum);
    fs::write(segment::path(directory.path(), 1), bytes).unwrap();
    let mut reader = Reader::open(directory.path(), Position::START).unwrap();
    assert!(matches!(reader.next(Limit::Everything), Err(ReadError::Version { version: 9, .. })));
}

#[test]
fn an_empty_directory_ends_and_a_missing_one_is_an_error() {
    let directory = TempDir::new().unwrap();
    assert_eq!(read(directory.path(), Limit::Everything), []);
    let missing = Reader::open(directory.path().join("missing"), Position::START);
    assert!(matches!(missing.err(), Some(ReadError::Io { .. })));
}

#[derive(Debug, Clone)]
enum Harm {
    Flip { segment: usize, place: prop::sample::Index, mask: u8 },
    Cut { segment: usize, place: prop::sample::Index },
    Zero { segment: usize, place: prop::sample::Index, bytes: usize },
}

fn harm() -> impl Strategy<Value = Harm> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        (0..3usize, place(), 1..=255u8).prop_map(|(segment, place, mask)| Harm::Flip {
            segment,
            place,
            mask
        }),
        (0..3usize, place()).prop_map(|(segment, place)| Harm::Cut { segment, place }),
        (0..3usize, place(), 1..5000usize).prop_map(|(segment, place, bytes)| Harm::Zero {
            segment,
            place,
            bytes
        }),
    ]
}

impl Harm {
    fn apply(&self, directory: &Path, written: &[Written; 3]) {
        let (Harm::Flip { segment, place, .. }
        | Harm::Cut { segment, place }
        | Harm::Zero { segment, place, .. }) = self;
        let written = &written[*segment];
        let path = segment::path(directory, written.number);
        let mut bytes = fs::read(&path).unwrap();
        let at = place.index(written.bytes.len());
        match self {
            Harm::Flip { mask, .. } if at < bytes.len() => bytes[at] ^= mask,
            Harm::Cut { .. } => bytes.truncate(at),
            Harm::Zero { bytes: count, .. } => {
                bytes.iter_mut().skip(at).take(*count).for_each(|byte| *byte = 0);
            }
            Harm::Flip { .. } => {}
        }
        fs::write(path, bytes).unwrap();
    }
}

/// Records of the three segments that are as they were written.
fn intact(directory: &Path, written: &[Written; 3]) -> Vec<RecordId> {
    let mut ids = Vec::new();
    for written in written {
        let bytes = fs::read(segment::path(directory, written.number)).unwrap();
        for pair in written.records.windows(2) {
            let range = pair[0].1 as usize..pair[1].1 as usize;
            ids.extend((bytes.get(range.clone()) == written.bytes.get(range)).then_some(pair[1].0));
        }
    }
    ids
}

/// Numbers that no later record or header of their collector can show to be missing: the tails, which the next collector names.
fn unnameable(told: &[Told], written: &[Written; 3]) -> BTreeMap<CollectorId, u64> {
    let mut from = BTreeMap::new();
    for written in written {
        from.entry(written.records[0].0.collector).or_insert(1);
    }
    for told in told {
        match told {
            Told::Record(id) => from.insert(id.collector, id.sequence + 1),
            Told::Missing(collector, _, last) => from.insert(*collector, last + 1),
            Told::Damaged(..) => None,
        };
    }
    from
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever happens to the bytes: exactly the whole records are read, in order; every other one is within named numbers, or at its
    /// collector's end and within told damage.
    #[test]
    fn every_record_is_read_or_named(
        bodies in prop::collection::vec(prop::collection::vec(prop_oneof![0..400usize, 0..20_000usize], 0..12), 3..=3),
        same_collector: bool,
        harms in prop::collection::vec(harm(), 0..6),
    ) {
        let directory = TempDir::new().unwrap();
        let one = Written::new(1, A, 1, None).with(&bodies[0]);
        let two = Written::new(2, A, one.ids().count() as u64 + 1, Some(&one)).with(&bodies[1]);
        let (third, first) = if same_collector { (A, two.records.last().unwrap().0.sequence + 1) } else { (B, 1) };
        let three = Written::new(3, third, first, Some(&two)).with(&bodies[2]);
        let written = [one, two, three];
        written.iter().for_each(|written| written.store(directory.path(), 3000));
        harms.iter().for_each(|harm| harm.apply(directory.path(), &written));

        let whole = intact(directory.path(), &written);
        for limit in [Limit::Everything, Limit::Confirmed(written[2].position())] {
            let told = read(directory.path(), limit);
            let read: Vec<RecordId> =
                told.iter().filter_map(|told| if let Told::Record(id) = told { Some(*id) } else { None }).collect();
            prop_assert_eq!(&read, &whole);
            let tails = unnameable(&told, &written);
            for id in written.iter().flat_map(Written::ids).filter(|id| !whole.contains(id)) {
                let named = told.iter().any(|told| matches!(told, Told::Missing(collector, first, last)
                    if *collector == id.collector && (*first..=*last).contains(&id.sequence)));
                prop_assert!(named || id.sequence >= tails[&id.collector], "{:?} is not accounted for in {:?}", id, told);
                let damage = told.iter().any(|told| matches!(told, Told::Damaged(..)));
                prop_assert!(damage || limit == Limit::Everything, "{:?} is lost without damage: {:?}", id, told);
            }
        }
    }

    /// Files of any bytes are read to their end.
    #[test]
    fn any_bytes_are_survived(files in prop::collection::vec(prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..600), 1..4)) {
        let directory = TempDir::new().unwrap();
        for (number, bytes) in (1..).zip(&files) {
            fs::write(segment::path(directory.path(), number), bytes).unwrap();
        }
        let mut reader = Reader::open(directory.path(), Position::START).unwrap();
        let mut items = 0;
        while reader.next(Limit::Everything).unwrap() != Item::End {
            items += 1;
            prop_assert!(items < 2000);
        }
    }
}
