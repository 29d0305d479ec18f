//! What the rows of control records tell of erase orders and of keys in use.

use clickhouse::Row;
use schemas::keys::KeyId;
use schemas::wire::CollectorId;
use serde::Deserialize;

use super::{Hole, Store, StoreError, collector_of};
use crate::audit::{NotChained, OrderPassed};

/// A collector of which there are rows of the last 48 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCollector {
    /// Which one.
    pub collector: CollectorId,
    /// Whether it said goodbye, or another one has taken over its journal: it writes nothing more.
    pub has_ended: bool,
    /// Rows in which it says that it encrypts with one of the keys asked for.
    pub in_use_rows: u64,
    /// The highest sequence of these rows; all it wrote before with another key has lower ones.
    pub in_use_through: u64,
}

impl SeenCollector {
    /// Whether what is missing there may have been encrypted before it took the key up.
    pub fn needs(&self, hole: &Hole) -> bool {
        self.collector == hole.collector && (self.has_ended || hole.from < self.in_use_through)
    }
}

impl Store {
    /// The orders that the audit chain does not know and of which at least one copy has passed.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn orders_not_chained(&self) -> Result<NotChained, StoreError> {
        #[derive(Row, Deserialize)]
        struct Seen {
            order: String,
            of_address: bool,
            site: String,
            copies: u64,
            passed: u64,
        }
        let rows: Vec<Seen> = self.client.query(include_str!("orders_not_chained.sql")).fetch_all().await?;
        let mut orders = NotChained::default();
        for Seen { order, of_address, site, copies, passed } in rows {
            match (passed >= copies, of_address) {
                (false, _) => orders.under_way.push(order),
                (true, false) => orders.of_visitors.push(order),
                (true, true) => orders.of_operators.push(OrderPassed { copies, order, site }),
            }
        }
        Ok(orders)
    }

    /// How many copies of an order have passed.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn copies_passed(&self, order: &str) -> Result<u64, StoreError> {
        let question = "SELECT uniqExact(collector, sequence) FROM footfall.open_hits \
                        WHERE kind = 'control' AND reason IN ('erase', 'erase_address') AND readable > 0 \
                            AND subject = toUUIDOrZero(?)";
        Ok(self.client.query(question).bind(order).fetch_one().await?)
    }

    /// Who wrote records in the last 48 hours, and what each says of these keys. Imports of logs encrypt nothing, and whoever
    /// gave an order and nothing else has ended.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn collectors_seen(&self, keys: &[KeyId]) -> Result<Vec<SeenCollector>, StoreError> {
        #[derive(Row, Deserialize)]
        struct Seen {
            collector: String,
            has_ended: bool,
            in_use_rows: u64,
            in_use_through: u64,
        }
        let keys: Vec<String> = keys.iter().map(|key| CollectorId(key.0).to_string()).collect();
        let query = self.client.query(include_str!("collectors_seen.sql"));
        let rows: Vec<Seen> = query.bind(keys).fetch_all().await?;
        let seen = |Seen { collector, has_ended, in_use_rows, in_use_through }| SeenCollector {
            collector: collector_of(&collector),
            has_ended,
            in_use_rows,
            in_use_through,
        };
        Ok(rows.into_iter().map(seen).collect())
    }
}
