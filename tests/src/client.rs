//! Asks programs as visitors and operators ask them.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use clickhouse::{RowOwned, RowRead};
use http_body_util::{BodyExt as _, Full};
use hyper::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// A browser that a person uses; an unknown client would be counted as a bot.
pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/// Idle connections are given up before the collector closes them (after 5 s), so that no request meets the closing.
const IDLE: Duration = Duration::from_secs(2);

/// Why a request has no answer: nobody knows then what became of it, unless it could not connect.
pub type Unanswered = hyper_util::client::legacy::Error;

/// Sends requests as a browser does; clones share their connections and outlive the program.
#[derive(Clone)]
pub struct Sender {
    collector: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Sender {
    /// For a collector at this base address.
    #[must_use]
    pub fn new(collector: String) -> Self {
        let mut client = Client::builder(TokioExecutor::new());
        client.retry_canceled_requests(false).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
        Self { collector, client: client.build_http() }
    }

    /// The collector's base address.
    #[must_use]
    pub fn collector(&self) -> &str {
        &self.collector
    }

    /// Sends a hit (or an array of hits) as a browser does.
    ///
    /// # Errors
    /// [`Unanswered`]; `is_connect()` of it means that nothing was sent.
    pub async fn hit(&self, json: &serde_json::Value) -> Result<u16, Unanswered> {
        self.hit_from(None, json).await
    }

    /// The same through a proxy that says it comes from `address`; collectors believe that only if they are told to.
    ///
    /// # Errors
    /// [`Unanswered`]; `is_connect()` of it means that nothing was sent.
    pub async fn hit_from(
        &self,
        address: Option<IpAddr>,
        json: &serde_json::Value,
    ) -> Result<u16, Unanswered> {
        let mut request = Request::post(format!("{}/hit", self.collector))
            .header(USER_AGENT, FIREFOX)
            .header(ACCEPT_LANGUAGE, "de-DE,de;q=0.9,en;q=0.5")
            .header(CONTENT_TYPE, "text/plain;charset=UTF-8");
        if let Some(address) = address {
            request = request.header("x-forwarded-for", address.to_string());
        }
        match request.body(Full::from(json.to_string())) {
            Ok(request) => Ok(self.client.request(request).await?.status().as_u16()),
            Err(_) => Ok(400),
        }
    }

    /// Sends any request, for instance to `{collector}/pixel.gif`.
    ///
    /// # Errors
    /// When there is no whole answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>> {
        let (parts, body) = self.client.request(request).await?.into_parts();
        Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
    }

    /// What `GET` gives, as text, of an address that answers 200.
    ///
    /// # Errors
    /// When there is no answer or another status.
    pub async fn get(&self, address: &str) -> Result<String> {
        let request = Request::get(address).header(USER_AGENT, FIREFOX).body(Full::default())?;
        text(self.send(request).await?)
    }

    /// The value of a metric without labels, as the `/metrics` of an admin listener tells it.
    ///
    /// # Errors
    /// When there is no such metric.
    pub async fn metric(&self, admin: &str, name: &str) -> Result<u64> {
        let metrics = self.get(&format!("{admin}/metrics")).await?;
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.with_context(|| format!("no metric {name} in:\n{metrics}"))?.parse()?)
    }
}

/// A ClickHouse that is asked as its operator asks it.
#[derive(Clone)]
pub struct ClickHouse {
    address: String,
    sender: Sender,
}

impl ClickHouse {
    /// At this base address.
    #[must_use]
    pub fn new(address: String) -> Self {
        Self { sender: Sender::new(address.clone()), address }
    }

    /// The answer is tab-separated unless the statement names a format.
    ///
    /// # Errors
    /// ClickHouse's, as its text.
    pub async fn query(&self, sql: &str) -> Result<String> {
        let address = format!("{}/?database=footfall", self.address);
        let request = Request::post(address).body(Full::from(sql.to_owned()))?;
        text(self.sender.send(request).await?).with_context(|| sql.to_owned())
    }

    /// The same through the `clickhouse` crate.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn rows<T: RowOwned + RowRead>(&self, sql: &str) -> Result<Vec<T>> {
        let client = clickhouse::Client::default().with_url(&self.address).with_database("footfall");
        // A question mark would be taken for a parameter.
        Ok(client.query(&sql.replace('?', "??")).fetch_all().await?)
    }
}

fn text(response: Response<Bytes>) -> Result<String> {
    let status = response.status();
    let text = String::from_utf8_lossy(response.body()).into_owned();
    ensure!(status.is_success(), "{status}: {text}");
    Ok(text)
}
