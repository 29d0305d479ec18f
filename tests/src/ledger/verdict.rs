//! The judgement: what was answered against what is counted, hit by hit.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::hit::Hit;
use crate::client::ClickHouse;
use crate::program;
use crate::server::Server;

/// The page after a round's prefix by which its end is known.
pub const MARKER: &str = "marker";
/// Wrong hits that are named.
const NAMED: usize = 10;

/// What the sender of a hit was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 2xx: it is counted exactly once.
    Acknowledged,
    /// 4xx or 5xx, or never sent for lack of a connection: it is never counted.
    Refused,
    /// The connection was lost: it is counted once or not.
    Unknown,
}

/// A hit and what its sender was told.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The hit.
    pub hit: Hit,
    /// The last answer that says something.
    pub answer: Answer,
}

/// All that was sent, by page.
#[derive(Debug, Clone, Default)]
pub struct Book(BTreeMap<String, Answer>);

impl Book {
    /// What `entries` say.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        Self(entries.iter().map(|entry| (entry.hit.page(), entry.answer)).collect())
    }

    /// Adds another round's.
    pub fn add(&mut self, entries: Vec<Entry>) {
        self.0.extend(Self::of(&entries).0);
    }
}

/// What the ledger found, in hits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Answered 2xx.
    pub acknowledged: u64,
    /// Refused.
    pub refused: u64,
    /// Without an answer.
    pub unknown: u64,
    /// Of these, counted.
    pub unknown_counted: u64,
    /// Acknowledged and not counted.
    pub lost: u64,
    /// Counted more than once.
    pub doubled: u64,
    /// Refused or never sent, and counted.
    pub phantom: u64,
    /// Records of other kinds than were sent: lost, unreadable, expired, dropped.
    pub unaccounted: u64,
    /// Sequences without a row.
    pub missing: u64,
    /// How often rows were missing for so long that a processor read the log again: a repair that must not be needed.
    pub repairs: u64,
    /// Pages of the first wrong ones.
    pub wrong: Vec<String>,
}

impl Verdict {
    /// Compares what was sent with how often each page is counted.
    #[must_use]
    pub fn judge(book: &Book, counted: &BTreeMap<String, u64>) -> Self {
        let mut verdict = Self::default();
        for (page, answer) in &book.0 {
            let rows = counted.get(page).copied().unwrap_or(0);
            verdict.hit(page, *answer, rows);
        }
        let strangers = counted.keys().filter(|page| !book.0.contains_key(*page));
        for page in strangers.filter(|page| !page.ends_with(MARKER)) {
            verdict.phantom += 1;
            verdict.name(page, "never sent, yet counted");
        }
        verdict
    }

    /// Whether every hit is counted as its sender was told and no sequence is without its row.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.lost + self.doubled + self.phantom + self.unaccounted + self.missing + self.repairs == 0
    }

    fn hit(&mut self, page: &str, answer: Answer, rows: u64) {
        let of_this_answer = match answer {
            Answer::Acknowledged => &mut self.acknowledged,
            Answer::Refused => &mut self.refused,
            Answer::Unknown => &mut self.unknown,
        };
        *of_this_answer += 1;
        match (answer, rows) {
            (Answer::Acknowledged, 1) | (Answer::Refused | Answer::Unknown, 0) => {}
            (Answer::Unknown, 1) => self.unknown_counted += 1,
            (Answer::Acknowledged, 0) => {
                self.lost += 1;
                self.name(page, "acknowledged, not counted");
            }
            (Answer::Refused, _) => {
                self.phantom += 1;
                self.name(page, "refused, yet counted");
            }
            (Answer::Acknowledged | Answer::Unknown, _) => {
                self.doubled += 1;
                self.name(page, "counted more than once");
            }
        }
    }

    fn name(&mut self, page: &str, what: &str) {
        if self.wrong.len() < NAMED {
            self.wrong.push(format!("{page}: {what}"));
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, refused, unknown, unknown_counted, .. } = self;
        let once = if self.lost + self.doubled == 0 { ", each counted once" } else { "" };
        write!(
            f,
            "{acknowledged} hits acknowledged{once}; {refused} refused, {unknown} unknown ({unknown_counted} counted); \
             {} lost, {} doubled, {} sequences missing",
            self.lost, self.doubled, self.missing
        )?;
        if self.phantom + self.unaccounted > 0 {
            write!(f, ", {} counted that must not be, {} unaccounted for", self.phantom, self.unaccounted)?;
        }
        if self.repairs > 0 {
            write!(f, ", {} times the log was read again for missing rows", self.repairs)?;
        }
        Ok(())
    }
}

/// The verdict on a running program that has caught up, on the pages that begin with `prefix`.
///
/// # Errors
/// ClickHouse's.
pub async fn of(server: &Server, book: &Book, prefix: &str, data: &Path) -> Result<Verdict> {
    let mut verdict = by_rows(server.operator(), book, prefix).await?;
    verdict.missing = missing(&program::reconcile(data).await?.said)?;
    Ok(verdict)
}

/// The same, but for sequences that are missing.
///
/// # Errors
/// ClickHouse's.
pub async fn by_rows(operator: &ClickHouse, book: &Book, prefix: &str) -> Result<Verdict> {
    let question = format!(
        "SELECT page, count() FROM open_hits FINAL WHERE kind = 'view' AND startsWith(page, '{prefix}') GROUP BY page"
    );
    let counted = operator.rows::<(String, u64)>(&question).await?.into_iter().collect();
    let mut verdict = Verdict::judge(book, &counted);
    let others = "SELECT count() FROM open_hits FINAL WHERE kind NOT IN ('view', 'repeat', 'control')";
    verdict.unaccounted = operator.query(others).await?.trim().parse()?;
    Ok(verdict)
}

/// The figure in `footfall reconcile`'s last line, such as `7 rows of 2 collectors, 0 sequences missing`.
///
/// # Errors
/// When it says none.
pub fn missing(said: &str) -> Result<u64> {
    let figure = || said.lines().last()?.strip_suffix(" sequences missing")?.rsplit(' ').next()?.parse().ok();
    figure().with_context(|| format!("footfall reconcile said: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(answer: Answer, rows: u64) -> Verdict {
        let hit = Hit { round: 1, number: 1 };
        let counted = (rows > 0).then(|| (hit.page(), rows));
        Verdict::judge(&Book::of(&[Entry { hit, answer }]), &counted.into_iter().collect())
    }

    #[test]
    fn an_acknowledged_hit_is_counted_exactly_once() {
        assert!(judge(Answer::Acknowledged, 1).is_right());
        assert_eq!(judge(Answer::Acknowledged, 0).lost, 1);
        assert_eq!(judge(Answer::Acknowledged, 2).doubled, 1);
    }

    #[test]
    fn a_refused_hit_is_never_counted() {
        assert!(judge(Answer::Refused, 0).is_right());
        assert_eq!(judge(Answer::Refused, 1).phantom, 1);
    }

    #[test]
    fn an_unknown_hit_is_counted_at_most_once() {
        assert!(judge(Answer::Unknown, 0).is_right());
        let counted = judge(Answer::Unknown, 1);
        assert!(counted.is_right() && counted.unknown_counted == 1);
        assert_eq!(judge(Answer::Unknown, 2).doubled, 1);
    }

    #[test]
    fn a_lost_and_a_doubled_hit_do_not_make_up_for_each_other() {
        let entry = |number| Entry { hit: Hit { round: 1, number }, answer: Answer::Acknowledged };
        let entries = [entry(1), entry(2)];
        let counted = BTreeMap::from([(entries[0].hit.page(), 2)]);
        let verdict = Verdict::judge(&Book::of(&entries), &counted);
        assert_eq!((verdict.lost, verdict.doubled), (1, 1));
        assert_eq!(verdict.wrong.len(), 2);
    }

    #[test]
    fn a_page_that_nobody_sent_is_a_phantom_and_a_marker_is_not() {
        let counted = BTreeMap::from([("/r1/h9".to_owned(), 1), (format!("/r1/{MARKER}"), 1)]);
        let verdict = Verdict::judge(&Book::default(), &counted);
        assert_eq!(verdict.phantom, 1);
        assert!(!verdict.is_right());
    }

    #[test]
    fn missing_sequences_are_read_from_the_reconciliation() {
        let said = "missing: collector x sequences 3 to 4\n7 rows of 2 collectors, 2 sequences missing\n";
        assert_eq!(missing(said).unwrap(), 2);
        assert!(missing("footfall: data directory").is_err());
    }
}
