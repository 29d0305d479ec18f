//! A request's body on its way from the connection to the thread that runs the statement.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::compression::BlockDecoder;
use super::exception;
use crate::engine::Exception;

/// Longest wait for the next bytes, ClickHouse's `http_receive_timeout`.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);
/// Pieces on their way.
const CHANNEL_PIECES: usize = 8;
/// How much of a body nobody wants is read on, so that the client can see why.
const DRAINED_MOST_BYTES: usize = 64 << 20;

/// `None` ends the body. Without it the body broke off: an INSERT of half of the rows must not be kept.
type Piece = Result<Option<Bytes>, Exception>;

/// A body, read from a blocking thread.
pub(super) struct Body {
    pieces: mpsc::Receiver<Piece>,
    blocks: Option<BlockDecoder>,
    ended: bool,
}

impl Body {
    /// Starts to receive a body.
    pub(super) fn receive(incoming: Incoming, decompress: bool) -> Self {
        let (sender, pieces) = mpsc::channel(CHANNEL_PIECES);
        tokio::spawn(pump(incoming, sender));
        Self { pieces, blocks: decompress.then(BlockDecoder::default), ended: false }
    }

    /// A body without bytes.
    pub(super) fn empty() -> Self {
        Self { pieces: mpsc::channel(1).1, blocks: None, ended: true }
    }

    /// The next bytes, decompressed; `None` at the end.
    pub(super) fn next(&mut self) -> Piece {
        loop {
            if let Some(data) = self.blocks.as_mut().map(BlockDecoder::next).transpose()?.flatten() {
                return Ok(Some(data.into()));
            }
            let piece = self.receive_piece()?;
            match (piece, &mut self.blocks) {
                (Some(piece), Some(blocks)) => blocks.push(&piece),
                (None, Some(blocks)) => return blocks.end().map(|()| None),
                (piece, None) => return Ok(piece),
            }
        }
    }

    fn receive_piece(&mut self) -> Piece {
        if self.ended {
            return Ok(None);
        }
        let broken = || Err(exception::network("the request's body broke off"));
        let piece = self.pieces.blocking_recv().unwrap_or_else(broken)?;
        self.ended = piece.is_none();
        Ok(piece)
    }

    /// Appends bytes to `text` until the body ends (true) or `text` is longer than `most_bytes` (false).
    pub(super) fn read_into(&mut self, text: &mut Vec<u8>, most_bytes: usize) -> Result<bool, Exception> {
        while text.len() <= most_bytes {
            match self.next()? {
                Some(data) => text.extend_from_slice(&data),
                None => return Ok(true),
            }
        }
        Ok(false)
    }
}

async fn pump(mut incoming: Incoming, sender: mpsc::Sender<Piece>) {
    loop {
        let piece = receive(&mut incoming).await;
        let is_last = !matches!(piece, Ok(Some(_)));
        let wanted = sender.send(piece).await.is_ok();
        if is_last {
            return;
        }
        if !wanted {
            return drain(incoming).await;
        }
    }
}

async fn receive(incoming: &mut Incoming) -> Piece {
    loop {
        let frame = timeout(PROGRESS_TIMEOUT, incoming.frame()).await;
        let frame = frame.map_err(|_| exception::network("the request's body stopped for 30 seconds"))?;
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame.map_err(|_| exception::network("the client broke off the request's body"))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

async fn drain(mut incoming: Incoming) {
    let mut bytes = 0;
    while let Ok(Some(data)) = receive(&mut incoming).await {
        bytes += data.len();
        if bytes > DRAINED_MOST_BYTES {
            return;
        }
    }
}
