//! What the forwarder makes of brokers that fail.

use std::sync::atomic::{AtomicU32, Ordering};

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::*;
use crate::kafka::SettingsError;

/// Ships through `errors` that the broker gives as answers, and gives how often the forwarder had to begin anew.
async fn ship_through(errors: &[RDKafkaRespErr]) -> u64 {
    let bench = Bench::new();
    let running = bench.start();
    let forwarding = bench.forwarder(&running).start();
    running.visits(50).await;
    running.until_shipped(51).await;
    bench.cluster.request_errors(RDKafkaApiKey::Produce, errors);
    running.visits(200).await;
    running.until_shipped(251).await;
    let service = running.service.clone();
    let begun_anew = running.errors("delivery") + running.errors("producer");
    running.stop(forwarding).await;
    let end = *service.confirmed().borrow();
    assert_same(&bench.first_copies(), &bench.confirmed(end));
    assert_eq!(bench.position_file().load().unwrap(), Some(end));
    begun_anew
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_by_is_waited_for() {
    let errors = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ];
    assert_eq!(ship_through(&errors).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_go_by_is_shipped_again_by_a_new_producer() {
    for error in [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
    ] {
        assert!(ship_through(&[error]).await > 0, "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_lets_the_journal_grow_and_no_place_is_stored() {
    let bench = Bench::new();
    let running = bench.start();
    bench.cluster.broker_down(1).unwrap();
    let forwarding = bench.forwarder(&running).start();
    running.visits(100).await;
    until(|| running.metric("forward_lag_seconds") > 0).await;
    assert!(running.metric("forward_lag_bytes") > 100 * 100);
    assert_eq!(running.telemetry().forwarded.get(), 0);
    assert_eq!(bench.position_file().load().unwrap(), None);
    running.service.collector.recorder.admit().unwrap();

    bench.cluster.broker_up(1).unwrap();
    running.until_shipped(101).await;
    until(|| running.metric("forward_lag_bytes") == 0).await;
    assert_same(&bench.topic(), &bench.confirmed(running.end()));
    running.stop(forwarding).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_comes_late_is_waited_for() {
    let bench = Bench::new();
    let running = bench.start();
    let mut forwarder = bench.forwarder(&running);
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    forwarder.check = Box::new(move |kafka| {
        let is_there = counter.fetch_add(1, Ordering::Relaxed) >= 2;
        let unreachable =
            || TopicError::Unreachable { brokers: kafka.brokers.clone(), problem: "refused".into() };
        Box::pin(std::future::ready(if is_there { Ok(()) } else { Err(unreachable()) }))
    });
    let forwarding = forwarder.start();
    running.visits(5).await;
    running.until_shipped(6).await;
    assert_eq!(running.errors("unreachable"), 2);
    assert_same(&bench.topic(), &bench.confirmed(running.end()));
    running.stop(forwarding).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_topic_is_shown_and_nothing_is_shipped() {
    let bench = Bench::new();
    let running = bench.start();
    let mut forwarder = bench.forwarder(&running);
    forwarder.check = Box::new(|_| {
        let wrong = SettingsError::Refused("wrong".into());
        Box::pin(std::future::ready(Err(wrong.into())))
    });
    let forwarding = forwarder.start();
    running.visits(5).await;
    until(|| running.errors("topic") == 1).await;
    assert_eq!(running.metric("forwarding"), 0);
    running.service.collector.recorder.admit().unwrap();
    running.stop(forwarding).await;
    assert_eq!(count(&bench.topic()), 0);
    assert_eq!(bench.position_file().load().unwrap(), None);
}
