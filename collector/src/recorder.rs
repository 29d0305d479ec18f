//! The one way into the journal. A visit needs a permit of [`crate::consent::decide`]; it is numbered and
//! encrypted on the journal's thread, so that what is authenticated can name its sequence.

use std::sync::Arc;

use jiff::Timestamp;
use schemas::event::{self, Event, Goodbye, Opened, Order, Visit};
use schemas::journal::RecordId;
use schemas::keys::KeyKeeper;
use schemas::local_time::Hour;
use schemas::measure::Hold;
use schemas::wire::{self, CollectorId, Header, NONCE_BYTES};

use crate::consent::Permit;
use crate::journal::{AppendError, EncodeError, Journal, Payload, RecordEncoder, Tail};
use crate::keys_in_use::{KeyInUse, Notes};
use crate::orders::Copies;
use crate::refusal::Refusal;

/// A visit that its visitor permits to be recorded.
#[derive(Debug)]
pub struct PermittedVisit(Pending);

impl PermittedVisit {
    /// Binds a visit to the permit it was given; what the permit excludes is left out. Its lane is that of its visitor
    /// ([`schemas::visitor::lane`]), or the one that the state of the visit has frozen.
    pub fn new(permit: Permit, site: &str, lane: u8, mut visit: Visit) -> Self {
        visit.marketing = permit.marketing();
        if permit.hold() == Hold::Memory {
            (visit.progress, visit.state_number) = (None, None);
        }
        Self(Pending { site: site.to_owned(), lane, event: Event::Visit(visit) })
    }
}

/// What waits for the journal's thread.
#[derive(Debug)]
pub struct Pending {
    site: String,
    lane: u8,
    event: Event,
}

impl Pending {
    fn control(site: String, order: Order) -> Self {
        Self::copy(site, 0, order)
    }

    fn copy(site: String, lane: u8, order: Order) -> Self {
        Self { site, lane, event: order.into() }
    }
}

impl Payload for Pending {
    fn size_bytes(&self) -> usize {
        let texts = match &self.event {
            Event::Visit(visit) => {
                let state = visit.progress.as_ref().map_or(0, event::Progress::text_bytes);
                visit.url.len() + visit.referrer.len() + visit.name.len() + state
            }
            Event::Control(_) => 0,
        };
        size_of::<Self>() + texts
    }
}

/// Appends visits and control records to the journal.
#[derive(Clone)]
pub struct Recorder {
    journal: Journal<Pending>,
    copies: Copies,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    /// Wraps an opened journal, whose orders need so many copies.
    pub fn new(journal: Journal<Pending>, copies: Copies) -> Self {
        Self { journal, copies }
    }

    /// Whether a hit has a chance, before its body is read.
    ///
    /// # Errors
    /// The journal is full, busy or cannot write.
    pub fn admit(&self) -> Result<(), Refusal> {
        self.journal.admit().map_err(Refusal::from)
    }

    /// Returns when the disk has the visits of a request; they share one fdatasync.
    ///
    /// # Errors
    /// The journal is full, busy or cannot write: nothing is promised then.
    pub async fn visits(&self, visits: Vec<PermittedVisit>) -> Result<(), Refusal> {
        if visits.is_empty() {
            return Ok(());
        }
        let pending = visits.into_iter().map(|PermittedVisit(pending)| pending).collect();
        self.journal.append_all(pending).await.map_err(Refusal::from)
    }

    /// Returns when the disk has the control record; `site` is empty when it concerns none.
    ///
    /// # Errors
    /// As [`Recorder::visits`].
    pub async fn control(&self, site: String, order: Order) -> Result<(), Refusal> {
        self.append(Pending::control(site, order)).await
    }

    /// Returns when the disk has a copy of an order for each partition; they are appended together, and share one fdatasync
    /// unless their group is full. `site` is empty when it concerns all.
    ///
    /// # Errors
    /// As [`Recorder::visits`].
    pub async fn orders(&self, site: &str, order: &Order) -> Result<(), Refusal> {
        let copy = |lane| Pending::copy(site.to_owned(), lane, order.clone());
        let copies = self.copies.lanes().map(copy).collect();
        self.journal.append_all(copies).await.map_err(Refusal::from)
    }

    /// How many copies an order has.
    pub fn copies(&self) -> Copies {
        self.copies
    }

    /// The journal itself, for its gauges and its confirmed position.
    pub fn journal(&self) -> &Journal<Pending> {
        &self.journal
    }

    /// Says goodbye and ends the journal: its reader knows then that no number is missing at the end.
    ///
    /// # Errors
    /// As [`Recorder::visits`]; the journal is closed all the same.
    pub async fn close(&self) -> Result<(), Refusal> {
        let goodbye = self.control(String::new(), Order::Goodbye(Goodbye {})).await;
        self.journal.clone().close().await;
        goodbye
    }

    async fn append(&self, pending: Pending) -> Result<(), Refusal> {
        self.journal.append(pending).await.map(|_sequence| ()).map_err(Refusal::from)
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => Self::JournalFull,
            AppendError::Busy => Self::Busy,
            AppendError::Closed => Self::Stopping,
            AppendError::Failed => Self::NotWritten,
            AppendError::Encode(error) => {
                tracing::error!(%error, "a record could not be made");
                Self::NotWritten
            }
        }
    }
}

/// Numbers and encrypts on the journal's thread, with the key of the day of writing.
pub struct Sealer {
    keys: Arc<KeyKeeper>,
    notes: Notes,
    encoded: Vec<u8>,
}

impl Sealer {
    /// Uses the keys of the day.
    pub fn new(keys: Arc<KeyKeeper>) -> Self {
        Self { keys, notes: Notes::new(), encoded: Vec::new() }
    }

    /// What is to be told of the key in use.
    pub(crate) fn key_in_use(&self) -> KeyInUse {
        self.notes.watch()
    }
}

impl RecordEncoder for Sealer {
    type Payload = Pending;

    fn fresh_collector(&mut self) -> CollectorId {
        CollectorId(rand::random())
    }

    fn opening(&mut self, previous: Option<Tail>) -> Pending {
        let (previous_collector, previous_last_sequence) =
            previous.map_or((Vec::new(), 0), |tail| (tail.collector.0.to_vec(), tail.last_sequence));
        Pending::control(String::new(), Order::Opened(Opened { previous_collector, previous_last_sequence }))
    }

    fn encode(&mut self, id: RecordId, mut pending: Pending, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let now = Timestamp::now();
        let key = self.keys.sealing_key(now).map_err(|error| EncodeError::Encoder(error.into()))?;
        let RecordId { collector, sequence } = id;
        let written_hour = Hour::of(now).epoch_hours();
        self.notes.on(collector, key.id(), pending.lane, &mut pending.event);
        let header = Header { collector, sequence, site: pending.site, written_hour, lane: pending.lane };
        self.encoded.clear();
        event::encode(pending.event, &mut self.encoded);
        wire::seal(&header, &key, rand::random::<[u8; NONCE_BYTES]>(), &self.encoded, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use schemas::event::Progress;

    use super::*;

    #[test]
    fn what_waits_is_as_large_as_its_texts() {
        let progress = Progress {
            entry_source: "a".repeat(2),
            entry_channel: "a".repeat(4),
            entry_campaign: "a".repeat(8),
            entry_page: "a".repeat(16),
            previous_page: Some("a".repeat(32)),
            ..Progress::default()
        };
        let texts = ("a".repeat(64), "a".repeat(128), "a".repeat(256));
        let visit = Visit {
            url: texts.0,
            referrer: texts.1,
            name: texts.2,
            progress: Some(progress),
            ..Visit::default()
        };
        let pending = |visit| Pending { site: String::new(), lane: 0, event: Event::Visit(visit) };
        assert_eq!(pending(visit).size_bytes() - pending(Visit::default()).size_bytes(), 510);
    }
}
