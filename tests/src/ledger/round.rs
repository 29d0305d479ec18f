//! One round: load, kill, restart on the same data directory, catch up, judge.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use tokio::time::Instant;

use super::Plan;
use super::hit::{SITE, prefix};
use super::load;
use super::schedule::Schedule;
use super::verdict::{self, Book, Entry, MARKER, Verdict};
use crate::server::{Options, Server};

/// Longest time to write what was acknowledged.
const CATCH_UP: Duration = Duration::from_secs(60);
/// Longest time between two commits under load.
const COMMIT: Duration = Duration::from_secs(3);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// One round.
pub struct Round {
    /// What it is a part of.
    pub plan: Plan,
    /// 1, 2, 3, …
    pub number: u32,
    /// When it kills.
    pub schedule: Schedule,
}

impl Round {
    /// Gives the restarted program, which has caught up, and what was sent.
    ///
    /// # Errors
    /// When the program does not start, answer or catch up again.
    pub async fn play(&self, server: Server, options: Options<'_>) -> Result<(Server, Vec<Entry>)> {
        let sender = server.sender();
        let (round, clients) = (self.number, self.plan.clients);
        let sending = tokio::spawn(async move { load::send(&sender, round, clients).await });
        tokio::time::sleep(self.schedule.life).await;
        if self.schedule.at_commit {
            next_commit(options.data).await;
        }
        server.kill().await?;
        let mut entries = sending.await?;
        if let Some(life) = self.schedule.second_life {
            Server::start_and_kill(options, life).await?;
        }
        let server = Server::start(options).await?;
        load::send_again(&server.sender(), &mut entries).await;
        catch_up(&server, &format!("{}{MARKER}", prefix(round))).await?;
        Ok((server, entries))
    }

    /// What became of this round's hits.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn judge(&self, server: &Server, entries: &[Entry], data: &Path) -> Result<Verdict> {
        let book = Book::of(entries);
        verdict::of(server, &book, &prefix(self.number), data).await
    }
}

/// Waits until the processor has remembered a later position; not for ever, as none may come.
async fn next_commit(data: &Path) {
    let position = || std::fs::read(data.join("position")).ok();
    let (before, until) = (position(), Instant::now() + COMMIT);
    while position() == before && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Sends one more hit and waits for its row: a journal is read in the order it was written, so all before it have
/// theirs by then.
///
/// # Errors
/// When the hit is not acknowledged, or has no row after a minute.
pub async fn catch_up(server: &Server, page: &str) -> Result<()> {
    let hit = json!({ "site": SITE, "url": format!("http://localhost{page}") });
    let status = server.hit(&hit).await?;
    ensure!(status == 204, "the marker was answered {status}");
    let question = format!("SELECT count() FROM open_hits WHERE page = '{page}'");
    let until = Instant::now() + CATCH_UP;
    while server.query(&question).await?.trim() != "1" {
        ensure!(Instant::now() < until, "the processor did not catch up within {CATCH_UP:?}");
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
