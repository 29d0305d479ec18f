//! The few things the writer asks of a disk, so that tests can let them fail.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Records are encrypted; a group may be given the right to forward them.
const SEGMENT_MODE: u32 = 0o640;
/// Zeros written behind the last record, now and then. Room that was only set aside costs a second write at each sync, of the
/// file system's note that it is in use now; room that was written once does not.
static AHEAD: [u8; 256 * 1024] = [0; 256 * 1024];

/// Makes files.
pub(super) trait Disk: Send {
    /// A new file of `bytes` zeros, for which the disk has set room aside.
    fn create(&self, path: &Path, bytes: u64) -> io::Result<Box<dyn DiskFile>>;
}

/// A file that is written by place and synced.
pub(super) trait DiskFile: Send {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Returns when all that was written is on the disk. After an error it is unknown what is, and asking again tells nothing: the
    /// kernel marks the pages clean (Rebello et al., "Can Applications Recover from fsync Failures?", 2020).
    fn sync(&mut self) -> io::Result<()>;

    fn truncate(&mut self, bytes: u64) -> io::Result<()>;
}

/// The operating system's.
pub(super) struct RealDisk;

impl Disk for RealDisk {
    fn create(&self, path: &Path, bytes: u64) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(SEGMENT_MODE).open(path)?;
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
            Ok(()) => {}
            // Some file systems set no room aside: a full disk then shows as a failed write.
            Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(bytes)?,
            Err(errno) => return Err(errno.into()),
        }
        Ok(Box::new(RealFile { file, bytes, zeroed_to: 0 }))
    }
}

struct RealFile {
    file: File,
    bytes: u64,
    /// Up to where the file was written once.
    zeroed_to: u64,
}

impl RealFile {
    /// Zeros up to the file's end at most: it reads as it did before.
    fn write_ahead(&mut self, end: u64) -> io::Result<()> {
        let room = usize::try_from(self.bytes.saturating_sub(end)).unwrap_or(usize::MAX);
        let zeros = AHEAD.get(..room).unwrap_or(&AHEAD);
        self.file.write_all_at(zeros, end)?;
        self.zeroed_to = end + zeros.len() as u64;
        Ok(())
    }
}

impl DiskFile for RealFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)?;
        let end = offset + bytes.len() as u64;
        if end > self.zeroed_to { self.write_ahead(end) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }
}
