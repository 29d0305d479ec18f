//! Remembers which pages or names came up on a day, in 256 bits (Bloom 1970).

use ring::digest::{SHA256, digest};

/// Bits set for each text. With 10, 30 and 60 texts in the filter, a new one is taken for an old one in 0.04 %, 2 % and 14 %
/// of cases; it then goes uncounted, never counted twice.
const BITS_PER_TEXT: usize = 4;

/// A set of texts that may forget to be surprised, but never is surprised twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayFilter([u8; 32]);

impl DayFilter {
    /// Adds `text`; whether it was new. Each byte of a SHA-256 is the position of a bit, the same on every machine.
    pub fn insert(&mut self, text: &str) -> bool {
        let mut new = false;
        for &position in digest(&SHA256, text.as_bytes()).as_ref().iter().take(BITS_PER_TEXT) {
            new |= !self.holds(position);
            self.set(position);
        }
        new
    }

    /// Few set bits are written as their positions, many as the 32 bytes themselves.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let positions: Vec<u8> = (0..=u8::MAX).filter(|&position| self.holds(position)).collect();
        if positions.len() < self.0.len() { positions } else { self.0.to_vec() }
    }

    /// The filter that [`Self::to_bytes`] wrote; `None` for bytes it does not write.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut filter = Self::default();
        if let Ok(bits) = bytes.try_into() {
            filter = Self(bits);
        } else {
            bytes.iter().for_each(|&position| filter.set(position));
        }
        (filter.to_bytes() == bytes).then_some(filter)
    }

    fn holds(&self, position: u8) -> bool {
        self.0.get(usize::from(position / 8)).is_some_and(|byte| byte & (1 << (position % 8)) != 0)
    }

    fn set(&mut self, position: u8) {
        if let Some(byte) = self.0.get_mut(usize::from(position / 8)) {
            *byte |= 1 << (position % 8);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of `trials` filters with `texts` texts each, the share of unseen texts taken for seen ones.
    fn false_positive_rate(texts: u32, trials: u32) -> f64 {
        let taken_for_seen = (0..trials).filter(|trial| {
            let mut filter = DayFilter::default();
            for text in 0..texts {
                filter.insert(&format!("/{trial}/{text}"));
            }
            !filter.insert(&format!("/{trial}/unseen"))
        });
        taken_for_seen.count() as f64 / f64::from(trials)
    }

    #[test]
    fn false_positives_stay_rare() {
        let rates = [10, 30, 60].map(|texts| false_positive_rate(texts, 5_000));
        println!(
            "taken for seen: {:.2} % of 10, {:.2} % of 30, {:.2} % of 60 pages",
            rates[0] * 100.0,
            rates[1] * 100.0,
            rates[2] * 100.0
        );
        assert!(rates[0] < 0.002, "10 pages: {}", rates[0]);
        assert!((0.01..0.03).contains(&rates[1]), "30 pages: {}", rates[1]);
        assert!((0.10..0.18).contains(&rates[2]), "60 pages: {}", rates[2]);
    }

    #[test]
    fn bits_are_the_same_on_every_machine() {
        let mut filter = DayFilter::default();
        assert!(filter.insert("/pricing"));
        assert_eq!(filter.to_bytes(), [115, 148, 162, 187]);
    }

    proptest! {
        #[test]
        fn no_text_is_new_twice(texts in proptest::collection::vec("[a-z]{0,8}", 0..100)) {
            let mut filter = DayFilter::default();
            texts.iter().for_each(|text| { filter.insert(text); });
            for text in &texts {
                prop_assert!(!filter.insert(text));
            }
        }

        #[test]
        fn bytes_are_short_and_read_back(texts in proptest::collection::vec("[a-z]{0,8}", 0..60)) {
            let mut filter = DayFilter::default();
            texts.iter().for_each(|text| { filter.insert(text); });
            let bytes = filter.to_bytes();
            prop_assert!(bytes.len() <= 32.min(texts.len() * BITS_PER_TEXT));
            prop_assert_eq!(DayFilter::from_bytes(&bytes), Some(filter));
        }

        #[test]
        fn hostile_bytes_are_refused_or_their_own_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(filter) = DayFilter::from_bytes(&bytes) {
                prop_assert_eq!(filter.to_bytes(), bytes);
            }
        }
    }
}
