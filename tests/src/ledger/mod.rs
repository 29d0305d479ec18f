//! The ledger: every hit has a page of its own, the program is killed again and again, and in the end every
//! acknowledged hit is counted exactly once, every refused one never, every unknown one at most once.

pub mod fault;
pub mod hit;
pub mod kafka;
pub mod load;
pub mod round;
pub mod schedule;
pub mod verdict;

use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::server::{Options, Server};
use round::Round;
use schedule::Schedule;
use verdict::{Book, Verdict};

/// What is played.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Kills, at least.
    pub rounds: u32,
    /// What the moments of the kills are drawn from. The load itself runs as fast as it can, so that two runs of one
    /// seed differ in their hits.
    pub seed: u64,
    /// Clients that send at the same time, each its next hit when the last one is answered.
    pub clients: usize,
}

/// Plays all rounds on one data directory; `tell` hears of each. The verdict is on all hits of all rounds together,
/// judged once more at the end.
///
/// # Errors
/// When the program does not start, does not answer or does not catch up.
pub async fn play(plan: Plan, data: &Path, mut tell: impl FnMut(&str)) -> Result<Verdict> {
    let mut random = StdRng::seed_from_u64(plan.seed);
    let configuration = configuration(Timestamp::now());
    let options = Options { configuration: Some(&configuration), ..Options::new(data) };
    let mut book = Book::default();
    let mut server = Server::start(options).await?;
    for number in 1..=plan.rounds {
        let schedule = Schedule::draw(&mut random);
        let round = Round { plan, number, schedule };
        let (restarted, entries) = round.play(server, options).await?;
        server = restarted;
        let verdict = round.judge(&server, &entries, data).await?;
        tell(&format!("round {number}, {schedule}: {verdict}"));
        book.add(entries);
    }
    let verdict = verdict::of(&server, &book, "/", data).await?;
    server.stop().await?;
    Ok(verdict)
}

/// One site without a limit per client network, in whose time zone it is about noon: a hit sent again after its day
/// would be another hit. Segments are as small as they may be, so that a round takes several.
fn configuration(now: Timestamp) -> String {
    let hour = now.to_zoned(jiff::tz::TimeZone::UTC).hour();
    // The sign of these zones is that of POSIX: `Etc/GMT+3` is three hours behind.
    format!(
        "[limits]\nhits_per_second = 1000000\nburst = 1000000\nsegment_bytes = 1048576\n\n\
         [[site]]\nname = \"{}\"\nhosts = [\"localhost\"]\ntime_zone = \"Etc/GMT{:+}\"\n",
        hit::SITE,
        hour - 12
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::configuration::Configuration;

    #[test]
    fn at_any_time_the_site_is_far_from_its_midnight() {
        for hour in 0..24 {
            let now: Timestamp = format!("2026-11-22T{hour:02}:30:00Z").parse().unwrap();
            let text = configuration(now);
            let configuration = Configuration::parse(&text, "test", std::iter::empty()).unwrap();
            let zone = configuration.sites.by_name(hit::SITE).unwrap().time_zone.clone();
            assert_eq!(now.to_zoned(zone).hour(), 12, "{text}");
        }
    }
}
