//! What a request asks of ClickHouse's HTTP interface: URL parameters, headers, form fields.

use std::time::Duration;

use http_body_util::BodyDataStream;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use hyper::{HeaderMap, Method};
use multer::{Constraints, Multipart, SizeLimit};

use super::compression::Encoding;
use super::exception;
use super::session::SessionRequest;
use crate::engine::Exception;

/// Parameters of the interface that are not settings. Those without effect here are accepted, since clients send
/// them.
const RESERVED: [&str; 18] = [
    "query",
    "database",
    "default_format",
    "decompress",
    "compress",
    "user",
    "password",
    "query_id",
    "session_id",
    "session_timeout",
    "session_check",
    "close_session",
    "stacktrace",
    "buffer_size",
    "wait_end_of_query",
    "role",
    "quota_key",
    "client_protocol_version",
];
/// ClickHouse's `default_session_timeout` and `max_session_timeout`.
const SESSION_SECONDS: u64 = 60;
const SESSION_MOST_SECONDS: u64 = 3600;
/// Time for a whole form to arrive.
const FORM_TIMEOUT: Duration = Duration::from_secs(30);

/// A parsed request.
#[derive(Debug)]
pub(super) struct Query {
    /// The parameter `query`; the body follows it.
    pub(super) sql: Vec<u8>,
    pub(super) database: Option<String>,
    /// The format of the answer unless the statement names one.
    pub(super) default_format: String,
    /// Values of `{name:Type}`.
    pub(super) parameters: Vec<(String, String)>,
    /// Names are plain words; values are as sent.
    pub(super) settings: Vec<(String, String)>,
    pub(super) session: Option<SessionRequest>,
    /// Whether the body is in ClickHouse's compressed blocks.
    pub(super) decompress: bool,
    pub(super) encoding: Encoding,
    /// The protocol revision that FORMAT Native is written for.
    pub(super) native_revision: u64,
    /// GET and HEAD change nothing.
    pub(super) only_reads: bool,
}

impl Query {
    /// Reads the parameters of URL and form, the last one of a name winning, and the headers.
    pub(super) fn new(
        method: &Method,
        headers: &HeaderMap,
        fields: Vec<(String, String)>,
    ) -> Result<Self, Exception> {
        let field =
            |name: &str| fields.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let text = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
        let is_on = |name: &str| matches!(field(name), Some("1" | "true"));
        let accepted = Encoding::accepted(header(ACCEPT_ENCODING.as_str()).unwrap_or_default());
        let database = text(field("database")).or_else(|| text(header("X-ClickHouse-Database")));
        let format = text(field("default_format")).or_else(|| text(header("X-ClickHouse-Format")));
        let query = Self {
            sql: field("query").unwrap_or_default().as_bytes().to_vec(),
            database,
            default_format: format.unwrap_or_else(|| "TabSeparated".into()),
            session: session(field, is_on("close_session"))?,
            decompress: is_on("decompress"),
            encoding: if is_on("compress") { Encoding::Blocks } else { accepted },
            native_revision: native_revision(field("client_protocol_version"))?,
            only_reads: *method == Method::GET || *method == Method::HEAD,
            parameters: vec![],
            settings: vec![],
        };
        query.with_parameters_and_settings(fields)
    }

    fn with_parameters_and_settings(mut self, fields: Vec<(String, String)>) -> Result<Self, Exception> {
        for (name, value) in fields {
            if let Some(parameter) = name.strip_prefix("param_") {
                self.parameters.push((parameter.to_owned(), value));
            } else if !RESERVED.contains(&name.as_str()) {
                self.settings.push((setting_name(name)?, value));
            }
        }
        Ok(self)
    }
}

fn native_revision(value: Option<&str>) -> Result<u64, Exception> {
    let refuse = |_| exception::bad_argument("client_protocol_version must be a number");
    value.map_or(Ok(0), str::parse).map_err(refuse)
}

/// The name goes into a `SET` statement, so it must be a word.
fn setting_name(name: String) -> Result<String, Exception> {
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word && !name.is_empty() {
        return Ok(name);
    }
    let shown: String = name.chars().take(100).collect();
    let text = format!("Setting {shown} is neither a builtin setting nor a parameter of the HTTP interface");
    Err(Exception::coded(115, "UNKNOWN_SETTING", &text))
}

fn session<'a>(
    field: impl Fn(&str) -> Option<&'a str>,
    close: bool,
) -> Result<Option<SessionRequest>, Exception> {
    let Some(id) = field("session_id").filter(|id| !id.is_empty()) else {
        return Ok(None);
    };
    let seconds = field("session_timeout").map_or(Ok(SESSION_SECONDS), str::parse);
    let seconds = seconds.ok().filter(|seconds| *seconds <= SESSION_MOST_SECONDS).ok_or_else(|| {
        let text = format!("session_timeout must be a number of at most {SESSION_MOST_SECONDS} seconds");
        Exception::coded(374, "INVALID_SESSION_TIMEOUT", &text)
    })?;
    Ok(Some(SessionRequest {
        id: id.to_owned(),
        timeout: Duration::from_secs(seconds),
        must_exist: field("session_check") == Some("1"),
        close,
    }))
}

/// The parameters of a URL's query string.
pub(super) fn url_fields(query: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// The boundary if the body is `multipart/form-data`.
pub(super) fn form_boundary(headers: &HeaderMap) -> Option<String> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    multer::parse_boundary(content_type).ok()
}

/// The fields of a form of at most `limit_bytes`.
pub(super) async fn form_fields(
    body: Incoming,
    boundary: String,
    limit_bytes: usize,
) -> Result<Vec<(String, String)>, Exception> {
    let size = SizeLimit::new().whole_stream(limit_bytes as u64);
    let constraints = Constraints::new().size_limit(size);
    let form = Multipart::with_constraints(BodyDataStream::new(body), boundary, constraints);
    let fields = tokio::time::timeout(FORM_TIMEOUT, read_form(form));
    match fields.await {
        Ok(Ok(fields)) => fields,
        Ok(Err(multer::Error::StreamSizeExceeded { .. })) => Err(exception::too_large(limit_bytes)),
        Ok(Err(_)) => Err(exception::bad_argument("the multipart/form-data body is malformed")),
        Err(_) => Err(exception::network("the form did not arrive in time")),
    }
}

type Fields = Result<Vec<(String, String)>, Exception>;

async fn read_form(mut form: Multipart<'_>) -> Result<Fields, multer::Error> {
    let mut fields = vec![];
    while let Some(field) = form.next_field().await? {
        if field.file_name().is_some() {
            let text = "external tables are not supported by the embedded ClickHouse";
            return Ok(Err(Exception::coded(48, "NOT_IMPLEMENTED", text)));
        }
        let name = field.name().unwrap_or_default().to_owned();
        fields.push((name, field.text().await?));
    }
    Ok(Ok(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(url: &str, headers: &[(&'static str, &str)]) -> Result<Query, Exception> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Query::new(&Method::POST, &headers.collect(), url_fields(Some(url)))
    }

    #[test]
    fn tells_parameters_settings_and_the_rest_apart() {
        let url = "query=SELECT+1&param_a=%27x&max_threads=2&user=u&database=d&decompress=1&query_id=q";
        let query = query(url, &[("Accept-Encoding", "lz4")]).unwrap();
        assert_eq!(query.sql, b"SELECT 1");
        assert_eq!(query.parameters, [("a".to_owned(), "'x".to_owned())]);
        assert_eq!(query.settings, [("max_threads".to_owned(), "2".to_owned())]);
        assert_eq!(query.database.as_deref(), Some("d"));
        assert!(query.decompress && !query.only_reads);
        assert_eq!((query.encoding, query.default_format.as_str()), (Encoding::Lz4, "TabSeparated"));
    }

    #[test]
    fn headers_stand_in_for_parameters() {
        let headers = [("X-ClickHouse-Format", "JSON"), ("X-ClickHouse-Database", "d")];
        let by_header = query("", &headers).unwrap();
        assert_eq!((by_header.default_format.as_str(), by_header.database.as_deref()), ("JSON", Some("d")));
        assert_eq!(query("default_format=CSV", &headers).unwrap().default_format, "CSV");
    }

    #[test]
    fn a_setting_can_not_break_out_of_its_name() {
        for url in ["a%3D1,b=2", "a;DROP=1", "=1", "a+b=1"] {
            assert_eq!(query(url, &[]).unwrap_err().code, 115, "{url}");
        }
    }

    #[test]
    fn sessions_have_a_time_limit() {
        let session = query("session_id=s&session_timeout=5", &[]).unwrap().session.unwrap();
        assert_eq!((session.id.as_str(), session.timeout), ("s", Duration::from_secs(5)));
        assert_eq!(query("session_id=", &[]).unwrap().session, None);
        assert_eq!(query("session_id=s&session_timeout=9999", &[]).unwrap_err().code, 374);
        assert_eq!(query("session_id=s&session_timeout=x", &[]).unwrap_err().code, 374);
    }
}
