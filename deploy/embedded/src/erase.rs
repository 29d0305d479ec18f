//! `footfall erase`: the order goes through the journal of the collector that runs, so that it stands behind the visits it concerns.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use collector::orders::OrderId;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use processor::erasure::{self, Erasure, Ordered};
use processor::store::collector_of;
use schemas::configuration::Configuration;
use schemas::personal::Personal;
use serde::Deserialize;
use tokio::net::TcpStream;

use crate::data::Data;
use crate::host::Host;

/// One machine has one journal, and its log one partition.
const PARTITIONS: u64 = 1;
/// How long the collector may take: it answers when its disk has the order.
const ANSWER: Duration = Duration::from_secs(30);
/// Longest answer.
const ANSWER_BYTES_MAX: usize = 4096;

/// What the collector answers.
#[derive(Deserialize)]
struct Taken {
    order: String,
    copies: u64,
}

/// Orders, waits and prints the report.
///
/// # Errors
/// When nothing runs on the directory, when there is no such address or site, when the order is not carried out in time, and when
/// keys were to be destroyed and are not.
pub async fn erase(configuration: &Configuration, data: &Data, arguments: &erasure::Erase) -> Result<()> {
    let address = arguments.address(io::stdin().lock())?;
    let site = erasure::site(configuration, arguments)?;
    let admin = data.running_admin().context(
        "the order goes through the collector's journal, behind the visits it concerns, so `footfall up` must run on this data \
         directory (--data); start it and repeat the command",
    )?;
    let taken = tokio::time::timeout(ANSWER, order(admin, &address, arguments.site.as_deref()))
        .await
        .context("footfall up did not answer; whether the order is in its journal is unknown, so repeat the command")??;
    let ordered = Ordered { order: OrderId(collector_of(&taken.order).0), copies: taken.copies, site };
    let host = Host::find(data).await?;
    let store = host.store().await?;
    let keys = configuration.keys.directory(data.path());
    let erasure = Erasure { store: &store, keys, partitions: PARTITIONS, wait: arguments.wait() };
    let reported = erasure.report(ordered, arguments).await;
    host.close().await;
    reported
}

/// Gives the order to the collector's own listener.
async fn order(admin: SocketAddr, address: &Personal<IpAddr>, site: Option<&str>) -> Result<Taken> {
    let body = match site {
        Some(site) => serde_json::json!({ "address": address.expose(), "site": site }),
        None => serde_json::json!({ "address": address.expose() }),
    };
    let request = Request::post("/erase")
        .header(HOST, admin.to_string())
        .header(CONTENT_TYPE, "application/json")
        .header("footfall-operator", "erase")
        .body(Full::new(Bytes::from(body.to_string())))?;
    let (status, answer) = ask(admin, request).await?;
    let text = String::from_utf8_lossy(&answer);
    ensure!(status == StatusCode::OK, "footfall up did not take the order: {}", text.trim_end());
    serde_json::from_slice(&answer).context("footfall up answered what this command does not understand")
}

async fn ask(admin: SocketAddr, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(admin).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let asked = async {
        let response: Response<_> = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|_| anyhow::anyhow!("the answer is too long, or was cut"))?;
        anyhow::Ok((status, body.to_bytes()))
    };
    tokio::pin!(asked);
    tokio::select! {
        answer = &mut asked => answer,
        ended = connection => {
            ended?;
            asked.await
        }
    }
}
