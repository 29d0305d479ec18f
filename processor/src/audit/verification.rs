//! Follows the chain, entry by entry, and stops at the first link that is bad.

use std::fmt;

use super::{Entry, Head};

/// A row of the table: by number, and of one number the one that counts first.
pub type Link = Entry;

/// What a chain without a bad link tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Entries that count.
    pub entries: u64,
    /// Entries that lost their number to another one and were appended again.
    pub superseded: u64,
    /// The last entry.
    pub head: Head,
    /// The number of the entry whose hash was noted earlier, if it is in the chain.
    pub noted: Option<u64>,
}

/// The first bad link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("audit entry {number}: {wrong}")]
pub struct BadLink {
    /// Which entry.
    pub number: u64,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What is wrong with a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// There is no such entry, but there are later ones.
    Gap,
    /// It was changed.
    Hash,
    /// It does not name the entry before, which was changed, removed or put in.
    Previous,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gap => "gap: it is missing, and later ones are there",
            Self::Hash => "hash: it is not that of what the entry says; the entry was changed",
            Self::Previous => {
                "previous: it does not name the hash of the entry before; one was changed, removed or put in"
            }
        })
    }
}

/// A walk along the chain.
#[derive(Debug, Default)]
pub struct Verification {
    noted: Option<String>,
    /// The last entry that counts, and the one before it.
    head: Head,
    before: Head,
    superseded: u64,
    noted_at: Option<u64>,
}

impl Verification {
    /// Looks on its way for the entry of a hash that was noted earlier.
    pub fn new(noted: Option<String>) -> Self {
        Self { noted: noted.map(|hash| hash.to_ascii_lowercase()), ..Self::default() }
    }

    /// Takes the next row: they come by number, and of one number the one that counts first.
    ///
    /// # Errors
    /// When it is bad.
    pub fn take(&mut self, link: &Link) -> Result<(), BadLink> {
        if link.number == self.head.number && link.number > 0 {
            return self.take_superseded(link);
        }
        let expected = self.head.number.saturating_add(1);
        if link.number != expected {
            return Err(BadLink { number: expected, wrong: Wrong::Gap });
        }
        check(link, &self.head)?;
        self.before = std::mem::replace(&mut self.head, link.head());
        if self.noted.as_ref() == Some(&link.hash) {
            self.noted_at = Some(link.number);
        }
        Ok(())
    }

    /// Of two programs that wrote at once, the one that came second appended again. A repeated insert gives the same entry twice.
    fn take_superseded(&mut self, link: &Link) -> Result<(), BadLink> {
        check(link, &self.before)?;
        if link.hash != self.head.hash {
            self.superseded += 1;
        }
        Ok(())
    }

    /// What was found.
    pub fn finish(self) -> Verified {
        let Self { head, superseded, noted_at: noted, .. } = self;
        Verified { entries: head.number, superseded, head, noted }
    }
}

fn check(link: &Link, before: &Head) -> Result<(), BadLink> {
    let bad = |wrong| Err(BadLink { number: link.number, wrong });
    if link.computed_hash() != link.hash {
        return bad(Wrong::Hash);
    }
    if link.previous != before.hash { bad(Wrong::Previous) } else { Ok(()) }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, superseded, head, noted } = self;
        if let Some(number) = noted {
            writeln!(f, "the noted hash is that of entry {number}")?;
        }
        if *superseded > 0 {
            writeln!(f, "{superseded} entries were superseded and appended again")?;
        }
        write!(f, "{entries} audit entries, no bad link; the last one's hash, to be noted, is {}", head.hash)
    }
}

#[cfg(test)]
mod tests;
