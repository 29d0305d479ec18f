//! What the journal promises, one by one.

use super::*;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// Polls once; `None` when it is not done.
async fn poll_once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    poll_fn(|context| match std::pin::Pin::new(&mut *future).poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

async fn append(journal: &Journal<Vec<u8>>, body: &[u8]) -> Result<u64, AppendError> {
    journal.append(body.to_vec()).await
}

#[tokio::test]
async fn numbers_from_one_behind_the_opening_record_and_reads_back() {
    let directory = TempDir::new().unwrap();
    let (journal, opened) = open(directory.path());
    assert_eq!(opened.recovered, Recovered::default());
    for (expected, body) in (2..).zip([b"one", b"two"]) {
        assert_eq!(append(&journal, body).await.unwrap(), expected);
    }
    let id = |sequence| RecordId { collector: opened.collector, sequence };
    let expected = vec![(id(1), opening(None)), (id(2), b"one".to_vec()), (id(3), b"two".to_vec())];
    assert_eq!(confirmed_records(directory.path(), &journal), expected);
}

#[tokio::test]
async fn answers_only_after_the_sync() {
    let directory = TempDir::new().unwrap();
    let disk = FakeDisk::default();
    let (journal, _) = open_on(&disk, settings(directory.path()));
    let before = *journal.confirmed().borrow();
    disk.hold_syncs();
    let mut waiting = pin!(append(&journal, b"hit"));
    assert!(poll_once(&mut waiting).await.is_none());
    disk.wait_for_held_sync();
    assert!(poll_once(&mut waiting).await.is_none(), "answered while the sync was going on");
    assert_eq!(*journal.confirmed().borrow(), before);
    disk.let_syncs_go();
    assert_eq!(waiting.await.unwrap(), 2);
    assert!(*journal.confirmed().borrow() > before);
}

#[tokio::test]
async fn all_that_wait_share_one_sync() {
    let directory = TempDir::new().unwrap();
    let disk = FakeDisk::default();
    let (journal, _) = open_on(&disk, settings(directory.path()));
    disk.hold_syncs();
    let mut first = Box::pin(append(&journal, b"first"));
    assert!(poll_once(&mut first).await.is_none());
    disk.wait_for_held_sync();
    let before = disk.syncs();
    let mut others: Vec<_> = (0..500).map(|_| Box::pin(append(&journal, b"other"))).collect();
    for other in &mut others {
        assert!(poll_once(other).await.is_none());
    }
    disk.let_syncs_go();
    for (expected, other) in (3..).zip(others) {
        assert_eq!(other.await.unwrap(), expected);
    }
    assert_eq!(disk.syncs() - before, 1);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let directory = TempDir::new().unwrap();
    let disk = FakeDisk::default();
    let limits = JournalSettings { queue_records: 3, queue_bytes: 1000, ..settings(directory.path()) };
    let (journal, _) = open_on(&disk, limits);
    disk.hold_syncs();
    let mut first = Box::pin(append(&journal, b"first"));
    assert!(poll_once(&mut first).await.is_none());
    disk.wait_for_held_sync();

    let mut large = Box::pin(append(&journal, &[1; 900]));
    assert!(poll_once(&mut large).await.is_none());
    assert!(matches!(append(&journal, &[1; 101]).await, Err(AppendError::Busy)), "above the bytes");
    let mut small: Vec<_> = (0..2).map(|_| Box::pin(append(&journal, b"small"))).collect();
    for small in &mut small {
        assert!(poll_once(small).await.is_none());
    }
    assert!(matches!(append(&journal, b"small").await, Err(AppendError::Busy)), "above the records");
    assert!(matches!(journal.admit(), Err(AppendError::Busy)));

    disk.let_syncs_go();
    for accepted in [first, large].into_iter().chain(small) {
        accepted.await.unwrap();
    }
    journal.admit().unwrap();
    append(&journal, b"again").await.unwrap();
}

#[tokio::test]
async fn a_failed_sync_or_write_ends_the_segment_and_the_collector() {
    let failures: [fn(&FakeDisk); 3] = [
        |disk| disk.fail_syncs(1),
        |disk| disk.fail_writes(1),
        |disk| {
            disk.fail_syncs(1);
            disk.fail_truncates();
        },
    ];
    for fail in failures {
        let directory = TempDir::new().unwrap();
        let disk = FakeDisk::default();
        let (journal, opened) = open_on(&disk, settings(directory.path()));
        assert_eq!(append(&journal, b"kept").await.unwrap(), 2);
        fail(&disk);
        assert!(matches!(append(&journal, b"refused").await, Err(AppendError::Failed)));
        assert_eq!(
            append(&journal, b"after").await.unwrap(),
            2,
            "a fresh id counts from 1, its opening first"
        );

        let records = confirmed_records(directory.path(), &journal);
        assert_eq!(records, read(directory.path(), Limit::Everything));
        let bodies: Vec<_> = records.iter().map(|(_, body)| body.clone()).collect();
        let tail = Tail { collector: opened.collector, last_sequence: 2 };
        assert_eq!(bodies, [opening(None), b"kept".to_vec(), opening(Some(tail)), b"after".to_vec()]);
        assert_ne!(records[2].0.collector, opened.collector);
        assert_eq!(records[3].0, RecordId { sequence: 2, ..records[2].0 });
    }
}

#[tokio::test]
async fn a_disk_that_goes_on_failing_closes_the_door_until_it_works() {
    let directory = TempDir::new().unwrap();
    let disk = FakeDisk::default();
    let retry_at_once = JournalSettings { retry_after: Duration::ZERO, ..settings(directory.path()) };
    for (settings, admitted) in [(settings(directory.path()), false), (retry_at_once, true)] {
        let (journal, opened) = open_on(&disk, settings);
        disk.fail_syncs(3);
        assert!(matches!(append(&journal, b"first failure").await, Err(AppendError::Failed)));
        journal.admit().unwrap();
        assert!(matches!(append(&journal, b"second failure").await, Err(AppendError::Failed)));
        assert_eq!(journal.admit().is_ok(), admitted);
        if admitted {
            assert!(matches!(append(&journal, b"third failure").await, Err(AppendError::Failed)));
            append(&journal, b"works again").await.unwrap();
            let records = confirmed_records(directory.path(), &journal);
            let tail = Tail { collector: opened.collector, last_sequence: 1 };
            assert_eq!(records[records.len() - 2].1, opening(Some(tail)));
        }
        journal.close().await;
        disk.fail_syncs(0);
    }
    assert_eq!(segments(directory.path()), 3, "one a start, and one after the failures");
}

fn segments(directory: &Path) -> usize {
    schemas::journal::segment::numbers(directory).unwrap().len()
}

/// Appends until the journal is full, and gives how many were taken.
async fn fill(journal: &Journal<Vec<u8>>) -> u64 {
    for taken in 0..1000 {
        match append(journal, &[7; 30_000]).await {
            Ok(_) => {}
            Err(AppendError::Full) => return taken,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the cap was never reached");
}

#[tokio::test]
async fn full_at_the_cap_until_it_is_trimmed() {
    let directory = TempDir::new().unwrap();
    let (journal, opened) = open(directory.path());
    let taken = fill(&journal).await;
    assert!(taken >= 4 * 6, "{taken} records in 1 MiB");
    assert!(journal.used_bytes() <= 1 << 20);
    assert!(matches!(journal.admit(), Err(AppendError::Full)));

    let end = *journal.confirmed().borrow();
    assert_eq!(
        journal.trim(Position { segment: 1, offset: u64::MAX }).unwrap(),
        0,
        "segment 1 is not wholly before"
    );
    assert!(journal.admit().is_err());
    assert_eq!(journal.trim(Position { segment: 2, offset: 0 }).unwrap(), 256 * 1024);
    journal.admit().unwrap();
    assert_eq!(append(&journal, b"room again").await.unwrap(), taken + 2);

    assert!(*journal.confirmed().borrow() > end);
    let (first, _) = confirmed_records(directory.path(), &journal).swap_remove(0);
    assert!(first.collector == opened.collector && first.sequence > 1);
    journal.trim(Position { segment: u64::MAX, offset: 0 }).unwrap();
    assert_eq!(confirmed_records(directory.path(), &journal).last().unwrap().1, b"room again");
}

#[tokio::test]
async fn opens_while_full_so_that_it_can_be_drained() {
    let directory = TempDir::new().unwrap();
    let (journal, _) = open(directory.path());
    let taken = fill(&journal).await;
    journal.close().await;
    let (journal, opened) = open(directory.path());
    assert!(opened.full && matches!(journal.admit(), Err(AppendError::Full)));
    assert_eq!(opened.recovered.previous.unwrap().last_sequence, taken + 1);
    assert_eq!(confirmed_records(directory.path(), &journal).len() as u64, taken + 1);
    journal.trim(opened.recovered.end).unwrap();
    assert_eq!(append(&journal, b"room again").await.unwrap(), 2);
    assert_eq!(confirmed_records(directory.path(), &journal).last().unwrap().0.collector, opened.collector);
}

#[tokio::test]
async fn a_full_disk_is_noticed_early_and_refuses_only_when_the_segment_is_full() {
    let directory = TempDir::new().unwrap();
    let disk = FakeDisk::default();
    disk.fill_up(true);
    let retry_at_once = JournalSettings { retry_after: Duration::ZERO, ..settings(directory.path()) };
    let (journal, opened) = open_on(&disk, retry_at_once);
    assert!(opened.full);
    disk.fill_up(false);
    append(&journal, b"room").await.unwrap();
    journal.append(vec![7; 60_000]).await.unwrap();
    disk.fill_up(true);
    let taken = fill(&journal).await;
    assert!(taken > 0, "the present and the prepared segment have room");
    disk.fill_up(false);
    assert_eq!(append(&journal, b"room again").await.unwrap(), taken + 4);
}

#[tokio::test]
async fn a_record_that_cannot_be_encoded_leaves_no_hole() {
    let directory = TempDir::new().unwrap();
    let (journal, _) = open(directory.path());
    for body in [b"poison".as_slice(), b"wrong id", &[0; 70_000]] {
        assert!(matches!(append(&journal, body).await, Err(AppendError::Encode(_))));
    }
    assert_eq!(append(&journal, b"good").await.unwrap(), 2);
    assert_eq!(confirmed_records(directory.path(), &journal).len(), 2);
}

#[tokio::test]
async fn close_writes_what_waits_and_lets_the_next_one_in() {
    let directory = TempDir::new().unwrap();
    let disk = FakeDisk::default();
    let (journal, opened) = open_on(&disk, settings(directory.path()));
    let locked = Journal::open(settings(directory.path()), TestEncoder).err().unwrap();
    assert!(matches!(locked, JournalError::Locked { holder: Some(pid), .. } if pid == std::process::id()));
    disk.hold_syncs();
    let mut waiting: Vec<_> = (0..10).map(|_| Box::pin(append(&journal, b"waiting"))).collect();
    for waiting in &mut waiting {
        assert!(poll_once(waiting).await.is_none());
    }
    let mut closing = Box::pin(journal.clone().close());
    assert!(poll_once(&mut closing).await.is_none());
    assert!(matches!(append(&journal, b"late").await, Err(AppendError::Closed)));
    disk.let_syncs_go();
    closing.await;
    for waiting in waiting {
        waiting.await.unwrap();
    }
    let (_, again) = open(directory.path());
    let tail = Tail { collector: opened.collector, last_sequence: 11 };
    assert_eq!((again.recovered.previous, again.recovered.torn_bytes), (Some(tail), 0));
}

#[tokio::test]
async fn cuts_a_torn_tail_and_counts_it() {
    let directory = TempDir::new().unwrap();
    let (journal, opened) = open(directory.path());
    append(&journal, b"whole").await.unwrap();
    let end = *journal.confirmed().borrow();
    journal.close().await;
    let path = schemas::journal::segment::path(directory.path(), end.segment);
    let mut bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len() as u64, end.offset, "close gives unused room back");
    bytes.extend(b"\x30\0\0\0 half a record");
    bytes.resize(bytes.len() + 5000, 0);
    std::fs::write(&path, bytes).unwrap();

    let (journal, again) = open(directory.path());
    let tail = Tail { collector: opened.collector, last_sequence: 2 };
    assert_eq!(again.recovered, Recovered { previous: Some(tail), end, torn_bytes: 18, damaged_bytes: 0 });
    assert_eq!(std::fs::metadata(path).unwrap().len(), end.offset);
    let bodies: Vec<_> =
        confirmed_records(directory.path(), &journal).into_iter().map(|(_, body)| body).collect();
    assert_eq!(bodies, [opening(None), b"whole".to_vec(), opening(Some(tail))]);
}

#[tokio::test]
async fn names_the_last_collector_that_wrote_when_a_start_was_killed_before_its_first_record() {
    let directory = TempDir::new().unwrap();
    let (journal, opened) = open(directory.path());
    append(&journal, b"hit").await.unwrap();
    let previous_end = journal.confirmed().borrow().offset;
    journal.close().await;
    let header = schemas::journal::segment::Header {
        collector: CollectorId([9; 16]),
        first_sequence: 1,
        previous_end,
    };
    std::fs::write(schemas::journal::segment::path(directory.path(), 2), header.encode()).unwrap();
    let (_journal, again) = open(directory.path());
    assert_eq!(again.recovered.previous, Some(Tail { collector: opened.collector, last_sequence: 2 }));
}

#[test]
fn refuses_settings_that_cannot_work() {
    let directory = TempDir::new().unwrap();
    let good = settings(directory.path());
    for wrong in [
        JournalSettings { segment_bytes: 1000, ..good.clone() },
        JournalSettings { max_bytes: good.segment_bytes, ..good.clone() },
        JournalSettings { queue_records: 0, ..good.clone() },
    ] {
        assert!(matches!(Journal::open(wrong, TestEncoder).err(), Some(JournalError::Settings(_))));
    }
}
