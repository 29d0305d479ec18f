//! Numbers that name somebody: telephone, card, account and order numbers, IPv4 addresses.
//!
//! Seven digits or more, however they are parted, are masked. Calendar dates are not counted as digits (`20150517`, `2015-05-17`,
//! `17.05.2015`), but only from the year 2000 on: earlier ones in a URL are more often dates of birth than of articles. Years
//! are not counted either when nothing but years, or one other number, stands beside them (`2013-2014`, `CVE-2021-44228`).

use super::mask::Mask;

/// Fewer digits than a local telephone number.
const MIN_DIGITS: usize = 7;
/// Most digits of a telephone number with its international prefix (E.164 allows 15); longer ones are cards and accounts.
const MAX_PHONE_DIGITS: usize = 12;
/// Most characters between two groups of one number: `+49 (0) - 30`.
const MAX_GAP: usize = 3;
/// Most groups of one number that are kept; more are masked.
const MAX_GROUPS: usize = 16;

/// A run of digits and what stands before it.
#[derive(Clone, Copy, Default)]
struct Group {
    length: usize,
    value: u32,
    gap: char,
    leading_zero: bool,
}

/// Groups of digits that may be one number.
#[derive(Default)]
struct Number {
    groups: [Group; MAX_GROUPS],
    length: usize,
}

/// What the digits in a text give away, if anything.
pub(super) fn mask(text: &str) -> Option<Mask> {
    if is_too_little(text) {
        return None;
    }
    let mut number = Number::default();
    let (mut gap, mut gap_length, mut is_inside) = (' ', 0, false);
    for char in text.chars() {
        if char.is_numeric() {
            if !is_inside && !number.begin(gap) {
                return Some(Mask::Id);
            }
            number.extend(char);
            is_inside = true;
            continue;
        }
        gap_length = if is_inside { 1 } else { gap_length + 1 };
        (gap, is_inside) = (char, false);
        if char.is_alphabetic() || gap_length > MAX_GAP {
            if let Some(mask) = number.mask() {
                return Some(mask);
            }
            number.length = 0;
        }
    }
    number.mask()
}

/// Too few digits for a number, and too few gaps for an IPv4 address.
fn is_too_little(text: &str) -> bool {
    let digits = text.bytes().filter(|byte| byte.is_ascii_digit() || !byte.is_ascii()).count();
    let gaps = text.bytes().filter(|byte| matches!(byte, b'.' | b'-' | b'_')).count();
    let may_be_coordinate = digits >= 5 && gaps >= 1;
    digits < MIN_DIGITS && (digits < 4 || gaps < 3) && !may_be_coordinate
}

impl Number {
    fn begin(&mut self, gap: char) -> bool {
        let Some(group) = self.groups.get_mut(self.length) else { return false };
        *group = Group { gap, ..Group::default() };
        self.length += 1;
        true
    }

    fn extend(&mut self, char: char) {
        let Some(group) = self.groups.get_mut(self.length.saturating_sub(1)) else { return };
        // A digit of another script counts, but never makes a date or an address.
        let digit = char.to_digit(10).unwrap_or(u32::MAX);
        group.leading_zero |= group.length == 0 && digit == 0;
        group.length += 1;
        group.value = group.value.saturating_mul(10).saturating_add(digit);
    }

    fn mask(&self) -> Option<Mask> {
        let groups = self.groups.get(..self.length).unwrap_or_default();
        if is_ipv4(groups) {
            return Some(Mask::Ip);
        }
        if has_coordinate(groups) {
            return Some(Mask::Id);
        }
        let digits = undated_digits(groups);
        if digits < MIN_DIGITS {
            return None;
        }
        let is_dialled = groups.first().is_some_and(|first| first.leading_zero || first.gap == '+');
        let is_phone = digits <= MAX_PHONE_DIGITS && (is_dialled || groups.len() > 1);
        Some(if is_phone { Mask::Phone } else { Mask::Id })
    }
}

fn is_ipv4(groups: &[Group]) -> bool {
    let [first, second, third, fourth, rest @ ..] = groups else { return false };
    let is_byte = |group: &Group| group.length <= 3 && group.value <= 255;
    let is_parted = |gap: char| [second, third, fourth].into_iter().all(|group| group.gap == gap);
    [first, second, third, fourth].into_iter().all(is_byte)
        && (is_parted('.') || rest.is_empty() && (is_parted('-') || is_parted('_')))
}

/// Degrees with four decimals or more name a house: `52.5200`. Fewer name a town.
fn has_coordinate(groups: &[Group]) -> bool {
    groups.windows(2).any(|pair| {
        matches!(pair, [degrees, decimals] if degrees.length <= 3 && degrees.value <= 180
            && decimals.gap == '.' && decimals.length >= 4 && !is_year(decimals) && !is_compact_date(decimals))
    })
}

/// How many digits are left when calendar dates and years are taken out.
fn undated_digits(groups: &[Group]) -> usize {
    let few = groups.len() == 2 || groups.iter().all(is_year);
    let mut digits = 0;
    let mut rest = groups;
    while let [group, after @ ..] = rest {
        rest = match rest {
            [a, b, c, after @ ..] if is_spread_date(a, b, c) => after,
            _ if is_compact_date(group) || few && is_year(group) => after,
            _ => {
                digits += group.length;
                after
            }
        };
    }
    digits
}

fn is_year(group: &Group) -> bool {
    group.length == 4 && (1900..=2099).contains(&group.value)
}

/// `20150517`
fn is_compact_date(group: &Group) -> bool {
    group.length == 8 && is_date(group.value / 10_000, group.value / 100 % 100, group.value % 100)
}

/// `2015-05-17`, `17.5.2015`, `05-17-2015`
fn is_spread_date(a: &Group, b: &Group, c: &Group) -> bool {
    let is_spread = |year: &Group, one: &Group, other: &Group| {
        year.length == 4
            && one.length <= 2
            && other.length <= 2
            && (is_date(year.value, one.value, other.value) || is_date(year.value, other.value, one.value))
    };
    is_spread(a, b, c) || is_spread(c, a, b)
}

fn is_date(year: u32, month: u32, day: u32) -> bool {
    (2000..=2069).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)
}
