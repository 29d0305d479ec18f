//! What a record holds once it is decrypted: a visit or a control message (`events/visit.proto`).

use std::fmt;
use std::net::IpAddr;

use prost::Message;

#[expect(missing_docs, unreachable_pub, clippy::all, reason = "generated from events/visit.proto")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/footfall.v1.rs"));
}

pub use generated::content::Content as Event;
pub use generated::control::Order;
pub use generated::{ConsentCount, Control, Erase, Goodbye, KeyInUse, Kind, Lost, Opened, Progress, Visit};

/// Longest encoded event: the journal's largest record less its header. A hit's own limits keep it far below.
pub const EVENT_BYTES_MAX: usize = 32 * 1024;

/// Sequences that one [`Lost`] may name; a longer run takes several.
pub const LOST_MAX: u64 = 100_000;

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Visit([personal])")
    }
}

impl fmt::Debug for Erase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Erase([personal])")
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress([personal])")
    }
}

impl Progress {
    /// Bytes of its texts.
    pub fn text_bytes(&self) -> usize {
        let Self { entry_source, entry_channel, entry_campaign, entry_page, previous_page, .. } = self;
        let previous = previous_page.as_ref().map_or(0, String::len);
        previous
            + [entry_source, entry_channel, entry_campaign, entry_page]
                .iter()
                .map(|text| text.len())
                .sum::<usize>()
    }
}

impl Visit {
    /// The client's address, if it has one.
    pub fn ip(&self) -> Option<IpAddr> {
        ip(&self.address)
    }

    /// Network-order bytes of an address, as the field `address` holds them.
    pub fn address_bytes(ip: IpAddr) -> Vec<u8> {
        match ip {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        }
    }
}

/// The address of so many bytes in network order.
fn ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(v4));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

impl Erase {
    /// The copies of an order to forget the visitor who sent `visit`, one for each of so many partitions.
    pub fn of(visit: &Visit, order: [u8; 16], copies: u32) -> Self {
        let Visit { browser_version, browser, os, device, language, .. } = visit;
        Self {
            browser: browser.clone(),
            browser_version: *browser_version,
            os: os.clone(),
            device: device.clone(),
            language: language.clone(),
            ..Self::of_address(&visit.address, order, copies)
        }
        .of_one_browser()
    }

    /// The copies of an order to forget everybody at an address ([`Visit::address_bytes`]).
    pub fn of_address(address: &[u8], order: [u8; 16], copies: u32) -> Self {
        let (address, order) = (address.to_vec(), order.to_vec());
        Self { order, copies, address, whole_address: true, ..Self::default() }
    }

    fn of_one_browser(self) -> Self {
        Self { whole_address: false, ..self }
    }

    /// The address concerned, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        ip(&self.address)
    }
}

impl From<Order> for Event {
    fn from(order: Order) -> Self {
        Self::Control(Control { order: Some(order) })
    }
}

/// Appends the protobuf form of `event` to `out`.
pub fn encode(event: Event, out: &mut Vec<u8>) {
    // INVARIANT: a Vec grows, so encoding into it does not fail.
    let encoded = generated::Content { content: Some(event) }.encode(out);
    debug_assert!(encoded.is_ok());
}

/// Reads an event back.
///
/// # Errors
/// [`Undecodable`] when the bytes are no event or one of a kind this version does not know.
pub fn decode(bytes: &[u8]) -> Result<Event, Undecodable> {
    let content = generated::Content::decode(bytes).map_err(|_| Undecodable)?;
    match content.content.ok_or(Undecodable)? {
        Event::Control(Control { order: None }) => Err(Undecodable),
        event => Ok(event),
    }
}

/// The decrypted bytes are no event that this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record decrypts to no known event; upgrade the processor before the collectors")]
pub struct Undecodable;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_the_wire_and_stays_silent() {
        let visit = Visit { url: "https://example.com/secret".into(), received_ms: 1, ..Visit::default() };
        let mut bytes = Vec::new();
        encode(Event::Visit(visit.clone()), &mut bytes);
        assert_eq!(decode(&bytes), Ok(Event::Visit(visit)));
        assert!(!format!("{:?}", decode(&bytes)).contains("secret"));
    }

    /// A visit with all fields of the first release.
    fn visit() -> Visit {
        Visit {
            received_ms: 1_795_000_000_000,
            address: vec![192, 0, 2, 7],
            url: "https://example.com/page?utm_source=news".into(),
            referrer: "https://example.org/".into(),
            kind: Kind::Event.into(),
            name: "signup".into(),
            value_thousandths: -19_990,
            engaged_ms: 4_000,
            scroll_percent: 80,
            browser: "Firefox".into(),
            browser_version: 140,
            os: "Linux".into(),
            device: "desktop".into(),
            language: "de".into(),
            bot: "examplebot".into(),
            hit_id: b"id".to_vec(),
            policy_revision: 3,
            marketing: true,
            drop_reason: "no_page".into(),
            ..Visit::default()
        }
    }

    fn with_device_held_state() -> Visit {
        let progress = Progress {
            first_ever: true,
            first_today: true,
            first_week: true,
            first_month: true,
            new_visit: true,
            first_view_of_page: true,
            first_event_of_name: true,
            page_number: 2,
            seconds_since_previous: 1_799,
            entry_source: "news".into(),
            entry_channel: "email".into(),
            entry_campaign: "news / email / -".into(),
            entry_page: "/landing".into(),
            previous_page: Some("/before".into()),
            weeks_since_first: 5,
            begun_in_memory: true,
        };
        Visit { progress: Some(progress), state_number: Some(0x0123_4567_89ab_cdef), ..visit() }
    }

    #[test]
    fn the_bytes_of_released_events_are_still_read_and_written() {
        let released: [(&[u8], Visit); 2] = [
            (include_bytes!("../events/visit_v1.bin"), visit()),
            (include_bytes!("../events/visit_v1_device.bin"), with_device_held_state()),
        ];
        for (committed, visit) in released {
            assert_eq!(decode(committed), Ok(Event::Visit(visit.clone())));
            let mut bytes = Vec::new();
            encode(Event::Visit(visit), &mut bytes);
            assert_eq!(bytes, committed);
        }
    }

    #[test]
    fn a_state_says_nothing_when_printed() {
        let printed = format!("{:?} {:?}", with_device_held_state(), with_device_held_state().progress);
        assert_eq!(printed, "Visit([personal]) Some(Progress([personal]))");
    }

    #[test]
    fn an_empty_or_unknown_content_is_named() {
        assert_eq!(decode(&[]), Err(Undecodable));
        assert_eq!(decode(&[0xff; 9]), Err(Undecodable));
    }

    #[test]
    fn addresses_keep_their_family() {
        for text in ["192.0.2.7", "2001:db8::7"] {
            let ip: IpAddr = text.parse().unwrap();
            let visit = Visit { address: Visit::address_bytes(ip), ..Visit::default() };
            assert_eq!(visit.ip(), Some(ip));
        }
        assert_eq!(Visit::default().ip(), None);
    }
}
