//! Stories about collectors, Apache Kafka, processors and ClickHouse as programs of their own.

mod access;
mod erasure;
mod goals;
mod holes;
mod operator;
mod outages;
mod records;
mod visitors;

use std::path::Path;
use std::time::Duration;

use tests::chain::{Chain, Member, Plan};
use tests::client::ClickHouse;
use tokio::time::Instant;

/// Longest wait for what is bound to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Nobody is held back, and visitors come from where they say.
const OPEN: &str = "[limits]\nhits_per_second = 1000000\nburst = 1000000\n\n\
                    [collector]\ntrusted_proxies = [\"127.0.0.1/32\"]\n\n\
                    [processor]\nhole_check_seconds = 1\n";

/// A chain that runs.
async fn chain(plan: Plan, folder: &Path) -> Chain {
    let configuration = format!("{OPEN}{}", plan.configuration);
    let mut chain = Chain::prepare(&Plan { configuration, ..plan }, folder).await.unwrap();
    chain.begin_all().await.unwrap();
    chain
}

/// Waits until a question has its answer.
async fn until(operator: &ClickHouse, question: &str, answer: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let said = operator.query(question).await.unwrap();
        if said.trim() == answer {
            return;
        }
        assert!(Instant::now() < until, "{question} gives {said}, not {answer}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until a metric is what it should be.
async fn until_metric(chain: &mut Chain, member: Member, name: &str, is_right: impl Fn(u64) -> bool) {
    let until = Instant::now() + PATIENCE;
    loop {
        let value = chain.metric(member, name).await.ok();
        if value.is_some_and(&is_right) {
            return;
        }
        assert!(Instant::now() < until, "{member:?} has {name} {value:?}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until a program has said something in its log.
async fn until_said(chain: &mut Chain, member: Member, text: &str) {
    let (path, until) = (chain.data(member).unwrap().with_extension("log"), Instant::now() + PATIENCE);
    loop {
        let said = std::fs::read_to_string(&path).unwrap_or_default();
        if said.contains(text) {
            return;
        }
        assert!(Instant::now() < until, "{member:?} did not say {text:?} but:\n{said}");
        tokio::time::sleep(LOOK).await;
    }
}
