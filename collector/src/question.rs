//! Whether a visitor is asked, or told of a new policy. Pure, so that every case stands in one table.

use schemas::choice::Reading;
use schemas::configuration::Mode;

use crate::consent::{Signals, is_void};

/// The policy as far as choices depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyState {
    /// The revision in force.
    pub revision: u32,
    /// The last one that made earlier acceptances void.
    pub material: u32,
}

/// What is shown to a visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Nothing.
    None,
    /// The question.
    Ask,
    /// The policy changed, the choice stands.
    Notice,
}

impl Question {
    /// A refusal is never asked again, and the browser's signal is an answer; only an acceptance that the policy has outgrown
    /// must be renewed.
    pub fn of(mode: Mode, signals: &Signals, policy: PolicyState) -> Self {
        if mode == Mode::Cookieless {
            return Self::None;
        }
        match signals.choice {
            Reading::None | Reading::Malformed if signals.gpc || signals.dnt => Self::None,
            Reading::None | Reading::Malformed => Self::Ask,
            Reading::Made(choice) if is_void(&choice, policy.material) => Self::Ask,
            Reading::Made(choice) if choice.policy_revision < policy.revision => Self::Notice,
            Reading::Made(_) => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::choice::{Choice, Method};

    fn made(statistics: bool, policy_revision: u32) -> Reading {
        Reading::Made(Choice {
            policy_revision,
            statistics,
            marketing: false,
            week: 2968,
            method: Method::Form,
        })
    }

    /// Revision 4 is in force; the last material one is 2.
    #[test]
    fn the_table_of_questions() {
        use Question::{Ask, None, Notice};
        let policy = PolicyState { revision: 4, material: 2 };
        for (choice, quiet, signalling) in [
            (Reading::None, Ask, None),
            (Reading::Malformed, Ask, None),
            (made(true, 1), Ask, Ask),
            (made(true, 2), Notice, Notice),
            (made(true, 3), Notice, Notice),
            (made(true, 4), None, None),
            (made(true, 5), None, None),
            (made(false, 1), Notice, Notice),
            (made(false, 3), Notice, Notice),
            (made(false, 4), None, None),
        ] {
            let of =
                |mode, gpc, dnt| Question::of(mode, &Signals { choice, gpc, dnt, internal: false }, policy);
            for mode in [Mode::OptOut, Mode::OptIn] {
                assert_eq!(of(mode, false, false), quiet, "{mode:?} {choice:?}");
                assert_eq!(of(mode, true, false), signalling, "{mode:?} {choice:?} gpc");
                assert_eq!(of(mode, false, true), signalling, "{mode:?} {choice:?} dnt");
            }
            assert_eq!(of(Mode::Cookieless, false, false), None, "{choice:?}");
        }
    }
}
