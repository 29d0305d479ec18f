//! Journal segments are removed when their rows are written and no key opens them any more, or, when the journal gets
//! full, as soon as no open day needs them for a warm-up.

use std::time::{Duration, SystemTime};

use collector::journal::due;
use collector::service::Service;
use schemas::journal::{Position, PositionFile};
use tokio::time::interval;

use crate::data::Data;

/// A record lives 48 hours at most, and a segment as long as its youngest record.
const LIFE: Duration = Duration::from_secs(48 * 60 * 60);
/// No site's open day, with its grace of two hours, began longer ago.
const OPEN_DAY: Duration = Duration::from_secs(27 * 60 * 60);
/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(10 * 60);

/// Removes what is due, again and again, until it is dropped.
pub async fn keep(service: &Service, data: &Data) {
    let mut rounds = interval(ROUND);
    loop {
        rounds.tick().await;
        let (journal, data) = (service.collector.recorder.journal().clone(), data.path().to_owned());
        let is_filling = journal.used_bytes() > service.collector.configuration.limits.journal_bytes / 4 * 3;
        let life = if is_filling { OPEN_DAY } else { LIFE };
        let removed = tokio::task::spawn_blocking(move || {
            let written =
                PositionFile::new(data.join("position")).load().ok().flatten().unwrap_or(Position::START);
            journal.trim(due(&data.join("journal"), written, (SystemTime::now(), life)))
        });
        match removed.await {
            Ok(Ok(bytes)) if bytes > 0 => tracing::info!(bytes, "expired journal segments removed"),
            Ok(Err(error)) => tracing::error!(%error, "expired journal segments could not be removed"),
            _ => {}
        }
    }
}
