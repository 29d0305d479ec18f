//! What a hit can be. The list is closed.

use std::{fmt, str::FromStr};

use crate::event::Kind;

/// The kind of a hit, as in the hit's JSON and in the column `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HitKind {
    /// A page was shown.
    View,
    /// A page was left; says how long it was in use.
    Leave,
    /// Something the site named happened, such as a goal.
    Event,
    /// A link to another site was followed.
    Outbound,
    /// A file was fetched.
    Download,
}

impl HitKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::View, Self::Leave, Self::Event, Self::Outbound, Self::Download];

    /// The kind's name on the wire and in ClickHouse.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Leave => "leave",
            Self::Event => "event",
            Self::Outbound => "outbound",
            Self::Download => "download",
        }
    }

    /// Whether a hit of this kind begins and prolongs visits, uses up a state's one-use number and has its cookie rewritten.
    /// Only views and events do: the others are sent while the page goes away, when answers overtake each other.
    #[must_use]
    pub fn advances_visit(self) -> bool {
        matches!(self, Self::View | Self::Event)
    }
}

impl From<Kind> for HitKind {
    /// A kind that this version does not know is a view.
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Unspecified | Kind::View => Self::View,
            Kind::Leave => Self::Leave,
            Kind::Event => Self::Event,
            Kind::Outbound => Self::Outbound,
            Kind::Download => Self::Download,
        }
    }
}

impl fmt::Display for HitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no kind of hit.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown kind of hit: use view, leave, event, outbound or download")]
pub struct UnknownHitKind;

impl FromStr for HitKind {
    type Err = UnknownHitKind;

    fn from_str(text: &str) -> Result<Self, UnknownHitKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownHitKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_and_named_in_the_error() {
        for kind in HitKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert!(UnknownHitKind.to_string().contains(kind.as_str()));
        }
        assert_eq!("View".parse::<HitKind>(), Err(UnknownHitKind));
        assert_eq!("".parse::<HitKind>(), Err(UnknownHitKind));
    }
}
