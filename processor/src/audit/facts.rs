//! What an entry tells. Nothing of it says whom an order named.

use jiff::civil::Date;
use serde::Serialize;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// Visitors' own orders have passed all partitions. They share an entry: strangers can give many.
    Erased(OrdersPassed),
    /// An operator's order has passed all partitions.
    AddressErased(OrderPassed),
    /// Keys are about to be destroyed before their time: whatever happens now, the chain tells of it.
    DestroyingKeys(KeysDestroyed),
    /// Keys were destroyed before their time.
    KeysDestroyed(KeysDestroyed),
}

/// An order whose copies have all been carried out. Fields are in the order of their names, as canonical JSON wants them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderPassed {
    /// How many copies, one for each partition.
    pub copies: u64,
    /// The order, as a UUID.
    pub order: String,
    /// The only site it concerned; empty for all.
    pub site: String,
}

/// Visitors' orders whose copies have all been carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrdersPassed {
    /// How many.
    pub count: u64,
    /// Each one, as a UUID.
    pub orders: Vec<String>,
}

/// Keys that an operator destroys after an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeysDestroyed {
    /// UTC days whose records they opened.
    pub days: Vec<Date>,
    /// Whether collectors were known to have records that needed them still.
    pub forced: bool,
    /// How many keys.
    pub keys: u64,
    /// How many collectors that were.
    pub missing_collectors: u64,
    /// The order after which it was done, as a UUID.
    pub order: String,
}

impl Facts {
    /// The name of what was done.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Erased(_) => "erase",
            Self::AddressErased(_) => "erase_address",
            Self::DestroyingKeys(_) => "destroying_keys",
            Self::KeysDestroyed(_) => "keys_destroyed",
        }
    }

    /// The orders that it is about.
    pub fn orders(&self) -> Vec<&str> {
        match self {
            Self::Erased(passed) => passed.orders.iter().map(String::as_str).collect(),
            Self::AddressErased(passed) => vec![&passed.order],
            Self::DestroyingKeys(destroyed) | Self::KeysDestroyed(destroyed) => vec![&destroyed.order],
        }
    }

    /// As canonical JSON.
    pub fn json(&self) -> String {
        let json = match self {
            Self::Erased(passed) => serde_json::to_string(passed),
            Self::AddressErased(passed) => serde_json::to_string(passed),
            Self::DestroyingKeys(destroyed) | Self::KeysDestroyed(destroyed) => {
                serde_json::to_string(destroyed)
            }
        };
        // INVARIANT: texts, numbers and booleans are JSON.
        json.unwrap_or_default()
    }
}
