//! What the stories rely on: records survive a kill, proxies come between, passwords are asked for.

use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::*;
use crate::proxy::Proxy;

const TOPIC: &str = "visits";
/// Longest wait for what is bound to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a test waits for what must not come.
const SILENCE: Duration = Duration::from_millis(500);

fn at(address: SocketAddr, access: Option<&Access>) -> ClientConfig {
    let mut client = access.map_or_else(ClientConfig::new, Access::client);
    client.set("bootstrap.servers", address.to_string()).set("reconnect.backoff.max.ms", "200");
    client
}

async fn produce(client: &ClientConfig, text: &str) {
    let producer: FutureProducer = client.create().unwrap();
    let record: FutureRecord<'_, (), str> = FutureRecord::to(TOPIC).payload(text);
    producer.send(record, PATIENCE).await.unwrap();
}

/// The texts of the topic's first records.
fn consume(client: &ClientConfig, count: usize) -> Vec<String> {
    let consumer: BaseConsumer = client.clone().set("group.id", "test").create().unwrap();
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(TOPIC, 0, Offset::Beginning).unwrap();
    consumer.assign(&partitions).unwrap();
    let started = Instant::now();
    let mut texts = Vec::new();
    while texts.len() < count {
        assert!(started.elapsed() < PATIENCE, "only {texts:?} came");
        if let Some(Ok(record)) = consumer.poll(SILENCE) {
            texts.push(String::from_utf8_lossy(record.payload().unwrap()).into_owned());
        }
    }
    texts
}

fn answers(client: &ClientConfig, patience: Duration) -> bool {
    let client: BaseConsumer = client.create().unwrap();
    client.fetch_metadata(None, patience).is_ok()
}

/// Why the broker does not let a client in.
fn refusal(client: &ClientConfig) -> RDKafkaErrorCode {
    let client: BaseConsumer = client.clone().set("group.id", "test").create().unwrap();
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < PATIENCE, "nothing came");
        match client.poll(SILENCE) {
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AllBrokersDown) | None => {}
                Some(code) => return code,
            },
            Some(Ok(_)) => panic!("a record came"),
            None => {}
        }
    }
}

#[tokio::test]
async fn a_killed_broker_keeps_what_it_has_acknowledged() {
    let mut broker = Broker::start().await.unwrap();
    let address = broker.address();
    broker.create_topic(TOPIC, 1, &[("message.timestamp.type", "LogAppendTime")]).await.unwrap();
    produce(&broker.client(), "before").await;
    broker.kill().unwrap();
    assert!(!answers(&broker.client(), SILENCE));

    broker.restart().await.unwrap();
    assert_eq!(broker.address(), address);
    produce(&broker.client(), "after").await;
    assert_eq!(consume(&broker.client(), 2), ["before", "after"]);
}

#[tokio::test]
async fn a_paused_broker_is_silent_until_it_goes_on() {
    let broker = Broker::start().await.unwrap();
    broker.pause().unwrap();
    assert!(!answers(&broker.client(), SILENCE));
    broker.resume().unwrap();
    assert!(answers(&broker.client(), PATIENCE));
}

#[tokio::test]
async fn a_listener_behind_a_proxy_leads_clients_through_it() {
    let proxy = Proxy::start().await.unwrap();
    let broker = Broker::start_with(&[Listener::plain("COLLECTORS").behind(proxy.address())]).await.unwrap();
    proxy.forward_to(broker.listener("COLLECTORS").unwrap());
    broker.create_topic(TOPIC, 1, &[]).await.unwrap();

    let through_proxy = at(proxy.address(), None);
    produce(&through_proxy, "through the proxy").await;
    proxy.refuse(true).await.unwrap();
    proxy.reset().await;
    // Known by its own address, the listener still sends clients to the proxy.
    let around = at(broker.listener("COLLECTORS").unwrap(), None);
    let producer: FutureProducer = around.clone().set("message.timeout.ms", "1000").create().unwrap();
    let record: FutureRecord<'_, (), str> = FutureRecord::to(TOPIC).payload("lost");
    assert!(producer.send(record, SILENCE).await.is_err());
    produce(&broker.client(), "direct").await;
    assert_eq!(consume(&broker.client(), 2), ["through the proxy", "direct"]);
}

#[tokio::test]
async fn a_secured_listener_asks_for_the_password_and_shows_its_certificate() {
    let broker = Broker::start_with(&[Listener::secured("PUBLIC")]).await.unwrap();
    broker.create_topic(TOPIC, 1, &[]).await.unwrap();
    let address = broker.listener("PUBLIC").unwrap();
    let access = broker.access().unwrap();
    produce(&at(address, Some(access)), "with the password").await;
    assert_eq!(consume(&at(address, Some(access)), 1), ["with the password"]);

    let mut wrong = at(address, Some(access));
    assert_eq!(refusal(wrong.set("sasl.password", "wrong")), RDKafkaErrorCode::Authentication);
    let folder = tempfile::tempdir().unwrap();
    let other = Access::make(folder.path()).unwrap();
    let mut wary = at(address, Some(access));
    assert_eq!(
        refusal(wary.set("ssl.ca.location", other.authority.to_string_lossy())),
        RDKafkaErrorCode::SSL
    );
}
