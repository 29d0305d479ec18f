//! The sites that are counted, each with its hosts, its regime of consent and its time zone.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use serde::Deserialize;
use url::Host;

use super::ConfigurationError;
use super::goal::{self, Goal};
use crate::texts::{BannerKey, Language};
use crate::wire::SITE_BYTES_MAX;

/// One site.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its name in every table and report, such as `example.com`.
    pub name: String,
    /// Hosts whose pages may send hits; by default the site's name.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// What is asked before a visitor is counted.
    #[serde(default)]
    pub mode: Mode,
    /// What happens to hits before the visitor of an opt-in site has answered.
    #[serde(default)]
    pub before_consent: BeforeConsent,
    /// IANA name of the zone whose midnight ends the site's day.
    #[serde(default = "utc", deserialize_with = "time_zone")]
    pub time_zone: TimeZone,
    /// Pages shown as one, such as `/user/*`.
    #[serde(default)]
    pub group_pages: Vec<String>,
    /// Query parameters that tell pages apart, such as `category`; all others are dropped.
    #[serde(default)]
    pub page_parameters: Vec<String>,
    /// Networks of the site's own people, such as an office: what comes from there is not recorded.
    #[serde(default)]
    pub internal: Vec<IpNet>,
    /// What it wants its visitors to do.
    #[serde(default, rename = "goal")]
    pub goals: Vec<Goal>,
    /// Language of what visitors read when their browsers ask for none that there is.
    #[serde(default)]
    pub language: Language,
    /// The banner's texts in the site's own words, where they differ.
    #[serde(default)]
    pub texts: BTreeMap<Language, BTreeMap<BannerKey, String>>,
}

/// What is asked before a visitor is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Counted with cookies unless refused.
    #[default]
    OptOut,
    /// Nothing is stored on the device before consent.
    OptIn,
    /// Nothing is ever stored on the device but a choice.
    Cookieless,
}

impl Mode {
    /// Its name in configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OptOut => "opt-out",
            Self::OptIn => "opt-in",
            Self::Cookieless => "cookieless",
        }
    }
}

/// What happens to hits before the visitor of an opt-in site has answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BeforeConsent {
    /// They are not recorded.
    #[default]
    Nothing,
    /// They are counted without anything on the device.
    Memory,
}

/// All sites, found by name.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Sites(Vec<Site>);

impl Sites {
    /// The site of that exact name.
    pub fn by_name(&self, name: &str) -> Option<&Site> {
        self.0.iter().find(|site| site.name == name)
    }

    /// The site that serves pages on that host.
    pub fn by_host(&self, host: &str) -> Option<&Site> {
        self.0.iter().find(|site| site.has_host(host))
    }

    /// All of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Site> {
        self.0.iter()
    }

    /// Adds a site with defaults, unless one of that name is there.
    ///
    /// # Errors
    /// [`ConfigurationError::Invalid`] when the name is none.
    pub fn ensure(&mut self, name: &str) -> Result<(), ConfigurationError> {
        if self.by_name(name).is_none() {
            self.0.push(Site::with_defaults(name));
            self.0.iter_mut().try_for_each(Site::complete)?;
        }
        Ok(())
    }

    pub(super) fn complete(&mut self) -> Result<(), ConfigurationError> {
        if self.0.is_empty() {
            self.0.push(Site {
                hosts: vec!["localhost".into(), "127.0.0.1".into()],
                ..Site::with_defaults("localhost")
            });
        }
        self.0.iter_mut().try_for_each(Site::complete)?;
        for (position, site) in self.0.iter().enumerate() {
            if self.0.iter().skip(position + 1).any(|other| other.name == site.name) {
                return Err(ConfigurationError::Invalid(format!("two [[site]] are named {:?}", site.name)));
            }
        }
        Ok(())
    }
}

impl Site {
    /// A site of that name with every default.
    pub fn with_defaults(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            hosts: Vec::new(),
            mode: Mode::default(),
            before_consent: BeforeConsent::default(),
            time_zone: TimeZone::UTC,
            group_pages: Vec::new(),
            page_parameters: Vec::new(),
            internal: Vec::new(),
            goals: Vec::new(),
            language: Language::default(),
            texts: BTreeMap::new(),
        }
    }

    /// Whether pages on that host may send hits for this site.
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Whether an address belongs to the site's own people.
    pub fn is_internal(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.internal.iter().any(|network| network.contains(&address))
    }

    fn complete(&mut self) -> Result<(), ConfigurationError> {
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if self.name.is_empty() || self.name.len() > SITE_BYTES_MAX || !self.name.bytes().all(is_name) {
            let rule = format!("1 to {SITE_BYTES_MAX} letters, digits, dots, dashes or underscores");
            return Err(ConfigurationError::Invalid(format!("site name {:?} must be {rule}", self.name)));
        }
        if self.hosts.is_empty() {
            self.hosts.push(self.name.clone());
        }
        for host in &mut self.hosts {
            let parsed = Host::parse(host).map_err(|_| {
                ConfigurationError::Invalid(format!(
                    "site {:?}: {host:?} is no host name (no scheme, no path)",
                    self.name
                ))
            })?;
            *host = parsed.to_string();
        }
        match goal::mistake(self) {
            Some(mistake) => Err(ConfigurationError::Invalid(format!("site {:?}: {mistake}", self.name))),
            None => Ok(()),
        }
    }
}

fn utc() -> TimeZone {
    TimeZone::UTC
}

fn time_zone<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<TimeZone, D::Error> {
    let name = String::deserialize(deserializer)?;
    TimeZone::get(&name).map_err(|_| {
        serde::de::Error::custom(format!("{name:?} is no IANA time zone, such as \"Europe/Berlin\""))
    })
}
