//! The audit chain's rows.

use clickhouse::Row;
use clickhouse::query::RowCursor;
use serde::Deserialize;

use super::{Store, StoreError};
use crate::audit::{Entry, Head};

/// A changed row may hold anything; what is no text is not what was hashed either.
const COLUMNS: &str = "number, toUnixTimestamp(at) AS at, toValidUTF8(action) AS action, toValidUTF8(facts) AS facts, \
     toValidUTF8(previous) AS previous, toValidUTF8(hash) AS hash";

#[derive(Debug, Row, Deserialize)]
struct AuditRow {
    number: u64,
    at: u32,
    action: String,
    facts: String,
    previous: String,
    hash: String,
}

impl From<AuditRow> for Entry {
    fn from(row: AuditRow) -> Self {
        let AuditRow { number, at, action, facts, previous, hash } = row;
        Self { number, at_seconds: at, action, facts, previous, hash }
    }
}

/// What whoever wants to append must know, at one moment.
#[derive(Debug)]
pub struct AuditRows {
    /// The last entry.
    pub head: Head,
    /// The first entry of the same action about one of the same orders, if there is one.
    pub same: Option<Entry>,
}

/// Entries, one after another.
pub struct Entries(RowCursor<AuditRow>);

impl Entries {
    /// The next one.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn next(&mut self) -> Result<Option<Entry>, StoreError> {
        Ok(self.0.next().await?.map(Entry::from))
    }
}

impl Store {
    /// Where the chain ends, and what it says of these orders already.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn audit_rows(&self, action: &str, orders: &[&str]) -> Result<AuditRows, StoreError> {
        let question = format!(
            "SELECT {COLUMNS} FROM footfall.audit_chain \
             WHERE number = (SELECT max(number) FROM footfall.audit) \
                OR (action = ? AND hasAny(?, arrayPushBack(JSONExtract(facts, 'orders', 'Array(String)'), JSONExtractString(facts, 'order')))) \
             ORDER BY number"
        );
        let rows: Vec<AuditRow> = self.client.query(&question).bind(action).bind(orders).fetch_all().await?;
        let entries: Vec<Entry> = rows.into_iter().map(Entry::from).collect();
        let head = entries.last().map(Entry::head).unwrap_or_default();
        let is_same =
            |entry: &Entry| entry.action == action && orders.iter().any(|order| entry.facts.contains(order));
        Ok(AuditRows { head, same: entries.into_iter().find(is_same) })
    }

    /// Adds an entry; which of two of one number came first is told by the server's clock.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn audit_insert(&self, entry: &Entry) -> Result<(), StoreError> {
        let Entry { number, at_seconds, action, facts, previous, hash } = entry;
        let insert = "INSERT INTO footfall.audit (number, at, action, facts, previous, hash, inserted_at) \
                      SELECT ?, toDateTime(?, 'UTC'), ?, ?, ?, ?, now64(6)";
        let query = self.client.query(insert).bind(number).bind(at_seconds).bind(action).bind(facts);
        Ok(query.bind(previous).bind(hash).with_setting("async_insert", "0").execute().await?)
    }

    /// The entries that count, in order.
    ///
    /// # Errors
    /// ClickHouse's.
    pub fn audit_chain(&self) -> Result<Entries, StoreError> {
        let question = format!("SELECT {COLUMNS} FROM footfall.audit_chain ORDER BY number");
        Ok(Entries(self.client.query(&question).fetch()?))
    }

    /// All rows of the chain: by number, and of one number the one that counts first.
    ///
    /// # Errors
    /// ClickHouse's.
    pub fn audit_links(&self) -> Result<Entries, StoreError> {
        let question = format!(
            "SELECT {COLUMNS} FROM footfall.audit \
             ORDER BY number, audit.hash IN (SELECT previous FROM footfall.audit) DESC, inserted_at, audit.hash"
        );
        Ok(Entries(self.client.query(&question).fetch()?))
    }
}
