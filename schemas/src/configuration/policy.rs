//! The revisions of the privacy policy, as the operator writes them down.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::texts::Language;

/// One revision of the privacy policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// 1, 2, 3, …
    pub revision: u32,
    /// The day it comes into force (UTC).
    pub date: Date,
    /// A material change asks those who accepted again.
    #[serde(default)]
    pub material: bool,
    /// What changed, in plain words: one text, or one for each language.
    #[serde(default)]
    pub summary: OneOrEach<Language>,
    /// What `/policy/notices.json` said of the banner's texts while this revision was in force: one hash, or one for each
    /// site. To be noted before the texts change under a later revision, so that the proof of this one stays.
    #[serde(default)]
    pub texts_sha256: OneOrEach<String>,
}

/// One text for all, or a table with one for each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged, bound(deserialize = "K: Ord + Deserialize<'de>", serialize = "K: Serialize"))]
#[serde(expecting = "expected one text, or a table of texts by language (en, de, fr, es, ru, ar) or by site")]
pub enum OneOrEach<K> {
    /// For all.
    One(String),
    /// For each.
    Each(BTreeMap<K, String>),
}

impl<K> Default for OneOrEach<K> {
    fn default() -> Self {
        Self::One(String::new())
    }
}

impl<K: Ord> OneOrEach<K> {
    fn all(&self) -> Vec<&String> {
        match self {
            Self::One(text) => vec![text],
            Self::Each(texts) => texts.values().collect(),
        }
    }
}

impl OneOrEach<Language> {
    /// The text in a language, else in English, else in any.
    pub fn in_language(&self, language: Language) -> &str {
        match self {
            Self::One(text) => text,
            Self::Each(texts) => {
                let text = texts.get(&language).or_else(|| texts.get(&Language::En));
                text.or_else(|| texts.values().next()).map_or("", String::as_str)
            }
        }
    }
}

impl OneOrEach<String> {
    /// The text of a site, if there is one.
    pub fn of_site(&self, site: &str) -> Option<&str> {
        let text = match self {
            Self::One(text) => Some(text),
            Self::Each(texts) => texts.get(site),
        };
        text.map(String::as_str).filter(|text| !text.is_empty())
    }
}

/// What is wrong with the revisions, taken together.
pub(super) fn mistake(policies: &[Policy]) -> Option<String> {
    let rising = |pair: &[Policy]| matches!(pair, [a, b] if a.revision < b.revision && a.date < b.date);
    if !policies.windows(2).all(rising) || policies.iter().any(|policy| policy.revision == 0) {
        return Some("[[policy]] revisions must count from 1 and rise together with their dates".into());
    }
    let is_hash = |text: &&String| {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.is_empty() || (text.len() == 64 && text.bytes().all(is_hex))
    };
    let wrong = policies.iter().find(|policy| !policy.texts_sha256.all().iter().all(is_hash))?;
    Some(format!(
        "[[policy]] revision {}: texts_sha256 must be the 64 hexadecimal digits that /policy/notices.json gave",
        wrong.revision
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;

    fn parse(more: &str) -> Result<Policy, String> {
        let text = format!("[[policy]]\nrevision = 1\ndate = \"2026-01-01\"\n{more}");
        let configuration = Configuration::parse(&text, "footfall.toml", std::iter::empty());
        configuration.map(|mut found| found.policies.remove(0)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_summary_is_one_text_or_one_for_each_language() {
        let one = parse("summary = 'New'").unwrap().summary;
        assert_eq!((one.in_language(Language::De), one.in_language(Language::Ar)), ("New", "New"));
        let each = parse("summary.de = 'Neu'\nsummary.en = 'New'").unwrap().summary;
        assert_eq!((each.in_language(Language::De), each.in_language(Language::Ar)), ("Neu", "New"));
        let german = parse("summary.de = 'Neu'").unwrap().summary;
        assert_eq!(german.in_language(Language::En), "Neu");
        assert_eq!(parse("").unwrap().summary.in_language(Language::En), "");
        let error = parse("summary.tlh = 'chu'").unwrap_err();
        assert!(error.contains("line 4") && error.contains("en, de, fr"), "{error}");
    }

    #[test]
    fn a_hash_of_texts_is_one_or_of_each_site() {
        let hash = "0123456789abcdef".repeat(4);
        let one = parse(&format!("texts_sha256 = '{hash}'")).unwrap().texts_sha256;
        assert_eq!(one.of_site("a"), Some(hash.as_str()));
        let each = parse(&format!("texts_sha256.'example.com' = '{hash}'")).unwrap().texts_sha256;
        assert_eq!((each.of_site("example.com"), each.of_site("a")), (Some(hash.as_str()), None));
        assert_eq!(parse("").unwrap().texts_sha256.of_site("a"), None);
        for bad in ["0123", &"X".repeat(64)] {
            let error = parse(&format!("texts_sha256 = '{bad}'")).unwrap_err();
            assert!(error.contains("notices.json"), "{error}");
        }
    }
}
