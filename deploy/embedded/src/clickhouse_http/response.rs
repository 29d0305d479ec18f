//! Answers: headers, bodies in one or in many pieces, exceptions before and in the middle of a body.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::compression::Encoding;
use super::exception::status;
use super::request::Query;
use crate::engine::{Exception, Statistics};

/// The body of every response.
pub(super) type ResponseBody = BoxBody<Bytes, Infallible>;

const SUMMARY: HeaderName = HeaderName::from_static("x-clickhouse-summary");
const FORMAT: HeaderName = HeaderName::from_static("x-clickhouse-format");
const EXCEPTION_CODE: HeaderName = HeaderName::from_static("x-clickhouse-exception-code");
const EXCEPTION_TAG: HeaderName = HeaderName::from_static("x-clickhouse-exception-tag");
const PLAIN_TEXT: &str = "text/plain; charset=UTF-8";
/// Pieces on their way to the client.
const CHANNEL_PIECES: usize = 4;
/// How long a client may leave a piece unread before its statement is cancelled.
const SEND_TIMEOUT: Duration = Duration::from_secs(300);

/// The beginning of an answer, or all of it.
#[derive(Debug)]
pub(super) struct Answer {
    format: String,
    encoding: Encoding,
    statistics: Statistics,
    /// Already encoded.
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn new(query: &Query, format: &str, statistics: Statistics) -> Self {
        Self { format: format.to_owned(), encoding: query.encoding, statistics, body: Bytes::new() }
    }
}

/// How a statement ended.
pub(super) enum Outcome {
    /// The answer is complete.
    Whole(Answer),
    /// All but the last piece is sent.
    Streamed { pieces: Pieces, last: Bytes },
    /// The client has gone.
    Abandoned,
}

/// What the connection gets to hear first.
pub(super) enum Head {
    Whole(Answer),
    Streamed { answer: Answer, tag: String, pieces: mpsc::Receiver<Bytes> },
}

/// The way from the thread of the statement back to the connection.
pub(super) struct Reply {
    head: Option<oneshot::Sender<Result<Head, Exception>>>,
    runtime: Handle,
}

impl Reply {
    /// To be called within the runtime.
    pub(super) fn new() -> (Self, oneshot::Receiver<Result<Head, Exception>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { head: Some(sender), runtime: Handle::current() }, receiver)
    }

    /// Starts an answer that comes in pieces.
    pub(super) fn start(&mut self, answer: Answer) -> Pieces {
        let (sender, pieces) = mpsc::channel(CHANNEL_PIECES);
        let tag = random_tag();
        self.send(Ok(Head::Streamed { answer, tag: tag.clone(), pieces }));
        Pieces { sender, tag, runtime: self.runtime.clone() }
    }

    /// Ends the answer.
    pub(super) fn finish(mut self, outcome: Result<Outcome, Exception>) {
        match outcome {
            Ok(Outcome::Whole(answer)) => self.send(Ok(Head::Whole(answer))),
            Ok(Outcome::Streamed { pieces, last }) => {
                pieces.send(last);
            }
            Ok(Outcome::Abandoned) => {}
            Err(exception) => self.send(Err(exception)),
        }
    }

    fn send(&mut self, head: Result<Head, Exception>) {
        let Some(sender) = self.head.take() else { return };
        if sender.send(head).is_err() {
            tracing::debug!("a client went away before its answer");
        }
    }
}

/// Where the pieces of an answer go.
pub(super) struct Pieces {
    sender: mpsc::Sender<Bytes>,
    tag: String,
    runtime: Handle,
}

impl Pieces {
    /// Sends a piece, waiting for room; false if the client has gone or reads no more.
    pub(super) fn send(&self, piece: Bytes) -> bool {
        if piece.is_empty() {
            return true;
        }
        let sent = async { tokio::time::timeout(SEND_TIMEOUT, self.sender.send(piece)).await };
        matches!(self.runtime.block_on(sent), Ok(Ok(())))
    }

    /// An exception in the middle of a body, as ClickHouse writes it since 25.11
    /// (`WriteBufferFromHTTPServerResponse::cancelWithException`). The tag in the headers tells it from data.
    pub(super) fn exception_text(&self, exception: &Exception) -> Bytes {
        let message = format!("{}\n", exception.message);
        let (tag, bytes) = (&self.tag, message.len());
        format!("\r\n__exception__\r\n{tag}\r\n{message}{bytes} {tag}\r\n__exception__\r\n").into()
    }
}

fn random_tag() -> String {
    (0..16).map(|_| char::from(rand::random_range(b'a'..=b'z'))).collect()
}

/// The response that begins with `head`.
pub(super) fn answer(head: Head) -> Response<ResponseBody> {
    match head {
        Head::Whole(answer) => whole(answer),
        Head::Streamed { answer, tag, pieces } => {
            let frames = ReceiverStream::new(pieces).map(|piece| Ok(Frame::data(piece)));
            let mut response = Response::new(BodyExt::boxed(StreamBody::new(frames)));
            add_headers(&mut response, &answer, true);
            add(&mut response, EXCEPTION_TAG, &tag);
            response
        }
    }
}

fn whole(answer: Answer) -> Response<ResponseBody> {
    let mut response = Response::new(full(answer.body.clone()));
    add_headers(&mut response, &answer, !answer.body.is_empty());
    response
}

fn add_headers(response: &mut Response<ResponseBody>, answer: &Answer, has_body: bool) {
    add(response, CONTENT_TYPE, content_type(&answer.format));
    add(response, FORMAT, &answer.format);
    add(response, SUMMARY, &summary(&answer.statistics));
    if let Some(encoding) = answer.encoding.name().filter(|_| has_body) {
        add(response, CONTENT_ENCODING, encoding);
    }
}

/// Leaves a header out that can't be written (a format's name may hold any character).
fn add(response: &mut Response<ResponseBody>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

fn full(body: impl Into<Bytes>) -> ResponseBody {
    Full::new(body.into()).boxed()
}

/// The exception as a response of its own.
pub(super) fn exception(exception: &Exception, version: &str) -> Response<ResponseBody> {
    let mut text = exception.message.clone();
    if !text.contains("(version ") {
        text.push_str(&format!(" (version {version})"));
    }
    let mut response = plain(status(exception.code), text + "\n");
    response.headers_mut().insert(EXCEPTION_CODE, HeaderValue::from(exception.code));
    response
}

/// A short text.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(full(text));
    *response.status_mut() = status;
    add(&mut response, CONTENT_TYPE, PLAIN_TEXT);
    response
}

/// A page served beside the interface.
pub(super) fn page(content_type: &str, content: Bytes) -> Response<ResponseBody> {
    let mut response = Response::new(full(content));
    add(&mut response, CONTENT_TYPE, content_type);
    response
}

/// The same response without its body.
pub(super) fn without_body(response: Response<ResponseBody>) -> Response<ResponseBody> {
    response.map(|_| full(Bytes::new()))
}

fn content_type(format: &str) -> &'static str {
    match format {
        "TabSeparated"
        | "TSV"
        | "TabSeparatedRaw"
        | "TSVRaw"
        | "TabSeparatedWithNames"
        | "TSVWithNames"
        | "TabSeparatedWithNamesAndTypes"
        | "TSVWithNamesAndTypes" => "text/tab-separated-values; charset=UTF-8",
        "CSVWithNames" | "CSVWithNamesAndTypes" => "text/csv; charset=UTF-8; header=present",
        "JSONEachRow" | "JSONLines" | "NDJSON" | "JSONCompactEachRow" => {
            "application/x-ndjson; charset=UTF-8"
        }
        _ if format.starts_with("CSV") => "text/csv; charset=UTF-8; header=absent",
        _ if format.starts_with("JSON") => "application/json; charset=UTF-8",
        _ if format.starts_with("RowBinary") || format == "Native" => "application/octet-stream",
        _ => PLAIN_TEXT,
    }
}

/// `X-ClickHouse-Summary`: numbers as strings. `read_*` of an INSERT are what it took in.
fn summary(statistics: &Statistics) -> String {
    serde_json::json!({
        "read_rows": statistics.read_rows.max(statistics.written_rows).to_string(),
        "read_bytes": statistics.read_bytes.max(statistics.written_bytes).to_string(),
        "written_rows": statistics.written_rows.to_string(),
        "written_bytes": statistics.written_bytes.to_string(),
        "total_rows_to_read": statistics.read_rows.to_string(),
        "result_rows": statistics.result_rows.to_string(),
        "result_bytes": statistics.result_bytes.to_string(),
        "elapsed_ns": statistics.elapsed_ns.to_string(),
    })
    .to_string()
}
