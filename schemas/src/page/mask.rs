//! What was masked and why, and how often: the operator's view of what the scrubbing does to a site.

/// Why a part of a URL is not shown. What [`Mask::as_str`] gives stands in the page in its place, save for the last three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mask {
    /// An e-mail address.
    Email,
    /// Somebody's name or handle: what follows `/user/`, begins with `~` or `@`.
    Name,
    /// A telephone number.
    Phone,
    /// A number or code of one thing or person: UUID, long number, card, IBAN, MAC address, order.
    Id,
    /// An IPv4 or IPv6 address.
    Ip,
    /// Something secret or random: JWT, hash, session, what follows `/reset/`.
    Token,
    /// Longer than a segment may be.
    Long,
    /// Not plain text: control characters, broken UTF-8, percent-encoding beyond the third layer.
    Encoded,
    /// Named by the site's own pattern; `*` stands in the page.
    Pattern,
    /// Beyond the depth or length of a page; [`REST`](super::REST) stands in the page.
    Rest,
    /// A query parameter that is not allowed; nothing stands in the page.
    Parameter,
}

impl Mask {
    /// Every mask, in the order of the enum.
    pub const ALL: [Self; 11] = [
        Self::Email,
        Self::Name,
        Self::Phone,
        Self::Id,
        Self::Ip,
        Self::Token,
        Self::Long,
        Self::Encoded,
        Self::Pattern,
        Self::Rest,
        Self::Parameter,
    ];

    /// The text in a page, and the name in a report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => ":email",
            Self::Name => ":name",
            Self::Phone => ":phone",
            Self::Id => ":id",
            Self::Ip => ":ip",
            Self::Token => ":token",
            Self::Long => ":long",
            Self::Encoded => ":encoded",
            Self::Pattern => ":pattern",
            Self::Rest => ":rest",
            Self::Parameter => ":parameter",
        }
    }
}

/// How many parts of a URL each rule masked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masked([u32; Mask::ALL.len()]);

impl Masked {
    /// Counts one more.
    pub(crate) fn add(&mut self, mask: Mask) {
        self.add_times(mask, 1);
    }

    /// Counts several more.
    pub(crate) fn add_times(&mut self, mask: Mask, times: usize) {
        let count = &mut self.0[mask as usize];
        *count = count.saturating_add(u32::try_from(times).unwrap_or(u32::MAX));
    }

    /// Adds what was masked in other URLs.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }

    /// How many parts this rule masked.
    #[must_use]
    pub fn count(&self, mask: Mask) -> u32 {
        self.0[mask as usize]
    }

    /// The rules that masked something, as `open_hits` keeps them: bit 0 for the first of [`Mask::ALL`], and so on. What was
    /// masked, and how often, is not in it.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.iter().fold(0, |bits, (mask, _)| bits | 1 << mask as u32)
    }

    /// Each rule that masked something, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Mask, u32)> {
        Mask::ALL.into_iter().zip(self.0).filter(|&(_, count)| count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_stands_for_its_rule_in_the_table_and_in_the_report() {
        let sql = include_str!("../../clickhouse/0007_masked.sql");
        for (bit, mask) in Mask::ALL.into_iter().enumerate() {
            let mut masked = Masked::default();
            masked.add(mask);
            assert_eq!(masked.bits(), 1 << bit, "{mask:?}");
            assert!(
                sql.contains(&format!("('{}', countIf(bitTest(masked, {bit})))", mask.as_str())),
                "{mask:?}"
            );
            assert!(sql.contains(&format!("{bit} {}", mask.as_str())), "{mask:?} in the column's comment");
        }
        assert_eq!(Masked::default().bits(), 0);
    }
}
