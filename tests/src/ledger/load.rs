//! Clients that send hits until the program is gone, and write down what each was answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::hit::Hit;
use super::verdict::{Answer, Entry};
use crate::server::{Sender, Unanswered};

/// Wait after a request that was not answered.
const AGAIN: Duration = Duration::from_millis(20);

/// Sends a round's hits with many clients, each its next hit when the last one is answered. Ends when all of them have
/// lost the program.
pub async fn send(sender: &Sender, round: u32, clients: usize) -> Vec<Entry> {
    let next = Arc::new(AtomicU64::new(1));
    let mut sending = JoinSet::new();
    for _ in 0..clients {
        sending.spawn(client(sender.clone(), round, Arc::clone(&next)));
    }
    sending.join_all().await.into_iter().flatten().collect()
}

async fn client(sender: Sender, round: u32, next: Arc<AtomicU64>) -> Vec<Entry> {
    let mut entries = Vec::new();
    loop {
        let hit = Hit { round, number: next.fetch_add(1, Ordering::Relaxed) };
        let sent = sender.hit(&hit.json()).await;
        entries.push(Entry { hit, answer: answer(&sent) });
        if sent.is_err() {
            return entries;
        }
    }
}

/// Sends a round's hits to several collectors until `stop`, whatever becomes of them meanwhile.
pub async fn send_until(
    senders: Vec<Sender>,
    round: u32,
    clients: usize,
    stop: Arc<AtomicBool>,
) -> Vec<Entry> {
    let next = Arc::new(AtomicU64::new(1));
    let mut sending = JoinSet::new();
    for sender in senders.into_iter().cycle().take(clients) {
        let (next, stop) = (Arc::clone(&next), Arc::clone(&stop));
        sending.spawn(async move {
            let mut entries = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let hit = Hit { round, number: next.fetch_add(1, Ordering::Relaxed) };
                let sent = sender.hit_from(Some(hit.address()), &hit.json()).await;
                entries.push(Entry { hit, answer: answer(&sent) });
                if sent.is_err() {
                    // Nobody is there; asking at once again would only count how often.
                    tokio::time::sleep(AGAIN).await;
                }
            }
            entries
        });
    }
    sending.join_all().await.into_iter().flatten().collect()
}

/// Sends hits again under their ids: those without an answer, and a few whose sender did not hear it.
pub async fn send_again(sender: &Sender, entries: &mut [Entry]) {
    /// So many that were acknowledged are sent again.
    const ACKNOWLEDGED: usize = 20;
    let with_id = || |entry: &&mut Entry| entry.hit.has_id();
    for entry in entries.iter_mut().filter(with_id()).filter(|entry| entry.answer == Answer::Unknown) {
        if answer(&sender.hit_from(Some(entry.hit.address()), &entry.hit.json()).await)
            == Answer::Acknowledged
        {
            entry.answer = Answer::Acknowledged;
        }
    }
    let acknowledged = entries.iter().rev().filter(|entry| entry.answer == Answer::Acknowledged);
    for entry in acknowledged.filter(|entry| entry.hit.has_id()).take(ACKNOWLEDGED) {
        // Whatever it is answered now: it was acknowledged before.
        sender.hit_from(Some(entry.hit.address()), &entry.hit.json()).await.ok();
    }
}

fn answer(sent: &Result<u16, Unanswered>) -> Answer {
    match sent {
        Ok(200..=299) => Answer::Acknowledged,
        Ok(_) => Answer::Refused,
        Err(error) if error.is_connect() => Answer::Refused,
        Err(_) => Answer::Unknown,
    }
}
