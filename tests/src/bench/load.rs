//! Load from wrk on the second core: a fixed number of connections, each sends its next request when it has its
//! answer. Its waiting times at full load are therefore those of the queue.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::traffic::USER_AGENTS;

const CORE: &str = "1";
/// One hit as a browser without JavaScript sends it.
const HIT: &str = "/pixel.gif?site=example.com&url=https%3A%2F%2Fwww.example.com%2Fproducts%2Fmodel-17%2Fdetails\
                   &referrer=https%3A%2F%2Fwww.google.com%2F&id=5f2a9c81b2d45f2a9c81b2d4";

/// What wrk saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// Answers.
    pub requests: f64,
    /// Answers per second.
    pub per_second: f64,
    /// Median time to the answer.
    pub p50_ms: f64,
    /// 99th percentile of that.
    pub p99_ms: f64,
}

/// Loads a server.
///
/// # Errors
/// When wrk is not there, or any answer was not 2xx.
pub fn load(address: SocketAddr, connections: usize, time: Duration) -> Result<Seen> {
    let mut wrk = Command::new("taskset");
    wrk.args(["-c", CORE, "wrk", "--latency", "-t1", &format!("-c{connections}")]);
    wrk.arg(format!("-d{}s", time.as_secs().max(1)));
    let [browser, ..] = USER_AGENTS;
    wrk.args(["-H", &format!("User-Agent: {browser}"), "-H", "Accept: image/avif,image/webp,*/*;q=0.8"]);
    wrk.args(["-H", "Accept-Language: de-DE,de;q=0.9,en;q=0.7", "-H", "Accept-Encoding: gzip, deflate, br"]);
    wrk.args(["-H", "Referer: https://www.example.com/products/model-17/details"]);
    let output = wrk.arg(format!("http://{address}{HIT}")).output().context("cannot run taskset and wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {}", String::from_utf8_lossy(&output.stderr));
    ensure!(!text.contains("Non-2xx"), "the server refused hits:\n{text}");
    parse(&text).with_context(|| format!("wrk said nothing that can be read:\n{text}"))
}

fn parse(text: &str) -> Option<Seen> {
    let words = |wanted: &'static str| {
        let mut lines = text.lines().map(str::trim);
        lines.find(|line| line.contains(wanted)).map(|line| line.split_whitespace())
    };
    Some(Seen {
        requests: words("requests in")?.next()?.parse().ok()?,
        per_second: words("Requests/sec:")?.nth(1)?.parse().ok()?,
        p50_ms: milliseconds(words("50%")?.nth(1)?)?,
        p99_ms: milliseconds(words("99%")?.nth(1)?)?,
    })
}

fn milliseconds(text: &str) -> Option<f64> {
    let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
    let factor = match text.strip_prefix(digits)? {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        _ => return None,
    };
    Some(digits.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_read() {
        let text = "  Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency     2.10ms  300.00us\n\
                    \x20 Latency Distribution\n     50%    0.98ms\n     75%    2.50ms\n     99%    1.20s\n\
                    \x20 48000 requests in 3.00s, 6.10MB read\nRequests/sec:  16000.50\nTransfer/sec:      2.03MB\n";
        let seen = Seen { requests: 48_000.0, per_second: 16_000.5, p50_ms: 0.98, p99_ms: 1200.0 };
        assert_eq!(parse(text), Some(seen));
        assert_eq!(milliseconds("250us"), Some(0.25));
        assert_eq!(parse("unable to connect"), None);
    }
}
