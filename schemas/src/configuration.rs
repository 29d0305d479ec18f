//! One `footfall.toml` for all programs; every key has a safe default, an unknown key is an error with its line.

mod environment;
pub(crate) mod goal;
mod kafka;
mod policy;
mod site;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use jiff::civil::Date;
use serde::Deserialize;

pub use goal::{Goal, Reached};
pub use kafka::{Kafka, KafkaPasswordError};
pub use policy::{OneOrEach, Policy};
pub use site::{BeforeConsent, Mode, Site, Sites};

/// Everything that can be configured.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// Listeners and proxies of the collector.
    pub collector: Collector,
    /// Limits of the collector.
    pub limits: Limits,
    /// Keys that open records.
    pub keys: KeyFiles,
    /// The cluster between collectors and processors; `footfall up` needs none.
    pub kafka: Kafka,
    /// A processor of its own.
    pub processor: Processor,
    /// Where the counts go.
    pub clickhouse: ClickHouse,
    /// Where country and provider of an address are looked up.
    pub ip_data: IpData,
    /// The sites that are counted; without any, one site `localhost`.
    #[serde(rename = "site")]
    pub sites: Sites,
    /// Revisions of the privacy policy, oldest first.
    #[serde(rename = "policy")]
    pub policies: Vec<Policy>,
}

/// Listeners and proxies of the collector.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Collector {
    /// Public listener.
    pub listen: SocketAddr,
    /// Listener for `/livez`, `/readyz` and `/metrics`; keep it on loopback or a private network.
    pub admin: SocketAddr,
    /// Networks whose `X-Forwarded-For` or `Forwarded` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Path before all endpoints when a proxy hands a folder of the site's own host through, such as `/stats`.
    pub path_prefix: String,
    /// Address under which visitors reach it, with that path, such as `https://stats.example.com`; without one, what
    /// their browsers say.
    pub public_url: Option<String>,
}

/// Limits of the collector: each refuses with its own status and counter.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Hits per second of one client network (IPv4 /32, IPv6 /64), on average.
    pub hits_per_second: u32,
    /// Hits of one client network at once.
    pub burst: u32,
    /// Client networks remembered for that.
    pub networks: usize,
    /// Bytes of all journal segments; above it hits are answered 503.
    pub journal_bytes: u64,
    /// Bytes of one journal segment.
    pub segment_bytes: u64,
}

/// Keys that open records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyFiles {
    /// Directory that all collectors and processors share, for them alone to read; by default `keys` in the data directory.
    pub directory: Option<PathBuf>,
}

/// A processor of its own, `processor run`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Processor {
    /// Listener for `/livez`, `/readyz` and `/metrics`; keep it on loopback or a private network.
    pub admin: SocketAddr,
    /// Seconds between two checks that every record has its row.
    pub hole_check_seconds: u32,
    /// Name that no other processor of the group has. With one, a restart within the session time-out moves no partition;
    /// without one, partitions move at once when a processor stops.
    pub instance: Option<String>,
}

/// Where the counts go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClickHouse {
    /// Address of the HTTP interface.
    pub url: String,
    /// User that writes.
    pub user: String,
    /// File that holds this user's password.
    pub password_file: Option<PathBuf>,
    /// Listener of the embedded engine's HTTP interface.
    pub listen: SocketAddr,
}

/// Databases in MaxMind's format; missing ones give `(unknown)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IpData {
    /// Country of an address.
    pub country: Option<PathBuf>,
    /// Autonomous system (provider) of an address.
    pub asn: Option<PathBuf>,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            trusted_proxies: Vec::new(),
            path_prefix: String::new(),
            public_url: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            hits_per_second: 20,
            burst: 100,
            networks: 100_000,
            journal_bytes: 4 << 30,
            segment_bytes: 64 << 20,
        }
    }
}

/// MaxMind's own files first, then the free ones.
const COUNTRY_FILES: [&str; 5] = [
    "GeoIP2-City.mmdb",
    "GeoIP2-Country.mmdb",
    "GeoLite2-City.mmdb",
    "GeoLite2-Country.mmdb",
    "country.mmdb",
];
const ASN_FILES: [&str; 3] = ["GeoIP2-ISP.mmdb", "GeoLite2-ASN.mmdb", "asn.mmdb"];

impl IpData {
    /// What is not configured is looked for under `ip/` of the data directory and of `data/` in the current one, under the
    /// names that MaxMind and `make ip-data` give.
    pub fn or_found_beside(&self, data: &Path) -> Self {
        self.or_found_in(&[data.join("ip"), PathBuf::from("data/ip")])
    }

    fn or_found_in(&self, folders: &[PathBuf]) -> Self {
        let find = |names: &[&str]| {
            let mut candidates = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
            candidates.find(|path| path.is_file())
        };
        Self {
            country: self.country.clone().or_else(|| find(&COUNTRY_FILES)),
            asn: self.asn.clone().or_else(|| find(&ASN_FILES)),
        }
    }
}

impl KeyFiles {
    /// The directory, of a program that keeps its own files in `data`.
    pub fn directory(&self, data: &Path) -> PathBuf {
        self.directory.clone().unwrap_or_else(|| data.join("keys"))
    }
}

impl Default for Processor {
    fn default() -> Self {
        Self { admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 8082)), hole_check_seconds: 60, instance: None }
    }
}

impl Default for ClickHouse {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8123".into(),
            user: "default".into(),
            password_file: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8123)),
        }
    }
}

/// Why a configuration is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file cannot be read.
    #[error("configuration file {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind; the text names line and column.
    #[error("{name}: {error}")]
    Syntax {
        /// The file or environment variable.
        name: String,
        /// What is wrong, with its line.
        error: String,
    },
    /// An environment variable that names no setting.
    #[error(
        "environment variable {0} names no setting; it is FOOTFALL_<SECTION>_<KEY>, such as FOOTFALL_COLLECTOR_LISTEN"
    )]
    UnknownVariable(String),
    /// Values that contradict each other or a rule.
    #[error("configuration: {0}")]
    Invalid(String),
}

impl Configuration {
    /// Reads the file, if one is named, and lets `variables` (name, value) override it.
    ///
    /// # Errors
    /// The first thing that is wrong, with the line or variable.
    pub fn load(
        file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigurationError> {
        let text = match file {
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| ConfigurationError::Unreadable { path: path.to_owned(), error })?,
            None => String::new(),
        };
        let name = file.map_or_else(|| "configuration".to_owned(), |path| path.display().to_string());
        Self::parse(&text, &name, variables)
    }

    /// As [`Configuration::load`], from the file's text.
    ///
    /// # Errors
    /// The first thing that is wrong, with the line or variable.
    pub fn parse(
        text: &str,
        name: &str,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigurationError> {
        let syntax = |error: toml::de::Error| ConfigurationError::Syntax {
            name: name.to_owned(),
            error: error.to_string().trim_end().to_owned(),
        };
        // The text itself is checked first: only its errors know their line.
        let mut configuration: Self = toml::from_str(text).map_err(syntax)?;
        let overrides = environment::overrides(variables)?;
        if !overrides.is_empty() {
            let table = toml::from_str(text).map_err(syntax)?;
            configuration = environment::merge(table, overrides)?;
        }
        configuration.complete()
    }

    /// The policy's revisions that are in force, or were, at a UTC day; oldest first.
    pub fn policies_until(&self, day: Date) -> &[Policy] {
        let count = self.policies.partition_point(|policy| policy.date <= day);
        self.policies.get(..count).unwrap_or_default()
    }

    /// The policy revision in force at a UTC day.
    pub fn policy_revision(&self, day: Date) -> u32 {
        self.policies_until(day).last().map_or(1, |policy| policy.revision)
    }

    /// The latest revision up to `current` that asks again those who had accepted an earlier one.
    pub fn last_material_revision(&self, current: u32) -> u32 {
        let material = self.policies.iter().filter(|policy| policy.material && policy.revision <= current);
        material.map(|policy| policy.revision).max().unwrap_or(1)
    }

    fn complete(mut self) -> Result<Self, ConfigurationError> {
        let invalid = |text: String| Err(ConfigurationError::Invalid(text));
        self.sites.complete()?;
        let prefix = &self.collector.path_prefix;
        if !prefix.is_empty() && (!prefix.starts_with('/') || prefix.ends_with('/')) {
            return invalid(format!(
                "collector.path_prefix {prefix:?} must start with / and not end with it"
            ));
        }
        if let Some(address) = &self.collector.public_url {
            let is_web = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
            if !is_web || address.ends_with('/') || url::Url::parse(address).is_err() {
                return invalid(format!(
                    "collector.public_url {address:?} must be an address such as https://stats.example.com"
                ));
            }
        }
        if self.limits.hits_per_second == 0 || self.limits.burst == 0 || self.limits.connections == 0 {
            return invalid(
                "limits.hits_per_second, limits.burst and limits.connections must be above 0".into(),
            );
        }
        if self.limits.segment_bytes < 1 << 20 || self.limits.journal_bytes < 2 * self.limits.segment_bytes {
            return invalid(
                "limits.segment_bytes must be 1 MiB or more, limits.journal_bytes twice that or more".into(),
            );
        }
        if let Some(mistake) = self.kafka.mistake() {
            return invalid(mistake);
        }
        if let Some(mistake) = policy::mistake(&self.policies) {
            return invalid(mistake);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Configuration, String> {
        Configuration::parse(text, "footfall.toml", std::iter::empty()).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_file_one_local_site_is_served() {
        let configuration = parse("").unwrap();
        let site = configuration.sites.by_name("localhost").unwrap();
        assert_eq!(site.hosts, ["localhost", "127.0.0.1"]);
        assert_eq!(site.mode, Mode::OptOut);
        assert_eq!(configuration.collector.listen.ip(), Ipv4Addr::LOCALHOST);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = parse("[collector]\nlisten = \"0.0.0.0:80\"\nlissten = 1\n").unwrap_err();
        assert!(
            error.contains("footfall.toml") && error.contains("line 3") && error.contains("lissten"),
            "{error}"
        );
    }

    #[test]
    fn a_wrong_value_is_named_with_its_line() {
        for text in [
            "\n[collector]\nlisten = 80",
            "\n\n[[site]]",
            "\n\n[collector]\ntrusted_proxies = [\"10.0.0.0/99\"]",
            "[[site]]\nname = \"a\"\ninternal = [\"203.0.113.7/40\"]",
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains("line 3") || error.contains("line 4"), "{error}");
        }
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let variable = ("FOOTFALL_COLLECTOR_LISTEN".to_owned(), "0.0.0.0:99".to_owned());
        let text = "[collector]\nlisten = \"127.0.0.1:1\"\n[limits]\nburst = 7";
        let configuration = Configuration::parse(text, "f", std::iter::once(variable)).unwrap();
        assert_eq!(configuration.collector.listen.to_string(), "0.0.0.0:99");
        assert_eq!(configuration.limits.burst, 7);
    }

    #[test]
    fn a_variable_that_names_no_setting_is_refused() {
        for name in ["FOOTFALL_COLLECTOR_LISSTEN", "FOOTFALL_LIMITS_NOTHING"] {
            let variable = (name.to_owned(), "1".to_owned());
            let error = Configuration::parse("", "f", std::iter::once(variable)).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn policies_rise() {
        let two = |second: &str| format!("[[policy]]\nrevision=1\ndate=\"2026-01-01\"\n[[policy]]\n{second}");
        let configuration = parse(&two("revision=2\ndate=\"2026-06-01\"\nmaterial=true")).unwrap();
        assert_eq!(configuration.policy_revision("2026-05-31".parse().unwrap()), 1);
        assert_eq!(configuration.policy_revision("2026-06-01".parse().unwrap()), 2);
        assert_eq!(configuration.last_material_revision(1), 1);
        assert_eq!(configuration.last_material_revision(2), 2);
        assert!(parse(&two("revision=1\ndate=\"2026-06-01\"")).unwrap_err().contains("[[policy]]"));
    }
}
