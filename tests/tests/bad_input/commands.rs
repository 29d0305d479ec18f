//! Wrong commands and surroundings: exit code 2 for what the user wrote, 1 for what went wrong, and a text that names
//! what to change.

use std::net::TcpListener;
use std::path::Path;

use tests::command::{Footfall, Said};
use tests::server::{Options, Server};

/// Ports that are free at the moment of binding.
const ANY_PORTS: [&str; 6] =
    ["--listen", "127.0.0.1:0", "--clickhouse", "127.0.0.1:0", "--admin", "127.0.0.1:0"];

/// `footfall` with a configuration and one variable, told to do something to its end.
fn said(configuration: &str, variable: Option<(&str, &str)>, command: &str, arguments: &[&str]) -> Said {
    let footfall = Footfall::new(configuration).unwrap();
    Said::from(footfall.command(command, arguments).envs(variable).output().unwrap())
}

fn assert_said(said: &Said, code: i32, advice: &[&str]) {
    assert_eq!(said.code, Some(code), "{}", said.err);
    for part in advice {
        assert!(said.err.contains(part), "{part:?} is not in {:?}", said.err);
    }
    assert!(!said.err.contains("panicked"), "{}", said.err);
}

#[test]
fn a_wrong_configuration_is_named_by_its_line() {
    for (configuration, advice) in [
        ("[limits]\n\nburts = 3\n", ["footfall.toml", "line 3", "burts"]),
        ("[limits]\nburst = 'many'\n", ["footfall.toml", "line 2", "burst"]),
        ("[limits\n", ["footfall.toml", "line 1", "]"]),
        ("[[site]]\nname = 'a'\ntime_zone = 'Mars/Olympus'\n", ["line 3", "Mars/Olympus", "Europe/Berlin"]),
        ("[[site]]\nname = 'a'\nmode = 'always'\n", ["line 3", "always", "opt-out"]),
        ("[[site]]\nname = 'a'\n[[site]]\nname = 'a'\n", ["two [[site]]", "\"a\"", "configuration"]),
        ("[limits]\njournal_bytes = 1\n", ["limits.journal_bytes", "twice", "1 MiB"]),
    ] {
        for (command, arguments) in
            [("up", &ANY_PORTS[..]), ("query", &["SELECT 1"]), ("up", &["--check-config"])]
        {
            assert_said(&said(configuration, None, command, arguments), 2, &advice);
        }
    }
}

#[test]
fn a_wrong_variable_is_named() {
    let wrong = Some(("FOOTFALL_LIMITS_BURTS", "3"));
    assert_said(
        &said("", wrong, "up", &ANY_PORTS),
        2,
        &["FOOTFALL_LIMITS_BURTS", "FOOTFALL_<SECTION>_<KEY>"],
    );
    let wrong = Some(("FOOTFALL_LIMITS_BURST", "many"));
    assert_said(&said("", wrong, "up", &ANY_PORTS), 2, &["FOOTFALL_LIMITS_BURST", "many"]);
}

#[test]
fn a_configuration_is_checked_without_doing_anything() {
    let footfall = Footfall::new("[limits]\nburst = 3\n").unwrap();
    let said = footfall.run("up", ["--check-config"]).unwrap();
    assert_said(&said, 0, &[]);
    assert!(!footfall.data().exists(), "a check makes no directory");
    let missing = footfall.run("query", ["SELECT 1", "--config", "missing.toml"]).unwrap();
    assert_eq!(missing.code, Some(2), "{}", missing.err);
}

#[test]
fn wrong_usage_is_told() {
    assert_said(&said("", None, "up", &["--listen", "nowhere"]), 2, &["--listen", "nowhere"]);
    assert_said(&said("", None, "import", &["access.log"]), 2, &["--site"]);
    assert_said(
        &said("", None, "import", &["--site", "a b", "/dev/null"]),
        1,
        &["site name \"a b\"", "letters"],
    );
    assert_said(&said("", None, "fly", &[]), 2, &["fly", "Usage"]);
}

#[test]
fn a_port_that_is_taken_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--clickhouse", "--admin"] {
        let mut arguments = ANY_PORTS.to_vec();
        let place = arguments.iter().position(|argument| *argument == flag).unwrap() + 1;
        arguments[place] = &address;
        assert_said(&said("", None, "up", &arguments), 1, &[&address, flag, "another program has the port"]);
    }
    let everybody = ["--listen", "127.0.0.1:0", "--clickhouse", "0.0.0.0:0", "--admin", "127.0.0.1:0"];
    assert_said(&said("", None, "up", &everybody), 1, &["loopback", "0.0.0.0:0"]);
}

#[test]
fn a_data_directory_that_cannot_be_used_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for place in [file.path(), Path::new("/proc/footfall"), &file.path().join("below")] {
        let place = place.to_str().unwrap();
        let output = std::process::Command::new(tests::program::footfall())
            .args(["up", "--data", place])
            .args(ANY_PORTS)
            .output()
            .unwrap();
        assert_said(&Said::from(output), 1, &[place, "data directory", "--data"]);
    }
}

#[tokio::test]
async fn a_data_directory_in_use_is_left_alone() {
    let footfall = Footfall::new("").unwrap();
    let data = footfall.data();
    let server = Server::start(Options::new(&data)).await.unwrap();
    let said = footfall.run("up", ANY_PORTS).unwrap();
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains(&data.display().to_string()) && said.err.contains("another"), "{}", said.err);
    let hit = serde_json::json!({"site": "localhost", "url": "/still-alive"});
    assert_eq!(server.hit(&hit).await.unwrap(), 204);
    crate::story::until(&server, "SELECT count() FROM open_hits FINAL WHERE page = '/still-alive'", "1")
        .await;
    let asked = footfall.query("SELECT count() FROM open_hits FINAL WHERE page = '/still-alive'").unwrap();
    assert_eq!(asked, [["1"]], "a query goes to the program that runs");
}

#[test]
fn a_missing_engine_is_named_with_what_fetches_it() {
    let missing = Some(("FOOTFALL_ENGINE", "/nonexistent"));
    assert_said(&said("", missing, "up", &ANY_PORTS), 1, &["/nonexistent", "make engine"]);
    assert_said(&said("", missing, "query", &["SELECT 1"]), 1, &["/nonexistent", "make engine"]);
}

#[test]
fn broken_and_missing_files_are_named() {
    let footfall = Footfall::new("").unwrap();
    let log = footfall.file("access.log", b"").unwrap();
    let broken = footfall.file("country.mmdb", b"no database").unwrap();
    let import = |log: &Path, database: Option<&Path>| {
        let mut command = footfall.command("import", ["--site", "localhost"]);
        let variable = database.map(|path| ("FOOTFALL_IP_DATA_COUNTRY", path));
        Said::from(command.arg(log).envs(variable).output().unwrap())
    };
    assert_said(&import(&log, Some(&broken)), 1, &["country.mmdb", "damaged or no MaxMind DB"]);
    assert_said(&import(&log, Some(Path::new("missing.mmdb"))), 1, &["missing.mmdb", "make ip-data"]);
    assert_said(&import(Path::new("missing.log"), None), 1, &["missing.log", "No such file"]);
    assert_said(&import(Path::new("/"), None), 1, &["log file /", "directory"]);
    assert_said(&import(&log, None), 0, &[]);
    assert_eq!(footfall.query("SELECT count() FROM open_hits").unwrap(), [["0"]]);
}

#[test]
fn a_wrong_statement_is_told_as_clickhouse_tells_it() {
    assert_said(&said("", None, "query", &["SELECT nothing FROM nowhere"]), 1, &["nowhere"]);
    assert_said(&said("", None, "query", &["SELECT 1", "--format", "Rhyme"]), 1, &["Rhyme"]);
}
