//! A collector in this process, and a client that speaks HTTP byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;

use collector::listeners::{Listeners, Serving};
use collector::orders::Copies;
use collector::service::Service;
use jiff::Timestamp;
use schemas::choice::{Choice, Method, week_of};
use schemas::configuration::Configuration;
use schemas::event::{self, Control, Event, Order};
use schemas::journal::{Item, Limit, Position, Reader};
use schemas::keys::{Clocks, KeyId, KeyKeeper, Keys};
use schemas::wire::{self, Header};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

pub(crate) const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
pub(crate) const ORIGIN: (&str, &str) = ("origin", "https://example.com");
/// The name of the cookie for `example.com`.
pub(crate) const COOKIE: &str = "__Host-consent-a379a6f6";

/// Every mode with what it does before an answer, as `configuration` takes it.
pub(crate) const MODES: [&str; 4] = ["opt-out", "opt-in", "opt-in'\nbefore_consent = 'memory", "cookieless"];

/// One site in a mode, under a policy whose revision 4 is in force, 2 being the last material one.
pub(crate) fn configuration(mode: &str) -> String {
    let policies = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"].iter().enumerate();
    let policies = policies.map(|(place, date)| {
        format!("[[policy]]\nrevision = {}\ndate = '{date}'\nmaterial = {}\n", place + 1, place == 1)
    });
    format!(
        "[limits]\nhits_per_second = 100000\nburst = 100000\nsegment_bytes = 1048576\n[[site]]\nname = 'example.com'\n\
         mode = '{mode}'\n{}",
        policies.collect::<String>()
    )
}

/// The name of the cookie that holds a visit at `example.com`.
pub(crate) const VISIT_COOKIE: &str = "__Host-visit-a379a6f6";
/// Partitions of the journal's topic, if it were shipped.
pub(crate) const PARTITIONS: u8 = 6;

/// A choice of this week.
pub(crate) fn choice(statistics: bool, marketing: bool, policy_revision: u32) -> String {
    let week = week_of(Timestamp::now());
    Choice { policy_revision, statistics, marketing, week, method: Method::Banner }.to_value()
}

pub(crate) struct Running {
    address: SocketAddr,
    admin: SocketAddr,
    pub(crate) service: Service,
    pub(crate) keys: Arc<KeyKeeper>,
    pub(crate) data: TempDir,
    _serving: Serving,
    _stop: watch::Sender<bool>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Running {
    pub(crate) async fn start(text: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut configuration = Configuration::parse(text, "test", std::iter::empty()).unwrap();
        configuration.collector.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        configuration.collector.admin = configuration.collector.listen;
        let listeners = Listeners::bind(&configuration.collector).await.unwrap();
        let (address, admin) = (listeners.collector, listeners.admin);
        let keys = Arc::new(KeyKeeper::open(&data.path().join("keys")).unwrap());
        keys.maintain(Clocks::read()).unwrap().1.unwrap();
        let copies = Copies::for_partitions_of(&configuration.kafka);
        let service = Service::open(configuration, data.path(), Arc::clone(&keys), copies).unwrap();
        let (stop, stopped) = watch::channel(false);
        let serving = listeners.serve(&service, String::new, stopped);
        Self { address, admin, service, keys, data, _serving: serving, _stop: stop }
    }

    pub(crate) async fn ask(&self, request: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        ask(self.address, request, headers, body).await
    }

    /// Asks the operator's listener.
    pub(crate) async fn ask_admin(&self, request: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        ask(self.admin, request, headers, body).await
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(&format!("GET {path}"), headers, "").await
    }

    /// As a page's script sends a choice.
    pub(crate) async fn choose(&self, headers: &[(&str, &str)], statistics: &str, marketing: &str) -> Answer {
        let body = format!(
            r#"{{"site":"example.com","statistics":"{statistics}","marketing":"{marketing}","method":"banner"}}"#
        );
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", "text/plain")]).collect();
        self.ask("POST /consent", &headers, &body).await
    }

    /// Up to where the disk has records.
    pub(crate) fn written(&self) -> Position {
        *self.service.confirmed().borrow()
    }

    /// From now on nothing is written any more.
    pub(crate) async fn stop_journal(&self) {
        self.service.close().await;
    }

    /// As `/metrics` tells them.
    pub(crate) fn metrics(&self) -> String {
        self.service.collector.telemetry.encode()
    }

    /// The bare counts since the last look, in order.
    pub(crate) fn counts(&self) -> Vec<(String, u64)> {
        let counted = self.service.collector.counts.take().into_iter().map(|(_, order)| match order {
            Order::ConsentCount(count) => (count.outcome, count.count),
            other => panic!("{other:?}"),
        });
        let mut counted: Vec<_> = counted.collect();
        counted.sort();
        counted
    }
}

async fn ask(address: SocketAddr, request: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut text = format!("{request} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "host") {
        text.push_str("host: stats.example.com\r\n");
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    // A body that is refused may be answered before all of it is sent.
    stream.write_all(format!("{text}\r\n{body}").as_bytes()).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    Answer::parse(&String::from_utf8_lossy(&answer))
}

/// A record of the journal: its header, the key it is encrypted with, and what it says.
pub(crate) type Record = (Header, KeyId, Event);

impl Running {
    /// All that the journal holds, in order.
    pub(crate) fn records(&self, keys: &Keys) -> Vec<Record> {
        let end = *self.service.confirmed().borrow();
        let mut reader = Reader::open(self.data.path().join("journal"), Position::START).unwrap();
        let mut records = Vec::new();
        loop {
            match reader.next(Limit::Confirmed(end)).unwrap() {
                Item::Record { bytes, .. } => {
                    let (header, body) = wire::open(bytes, keys).unwrap();
                    records.push((header, wire::key_needed(bytes).unwrap().0, event::decode(&body).unwrap()));
                }
                Item::End => return records,
                Item::Missing { .. } | Item::Damaged { .. } => panic!("the journal has a hole"),
            }
        }
    }

    /// What the journal's control records say, each with its site and lane.
    pub(crate) fn control_records(&self) -> Vec<(Header, Order)> {
        let orders =
            self.records(&self.keys.keys()).into_iter().filter_map(|(header, _, event)| match event {
                Event::Control(Control { order }) => Some((header, order.unwrap())),
                Event::Visit(_) => None,
            });
        orders.collect()
    }

    /// A metric as an operator sees it.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let text = self.ask_admin("GET /metrics", &[], "").await.body;
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("footfall_collector_{name} ")));
        line.unwrap_or_else(|| panic!("{name} is not in {text}")).parse().unwrap()
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers(name).next().unwrap_or_default()
    }

    pub(crate) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}
