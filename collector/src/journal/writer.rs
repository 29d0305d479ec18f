//! The writer thread: takes all that waits, makes one write and one sync of it, and answers.

use super::admission::{Admission, Refusal};
use super::lock::DirectoryLock;
use super::segments::{BeginError, Segment, Segments};
use super::{AppendError, EncodeError, JournalError, RecordEncoder, Tail};
use schemas::journal::{Position, RecordId, frame};
use schemas::wire::CollectorId;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

/// Records taken from the queue at once.
const TAKE_RECORDS_MAX: usize = 4096;
/// A group is written when it has this much: beyond it a larger write gains nothing, and the first ones wait for the last.
const GROUP_BYTES: usize = 1 << 20;

/// What handles send.
pub(super) enum Command<P> {
    Append(Waiting<P>),
    Close(oneshot::Sender<()>),
}

/// A record on its way.
pub(super) struct Waiting<P> {
    pub(super) payload: P,
    pub(super) answer: oneshot::Sender<Result<u64, AppendError>>,
    /// Its part of the queue's bytes, given back when it is encoded.
    pub(super) room: OwnedSemaphorePermit,
}

/// A collector id in use.
struct Life {
    collector: CollectorId,
    /// The id before it; the opening record names it.
    previous: Option<Tail>,
    /// The number of the last record on the disk.
    confirmed: u64,
    /// The number of the next record.
    next: u64,
}

impl Life {
    /// The number of the next record and whose it is.
    fn next_id(&self) -> RecordId {
        RecordId { collector: self.collector, sequence: self.next }
    }

    /// What a successor has to name.
    fn tail(&self) -> Option<Tail> {
        let tail = Tail { collector: self.collector, last_sequence: self.confirmed };
        if self.confirmed > 0 { Some(tail) } else { self.previous }
    }
}

/// A sender to be told the number, once it is confirmed.
type Answer = (u64, oneshot::Sender<Result<u64, AppendError>>);

pub(super) struct Writer<E: RecordEncoder> {
    segments: Segments,
    encoder: E,
    admission: Arc<Admission>,
    confirmed: watch::Sender<Position>,
    life: Life,
    segment: Option<Segment>,
    /// Groups in a row that the disk did not take.
    failures: u32,
    frames: Vec<u8>,
    answers: Vec<Answer>,
}

impl<E: RecordEncoder> Writer<E> {
    pub(super) fn new(
        segments: Segments,
        mut encoder: E,
        admission: Arc<Admission>,
        confirmed: watch::Sender<Position>,
    ) -> Self {
        let life = Life { collector: encoder.fresh_collector(), previous: None, confirmed: 0, next: 1 };
        let (frames, answers) = (Vec::with_capacity(GROUP_BYTES + frame::BYTES_MAX), Vec::new());
        Writer { segments, encoder, admission, confirmed, life, segment: None, failures: 0, frames, answers }
    }

    pub(super) fn collector(&self) -> CollectorId {
        self.life.collector
    }

    /// Writes the opening record; true when there is no room for it yet.
    pub(super) fn begin(&mut self, previous: Option<Tail>) -> Result<bool, JournalError> {
        self.life.previous = previous;
        match self.segment_with_room() {
            Ok(_) => {}
            Err(BeginError::Io { path, source }) => return Err(JournalError::io(path, source)),
            Err(BeginError::CapReached | BeginError::DiskFull) => {
                self.admission.refuse(Refusal::Full);
                return Ok(true);
            }
        }
        self.encode_opening().map_err(JournalError::Opening)?;
        if self.write_group() { Ok(false) } else { Err(JournalError::FirstWrite) }
    }

    /// Works until the journal is closed or its last handle is gone, and then holds nothing back.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Command<E::Payload>>, lock: DirectoryLock) {
        let (mut commands, mut waiting, mut closing) = (Vec::new(), Vec::new(), Vec::new());
        self.segments.prepare_early();
        while queue.blocking_recv_many(&mut commands, TAKE_RECORDS_MAX) > 0 {
            for command in commands.drain(..) {
                match command {
                    Command::Append(append) => waiting.push(append),
                    Command::Close(done) => {
                        queue.close();
                        closing.push(done);
                    }
                }
            }
            self.append_all(&mut waiting);
            self.segments.prepare_early();
        }
        self.admission.close();
        if let Some(segment) = self.segment.take() {
            self.segments.cut(segment);
        }
        self.segments.remove_prepared();
        drop(lock);
        closing.into_iter().for_each(|done| answer(done, ()));
    }

    fn append_all(&mut self, waiting: &mut Vec<Waiting<E::Payload>>) {
        let mut waiting = waiting.drain(..).peekable();
        while waiting.peek().is_some() {
            if let Err(refusal) = self.append_group(&mut waiting) {
                self.admission.refuse(refusal);
                waiting.by_ref().for_each(|refused| answer(refused.answer, Err(refusal.into())));
            }
        }
    }

    /// Writes as many of those that wait as make a group. An error is for those not taken; the first failure of a disk is not one: the
    /// next group may do better in a new segment.
    fn append_group(
        &mut self,
        waiting: &mut impl Iterator<Item = Waiting<E::Payload>>,
    ) -> Result<(), Refusal> {
        let room_bytes = self.segment_with_room().map_err(|error| {
            tracing::error!(%error, "the journal cannot begin a segment");
            error.refusal()
        })?;
        if self.life.next == 1 {
            self.encode_opening().map_err(|error| {
                tracing::error!(%error, "the journal's first record could not be made");
                Refusal::Failed
            })?;
        }
        while self.frames.len() < GROUP_BYTES && self.frames.len() + frame::BYTES_MAX <= room_bytes {
            let Some(append) = waiting.next() else { break };
            match self.encode(append.payload) {
                Ok(sequence) => self.answers.push((sequence, append.answer)),
                Err(error) => answer(append.answer, Err(AppendError::Encode(error))),
            }
            drop(append.room);
        }
        if self.write_group() || self.failures == 1 { Ok(()) } else { Err(Refusal::Failed) }
    }

    fn encode_opening(&mut self) -> Result<u64, EncodeError> {
        let opening = self.encoder.opening(self.life.previous);
        self.encode(opening)
    }

    /// Adds a record to the group.
    fn encode(&mut self, payload: E::Payload) -> Result<u64, EncodeError> {
        let id = self.life.next_id();
        let encoder = &mut self.encoder;
        frame::encode(&mut self.frames, |out| {
            let start = out.len();
            encoder.encode(id, payload, out)?;
            let carries_id = RecordId::of(out.get(start..).unwrap_or_default()) == Some(id);
            if carries_id { Ok(()) } else { Err(EncodeError::WrongId) }
        })?;
        self.life.next += 1;
        Ok(id.sequence)
    }

    /// One write, one sync, then the answers. False when the disk failed.
    fn write_group(&mut self) -> bool {
        let Some(segment) = self.segment.as_mut().filter(|_| !self.frames.is_empty()) else { return true };
        let written = segment.write(&self.frames);
        self.frames.clear();
        match &written {
            Ok(end) => self.group_confirmed(*end),
            Err(error) => {
                tracing::error!(%error, "the journal's disk failed; going on with a new segment and collector id");
                self.group_failed();
            }
        }
        written.is_ok()
    }

    fn group_confirmed(&mut self, end: Position) {
        self.failures = 0;
        self.life.confirmed = self.life.next - 1;
        self.admission.written();
        self.confirmed.send_replace(end);
        self.answers.drain(..).for_each(|(sequence, sender)| answer(sender, Ok(sequence)));
    }

    /// Nobody knows what reached the disk: the numbers from here on are never used again under this id.
    fn group_failed(&mut self) {
        self.failures += 1;
        if let Some(segment) = self.segment.take() {
            self.segments.cut(segment);
        }
        let previous = self.life.tail();
        self.life = Life { collector: self.encoder.fresh_collector(), previous, confirmed: 0, next: 1 };
        self.answers.drain(..).for_each(|(_, sender)| answer(sender, Err(AppendError::Failed)));
    }

    /// Sees to a segment that the largest frame fits into, and gives its room.
    fn segment_with_room(&mut self) -> Result<usize, BeginError> {
        if let Some(segment) = &self.segment {
            if segment.room_bytes() > 0 {
                return Ok(segment.room_bytes());
            }
            self.segments.leave(segment);
        }
        let segment = self.segments.begin(self.life.next_id())?;
        Ok(self.segment.insert(segment).room_bytes())
    }
}

/// The one who asked may be gone: a visitor closed the page. The record stands all the same.
fn answer<T>(sender: oneshot::Sender<T>, value: T) {
    drop(sender.send(value));
}
