//! Reads a body within its size and time; a client that stops sending is not waited for.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

use crate::refusal::Refusal;

/// Largest body: browsers let a page's beacons carry 64 KiB in all (Fetch, "keepalive" quota).
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long the next piece of a body may take.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the whole body may take, piece by piece.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// The whole body.
pub(crate) async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    timeout(BODY_TIMEOUT, read_pieces(body)).await.unwrap_or(Err(Refusal::TooSlow))
}

async fn read_pieces(mut body: Incoming) -> Result<Bytes, Refusal> {
    const TOO_LARGE: Refusal = Refusal::TooLarge { max_bytes: BODY_BYTES_MAX };
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(TOO_LARGE);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = timeout(PROGRESS_TIMEOUT, body.frame()).await.map_err(|_| Refusal::TooSlow)? {
        let Ok(piece) = frame.map_err(|_| Refusal::BrokenBody)?.into_data() else { continue };
        if whole.len() + piece.len() > BODY_BYTES_MAX {
            return Err(TOO_LARGE);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}
