//! The program `collector` as an operator starts it, without a cluster that answers.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a step that fails fails the test")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// `collector run` on free ports, for brokers that are not there.
fn collector(data: &Path, configuration: &str) -> Command {
    let file = data.with_extension("toml");
    std::fs::write(&file, configuration).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_collector"));
    command.args(["run", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--config"]);
    command.arg(file).arg("--data").arg(data).env_clear().env("FOOTFALL_KAFKA_BROKERS", "127.0.0.1:1");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Starts it and reads its addresses, up to `ready`.
fn start(mut command: Command) -> (Child, String, String) {
    let mut child = command.spawn().unwrap();
    let mut addresses = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap) {
        if line == "ready" {
            break;
        }
        addresses.push(line);
    }
    let address = |part: &str| {
        let line = addresses.iter().find_map(|line| line.strip_prefix(&format!("{part} http://")));
        line.unwrap_or_else(|| panic!("{part} is not in {addresses:?}")).to_owned()
    };
    (child, address("collector"), address("admin"))
}

fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: &str, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"))
}

fn hit(address: &str) -> String {
    let body = r#"{"site":"localhost","kind":"view","url":"http://localhost/"}"#;
    let head = format!("user-agent: {FIREFOX}\r\ncontent-type: text/plain\r\ncontent-length: {}", body.len());
    ask(address, &format!("POST /hit HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{head}\r\n\r\n{body}"))
}

#[test]
fn hits_are_taken_while_no_broker_answers() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (child, public, admin) = start(collector(&data, ""));
    assert!(hit(&public).starts_with("HTTP/1.1 204"));
    assert!(get(&admin, "/readyz").starts_with("HTTP/1.1 200"));
    let metrics = get(&admin, "/metrics");
    assert!(metrics.contains("footfall_collector_hits_recorded_total 1"), "{metrics}");
    assert!(metrics.contains("footfall_collector_forwarding 0"), "{metrics}");

    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    for part in ["cannot reach Kafka at 127.0.0.1:1", "refused", "stays in the journal for the next start"] {
        assert!(said(&output).contains(part), "{part:?} is not in {}", said(&output));
    }
    assert!(!data.join("position").exists(), "nothing was acknowledged");
}

#[test]
fn a_setting_that_the_client_refuses_ends_it_before_it_takes_hits() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let wrong = collector(&data, "[kafka.client]\n\"security.protokoll\" = \"SSL\"\n").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    for part in ["kafka.client", "security.protokoll"] {
        assert!(said(&wrong).contains(part), "{part:?} is not in {}", said(&wrong));
    }
    assert!(wrong.stdout.is_empty() && !data.join("journal").exists());
}

#[test]
fn a_configuration_is_checked_without_doing_anything() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let right = collector(&data, "").arg("--check-config").output().unwrap();
    assert_eq!(right.status.code(), Some(0), "{}", said(&right));
    let wrong = collector(&data, "[kafka]\npartitions = 0\n").arg("--check-config").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    assert!(said(&wrong).contains("kafka.partitions"));
    assert!(!data.exists());
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let configuration = format!("[collector]\nadmin = '{address}'\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_collector"));
    let file = folder.path().join("footfall.toml");
    std::fs::write(&file, configuration).unwrap();
    command.args(["run", "--listen", "127.0.0.1:0", "--config"]).arg(file);
    let output = command.arg("--data").arg(folder.path()).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains(&address) && said(&output).contains("--admin"), "{}", said(&output));
}
