//! The journal: a hit is answered when its record is on the disk, not before.
//!
//! ```text
//! append ─▶ queue (bounded) ─▶ writer thread: number, encode, one write, one fdatasync ─▶ answers ─▶ confirmed position ─▶ forwarder
//! ```
//! There is no timer: while the disk syncs one group, the next one gathers in the queue. A record is numbered by `(collector, sequence)`;
//! a collector id lives from one start to the next, or until a write fails: then nobody knows what of the group reached the disk, so
//! its senders are told so, the segment and the id are given up, and a fresh id counts from 1 in a new segment.

mod admission;
mod disk;
mod due;
mod error;
mod lock;
mod recovery;
mod segments;
mod settings;
mod usage;
mod writer;

pub use due::due;
pub use error::{AppendError, EncodeError, JournalError};
pub use recovery::{Recovered, Tail};
pub use settings::JournalSettings;

use admission::Admission;
use disk::{Disk, RealDisk};
use lock::DirectoryLock;
use schemas::journal::{Position, RecordId};
use schemas::wire::CollectorId;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use usage::Usage;
use writer::{Command, Waiting, Writer};

/// What is appended.
pub trait Payload: Send + 'static {
    /// About how many bytes it keeps in memory while it waits.
    fn size_bytes(&self) -> usize;
}

/// Makes bytes of payloads; the writer thread owns it.
pub trait RecordEncoder: Send + 'static {
    /// What is appended.
    type Payload: Payload;

    /// A fresh random id.
    fn fresh_collector(&mut self) -> CollectorId;

    /// The first record of every collector id: it names the id before it in this directory and its last number, so that a reader knows
    /// which numbers must exist.
    fn opening(&mut self, previous: Option<Tail>) -> Self::Payload;

    /// Appends the record to `out`; it begins with the version and `id`, as [`RecordId::of`] reads them.
    ///
    /// # Errors
    /// When the payload can't be a record. Its number goes to the next payload.
    fn encode(&mut self, id: RecordId, payload: Self::Payload, out: &mut Vec<u8>) -> Result<(), EncodeError>;
}

/// What was found and begun at a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The fresh id.
    pub collector: CollectorId,
    /// What the last start left behind.
    pub recovered: Recovered,
    /// No room for a segment: appends are refused until the journal is trimmed or the disk has room.
    pub full: bool,
}

/// The way to the writer thread. Clones share it; it ends when it is closed or the last of them is gone.
pub struct Journal<P> {
    queue: mpsc::Sender<Command<P>>,
    queue_bytes: Arc<Semaphore>,
    admission: Arc<Admission>,
    usage: Arc<Usage>,
    confirmed: watch::Receiver<Position>,
}

impl<P> Clone for Journal<P> {
    fn clone(&self) -> Self {
        Journal {
            queue: self.queue.clone(),
            queue_bytes: Arc::clone(&self.queue_bytes),
            admission: Arc::clone(&self.admission),
            usage: Arc::clone(&self.usage),
            confirmed: self.confirmed.clone(),
        }
    }
}

impl<P: Payload> Journal<P> {
    /// Locks and repairs the directory (made if missing), and begins a segment under a fresh collector id with the encoder's opening
    /// record, which is on the disk when this returns. Blocks; meant for a program's start.
    ///
    /// # Errors
    /// [`JournalError`], whose text says what to do. A full disk or a reached cap is not among them: see [`Opened::full`].
    pub fn open<E: RecordEncoder<Payload = P>>(
        settings: JournalSettings,
        encoder: E,
    ) -> Result<(Self, Opened), JournalError> {
        Self::open_on(Box::new(RealDisk), settings, encoder)
    }

    fn open_on<E: RecordEncoder<Payload = P>>(
        disk: Box<dyn Disk>,
        settings: JournalSettings,
        encoder: E,
    ) -> Result<(Self, Opened), JournalError> {
        settings.check()?;
        let lock = DirectoryLock::take(&settings.directory)?;
        let (recovered, segments_bytes) = recovery::recover(&settings.directory)?;
        let usage = Arc::new(Usage::new(&settings, segments_bytes));
        let admission = Arc::new(Admission::new(settings.retry_after));
        let (queue, commands) = mpsc::channel(settings.queue_records.min(Semaphore::MAX_PERMITS));
        let queue_bytes = Arc::new(Semaphore::new(settings.queue_bytes.min(Semaphore::MAX_PERMITS)));
        let (confirmed_sender, confirmed) = watch::channel(recovered.end);
        let segments = segments::Segments::new(disk, &settings, Arc::clone(&usage), recovered.end);
        let mut writer = Writer::new(segments, encoder, Arc::clone(&admission), confirmed_sender);
        let full = writer.begin(recovered.previous)?;
        let opened = Opened { collector: writer.collector(), recovered, full };
        let thread = std::thread::Builder::new().name("journal".into());
        thread.spawn(move || writer.run(commands, lock)).map_err(JournalError::Thread)?;
        Ok((Journal { queue, queue_bytes, admission, usage, confirmed }, opened))
    }

    /// Writes `payload` and gives its sequence number, after the fdatasync that covers it has returned. Dropping the future does not
    /// take the record back.
    ///
    /// # Errors
    /// The record was refused ([`AppendError::Full`], `Busy`, `Closed`, `Encode`), or may be on the disk or not (`Failed`).
    pub async fn append(&self, payload: P) -> Result<u64, AppendError> {
        self.admission.admit()?;
        let room = self.room(&payload)?;
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Command::Append(Waiting { payload, answer, room }))?;
        answered.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Writes all of `payloads` or refuses all: none waits before there is room for each.
    ///
    /// # Errors
    /// As [`Journal::append`]; after `Failed` some may be on the disk and others not.
    pub async fn append_all(&self, payloads: Vec<P>) -> Result<(), AppendError> {
        self.admission.admit()?;
        let rooms = payloads.iter().map(|payload| self.room(payload)).collect::<Result<Vec<_>, _>>()?;
        let places = self.queue.try_reserve_many(payloads.len())?;
        let waiting = places.zip(payloads.into_iter().zip(rooms)).map(|(place, (payload, room))| {
            let (answer, answered) = oneshot::channel();
            place.send(Command::Append(Waiting { payload, answer, room }));
            answered
        });
        let waiting: Vec<_> = waiting.collect();
        for answered in waiting {
            answered.await.unwrap_or(Err(AppendError::Closed))?;
        }
        Ok(())
    }

    /// A record's part of the queue's bytes.
    fn room(&self, payload: &P) -> Result<OwnedSemaphorePermit, AppendError> {
        let bytes = u32::try_from(payload.size_bytes()).map_err(|_| AppendError::Busy)?;
        Arc::clone(&self.queue_bytes).try_acquire_many_owned(bytes).map_err(|_| AppendError::Busy)
    }

    /// Whether an append would be refused now, to be asked before a request's body is read.
    ///
    /// # Errors
    /// [`AppendError::Full`], `Failed`, `Busy` or `Closed`.
    pub fn admit(&self) -> Result<(), AppendError> {
        self.admission.admit()?;
        if self.queue.is_closed() {
            return Err(AppendError::Closed);
        }
        if self.queue.capacity() == 0 || self.queue_bytes.available_permits() == 0 {
            return Err(AppendError::Busy);
        }
        Ok(())
    }

    /// Up to where records are on the disk. A reader goes no further.
    #[must_use]
    pub fn confirmed(&self) -> watch::Receiver<Position> {
        self.confirmed.clone()
    }

    /// Removes the segments wholly before `up_to` and gives the bytes set free. The segment of the confirmed position always stays.
    /// Blocks for as long as the file system needs.
    ///
    /// # Errors
    /// When a file can't be removed.
    pub fn trim(&self, up_to: Position) -> std::io::Result<u64> {
        let confirmed = *self.confirmed.borrow();
        let freed_bytes = self.usage.remove_before(up_to.min(confirmed).segment)?;
        if freed_bytes > 0 {
            self.admission.space_was_freed();
        }
        Ok(freed_bytes)
    }

    /// What the segments take on the disk, preallocated room included.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.usage.used_bytes()
    }

    /// Refuses further appends, writes those that wait, and ends the thread. The directory is unlocked when this returns.
    pub async fn close(self) {
        self.admission.close();
        let (done, ended) = oneshot::channel();
        if self.queue.send(Command::Close(done)).await.is_ok() {
            // An error says the same: the thread is gone.
            ended.await.unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests;
