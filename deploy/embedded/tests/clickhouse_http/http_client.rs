//! A plain HTTP client: one connection per request, headers and body as given.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct HttpClient {
    pub(crate) address: SocketAddr,
}

pub(crate) struct HttpAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl HttpAnswer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and ClickHouse's error code.
    pub(crate) fn failure(&self) -> (u16, &str) {
        (self.status.as_u16(), self.header("X-ClickHouse-Exception-Code"))
    }
}

impl HttpClient {
    pub(crate) async fn get(&self, target: &str) -> HttpAnswer {
        self.send("GET", target, &[], Bytes::new()).await
    }

    pub(crate) async fn post(&self, target: &str, body: impl Into<Bytes>) -> HttpAnswer {
        self.send("POST", target, &[], body).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> HttpAnswer {
        let mut request = Request::builder().method(method).uri(target);
        if headers.iter().all(|(name, _)| *name != "Host") {
            request = request.header("Host", self.address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let answer = sender.send_request(request.body(Full::new(body.into())).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        HttpAnswer { status: head.status, headers: head.headers, body }
    }

    /// Sends bytes as they are and returns what comes back until the server closes, which it may do before it
    /// has read everything.
    pub(crate) async fn bytes(&self, sent: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(sent).await.unwrap_or_default();
        let mut answer = vec![];
        stream.read_to_end(&mut answer).await.unwrap_or_default();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Connects, says nothing and waits until the server closes.
    pub(crate) async fn idle(&self) -> usize {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut answer = vec![];
        stream.read_to_end(&mut answer).await.unwrap()
    }
}
