//! Why a hit was not recorded, and what visitors chose: the closed list of bare counts.

use std::fmt;

/// What is counted without a record: per site, local day and policy revision, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A hit not recorded: the visitor refused.
    Refused,
    /// A hit not recorded: the browser signals Global Privacy Control.
    RefusedByGpc,
    /// A hit not recorded: the browser signals Do Not Track.
    RefusedByDnt,
    /// A hit not recorded: the choice cookie cannot be read.
    RefusedByMalformedChoice,
    /// A hit not recorded: the site asks first, and the visitor has not answered.
    Unasked,
    /// A hit not recorded: its visitor would permit it, but it comes from a network of the site's own people.
    Internal,
    /// A visitor accepted statistics.
    ChoseStatistics,
    /// A visitor accepted statistics and marketing.
    ChoseEverything,
    /// A visitor refused.
    ChoseRefusal,
    /// A visitor who had accepted refused.
    Withdrew,
    /// A visitor had what is held of him erased, and refused with it.
    Erased,
    /// The question, or the notice of a new policy, was shown.
    Shown,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 12] = [
        Self::Refused,
        Self::RefusedByGpc,
        Self::RefusedByDnt,
        Self::RefusedByMalformedChoice,
        Self::Unasked,
        Self::Internal,
        Self::ChoseStatistics,
        Self::ChoseEverything,
        Self::ChoseRefusal,
        Self::Withdrew,
        Self::Erased,
        Self::Shown,
    ];

    /// Its name in tables, metrics and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::RefusedByGpc => "refused_by_gpc",
            Self::RefusedByDnt => "refused_by_dnt",
            Self::RefusedByMalformedChoice => "refused_by_malformed_choice",
            Self::Unasked => "unasked",
            Self::Internal => "internal",
            Self::ChoseStatistics => "chose_statistics",
            Self::ChoseEverything => "chose_everything",
            Self::ChoseRefusal => "chose_refusal",
            Self::Withdrew => "withdrew",
            Self::Erased => "erased",
            Self::Shown => "shown",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_outcome() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_name(outcome.as_str()), Some(outcome));
        }
        assert_eq!(Outcome::from_name("unheard of"), None);
    }
}
