//! What can go wrong on the way to Kafka. Nothing of it ends the forwarder: it pauses and goes back.

use schemas::journal::ReadError;

use crate::kafka::topic::TopicError;
use crate::kafka::{ProducerError, SettingsError};

/// Why shipping was broken off.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// There is no topic to ship to.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// There is no producer.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A record was refused, or the producer gave up.
    #[error(transparent)]
    Producer(#[from] ProducerError),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] ReadError),
}

/// The names under which faults are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultName {
    /// No broker answers.
    Unreachable,
    /// The topic, or a setting of the client, is wrong.
    Topic,
    /// A record was not delivered.
    Delivery,
    /// The producer gave up.
    Producer,
    /// The journal cannot be read.
    Journal,
    /// The place cannot be remembered.
    Position,
    /// It cannot be told which numbers are lost.
    Lost,
    /// Old segments cannot be removed.
    Trim,
}

impl FaultName {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Unreachable,
        Self::Topic,
        Self::Delivery,
        Self::Producer,
        Self::Journal,
        Self::Position,
        Self::Lost,
        Self::Trim,
    ];

    /// The counter's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Topic => "topic",
            Self::Delivery => "delivery",
            Self::Producer => "producer",
            Self::Journal => "journal",
            Self::Position => "position",
            Self::Lost => "lost",
            Self::Trim => "trim",
        }
    }
}

impl Fault {
    /// The name under which it is counted.
    pub(super) fn name(&self) -> FaultName {
        match self {
            Self::Topic(error) if error.is_retryable() => FaultName::Unreachable,
            Self::Topic(_) | Self::Settings(_) => FaultName::Topic,
            Self::Producer(ProducerError::Fatal(_)) => FaultName::Producer,
            Self::Producer(ProducerError::NotDelivered(_)) => FaultName::Delivery,
            Self::Journal(_) => FaultName::Journal,
        }
    }
}
