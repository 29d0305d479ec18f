//! A real disk that fails, fills up or waits when it is told to.

use crate::journal::disk::{Disk, DiskFile, RealDisk};
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

#[derive(Clone, Default)]
pub(super) struct FakeDisk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    orders: Mutex<Orders>,
    changed: Condvar,
}

#[derive(Default)]
struct Orders {
    full: bool,
    failing_writes: u32,
    failing_syncs: u32,
    failing_truncates: bool,
    hold: bool,
    /// Syncs begun, those of segment headers included.
    syncs: u64,
    /// A sync waits to be let go.
    held: bool,
}

impl FakeDisk {
    pub(super) fn fill_up(&self, full: bool) {
        self.orders().full = full;
    }

    pub(super) fn fail_writes(&self, times: u32) {
        self.orders().failing_writes = times;
    }

    pub(super) fn fail_syncs(&self, times: u32) {
        self.orders().failing_syncs = times;
    }

    /// As a disk that has just failed may well do.
    pub(super) fn fail_truncates(&self) {
        self.orders().failing_truncates = true;
    }

    pub(super) fn syncs(&self) -> u64 {
        self.orders().syncs
    }

    /// Syncs wait from now on.
    pub(super) fn hold_syncs(&self) {
        self.orders().hold = true;
    }

    /// Returns when a sync waits: its bytes are written.
    pub(super) fn wait_for_held_sync(&self) {
        drop(self.0.changed.wait_while(self.orders(), |orders| !orders.held).unwrap());
    }

    pub(super) fn let_syncs_go(&self) {
        self.orders().hold = false;
        self.0.changed.notify_all();
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.0.orders.lock().unwrap()
    }
}

impl Disk for FakeDisk {
    fn create(&self, path: &Path, bytes: u64) -> io::Result<Box<dyn DiskFile>> {
        if self.orders().full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = RealDisk.create(path, bytes)?;
        Ok(Box::new(FakeFile { file, disk: self.clone() }))
    }
}

struct FakeFile {
    file: Box<dyn DiskFile>,
    disk: FakeDisk,
}

impl DiskFile for FakeFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if counted_down(&mut self.disk.orders().failing_writes) {
            // Half of a write that failed is there.
            self.file.write_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(io::Error::other("told to fail"));
        }
        self.file.write_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut orders = self.disk.orders();
        orders.syncs += 1;
        orders.held = orders.hold;
        self.disk.0.changed.notify_all();
        let mut orders = self.disk.0.changed.wait_while(orders, |orders| orders.hold).unwrap();
        orders.held = false;
        if counted_down(&mut orders.failing_syncs) {
            return Err(io::Error::other("told to fail"));
        }
        self.file.sync()
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        if self.disk.orders().failing_truncates {
            return Err(io::Error::other("told to fail"));
        }
        self.file.truncate(bytes)
    }
}

fn counted_down(times: &mut u32) -> bool {
    let due = *times > 0;
    *times = times.saturating_sub(1);
    due
}
