//! A piece of a file in memory, moved along as a reader advances.

use super::frame;
use std::io;
use std::os::unix::fs::FileExt;

/// Read ahead: large enough that a read costs little per record.
const AHEAD_BYTES: u64 = 256 * 1024;
/// What is given up when a disk can't read a place: a usual physical block.
const BLOCK_BYTES: u64 = 4096;
/// `EIO`: the device failed to read.
const DEVICE_ERROR: i32 = 5;

/// What a window reads from: a file, or a failing one in tests.
pub(super) trait ReadAt {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for std::fs::File {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, bytes, offset)
    }
}

pub(super) struct Window<F> {
    pub(super) file: F,
    start: u64,
    bytes: Vec<u8>,
}

impl<F: ReadAt> Window<F> {
    pub(super) fn new(file: F) -> Self {
        Window { file, start: 0, bytes: Vec::new() }
    }

    /// Forgets what was read, so that bytes written since are seen.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The bytes from `at` up to `end` at most: as many as the largest frame has, or all there are.
    pub(super) fn at(&mut self, at: u64, end: u64) -> io::Result<&[u8]> {
        let needed_end = end.min(at.saturating_add(frame::BYTES_MAX as u64));
        if at < self.start || self.end() < needed_end {
            self.move_to(at, end.min(at.saturating_add(AHEAD_BYTES)))?;
        }
        let held = self.bytes.get(usize_of(at - self.start)..).unwrap_or_default();
        Ok(held.get(..usize_of(end.saturating_sub(at))).unwrap_or(held))
    }

    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn move_to(&mut self, at: u64, end: u64) -> io::Result<()> {
        if self.start <= at && at <= self.end() {
            self.bytes.drain(..usize_of(at - self.start));
        } else {
            self.bytes.clear();
        }
        self.start = at;
        let held = self.bytes.len();
        self.bytes.resize(usize_of(end.saturating_sub(at)), 0);
        let fresh = self.bytes.get_mut(held..).unwrap_or_default();
        let read = read_all(&self.file, fresh, at + held as u64);
        self.bytes.truncate(held + *read.as_ref().unwrap_or(&0));
        read.map(|_| ())
    }
}

/// Fills `bytes` up to the end of the file. A place that the device can't read comes as zeros, a block at a time: the CRC of the
/// frames there is then wrong, and they are told as damage like any other.
fn read_all(file: &impl ReadAt, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let (mut done, mut careful) = (0, false);
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset + done as u64;
        let block_bytes = usize_of(BLOCK_BYTES - at % BLOCK_BYTES).min(rest.len());
        let asked = if careful { block_bytes } else { rest.len() };
        match file.read_at(rest.get_mut(..asked).unwrap_or_default(), at) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() != Some(DEVICE_ERROR) => return Err(error),
            Err(_) if careful => {
                rest.get_mut(..block_bytes).unwrap_or_default().fill(0);
                done += block_bytes;
            }
            Err(_) => careful = true,
        }
    }
    Ok(done)
}

/// Distances within a window fit: it is far smaller than the address space.
fn usize_of(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk of one megabyte whose byte at `i` is `i % 251`, with one bad block.
    struct BadBlock(u64);

    impl ReadAt for BadBlock {
        fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
            let end = (offset + bytes.len() as u64).min(1 << 20);
            if offset < (self.0 + 1) * BLOCK_BYTES && end > self.0 * BLOCK_BYTES {
                return Err(io::Error::from_raw_os_error(DEVICE_ERROR));
            }
            let read = usize_of(end.saturating_sub(offset));
            for (place, byte) in bytes.iter_mut().enumerate().take(read) {
                *byte = value(offset + place as u64);
            }
            Ok(read)
        }
    }

    fn value(offset: u64) -> u8 {
        (offset % 251) as u8
    }

    #[test]
    fn only_the_bad_block_reads_as_zeros() {
        let mut window = Window::new(BadBlock(3));
        for at in (0..1 << 20).step_by(1000) {
            let bytes = window.at(at, 1 << 20).unwrap();
            let expected = if (3 * BLOCK_BYTES..4 * BLOCK_BYTES).contains(&at) { 0 } else { value(at) };
            assert_eq!(bytes[0], expected, "at {at}");
        }
    }

    #[test]
    fn gives_no_byte_beyond_the_end_asked_for() {
        let mut window = Window::new(BadBlock(1000));
        assert_eq!(window.at(100, 110).unwrap().len(), 10);
        assert_eq!(window.at(100, 1 << 20).unwrap().len(), AHEAD_BYTES as usize);
        assert_eq!(window.at(100, 105).unwrap().len(), 5);
        assert_eq!(window.at((1 << 20) - 3, u64::MAX).unwrap().len(), 3);
        assert_eq!(window.at(1 << 21, u64::MAX).unwrap().len(), 0);
    }
}
