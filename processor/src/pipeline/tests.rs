use super::*;
use schemas::event::{self, Event, Kind, Visit};
use schemas::keys::{DayKey, KeyId};
use schemas::wire;

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
        Taken::Row(row) | Taken::Opened(row, _) => row.kind(),
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
    assert_eq!(kind(pipeline.take(&first, &keys)), "view");
    assert_eq!(kind(pipeline.take(&collector.record(view("a", 1, "x")), &keys)), "repeat");
    assert_eq!(kind(pipeline.take(&collector.record(bot), &keys)), "bot");
    assert_eq!(kind(pipeline.take(&collector.record(Event::Visit(spam)), &keys)), "dropped");
    assert_eq!(kind(pipeline.take(&collector.record(view("b", 2, "y")), &Keys::default())), "expired");
    assert_eq!(kind(pipeline.take(&first, &keys)), "skipped");
    assert_eq!(kind(pipeline.take(&first[..10], &keys)), "malformed");
}

#[test]
fn a_replay_from_a_warmed_state_gives_the_same_rows() {
    let mut collector = Collector::new(1);
    let keys = collector.keys();
    let records: Vec<Vec<u8>> =
        (0..50).map(|n| collector.record(view(&format!("p{}", n % 7), n * 11, ""))).collect();
    let rows = |pipeline: &mut Pipeline, records: &[Vec<u8>]| -> Vec<String> {
        let rows = records.iter().map(|record| pipeline.take(record, &keys));
        rows.map(|taken| format!("{taken:?}")).collect()
    };
    let all = rows(&mut pipeline(), &records);
    for restart in [1, 20, 49] {
        let mut warmed = pipeline();
        rows(&mut warmed, &records[..restart]);
        assert_eq!(rows(&mut warmed, &records[restart..]), all[restart..]);
    }
}

#[test]
fn lost_sequences_have_a_row_once() {
    let mut pipeline = pipeline();
    let mut lost =
        || pipeline.lost(CollectorId([1; 16]), 3, 6, 498_000).iter().map(OpenHit::kind).collect::<Vec<_>>();
    assert_eq!(lost(), ["lost"; 4]);
    assert_eq!(lost(), [""; 0]);
}
