//! What the forwarder promises while nothing fails but itself.

use std::time::SystemTime;

use schemas::journal::segment;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn ships_each_record_once_and_in_order_by_lane() {
    let bench = Bench::new();
    let running = bench.start();
    let forwarding = bench.forwarder(&running).start();
    running.visits(300).await;
    running.until_shipped(301).await;
    assert_same(&bench.topic(), &bench.confirmed(running.end()));
    assert!(bench.topic().iter().all(|records| records.len() > 50), "lanes spread over the partitions");
    let (service, telemetry) = (running.service.clone(), running.service.collector.telemetry.encode());
    assert!(telemetry.contains("footfall_collector_forwarding 1"));
    running.stop(forwarding).await;
    let end = *service.confirmed().borrow();
    assert_same(&bench.topic(), &bench.confirmed(end)); // the goodbye too
    assert_eq!(bench.position_file().load().unwrap(), Some(end));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_stands_in_every_partition_behind_what_came_before() {
    let bench = Bench::new();
    let running = bench.start();
    let forwarding = bench.forwarder(&running).start();
    running.visits(30).await;
    let address = "192.0.2.77".parse().unwrap();
    let order = running.service.collector.order_erasure(None, address).await.unwrap();
    running.visits(1).await;
    running.until_shipped(1 + 30 + PARTITIONS as usize + 1).await;
    let partitions = bench.topic();
    let before: Vec<usize> =
        partitions.iter().map(|records| running.before_order(records, order, address)).collect();
    assert_eq!(before.iter().sum::<usize>(), 31, "all that was there before stands before it");
    running.stop(forwarding).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ships_nothing_that_is_not_confirmed() {
    let bench = Bench::new();
    let running = bench.start();
    running.visits(20).await;
    let mut forwarder = bench.forwarder(&running);
    let (confirm, confirmed) = watch::channel(running.end());
    forwarder.confirmed = confirmed;
    running.visits(20).await;
    let forwarding = forwarder.start();
    running.until_shipped(21).await;
    // One more, for all that was sent before it has then arrived as well.
    let mut reader = Reader::open(bench.journal(), *confirm.borrow()).unwrap();
    reader.next(Limit::Confirmed(running.end())).unwrap();
    confirm.send(reader.position()).unwrap();
    running.until_shipped(22).await;
    assert_eq!(count(&bench.topic()), 22);
    assert_same(&bench.topic(), &bench.confirmed(*confirm.borrow()));
    confirm.send(running.end()).unwrap();
    running.until_shipped(41).await;
    running.stop(forwarding).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_lags_only_repeats() {
    let bench = Bench::new();
    let running = bench.start();
    let forwarding = bench.forwarder(&running).start();
    running.visits(40).await;
    let earlier = running.end();
    running.visits(40).await;
    running.stop(forwarding).await;

    bench.position_file().store(earlier).unwrap();
    let running = bench.start();
    let forwarding = bench.forwarder(&running).start();
    running.visits(1).await;
    // The visits behind the place, the goodbye, the new opening and the new visit.
    running.until_shipped(40 + 3).await;
    assert_same(&bench.first_copies(), &bench.confirmed(running.end()));
    assert_eq!(count(&bench.topic()) - count(&bench.first_copies()), 41);
    running.stop(forwarding).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goes_on_at_the_place_that_was_stored() {
    let bench = Bench::new();
    for round in 1..=3 {
        let running = bench.start();
        let forwarding = bench.forwarder(&running).start();
        running.visits(10).await;
        let service = running.service.clone();
        running.stop(forwarding).await;
        assert_same(&bench.topic(), &bench.confirmed(*service.confirmed().borrow()));
        assert_eq!(count(&bench.topic()), round * 12, "opening, visits and goodbye");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_not_in_the_journal_is_named_at_the_start() {
    let bench = Bench::new();
    let running = bench.start();
    bench.position_file().store(Position { segment: 99, offset: 1 }).unwrap();
    let error = Forwarder::open(&running.service, bench.data.path()).err().unwrap().to_string();
    assert!(error.contains("99:1") && error.contains("position file"), "{error}");
    fs::write(bench.data.path().join("position"), "nonsense").unwrap();
    assert!(Forwarder::open(&running.service, bench.data.path()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_told_as_lost_before_it_is_passed() {
    let bench = Bench::new();
    let running = bench.start();
    running.visits(50).await;
    running.service.close().await;
    drop(running);
    flip_a_byte(&segment::path(&bench.journal(), 1));

    for round in 0..3 {
        let running = bench.start();
        let forwarding = bench.forwarder(&running).start();
        if round == 0 {
            until(|| !running.lost(&bench.topic()).is_empty()).await;
            assert!(running.telemetry().damaged_bytes.get() > 0);
            assert_eq!(running.telemetry().lost_sequences.get(), 1);
        }
        let service = running.service.clone();
        let keys = Running { service: running.service.clone(), keys: Arc::clone(&running.keys) };
        running.stop(forwarding).await;
        let topic = bench.topic();
        assert_same(&topic, &bench.confirmed(*service.confirmed().borrow()));
        let lost = keys.lost(&topic);
        assert!(
            matches!(lost.as_slice(), [(from, to)] if from == to),
            "a restart tells nothing anew: {lost:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn removes_segments_that_are_shipped_and_old() {
    let bench = Bench::new();
    let running = bench.start();
    let forwarding = bench.forwarder(&running).start();
    running.visits(3000).await;
    running.stop(forwarding).await;
    let before = segment::numbers(&bench.journal()).unwrap();
    assert!(before.len() > 1, "{before:?}");
    let old = SystemTime::now() - Duration::from_secs(11 * 60);
    let (last, olds) = before.split_last().unwrap();
    for number in olds {
        let file = fs::File::options().write(true).open(segment::path(&bench.journal(), *number)).unwrap();
        file.set_modified(old).unwrap();
    }
    let running = bench.start();
    let forwarding = bench.forwarder(&running).start();
    until(|| segment::numbers(&bench.journal()).unwrap().first() == Some(last)).await;
    running.stop(forwarding).await;
    assert_eq!(segment::numbers(&bench.journal()).unwrap().first(), Some(last), "it is young");
}
