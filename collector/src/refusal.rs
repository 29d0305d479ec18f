//! Every refusal has a name, and this is the one place where it becomes a status, a counter and a text.

use hyper::StatusCode;
use hyper::header::HeaderValue;

/// Why a request was refused. A refused hit is refused before anything is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such endpoint.
    #[error("there is nothing here; see the README for the collector's endpoints")]
    NotFound,
    /// The endpoint exists, but not for this method.
    #[error("this endpoint takes {allowed} only")]
    MethodNotAllowed {
        /// The methods it takes, as the `Allow` header lists them.
        allowed: &'static str,
    },
    /// A site that is not configured.
    #[error("unknown site; add it as [[site]] to footfall.toml, or correct data-site in the tag")]
    UnknownSite,
    /// A page of another host.
    #[error("this page's host is not one of the site's; add it to the site's hosts in footfall.toml")]
    ForeignOrigin,
    /// An order of somebody who is no operator on this machine.
    #[error("only a command on the collector's own machine may order this")]
    NotOperator,
    /// Not JSON at all.
    #[error("the body is no JSON hit and no array of hits: {0}")]
    BadJson(String),
    /// One field is wrong.
    #[error("field {field}: {problem}")]
    BadField {
        /// The field's name.
        field: &'static str,
        /// What is wrong with it; never its value.
        problem: &'static str,
    },
    /// An array of too many hits.
    #[error("at most {max} hits in one request")]
    TooManyHits {
        /// How many are allowed.
        max: usize,
    },
    /// The body is too large.
    #[error("the body has more than {max_bytes} bytes")]
    TooLarge {
        /// How many are allowed.
        max_bytes: usize,
    },
    /// The body stopped coming.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// The connection broke before the body was there.
    #[error("the body did not arrive whole")]
    BrokenBody,
    /// This client network sends too much.
    #[error("too many requests from this network; try again in {retry_seconds} s")]
    TooManyRequests {
        /// When to come again.
        retry_seconds: u64,
    },
    /// The journal has reached its size.
    #[error("the journal is full; the operator sees why in /metrics and the log")]
    JournalFull,
    /// More hits wait for the disk than may.
    #[error("busy; try again shortly")]
    Busy,
    /// The disk does not take what is written.
    #[error("the hit could not be written; try again shortly")]
    NotWritten,
    /// The collector is stopping.
    #[error("stopping; try again shortly")]
    Stopping,
}

/// Every counter's label, so that all are there from the start.
pub const NAMES: [&str; 16] = [
    "not_found",
    "method_not_allowed",
    "unknown_site",
    "foreign_origin",
    "bad_json",
    "bad_field",
    "too_many_hits",
    "too_large",
    "too_slow",
    "broken_body",
    "too_many_requests",
    "journal_full",
    "busy",
    "not_written",
    "stopping",
    "not_operator",
];

impl Refusal {
    /// Its HTTP status (RFC 9110, RFC 6585).
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnknownSite | Self::ForeignOrigin | Self::NotOperator => StatusCode::FORBIDDEN,
            Self::BadJson(_) | Self::BadField { .. } | Self::BrokenBody => StatusCode::BAD_REQUEST,
            Self::TooManyHits { .. } | Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyRequests { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::JournalFull | Self::Busy | Self::NotWritten | Self::Stopping => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    /// Its counter's label.
    pub fn name(&self) -> &'static str {
        let position = match self {
            Self::NotFound => 0,
            Self::MethodNotAllowed { .. } => 1,
            Self::UnknownSite => 2,
            Self::ForeignOrigin => 3,
            Self::BadJson(_) => 4,
            Self::BadField { .. } => 5,
            Self::TooManyHits { .. } => 6,
            Self::TooLarge { .. } => 7,
            Self::TooSlow => 8,
            Self::BrokenBody => 9,
            Self::TooManyRequests { .. } => 10,
            Self::JournalFull => 11,
            Self::Busy => 12,
            Self::NotWritten => 13,
            Self::Stopping => 14,
            Self::NotOperator => 15,
        };
        NAMES[position]
    }

    /// When to come again, for those who are asked to.
    pub fn retry_after(&self) -> Option<HeaderValue> {
        match self {
            Self::TooManyRequests { retry_seconds } => Some(HeaderValue::from(*retry_seconds)),
            Self::JournalFull => Some(HeaderValue::from(60_u64)),
            Self::Busy | Self::NotWritten | Self::Stopping => Some(HeaderValue::from(2_u64)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_asked_to_come_again_is_told_when() {
        for refusal in [
            Refusal::TooManyRequests { retry_seconds: 3 },
            Refusal::JournalFull,
            Refusal::Busy,
            Refusal::Stopping,
        ] {
            assert!(refusal.retry_after().is_some(), "{refusal:?}");
        }
        assert_eq!(Refusal::UnknownSite.retry_after(), None);
    }
}
