//! What a client needs for a secured listener: the authority to trust, a name and a password.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use rdkafka::ClientConfig;

/// Made anew for each broker.
#[derive(Debug, Clone)]
pub struct Access {
    /// The certificate of the authority, for `ssl.ca.location`.
    pub authority: PathBuf,
    /// For `sasl.username`.
    pub user: String,
    /// For `sasl.password`.
    pub password: String,
    /// The broker's key and certificate.
    identity: PathBuf,
}

impl Access {
    pub(super) fn make(folder: &Path) -> Result<Self> {
        let access = Self {
            authority: folder.join("authority.pem"),
            user: "footfall".to_owned(),
            password: format!("{:032x}", rand::random::<u128>()),
            identity: folder.join("identity.pem"),
        };
        let key = folder.join("key.pem");
        // It signs itself, so that the one certificate is the authority too.
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"])
            .args(["-days", "2", "-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&access.authority)
            .output()
            .context("openssl cannot be started")?;
        ensure!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        let identity = [std::fs::read(key)?, std::fs::read(&access.authority)?].concat();
        std::fs::write(&access.identity, identity)?;
        Ok(access)
    }

    /// The broker's settings for a listener.
    pub(super) fn settings(&self, listener: &str) -> String {
        let Self { user, password, identity, .. } = self;
        let prefix = format!("listener.name.{}", listener.to_ascii_lowercase());
        let login = "org.apache.kafka.common.security.plain.PlainLoginModule required";
        format!(
            "{prefix}.ssl.keystore.type=PEM\n\
             {prefix}.ssl.keystore.location={}\n\
             {prefix}.sasl.enabled.mechanisms=PLAIN\n\
             {prefix}.plain.sasl.jaas.config={login} user_{user}=\"{password}\";\n",
            identity.display(),
        )
    }

    /// A client's settings, without an address.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("security.protocol", "SASL_SSL").set("ssl.ca.location", self.authority.to_string_lossy());
        client.set("sasl.mechanism", "PLAIN");
        client.set("sasl.username", &self.user).set("sasl.password", &self.password);
        client
    }
}
