//! The visitor's preferred language, without region, script or anything else that would single him out.
//!
//! Read from `Accept-Language` (RFC 9110, section 12.5.4); the values are the codes of ISO 639-1.

use crate::closed_lists::{NONE, OTHER};

/// Ranges looked at. Browsers send fewer than ten; the limit bounds the work of a hostile header.
const RANGES: usize = 32;

/// The primary subtag of the range with the highest weight (the first of equals).
///
/// Gives `(other)` where it is no code of ISO 639-1, and `(none)` where the header asks for no language.
///
/// ```
/// use schemas::language::primary_language;
/// assert_eq!(primary_language("de-CH, en;q=0.8"), "de");
/// assert_eq!(primary_language("tlh"), "(other)");
/// assert_eq!(primary_language(""), "(none)");
/// ```
#[must_use]
pub fn primary_language(accept_language: &str) -> &'static str {
    let mut best = None;
    let mut best_weight = 0;
    for (tag, weight) in weighted_ranges(accept_language) {
        if weight > best_weight {
            best_weight = weight;
            best = Some(tag);
        }
    }
    best.map_or(NONE, code)
}

/// The ranges of the header with their weights, as far as they are looked at.
pub(crate) fn weighted_ranges(accept_language: &str) -> impl Iterator<Item = (&str, u16)> {
    accept_language.split(',').take(RANGES).filter_map(weighted_range)
}

/// A range other than `*` and its weight in thousandths.
fn weighted_range(range: &str) -> Option<(&str, u16)> {
    let mut parts = range.split(';');
    let tag = parts.next().unwrap_or_default().trim();
    if tag.is_empty() || tag == "*" {
        return None;
    }
    let weight = match parts.next() {
        None => 1000,
        Some(parameter) => thousandths(parameter.trim())?,
    };
    Some((tag, weight))
}

/// `q=0.85` is 850. Anything but a number from 0 to 1 with at most three decimals is nothing.
fn thousandths(parameter: &str) -> Option<u16> {
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

fn code(tag: &str) -> &'static str {
    let primary = tag.split(['-', '_']).next().unwrap_or_default();
    if primary.len() > 3 {
        return OTHER;
    }
    let lower = primary.to_ascii_lowercase();
    let current = RENAMED.iter().find(|(old, _)| *old == lower).map_or(lower.as_str(), |(_, new)| *new);
    LANGUAGES
        .binary_search(&current)
        .ok()
        .and_then(|position| LANGUAGES.get(position))
        .copied()
        .unwrap_or(OTHER)
}

/// Codes that the IANA subtag registry has withdrawn and browsers still send; and Filipino, whose code in ISO 639-1 is
/// Tagalog's.
const RENAMED: [(&str, &str); 6] =
    [("fil", "tl"), ("in", "id"), ("iw", "he"), ("ji", "yi"), ("jw", "jv"), ("mo", "ro")];

/// The code itself if it may occur, or [`OTHER`].
#[must_use]
pub fn known(code: &str) -> &'static str {
    if code == NONE {
        return NONE;
    }
    let found = LANGUAGES.binary_search(&code).ok().and_then(|position| LANGUAGES.get(position));
    found.copied().unwrap_or(OTHER)
}

/// The two-letter codes of ISO 639-1.
#[rustfmt::skip]
pub const LANGUAGES: [&str; 183] = [
    "aa", "ab", "ae", "af", "ak", "am", "an", "ar", "as", "av", "ay", "az",
    "ba", "be", "bg", "bi", "bm", "bn", "bo", "br", "bs",
    "ca", "ce", "ch", "co", "cr", "cs", "cu", "cv", "cy",
    "da", "de", "dv", "dz", "ee", "el", "en", "eo", "es", "et", "eu",
    "fa", "ff", "fi", "fj", "fo", "fr", "fy", "ga", "gd", "gl", "gn", "gu", "gv",
    "ha", "he", "hi", "ho", "hr", "ht", "hu", "hy", "hz",
    "ia", "id", "ie", "ig", "ii", "ik", "io", "is", "it", "iu", "ja", "jv",
    "ka", "kg", "ki", "kj", "kk", "kl", "km", "kn", "ko", "kr", "ks", "ku", "kv", "kw", "ky",
    "la", "lb", "lg", "li", "ln", "lo", "lt", "lu", "lv",
    "mg", "mh", "mi", "mk", "ml", "mn", "mr", "ms", "mt", "my",
    "na", "nb", "nd", "ne", "ng", "nl", "nn", "no", "nr", "nv", "ny",
    "oc", "oj", "om", "or", "os", "pa", "pi", "pl", "ps", "pt", "qu",
    "rm", "rn", "ro", "ru", "rw",
    "sa", "sc", "sd", "se", "sg", "si", "sk", "sl", "sm", "sn", "so", "sq", "sr", "ss", "st", "su", "sv", "sw",
    "ta", "te", "tg", "th", "ti", "tk", "tl", "tn", "to", "tr", "ts", "tt", "tw", "ty",
    "ug", "uk", "ur", "uz", "ve", "vi", "vo", "wa", "wo", "xh", "yi", "yo", "za", "zh", "zu",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_the_heaviest_range_and_the_first_of_equals() {
        assert_eq!(primary_language("en-US,en;q=0.9,de;q=0.8"), "en");
        assert_eq!(primary_language("fr;q=0.5, it;q=0.91, es;q=0.9"), "it");
        assert_eq!(primary_language("nl, sv"), "nl");
        assert_eq!(primary_language("ja;q=0.7"), "ja");
        assert_eq!(primary_language("PT_br"), "pt");
        assert_eq!(primary_language("zh-Hant-TW;q=1.0"), "zh");
    }

    #[test]
    fn follows_renamed_codes() {
        assert_eq!(primary_language("iw-IL"), "he");
        assert_eq!(primary_language("fil-PH, en;q=0.5"), "tl");
    }

    #[test]
    fn no_language_wanted_is_none() {
        for header in ["", "   ", ",,;", "*", "*;q=0.5", "de;q=0"] {
            assert_eq!(primary_language(header), NONE, "{header}");
        }
    }

    #[test]
    fn a_language_off_the_list_is_other() {
        for header in ["tlh", "x-anna-smith", "i-klingon", "xx", "é", "e", "anna@example.com"] {
            assert_eq!(primary_language(header), OTHER, "{header}");
        }
    }

    #[test]
    fn malformed_weights_do_not_count() {
        for bad in ["2", "-1", "1.5", "0.1234", "0.+5", ".5", "nan", "", "0.٣"] {
            assert_eq!(primary_language(&format!("de;q={bad}, en;q=0.001")), "en", "{bad}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_unique() {
        assert!(LANGUAGES.is_sorted_by(|before, after| before < after));
        assert!(RENAMED.iter().all(|(old, new)| !LANGUAGES.contains(old) && LANGUAGES.contains(new)));
    }

    proptest! {
        #[test]
        fn any_header_gives_a_listed_value(header in "\\PC{0,80}|([a-zA-Z*]{0,4}[-;,=q.0-9 ]{0,6}){0,40}") {
            let language = primary_language(&header);
            prop_assert!(LANGUAGES.contains(&language) || [NONE, OTHER].contains(&language));
        }
    }
}
