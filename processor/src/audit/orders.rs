//! Orders on their way into the chain: which are told, which wait, and which do not come to their end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Facts, OrderPassed, OrdersPassed, append};
use crate::store::{Store, StoreError};

/// Visitors' orders in one entry: about 40 KB.
const ORDERS_PER_ENTRY: usize = 1000;
/// How long an order may be on its way through the partitions before that is told: they are read at different speeds.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Orders that the chain does not know.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct NotChained {
    /// Visitors' own, carried out everywhere.
    pub of_visitors: Vec<String>,
    /// Operators', carried out everywhere.
    pub of_operators: Vec<OrderPassed>,
    /// Carried out in some partitions and not in others.
    pub under_way: Vec<String>,
}

impl NotChained {
    /// How many were carried out everywhere.
    pub fn passed(&self) -> usize {
        self.of_visitors.len() + self.of_operators.len()
    }

    fn facts(&self) -> impl Iterator<Item = Facts> {
        let together =
            |orders: &[String]| OrdersPassed { count: orders.len() as u64, orders: orders.to_vec() };
        let visitors = self.of_visitors.chunks(ORDERS_PER_ENTRY).map(together).map(Facts::Erased);
        self.of_operators.iter().cloned().map(Facts::AddressErased).chain(visitors)
    }
}

/// Appends what is to be said of the orders that have all been carried out; gives how many entries.
///
/// # Errors
/// ClickHouse's. What was appended before stays.
pub async fn record_orders(store: &Store, orders: &NotChained, now: Timestamp) -> Result<usize, StoreError> {
    let mut entries = 0;
    for facts in orders.facts() {
        let entry = append(store, &facts, now).await?;
        tracing::info!(number = entry.number, action = entry.action, "erase orders were carried out");
        entries += 1;
    }
    Ok(entries)
}

/// Orders that some partitions have carried out and others have not, since they were first seen. Rows tell no time finer than a day.
#[derive(Debug, Default)]
pub struct UnderWay(BTreeMap<String, Instant>);

impl UnderWay {
    /// Takes what is under way now; gives how many of these have been for too long.
    pub fn late(&mut self, orders: Vec<String>, now: Instant) -> usize {
        let seen = |order: &String| self.0.get(order).copied().unwrap_or(now);
        self.0 = orders
            .into_iter()
            .map(|order| (seen(&order), order))
            .map(|(since, order)| (order, since))
            .collect();
        self.0.values().filter(|since| now.saturating_duration_since(**since) > PATIENCE).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_late_when_it_has_been_under_way_for_ten_minutes() {
        let (mut under_way, start) = (UnderWay::default(), Instant::now());
        let mut late = |orders: &[&str], minutes: u64| {
            let orders = orders.iter().map(|order| (*order).to_owned()).collect();
            under_way.late(orders, start + Duration::from_secs(60 * minutes))
        };
        assert_eq!(late(&["a"], 0), 0);
        assert_eq!(late(&["a", "b"], 5), 0);
        assert_eq!(late(&["a", "b"], 11), 1);
        assert_eq!(late(&["b"], 12), 0, "one came to its end");
        assert_eq!(late(&["a", "b"], 16), 1, "and was seen anew");
    }

    #[test]
    fn visitors_orders_share_entries_of_a_bounded_size() {
        let of_visitors: Vec<String> = (0..2001).map(|order: u32| order.to_string()).collect();
        let operator = OrderPassed { copies: 3, order: "o".into(), site: String::new() };
        let orders =
            NotChained { of_visitors, of_operators: vec![operator.clone()], under_way: vec!["u".into()] };
        let facts: Vec<Facts> = orders.facts().collect();
        assert_eq!((orders.passed(), facts.len()), (2002, 4));
        assert_eq!(facts[0], Facts::AddressErased(operator), "no stranger keeps an operator's order waiting");
        assert_eq!(facts[3].json(), r#"{"count":1,"orders":["2000"]}"#);
        assert!(facts[1..3].iter().all(|facts| facts.orders().len() == ORDERS_PER_ENTRY));
    }
}
