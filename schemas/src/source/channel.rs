//! The kinds of sources: a closed list, as ClickHouse keeps it.

use std::fmt;

/// The kind of what brought a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Typed, bookmarked, or without a referrer.
    Direct,
    /// From a page of the site itself.
    Internal,
    /// An unpaid result of a search engine.
    Search,
    /// A social network, forum or video site.
    Social,
    /// An assistant that answers in its own words and links here.
    AiAssistant,
    /// A newsletter or webmail.
    Email,
    /// An advertisement of any kind, by the link's medium or an advertiser's click id.
    Paid,
    /// Any other website.
    Referral,
    /// A tagged link of a medium that no other channel covers (affiliate, print, QR code, push).
    Campaign,
    /// A forged referrer that advertises itself.
    Spam,
}

impl Channel {
    /// Every channel, in the order of the enum.
    pub const ALL: [Self; 10] = [
        Self::Direct,
        Self::Internal,
        Self::Search,
        Self::Social,
        Self::AiAssistant,
        Self::Email,
        Self::Paid,
        Self::Referral,
        Self::Campaign,
        Self::Spam,
    ];

    /// The name in ClickHouse and in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Internal => "internal",
            Self::Search => "search",
            Self::Social => "social",
            Self::AiAssistant => "ai_assistant",
            Self::Email => "email",
            Self::Paid => "paid",
            Self::Referral => "referral",
            Self::Campaign => "campaign",
            Self::Spam => "spam",
        }
    }

    /// The channel with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }

    /// What a link's `utm_medium` says, after Google Analytics' default channel groups, with all paid ones taken together.
    /// `source` is the channel of the link's source. `None` when there is no medium.
    pub(super) fn of_medium(medium: &str, source: Self) -> Option<Self> {
        Some(match medium {
            "" => return None,
            _ if is_paid(medium) => Self::Paid,
            "organic" | "search" | "seo" => match source {
                Self::Social | Self::AiAssistant => source,
                _ => Self::Search,
            },
            "social" | "social-network" | "social-media" | "social_network" | "social_media" | "sm" => {
                Self::Social
            }
            "email" | "e-mail" | "e_mail" | "mail" | "newsletter" => Self::Email,
            "ai" | "ai-assistant" | "ai_assistant" | "llm" => Self::AiAssistant,
            "referral" | "app" | "link" => match source {
                Self::Search | Self::Social | Self::AiAssistant | Self::Email => source,
                _ => Self::Referral,
            },
            _ => Self::Campaign,
        })
    }
}

/// `cpc`, `ppc`, `paid-social`, `display`: the words of Google Analytics' paid and display groups, as a closed list, since its
/// `.*cp.*` would take any word with these letters.
fn is_paid(medium: &str) -> bool {
    medium.starts_with("paid")
        || matches!(
            medium,
            "cpc"
                | "cpm"
                | "cpv"
                | "cpa"
                | "cpp"
                | "cpl"
                | "ppc"
                | "ppv"
                | "retargeting"
                | "remarketing"
                | "display"
                | "banner"
                | "expandable"
                | "interstitial"
                | "ad"
                | "ads"
                | "sea"
                | "sem"
                | "sponsored"
                | "promoted"
        )
}

impl fmt::Display for Channel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
