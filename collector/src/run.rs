//! `collector run`: hits in, records out to Kafka, until SIGTERM or SIGINT.

use std::path::Path;
use std::sync::Arc;

use schemas::configuration::{Configuration, Kafka};
use schemas::keys::{KeyDirectoryError, KeyKeeper};

use crate::data::{self, DataError};
use crate::forwarder::{Forwarder, ForwarderError};
use crate::kafka::topic::{TopicError, ensure_topic};
use crate::listeners::{BindError, Listeners};
use crate::orders::Copies;
use crate::process::{FAILED, WRONG, say, stop_signal, told};
use crate::service::{Service, ServiceError};

/// Why a collector does not start, or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Its directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A port cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The topic is wrong, or the settings of the client are.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyDirectoryError),
    /// The journal or a site's rules cannot be used.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// It is not known how far the journal is shipped.
    #[error(transparent)]
    Forwarder(#[from] ForwarderError),
    /// Signals cannot be heard.
    #[error("signals cannot be heard: {0}")]
    Signals(#[from] std::io::Error),
    /// A mistake in the program.
    #[error("the forwarder panicked; this is a bug: {0}")]
    Panicked(#[from] tokio::task::JoinError),
}

impl RunError {
    /// The program's exit code: what the configuration alone can put right is its mistake.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Topic(
                TopicError::Settings(_) | TopicError::Partitions { .. } | TopicError::TooFewBrokers { .. },
            )
            | Self::Service(ServiceError::Pages(_)) => WRONG,
            _ => FAILED,
        }
    }
}

/// Runs until it is told to stop, then drains; a second signal ends it at once, which loses nothing.
///
/// # Errors
/// When a part cannot start. A cluster that cannot be reached is no reason: hits are kept until it can.
pub async fn run(configuration: Configuration, data: &Path) -> Result<(), RunError> {
    let stop = stop_signal()?;
    let data = data::open(data)?;
    let listeners = Listeners::bind(&configuration.collector).await?;
    check_topic(&configuration.kafka).await?;
    let keys = Arc::new(KeyKeeper::open(&configuration.keys.directory(&data))?);
    let copies = Copies::for_partitions_of(&configuration.kafka);
    let service = Service::open(configuration, &data, keys, copies)?;
    service.tell_key().await;
    let mut forwarding = Forwarder::open(&service, &data)?.start();

    say(format!("collector http://{}", listeners.collector));
    say(format!("admin http://{}", listeners.admin));
    let serving = listeners.serve(&service, String::new, stop.clone());
    say("ready");
    let ended = tokio::select! {
        () = told(stop) => None,
        ended = forwarding.ended() => Some(ended),
        () = service.upkeep() => None,
    };
    service.stop();
    serving.finish().await;
    service.close().await;
    match ended {
        Some(ended) => Ok(ended?),
        None => Ok(forwarding.finish().await?),
    }
}

/// A wrong topic must be known before the first hit is taken; one that cannot be looked at yet is the forwarder's business.
async fn check_topic(kafka: &Kafka) -> Result<(), TopicError> {
    match ensure_topic(kafka).await {
        Err(error) if error.is_retryable() => {
            tracing::warn!(%error, "hits are taken and kept in the journal");
            Ok(())
        }
        checked => checked,
    }
}
