//! The log tells which key a collector encrypts with, whenever that changes.

use std::fs::{self, File};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemas::event::{Control, Event, Order};
use schemas::keys::{Clocks, DayKey, KeyId, Keys};

use crate::running::{ORIGIN, PARTITIONS, Running, configuration};

const NEW: KeyId = KeyId([77; 16]);
const HIT: &str = r#"{"site":"example.com","url":"/a"}"#;

/// An operator puts another key in the place of today's, and upkeep finds it; all keys there were.
fn replace_key(running: &Running) -> Keys {
    let now = Timestamp::now();
    let old = running.keys.sealing_key(now).unwrap();
    let day = now.to_zoned(TimeZone::UTC).date();
    let path = running.data.path().join(format!("keys/{day}.key"));
    fs::write(&path, [77; 48]).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    running.keys.maintain(Clocks::read()).unwrap().1.unwrap();
    [old, DayKey::new(NEW, [77; 32])].into_iter().collect()
}

/// The keys that the log tells, in all copies: each one's lane, the key it names, and the one it is encrypted with.
fn told(running: &Running, keys: &Keys) -> Vec<(u8, KeyId, KeyId)> {
    let told = running.records(keys).into_iter().filter_map(|(header, key, event)| match event {
        Event::Control(Control { order: Some(Order::KeyInUse(told)) }) => {
            Some((header.lane, KeyId(told.key.try_into().unwrap()), key))
        }
        _ => None,
    });
    told.collect()
}

fn copies(key: KeyId) -> Vec<(u8, KeyId, KeyId)> {
    (0..PARTITIONS).map(|lane| (lane, key, key)).collect()
}

#[tokio::test]
async fn each_key_is_told_once_and_nothing_behind_it_needs_an_older_one() {
    let running = Running::start(&configuration("opt-out")).await;
    let old = running.keys.sealing_key(Timestamp::now()).unwrap().id();
    running.service.tell_key().await;
    running.service.tell_key().await;
    assert_eq!(told(&running, &running.keys.keys()), copies(old));
    assert_eq!(running.ask("POST /hit", &[ORIGIN], HIT).await.status, 204);

    let keys = replace_key(&running);
    assert_eq!(running.ask("POST /hit", &[ORIGIN], HIT).await.status, 204);
    running.service.tell_key().await;
    running.service.tell_key().await;
    assert_eq!(running.ask("POST /hit", &[ORIGIN], HIT).await.status, 204);
    assert_eq!(told(&running, &keys), [copies(old), copies(NEW)].concat());
    let used: Vec<KeyId> = running.records(&keys).iter().map(|(_, key, _)| *key).collect();
    assert_eq!(
        used,
        [vec![old; 2 + usize::from(PARTITIONS)], vec![NEW; 2 + usize::from(PARTITIONS)]].concat()
    );
}

#[tokio::test]
async fn upkeep_tells_a_new_key_as_soon_as_a_hit_is_encrypted_with_it() {
    let running = Running::start(&configuration("opt-out")).await;
    let old = running.keys.sealing_key(Timestamp::now()).unwrap().id();
    let service = running.service.clone();
    let upkeep = tokio::spawn(async move { service.upkeep().await });
    until(&running, &running.keys.keys(), &copies(old)).await;
    let keys = replace_key(&running);
    assert_eq!(running.ask("POST /hit", &[ORIGIN], HIT).await.status, 204);
    until(&running, &keys, &[copies(old), copies(NEW)].concat()).await;
    upkeep.abort();
}

async fn until(running: &Running, keys: &Keys, expected: &[(u8, KeyId, KeyId)]) {
    let started = Instant::now();
    while told(running, keys) != expected {
        // Upkeep looks by itself only every 15 s.
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", told(running, keys));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
