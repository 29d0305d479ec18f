//! Proof of what visitors were told, without a word about any visitor (CNIL, délibération 2020-092, names a public hash of
//! what was shown): each revision of the policy with the banner's texts under it, chained by SHA-256.
//!
//! Anybody can recompute it. *Canonical JSON* here is RFC 8785 of objects whose values are texts, whole numbers, booleans,
//! null and such objects: keys in order, no white space, UTF-8.
//!
//! - `texts_sha256` is the SHA-256 of the canonical JSON of `{language: {key: text}}`, all six languages, each with the texts that
//!   `GET /consent?site=…&language=…` gives.
//! - `sha256` is the SHA-256 of the canonical JSON of the notice without its `sha256`.
//! - `previous_sha256` is the `sha256` of the notice before, null in the first one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;
use ring::digest;
use serde::Serialize;

use crate::configuration::{OneOrEach, Policy};
use crate::texts::{BannerKey, Language};

/// The banner's texts of one site in every language.
pub type BannerTexts<'a> = BTreeMap<Language, BTreeMap<BannerKey, &'a str>>;

/// What was in force, and its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    #[serde(flatten)]
    statement: Statement,
    sha256: String,
}

/// What a notice's hash covers. Its fields are in the order of their names, as canonical JSON wants them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Statement {
    date: Option<Date>,
    material: bool,
    previous_sha256: Option<String>,
    revision: u32,
    summary: OneOrEach<Language>,
    texts_sha256: String,
}

/// The chain of one site. The last revision has the texts that are shown now; an earlier one those that its configuration
/// notes (`texts_sha256`), else the same. Without any policy there is one notice, without a date.
pub fn chain(in_force: &[Policy], site: &str, shown_now: &BannerTexts<'_>) -> Vec<Notice> {
    let shown_now = texts_sha256(shown_now);
    let last = in_force.len().saturating_sub(1);
    let statement = |(place, policy): (usize, &Policy)| {
        let noted = policy.texts_sha256.of_site(site).filter(|_| place < last);
        Statement {
            date: Some(policy.date),
            material: policy.material,
            previous_sha256: None,
            revision: policy.revision,
            summary: policy.summary.clone(),
            texts_sha256: noted.unwrap_or(&shown_now).to_owned(),
        }
    };
    let mut statements: Vec<Statement> = in_force.iter().enumerate().map(statement).collect();
    if statements.is_empty() {
        statements.push(Statement::without_policy(shown_now));
    }
    linked(statements)
}

fn linked(statements: Vec<Statement>) -> Vec<Notice> {
    let mut previous = None;
    let link = |mut statement: Statement| {
        statement.previous_sha256 = previous.take();
        let sha256 = sha256_of(&statement);
        previous = Some(sha256.clone());
        Notice { statement, sha256 }
    };
    statements.into_iter().map(link).collect()
}

impl Statement {
    fn without_policy(texts_sha256: String) -> Self {
        let summary = OneOrEach::default();
        Self { date: None, material: false, previous_sha256: None, revision: 1, summary, texts_sha256 }
    }
}

/// The hash of a site's texts.
pub fn texts_sha256(texts: &BannerTexts<'_>) -> String {
    sha256_of(texts)
}

/// Maps and fields come in the order of their keys, so that `serde_json`'s compact form is the canonical one.
fn sha256_of(value: &impl Serialize) -> String {
    // INVARIANT: these values hold nothing that JSON cannot.
    let canonical = serde_json::to_vec(value).unwrap_or_default();
    let mut hex = String::new();
    for byte in digest::digest(&digest::SHA256, &canonical).as_ref() {
        // INVARIANT: writing to a String does not fail.
        _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;

    const POLICIES: &str = "[[policy]]\nrevision = 1\ndate = \"2026-01-01\"\n[[policy]]\nrevision = 2\ndate = \"2026-06-01\"\n\
                            material = true\nsummary = 'New'\n[[policy]]\nrevision = 3\ndate = \"2026-09-01\"\nsummary.de = 'Neu'";

    fn policies(text: &str) -> Vec<Policy> {
        Configuration::parse(text, "test", std::iter::empty()).unwrap().policies
    }

    fn texts(title: &str) -> BannerTexts<'_> {
        BTreeMap::from([(Language::En, BTreeMap::from([(BannerKey::Body, "b"), (BannerKey::Title, title)]))])
    }

    fn hashes(policies: &[Policy], title: &str) -> Vec<String> {
        chain(policies, "a", &texts(title)).into_iter().map(|notice| notice.sha256).collect()
    }

    /// Independent of this program: `printf '%s' '{"en":{"body":"b","title":"é"}}' | sha256sum`.
    #[test]
    fn anybody_can_recompute_a_hash() {
        let expected = "873b2ed59b28594d2cee5490df4b9829e0145a7894fb97476507af412ef64446";
        assert_eq!(texts_sha256(&texts("é")), expected);
        let notices = serde_json::to_value(chain(&policies(POLICIES), "a", &texts("é"))).unwrap();
        let first = format!(
            r#"{{"date":"2026-01-01","material":false,"previous_sha256":null,"revision":1,"summary":"","texts_sha256":"{expected}"}}"#
        );
        let of = |text: &str| {
            sha256_of(&serde_json::from_str::<BTreeMap<String, serde_json::Value>>(text).unwrap())
        };
        assert_eq!(notices[0]["sha256"], of(&first));
        assert_eq!(notices[1]["previous_sha256"], notices[0]["sha256"]);
        assert_eq!(notices[2]["summary"], serde_json::json!({"de": "Neu"}));
        assert_eq!(notices[2]["previous_sha256"], notices[1]["sha256"]);
    }

    #[test]
    fn a_change_changes_the_hashes_from_there_on() {
        let before = hashes(&policies(POLICIES), "t");
        let summary = hashes(&policies(&POLICIES.replace("'New'", "'Newer'")), "t");
        assert_eq!(summary[0], before[0]);
        assert!(summary[1] != before[1] && summary[2] != before[2]);
        let more = format!("{POLICIES}\n[[policy]]\nrevision = 4\ndate = \"2026-10-01\"");
        assert_eq!(hashes(&policies(&more), "t")[..3], before);
    }

    #[test]
    fn a_noted_revision_keeps_its_texts_and_only_the_last_shows_the_new_ones() {
        let before = hashes(&policies(POLICIES), "old");
        let noted = format!("texts_sha256.a = '{}'\n[[policy]]", texts_sha256(&texts("old")));
        let all_noted = POLICIES.replace("[[policy]]", &noted).replacen(&noted, "[[policy]]", 1);
        let changed = hashes(&policies(&all_noted), "new");
        assert_eq!(changed[..2], before[..2]);
        assert_ne!(changed[2], before[2]);
        assert!(hashes(&policies(POLICIES), "new").iter().zip(&before).all(|(new, old)| new != old));
    }

    #[test]
    fn without_a_policy_the_texts_are_proven_all_the_same() {
        let notices = serde_json::to_value(chain(&[], "a", &texts("t"))).unwrap();
        assert_eq!(notices.as_array().unwrap().len(), 1);
        assert_eq!((&notices[0]["revision"], &notices[0]["date"]), (&1.into(), &serde_json::Value::Null));
    }
}
