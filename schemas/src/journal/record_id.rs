//! Who numbered a record, and which number it got.

use crate::wire::CollectorId;

/// The key of a record, found in clear at the start of every payload: `version(1) | collector(16) | sequence u64 BE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The collector that wrote the record.
    pub collector: CollectorId,
    /// Its number there, from 1, without holes.
    pub sequence: u64,
}

impl RecordId {
    /// Bytes of a payload up to the end of the id.
    pub const END: usize = 1 + 16 + 8;

    /// The id at the start of `payload`; `None` when it is too short to have one.
    #[must_use]
    pub fn of(payload: &[u8]) -> Option<RecordId> {
        let (_version, rest) = payload.split_first()?;
        let (collector, rest) = rest.split_first_chunk::<16>()?;
        let sequence = rest.first_chunk::<8>()?;
        Some(RecordId { collector: CollectorId(*collector), sequence: u64::from_be_bytes(*sequence) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_behind_the_version() {
        let mut payload = vec![1];
        payload.extend([0xab; 16]);
        payload.extend([0, 0, 0, 0, 0, 0, 1, 2]);
        let id = RecordId { collector: CollectorId([0xab; 16]), sequence: 258 };
        assert_eq!(RecordId::of(&payload), Some(id));
        assert_eq!(RecordId::of(&payload[..RecordId::END - 1]), None);
        assert_eq!(
            id.collector.to_string(),
            "abababab-abab-abab-abab-abababababab",
            "as ClickHouse prints it"
        );
    }
}
