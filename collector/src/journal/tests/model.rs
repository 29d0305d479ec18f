//! Random appends, disk failures, torn ends and restarts, against the simplest model: what was acknowledged is there once, what was
//! refused is not, numbers have no holes, and every collector names the one before it.

use super::*;
use proptest::prelude::*;
use std::fs::OpenOptions;
use std::io::Write;

#[derive(Debug, Clone)]
enum Step {
    Append { sizes: Vec<usize> },
    FailSyncs(u32),
    FailWrites(u32),
    Restart { torn: Vec<u8> },
}

fn step() -> impl Strategy<Value = Step> {
    let size = prop_oneof![4 => 0..300usize, 1 => 0..60_000usize];
    prop_oneof![
        5 => prop::collection::vec(size, 1..30).prop_map(|sizes| Step::Append { sizes }),
        1 => (1..4u32).prop_map(Step::FailSyncs),
        1 => (1..4u32).prop_map(Step::FailWrites),
        2 => prop::collection::vec(any::<u8>(), 0..100).prop_map(|torn| Step::Restart { torn }),
    ]
}

/// The program's view of its journal.
struct Model {
    directory: TempDir,
    disk: FakeDisk,
    journal: Option<Journal<Vec<u8>>>,
    appended: u64,
    acknowledged: Vec<u64>,
}

impl Model {
    fn new() -> Self {
        let (directory, disk) = (TempDir::new().unwrap(), FakeDisk::default());
        let mut model = Model { directory, disk, journal: None, appended: 0, acknowledged: Vec::new() };
        model.open();
        model
    }

    fn open(&mut self) {
        let settings = JournalSettings {
            max_bytes: 1 << 30,
            retry_after: Duration::ZERO,
            ..settings(self.directory.path())
        };
        self.journal = Some(open_on(&self.disk, settings).0);
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Append { sizes } => self.append_together(&sizes).await,
            Step::FailSyncs(times) => self.disk.fail_syncs(times),
            Step::FailWrites(times) => self.disk.fail_writes(times),
            Step::Restart { torn } => self.restart(&torn).await,
        }
    }

    async fn append_together(&mut self, sizes: &[usize]) {
        let mut appends = Vec::new();
        for size in sizes {
            let mut body = self.appended.to_be_bytes().to_vec();
            body.resize(8 + size, 7);
            let journal = self.journal.clone().unwrap();
            appends.push((self.appended, tokio::spawn(async move { journal.append(body).await })));
            self.appended += 1;
        }
        for (name, append) in appends {
            match append.await.unwrap() {
                Ok(_) => self.acknowledged.push(name),
                Err(AppendError::Failed) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }

    /// Ends, leaves half a write, and starts on a disk that works.
    async fn restart(&mut self, torn: &[u8]) {
        self.journal.take().unwrap().close().await;
        let last = schemas::journal::segment::numbers(self.directory.path()).unwrap().pop().unwrap();
        let path = schemas::journal::segment::path(self.directory.path(), last);
        OpenOptions::new().append(true).open(path).unwrap().write_all(torn).unwrap();
        self.disk.fail_syncs(0);
        self.disk.fail_writes(0);
        self.open();
    }

    fn verify(&self) {
        let records = confirmed_records(self.directory.path(), self.journal.as_ref().unwrap());
        let (mut last, mut read) = (None, Vec::new());
        for (id, body) in records {
            let next = last
                .filter(|tail: &Tail| tail.collector == id.collector)
                .map_or(1, |tail| tail.last_sequence + 1);
            assert_eq!(id.sequence, next);
            if id.sequence == 1 {
                assert_eq!(body, opening(last));
            } else {
                read.push(u64::from_be_bytes(*body.first_chunk().unwrap()));
            }
            last = Some(Tail { collector: id.collector, last_sequence: id.sequence });
        }
        read.sort_unstable();
        assert_eq!(read, self.acknowledged);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn acknowledged_once_refused_never(steps in prop::collection::vec(step(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new();
            for step in steps {
                model.take(step).await;
                model.verify();
            }
        });
    }
}
