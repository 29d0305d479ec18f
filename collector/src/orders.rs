//! Orders that concern every partition of the log, for a visitor's records may stand in any of them: one copy for each.

use std::fmt;
use std::net::IpAddr;

use schemas::configuration::Kafka;
use schemas::event::{Erase, Order, Visit};
use schemas::wire::CollectorId;

use crate::endpoints::Collector;
use crate::refusal::Refusal;

/// A lane has 8 bits, so no more partitions can be reached.
const COPIES_MAX: u32 = 256;

/// How many copies an order needs: one for each partition that the journal is shipped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copies(u32);

impl Copies {
    /// Of a journal that is read where it is.
    pub const ONE: Self = Self(1);

    /// Of a journal that is shipped to Kafka.
    pub fn for_partitions_of(kafka: &Kafka) -> Self {
        Self(kafka.partitions.clamp(1, COPIES_MAX))
    }

    /// The number.
    pub fn count(self) -> u32 {
        self.0
    }

    /// The lane of each copy: as numbers below that of the partitions they are partitions themselves.
    pub fn lanes(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).take(self.0 as usize)
    }
}

/// Which order it is, in all its copies and in the report of it. It is random and says nothing about anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderId(pub [u8; 16]);

impl fmt::Display for OrderId {
    /// As ClickHouse prints a UUID.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        CollectorId(self.0).fmt(f)
    }
}

impl Collector {
    /// Orders that everybody at an address is forgotten, on one site or, without a name, on all. Returns when the disk has all
    /// copies.
    ///
    /// # Errors
    /// [`Refusal::UnknownSite`], or the journal did not take it: then nothing is promised.
    pub async fn order_erasure(&self, site: Option<&str>, address: IpAddr) -> Result<OrderId, Refusal> {
        if let Some(name) = site {
            self.site(name)?;
        }
        let address = Visit::address_bytes(address.to_canonical());
        self.erase(site.unwrap_or_default(), |order, copies| Erase::of_address(&address, order, copies)).await
    }

    /// Orders that the visitor who is filled into `visitor` is forgotten on a site. Returns when the disk has all copies.
    pub(crate) async fn forget(&self, site: &str, visitor: &Visit) -> Result<OrderId, Refusal> {
        self.erase(site, |order, copies| Erase::of(visitor, order, copies)).await
    }

    async fn erase(
        &self,
        site: &str,
        erase: impl FnOnce([u8; 16], u32) -> Erase,
    ) -> Result<OrderId, Refusal> {
        let order = OrderId(rand::random());
        let copies = self.recorder.copies().count();
        self.recorder.orders(site, &Order::Erase(erase(order.0, copies))).await?;
        self.telemetry.erase_orders.inc();
        tracing::info!(%order, copies, "an erase order is in the journal");
        Ok(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_its_copy() {
        let lanes = |partitions| {
            let copies = Copies::for_partitions_of(&Kafka { partitions, ..Kafka::default() });
            let partitions_reached: Vec<u32> =
                copies.lanes().map(|lane| u32::from(lane) % partitions.max(1)).collect();
            assert_eq!(partitions_reached.len(), copies.count() as usize);
            partitions_reached
        };
        assert_eq!(lanes(1), [0]);
        assert_eq!(lanes(6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(lanes(256), (0..256).collect::<Vec<u32>>());
        assert_eq!(Copies::ONE.lanes().collect::<Vec<u8>>(), [0]);
    }

    #[test]
    fn an_order_is_named_as_a_uuid() {
        assert_eq!(OrderId([0xab; 16]).to_string(), "abababab-abab-abab-abab-abababababab");
    }
}
