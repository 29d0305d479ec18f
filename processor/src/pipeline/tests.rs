use super::*;
use schemas::event::{self, Event, Kind, Visit};
use schemas::keys::{DayKey, KeyId};
use schemas::wire;

mod device;

impl Pipeline {
    /// Takes repeats as if they were first copies, as nothing but a test may do.
    pub(crate) fn forget_copies(&mut self) {
        self.sequences = Sequences::default();
    }
}

/// Seals events as a collector would, numbered from 1.
struct Collector {
    id: u8,
    sequence: u64,
    key: DayKey,
}

impl Collector {
    fn new(id: u8) -> Self {
        Self { id, sequence: 0, key: DayKey::new(KeyId([1; 16]), [2; 32]) }
    }

    fn record(&mut self, event: Event) -> Vec<u8> {
        self.sequence += 1;
        let collector = CollectorId([self.id; 16]);
        let header = Header {
            collector,
            sequence: self.sequence,
            site: "localhost".into(),
            written_hour: 498_000,
            lane: 0,
        };
        let (mut encoded, mut record) = (Vec::new(), Vec::new());
        event::encode(event, &mut encoded);
        wire::seal(&header, &self.key, [self.sequence as u8; 12], &encoded, &mut record);
        record
    }

    fn keys(&self) -> Keys {
        Keys::from_iter([self.key.clone()])
    }
}

fn view(page: &str, minute: u64, id: &str) -> Event {
    Event::Visit(Visit {
        received_ms: 1_795_000_000_000 + minute * 60_000,
        address: vec![192, 0, 2, 1],
        url: format!("http://localhost/{page}"),
        kind: Kind::View.into(),
        hit_id: id.as_bytes().to_vec(),
        ..Visit::default()
    })
}

fn pipeline() -> Pipeline {
    let configuration = Configuration::parse("", "test", std::iter::empty()).unwrap();
    Pipeline::new(&configuration, Networks::default()).unwrap()
}

fn kind(taken: Taken) -> &'static str {
    match taken {
        Taken::Row(row) | Taken::Opened(row, _) | Taken::Lost(row, _) => row.kind(),
        Taken::Skipped => "skipped",
        Taken::Malformed => "malformed",
    }
}

#[test]
fn every_record_has_one_row_whatever_it_is() {
    let (mut collector, mut pipeline) = (Collector::new(1), pipeline());
    let keys = collector.keys();
    let bot = Event::Visit(Visit { bot: "Googlebot".into(), ..Visit::default() });
    let spam =
        Visit { referrer: "https://semalt.com/".into(), url: "http://localhost/".into(), ..Visit::default() };
    let first = collector.record(view("a", 0, "x"));
    assert_eq!(kind(pipeline.take(first.as_slice(), &keys)), "view");
    assert_eq!(kind(pipeline.take(collector.record(view("a", 1, "x")).as_slice(), &keys)), "repeat");
    assert_eq!(kind(pipeline.take(collector.record(bot).as_slice(), &keys)), "bot");
    assert_eq!(kind(pipeline.take(collector.record(Event::Visit(spam)).as_slice(), &keys)), "dropped");
    assert_eq!(
        kind(pipeline.take(collector.record(view("b", 2, "y")).as_slice(), &Keys::default())),
        "expired"
    );
    assert_eq!(kind(pipeline.take(first.as_slice(), &keys)), "skipped");
    assert_eq!(kind(pipeline.take(&first[..10], &keys)), "malformed");
}

#[test]
fn a_replay_from_a_warmed_state_gives_the_same_rows() {
    let mut collector = Collector::new(1);
    let keys = collector.keys();
    let records: Vec<Vec<u8>> =
        (0..50).map(|n| collector.record(view(&format!("p{}", n % 7), n * 11, ""))).collect();
    let rows = |pipeline: &mut Pipeline, records: &[Vec<u8>]| -> Vec<String> {
        let rows = records.iter().map(|record| pipeline.take(record.as_slice(), &keys));
        rows.map(|taken| format!("{taken:?}")).collect()
    };
    let all = rows(&mut pipeline(), &records);
    for restart in [1, 20, 49] {
        let mut warmed = pipeline();
        rows(&mut warmed, &records[..restart]);
        assert_eq!(rows(&mut warmed, &records[restart..]), all[restart..]);
    }
}

/// The local day of the views ends, in UTC, at 2026-11-19T00:00:00Z.
const APPENDED_LATE: &str = "2026-11-19T02:00:01Z";

#[test]
fn a_hit_of_a_day_that_is_over_counts_views_only_and_touches_no_state() {
    let (mut collector, mut pipeline) = (Collector::new(1), pipeline());
    let keys = collector.keys();
    let mut row = |appended: &str, id: &str| {
        let bytes = collector.record(view("a", 0, id));
        let record = Record { bytes: &bytes, appended: Some(appended.parse().unwrap()) };
        match pipeline.take(record, &keys) {
            Taken::Row(row) => format!("{row:?}"),
            taken => panic!("{taken:?}"),
        }
    };
    let on_time = row("2026-11-19T01:59:00Z", "x");
    assert!(on_time.contains("visits: 1") && on_time.contains("visitors: 1"), "{on_time}");
    let late = row(APPENDED_LATE, "y");
    assert!(late.contains("views: 1, visits: 0, visitors: 0") && late.contains("\"late\""), "{late}");
    assert_eq!(row(APPENDED_LATE, "y").matches("\"repeat\"").count(), 0, "its id is not remembered");
}

#[test]
fn a_warm_up_begins_before_the_earliest_open_day() {
    let from = |text: &str, at: &str| {
        let configuration = Configuration::parse(text, "test", std::iter::empty()).unwrap();
        let pipeline = Pipeline::new(&configuration, Networks::default()).unwrap();
        pipeline.warm_up_from(at.parse().unwrap()).to_string()
    };
    let tokyo = "[[site]]\nname = \"a\"\nhosts = [\"a.example\"]\ntime_zone = \"Asia/Tokyo\"";
    assert_eq!(from("", "2026-11-19T12:00:00Z"), "2026-11-18T23:50:00Z");
    assert_eq!(from("", "2026-11-19T01:59:00Z"), "2026-11-17T23:50:00Z", "yesterday is open for two hours");
    assert_eq!(from(tokyo, "2026-11-19T01:00:00Z"), "2026-11-17T23:50:00Z", "so is UTC's, for unknown sites");
    assert_eq!(from(tokyo, "2026-11-19T16:00:00Z"), "2026-11-18T14:50:00Z");
}

#[test]
fn a_collectors_word_gives_a_row_for_each_lost_sequence() {
    let (mut collector, mut pipeline) = (Collector::new(1), pipeline());
    let keys = collector.keys();
    let mut lost = |from: u64, to: u64| {
        let lost = event::Lost { collector: vec![7; 16], from, to };
        let record = collector.record(Event::from(Order::Lost(lost)));
        match pipeline.take(record.as_slice(), &keys) {
            Taken::Lost(row, lost) if row.kind() == "control" => lost.len(),
            taken => panic!("{taken:?}"),
        }
    };
    assert_eq!(lost(3, 6), 4);
    assert_eq!(lost(1, u64::MAX), 100_000, "no word makes rows without end");
    assert_eq!(lost(6, 3), 0);
}

#[test]
fn lost_sequences_have_a_row_once() {
    let mut pipeline = pipeline();
    let mut lost =
        || pipeline.lost(CollectorId([1; 16]), 3, 6, 498_000).iter().map(OpenHit::kind).collect::<Vec<_>>();
    assert_eq!(lost(), ["lost"; 4]);
    assert_eq!(lost(), [""; 0]);
}

#[test]
fn whoever_had_himself_erased_is_new_again_and_a_warm_up_knows_it() {
    let mut collector = Collector::new(1);
    let keys = collector.keys();
    let Event::Visit(visitor) = view("a", 0, "") else { unreachable!() };
    let order = event::Erase::of(&visitor, [7; 16], 1);
    let happened = [view("a", 0, ""), view("b", 1, ""), Event::from(Order::Erase(order)), view("c", 2, "")];
    let records = happened.map(|event| collector.record(event));
    let rows = |pipeline: &mut Pipeline, records: &[Vec<u8>]| -> Vec<String> {
        let rows = records.iter().map(|record| pipeline.take(record.as_slice(), &keys));
        rows.map(|taken| format!("{taken:?}")).collect()
    };
    let mut whole = pipeline();
    let all = rows(&mut whole, &records);
    let is_new: Vec<bool> = all.iter().map(|row| row.contains("visitors: 1, new")).collect();
    assert_eq!(is_new, [true, false, false, true]);
    assert!(all[2].contains("\"erase\"") && !all[2].contains("192"), "{}", all[2]);
    assert_eq!(whole.visitors_held(), 1);
    let mut warmed = pipeline();
    rows(&mut warmed, &records[..3]);
    assert_eq!(warmed.visitors_held(), 0);
    assert_eq!(rows(&mut warmed, &records[3..]), all[3..]);
}
