//! Opens a record: personal information is readable from here to [`crate::anonymize`], and nowhere else.

use jiff::{SignedDuration, Timestamp};
use schemas::event::{self, Event, Order, Visit};
use schemas::keys::Keys;
use schemas::personal::Personal;
use schemas::visit_state::Progress;
use schemas::wire::{self, Header, Unreadable};

use crate::anonymize::received;
use crate::visits::{Arrival, Visits};

/// What a record turned out to be. Each of these becomes exactly one row.
#[derive(Debug)]
pub enum Opened {
    /// A visit, still personal.
    Visit(Box<RawVisit>),
    /// A collector's word about itself or the journal.
    Control(Header, Order),
    /// Nothing that can be read; the header still names its row.
    Unreadable(Header, Reason),
}

/// Why a record is not readable: the name that its row carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its key was destroyed before it was processed.
    Expired,
    /// Its bytes were changed.
    NotAuthentic,
    /// It decrypts to no event that this version knows.
    Undecodable,
}

impl Reason {
    /// The row's `reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotAuthentic => "not_authentic",
            Self::Undecodable => "undecodable",
        }
    }
}

/// What the visitor's own browser tells of the visit.
pub(crate) struct DeviceHeld {
    /// What the hit adds.
    pub(crate) progress: Progress,
    /// The number of the state that a view or an event has used up.
    pub(crate) number: Option<u64>,
}

impl std::fmt::Debug for DeviceHeld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceHeld([personal])")
    }
}

/// A visit as the collector recorded it.
#[derive(Debug)]
pub struct RawVisit {
    pub(crate) header: Header,
    pub(crate) visit: Personal<Visit>,
}

impl RawVisit {
    /// A visit that did not come out of a record but out of a log file.
    pub fn from_log(header: Header, visit: Visit) -> Self {
        Self { header, visit: Personal::new(visit) }
    }

    /// Why a log's line is not a hit.
    pub(crate) fn drop_reason(&self) -> Option<&str> {
        Some(self.visit.expose().drop_reason.as_str()).filter(|reason| !reason.is_empty())
    }

    /// The client's own id of the hit.
    pub(crate) fn hit_id(&self) -> &[u8] {
        &self.visit.expose().hit_id
    }

    /// What the visitor's own browser told, if it holds the state of the visit.
    pub(crate) fn device_held(&self) -> Option<DeviceHeld> {
        let visit = self.visit.expose();
        let progress = Progress::from_wire(visit.progress.as_ref()?);
        Some(DeviceHeld { progress, number: visit.state_number })
    }

    /// Who made the hit, and when.
    pub(crate) fn arrival(&self, visits: &Visits) -> Arrival {
        let visit = self.visit.expose();
        Arrival { visitor: visits.key(visit), received: received(visit) }
    }
}

impl Opened {
    /// The record's clear header.
    pub fn header(&self) -> &Header {
        match self {
            Self::Visit(raw) => &raw.header,
            Self::Control(header, _) | Self::Unreadable(header, _) => header,
        }
    }
}

/// How far a collector's clock may be ahead of the broker's.
const CLOCK_AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

/// A record as its source gives it.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// When the broker took it; a journal has no such time.
    pub appended: Option<Timestamp>,
}

impl<'a> From<&'a [u8]> for Record<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self { bytes, appended: None }
    }
}

impl Record<'_> {
    /// A hit's time is the collector's, but not far behind the moment when the broker took it.
    fn capped(&self, mut visit: Visit) -> Visit {
        let latest = self.appended.and_then(|appended| appended.checked_add(CLOCK_AHEAD_MAX).ok());
        if let Some(latest) = latest.and_then(|latest| u64::try_from(latest.as_millisecond()).ok()) {
            visit.received_ms = visit.received_ms.min(latest);
        }
        visit
    }
}

/// Opens a record whose header is known to be readable; `None` when it is not even that.
pub fn open(record: Record<'_>, keys: &Keys) -> Option<Opened> {
    let bytes = record.bytes;
    let (header, event) = match wire::open(bytes, keys) {
        Ok(opened) => opened,
        Err(Unreadable::Malformed) => return None,
        Err(Unreadable::KeyGone) => {
            return Some(Opened::Unreadable(wire::header(bytes).ok()?, Reason::Expired));
        }
        Err(Unreadable::NotAuthentic) => {
            return Some(Opened::Unreadable(wire::header(bytes).ok()?, Reason::NotAuthentic));
        }
    };
    Some(match event::decode(&event) {
        Ok(Event::Visit(visit)) => {
            Opened::Visit(Box::new(RawVisit { header, visit: Personal::new(record.capped(visit)) }))
        }
        Ok(Event::Control(control)) => match control.order {
            Some(order) => Opened::Control(header, order),
            None => Opened::Unreadable(header, Reason::Undecodable),
        },
        Err(_) => Opened::Unreadable(header, Reason::Undecodable),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::keys::{DayKey, KeyId};
    use schemas::wire::CollectorId;

    fn sealed(event: &[u8]) -> (Vec<u8>, Keys) {
        let key = DayKey::new(KeyId([1; 16]), [2; 32]);
        let header = Header {
            collector: CollectorId([3; 16]),
            sequence: 9,
            site: "a".into(),
            written_hour: 7,
            lane: 0,
        };
        let mut record = Vec::new();
        wire::seal(&header, &key, [4; 12], event, &mut record);
        (record, Keys::from_iter([key]))
    }

    fn reason(opened: Option<Opened>) -> Option<Reason> {
        match opened {
            Some(Opened::Unreadable(header, reason)) if header.sequence == 9 => Some(reason),
            _ => None,
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_and_keeps_its_sequence() {
        let (mut record, keys) = sealed(b"no event");
        assert_eq!(reason(open(record.as_slice().into(), &keys)), Some(Reason::Undecodable));
        assert_eq!(reason(open(record.as_slice().into(), &Keys::default())), Some(Reason::Expired));
        *record.last_mut().unwrap() ^= 1;
        assert_eq!(reason(open(record.as_slice().into(), &keys)), Some(Reason::NotAuthentic));
        assert!(open(record[..20].into(), &keys).is_none());
    }

    #[test]
    fn the_number_of_a_state_is_not_printed() {
        let visit =
            Visit { progress: Some(event::Progress::default()), state_number: Some(77), ..Visit::default() };
        let mut encoded = Vec::new();
        event::encode(Event::Visit(visit), &mut encoded);
        let (record, keys) = sealed(&encoded);
        let Some(Opened::Visit(raw)) = open(record.as_slice().into(), &keys) else { panic!("it is a visit") };
        assert_eq!(format!("{:?}", raw.device_held()), "Some(DeviceHeld([personal]))");
    }

    #[test]
    fn a_clock_that_is_ahead_is_held_back_to_the_brokers() {
        let mut event = Vec::new();
        event::encode(Event::Visit(Visit { received_ms: 10_000_000, ..Visit::default() }), &mut event);
        let (record, keys) = sealed(&event);
        let received_ms = |appended: Option<i64>| {
            let appended = appended.map(|ms| Timestamp::from_millisecond(ms).unwrap());
            match open(Record { bytes: &record, appended }, &keys) {
                Some(Opened::Visit(raw)) => raw.visit.expose().received_ms,
                opened => panic!("{opened:?}"),
            }
        };
        assert_eq!(received_ms(None), 10_000_000);
        assert_eq!(received_ms(Some(9_900_000)), 10_000_000);
        assert_eq!(received_ms(Some(1_000_000)), 1_300_000);
    }
}
