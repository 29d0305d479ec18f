//! Reads one segment, frame by frame, and finds its way again behind damage.

use super::frame::{self, Decoded};
use super::segment::{self, HEADER_BYTES, Header, HeaderError};
use super::window::Window;
use super::{ReadError, RecordId};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// How far a segment's data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// To this offset: every byte before it was once confirmed, so what is missing or wrong there is damage.
    Known(u64),
    /// Nobody says: to the last whole frame of the file.
    Unknown,
}

/// What stands at the reader's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A whole frame; [`SegmentReader::take`] gives its payload.
    Frame {
        /// The payload's length.
        payload_bytes: usize,
    },
    /// Bytes that are no frame, now passed.
    Damaged {
        /// The first of them.
        from: u64,
        /// Where reading goes on.
        next: u64,
    },
    /// No frame follows.
    End {
        /// Without a known bound: bytes up to the last that is not zero, such as a write that was cut off.
        torn_bytes: u64,
    },
}

/// An open segment.
pub struct SegmentReader {
    path: PathBuf,
    window: Window<File>,
    header: Option<Header>,
    /// The next frame's place.
    offset: u64,
    /// Where the header was damaged and this was not told yet: 0.
    untold_damage: Option<u64>,
    file_bytes: u64,
    data_end: u64,
}

impl SegmentReader {
    /// Opens segment `number`; `None` when there is no such file.
    ///
    /// # Errors
    /// When the file can't be read, or is of a newer format. A damaged header is no error: see [`Self::header`].
    pub fn open(directory: &Path, number: u64) -> Result<Option<Self>, ReadError> {
        let path = segment::path(directory, number);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ReadError::Io { path, source }),
        };
        let mut window = Window::new(file);
        let decoded = window.at(0, HEADER_BYTES as u64).map(Header::decode);
        let header = match decoded.map_err(|source| ReadError::Io { path: path.clone(), source })? {
            Ok(header) => Some(header),
            Err(HeaderError::Damaged) => None,
            Err(HeaderError::Version(version)) => return Err(ReadError::Version { path, version }),
        };
        let untold_damage = header.is_none().then_some(0);
        let offset = HEADER_BYTES as u64;
        Ok(Some(SegmentReader { path, window, header, offset, untold_damage, file_bytes: 0, data_end: 0 }))
    }

    /// The header; `None` when it is damaged.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        self.header
    }

    /// Where the next frame is looked for.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Looks at the reader's place. A frame stays there until it is taken; damage is passed.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn step(&mut self, bound: Bound) -> Result<Step, ReadError> {
        self.look(bound).map_err(|source| ReadError::Io { path: self.path.clone(), source })
    }

    fn look(&mut self, bound: Bound) -> io::Result<Step> {
        self.data_end = self.existing_end(bound)?;
        let from = self.untold_damage.unwrap_or(self.offset);
        match (self.find_frame()?, bound) {
            (Some((at, payload_bytes)), _) if at == from => Ok(Step::Frame { payload_bytes }),
            (Some((at, _)), _) => Ok(self.pass_damage(from, at)),
            (None, Bound::Known(end)) if from < end => Ok(self.pass_damage(from, end.max(self.offset))),
            (None, Bound::Unknown) if from < self.offset => Ok(self.pass_damage(from, self.offset)),
            (None, Bound::Known(_)) => Ok(Step::End { torn_bytes: 0 }),
            (None, Bound::Unknown) => {
                let torn_bytes = self.torn_bytes()?;
                self.forget_what_was_read();
                Ok(Step::End { torn_bytes })
            }
        }
    }

    /// Takes the frame that the last step found and goes behind it.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn take(&mut self, payload_bytes: usize) -> Result<&[u8], ReadError> {
        let at = self.offset;
        self.offset += (frame::HEAD_BYTES + payload_bytes) as u64;
        payload(&mut self.window, at, self.data_end, payload_bytes)
            .map_err(|source| ReadError::Io { path: self.path.clone(), source })
    }

    /// The id of the record in the frame that the last step found.
    pub(super) fn record_id(&mut self, payload_bytes: usize) -> Result<Option<RecordId>, ReadError> {
        payload(&mut self.window, self.offset, self.data_end, payload_bytes)
            .map(RecordId::of)
            .map_err(|source| ReadError::Io { path: self.path.clone(), source })
    }

    /// Goes to `offset` without reading what is before it.
    pub(super) fn pass_damage(&mut self, from: u64, next: u64) -> Step {
        self.untold_damage = None;
        self.offset = next;
        Step::Damaged { from, next }
    }

    /// The end of what there is to read, the file's length being asked for as rarely as possible.
    fn existing_end(&mut self, bound: Bound) -> io::Result<u64> {
        let (end, held) = match bound {
            Bound::Known(end) => (end, end <= self.file_bytes),
            Bound::Unknown => (u64::MAX, self.offset < self.file_bytes),
        };
        if !held {
            self.file_bytes = self.window.file.metadata()?.len();
        }
        Ok(end.min(self.file_bytes))
    }

    /// The place and payload length of the first whole frame from here on.
    fn find_frame(&mut self) -> io::Result<Option<(u64, usize)>> {
        let mut at = self.offset;
        while at < self.data_end {
            let bytes = self.window.at(at, self.data_end)?;
            let starts = if at + bytes.len() as u64 >= self.data_end {
                bytes.len()
            } else {
                (bytes.len() + 1).saturating_sub(frame::BYTES_MAX)
            };
            if let Some((skipped, payload_bytes)) = first_frame(bytes, starts) {
                return Ok(Some((at + skipped as u64, payload_bytes)));
            }
            at += starts.max(1) as u64;
        }
        Ok(None)
    }

    /// Bytes from here to the last that is not zero.
    fn torn_bytes(&mut self) -> io::Result<u64> {
        let (mut at, mut torn_end) = (self.offset, self.offset);
        while at < self.data_end {
            let bytes = self.window.at(at, self.data_end)?;
            if let Some(last) = bytes.iter().rposition(|byte| *byte != 0) {
                torn_end = at + last as u64 + 1;
            }
            at += bytes.len().max(1) as u64;
        }
        Ok(torn_end - self.offset)
    }

    /// The end of a file that is still being written may hold more at the next look.
    fn forget_what_was_read(&mut self) {
        self.window.clear();
        self.file_bytes = 0;
    }
}

fn payload(window: &mut Window<File>, at: u64, end: u64, payload_bytes: usize) -> io::Result<&[u8]> {
    let frame = window.at(at, end)?;
    let payload = frame.get(frame::HEAD_BYTES..frame::HEAD_BYTES + payload_bytes);
    payload.ok_or_else(|| io::Error::other("the file became shorter while it was read"))
}

/// The first whole frame that begins before `starts`, and its payload's length.
fn first_frame(bytes: &[u8], starts: usize) -> Option<(usize, usize)> {
    let mut start = 0;
    while start < starts {
        let rest = bytes.get(start..)?;
        match frame::decode(rest) {
            Decoded::Frame(payload) => return Some((start, payload.len())),
            Decoded::Broken => start += 1,
            Decoded::Zero => start += zeros_before_a_length(rest),
        }
    }
    None
}

/// How many of the leading zeros can't belong to the length of a frame: all but three.
fn zeros_before_a_length(bytes: &[u8]) -> usize {
    let zeros = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    zeros.saturating_sub(3).max(1)
}
