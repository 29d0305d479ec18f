//! The one place that knows ClickHouse: migrations, inserts that are repeated until answered, and the questions of
//! the hole check.

mod goals;

use std::time::Duration;

use bytes::Bytes;
use clickhouse::{Client, Row};
use schemas::configuration::ClickHouse;
use schemas::tables::{BOOTSTRAP, DATABASE, MIGRATIONS};
use schemas::wire::CollectorId;
use serde::Deserialize;

mod audit;
mod orders;

pub use audit::AuditRows;
pub use orders::SeenCollector;

/// First and longest wait between two tries of an insert.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(10);

/// How long ClickHouse may take for a part of a block, and for its answer: a connection that died unheard must not hold up
/// everything. A try that was given up may still arrive; that does no harm.
const SEND: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(120);

/// Settings of every insert: a repeated row is never swallowed by ClickHouse's own deduplication, which may remember a
/// block that it lost when it was killed. That an acknowledged row is on disk is a setting of the tables.
const INSERT_SETTINGS: [(&str, &str); 3] = [
    ("async_insert", "0"),
    ("deduplicate_insert", "disable"),
    // An import may span years; a partition is a day.
    ("max_partitions_per_insert_block", "0"),
];

/// Why ClickHouse could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The password file cannot be read.
    #[error("clickhouse.password_file {path}: {error}")]
    Password {
        /// The file.
        path: std::path::PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// ClickHouse refused or did not answer.
    #[error("ClickHouse: {0}; check clickhouse.url and the server's log")]
    ClickHouse(#[from] clickhouse::error::Error),
    /// The audit chain never took an entry.
    #[error("the audit chain takes no entry; `audit verify` says what is wrong with it")]
    AuditRefused,
}

/// A run of sequences without a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// Whose sequences.
    pub collector: CollectorId,
    /// The first missing one.
    pub from: u64,
    /// The last missing one.
    pub to: u64,
    /// UTC hour from which on its first record behind them was written.
    pub written_hour: u32,
}

impl Hole {
    /// How many sequences are missing in it.
    pub fn sequences(&self) -> u64 {
        self.to - self.from + 1
    }
}

/// How far a log file has been imported.
#[derive(Debug, Clone, PartialEq, Eq, Row, Deserialize)]
pub struct Import {
    /// The file's collector.
    pub collector: String,
    /// The source it belongs to.
    pub source: String,
    /// How many of its first bytes name it.
    pub head_bytes: u64,
    /// Its last line that has a row.
    pub through: u64,
}

/// A ClickHouse server.
#[derive(Clone)]
pub struct Store {
    client: Client,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Store {
    /// Uses the server of the configuration; connects only when asked something.
    ///
    /// # Errors
    /// [`StoreError::Password`].
    pub fn new(settings: &ClickHouse) -> Result<Self, StoreError> {
        let mut client = Client::default().with_url(&settings.url).with_user(&settings.user);
        if let Some(path) = &settings.password_file {
            let password = std::fs::read_to_string(path)
                .map_err(|error| StoreError::Password { path: path.clone(), error })?;
            client = client.with_password(password.trim_end());
        }
        Ok(Self { client })
    }

    /// Makes whatever tables and views are missing.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        for statement in BOOTSTRAP {
            self.client.query(statement).execute().await?;
        }
        let done: Vec<u32> = self.client.query("SELECT number FROM footfall.migrations").fetch_all().await?;
        for migration in MIGRATIONS.iter().filter(|migration| !done.contains(&migration.number)) {
            for statement in migration.statements() {
                // A question mark in a comment would be taken for a parameter.
                self.client.query(&statement.replace('?', "??")).execute().await?;
            }
            let insert = "INSERT INTO footfall.migrations VALUES (?, ?)";
            self.client.query(insert).bind(migration.number).bind(migration.name).execute().await?;
            tracing::info!(migration = migration.name, "ClickHouse migrated");
        }
        Ok(())
    }

    /// Writes a Native block into a table, and tries again until ClickHouse has answered: it gives the same rows the
    /// same keys, so that a try whose answer was lost does no harm.
    pub async fn insert(&self, table: &str, block: &Bytes) {
        let mut wait = RETRY_FIRST;
        while let Err(error) = self.insert_once(table, block).await {
            tracing::warn!(table, error = %plain(&error), "insert failed; trying again");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_LONGEST);
        }
    }

    async fn insert_once(&self, table: &str, block: &Bytes) -> Result<(), clickhouse::error::Error> {
        let statement = format!("INSERT INTO {DATABASE}.{table} FORMAT Native");
        let mut insert = self.client.insert_formatted_with(statement);
        for (name, value) in INSERT_SETTINGS {
            insert = insert.with_setting(name, value);
        }
        let mut insert = insert.with_timeouts(Some(SEND), Some(ANSWER));
        insert.send(block.clone()).await?;
        insert.end().await
    }

    /// Runs of missing sequences between each collector's first known and highest row.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn holes(&self) -> Result<Vec<Hole>, StoreError> {
        #[derive(Row, Deserialize)]
        struct Gap {
            collector: String,
            from: u64,
            to: u64,
            written_hour: u32,
        }
        let gaps: Vec<Gap> = self.client.query(include_str!("store/holes.sql")).fetch_all().await?;
        let hole = |Gap { collector, from, to, written_hour }| Hole {
            collector: collector_of(&collector),
            from,
            to,
            written_hour,
        };
        Ok(gaps.into_iter().map(hole).collect())
    }

    /// How many sequences have a row, and of how many collectors.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn rows(&self) -> Result<(u64, u64), StoreError> {
        let question = "SELECT count(), uniqExact(collector) FROM footfall.open_hits FINAL";
        Ok(self.client.query(question).fetch_one().await?)
    }

    /// What was imported before.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn imports(&self, site: &str) -> Result<Vec<Import>, StoreError> {
        let question = "SELECT toString(collector) AS collector, toString(source_id) AS source, head_bytes, through \
                        FROM footfall.imports FINAL WHERE site = ? ORDER BY imported_at";
        Ok(self.client.query(question).bind(site).fetch_all().await?)
    }

    /// Remembers how far a file has been imported.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn import_reached(&self, site: &str, import: &Import) -> Result<(), StoreError> {
        let insert = "INSERT INTO footfall.imports (collector, source_id, site, head_bytes, through, imported_at) \
                      VALUES (?, ?, ?, ?, ?, now())";
        let query = self.client.query(insert).bind(&import.collector).bind(&import.source).bind(site);
        Ok(query.bind(import.head_bytes).bind(import.through).execute().await?)
    }
}

/// ClickHouse's code and its name, less the text between, which may quote rows.
fn plain(error: &clickhouse::error::Error) -> String {
    let clickhouse::error::Error::BadResponse(text) = error else { return error.to_string() };
    let code = text.split('.').next().unwrap_or_default();
    let is_name = |word: &&str| {
        word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_uppercase() || b"_()".contains(&byte))
    };
    format!("{code} {}", text.split_whitespace().rfind(is_name).unwrap_or_default())
}

/// The id that ClickHouse prints as a UUID.
pub fn collector_of(uuid: &str) -> CollectorId {
    let digits: String = uuid.chars().filter(|character| *character != '-').collect();
    CollectorId(u128::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes())
}
