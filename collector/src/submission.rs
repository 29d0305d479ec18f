//! A choice as it is sent: as a form, or as JSON by a script. Of fields that contradict each other the more private one
//! counts, in both.

use std::borrow::Cow;
use std::fmt;

use schemas::choice::{Choice, Method, Reading};
use schemas::outcome::Outcome;
use schemas::page::MAX_URL_BYTES;
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use url::form_urlencoded;

use crate::choice_cookie::Place;
use crate::refusal::Refusal;

/// What was sent. Of repeated fields the last counts, but a refusal anywhere is a refusal.
#[derive(Clone, PartialEq, Eq)]
pub struct Submission {
    /// The site the choice is for.
    pub site: String,
    /// How it was sent.
    pub place: Place,
    /// The page to come back to.
    pub back: Option<String>,
    /// The language of the page to come back to.
    pub language: Option<String>,
    statistics: Option<bool>,
    marketing: Option<bool>,
    method: Method,
}

impl Submission {
    /// Reads a body: a form if it says so or is no object, else JSON.
    ///
    /// # Errors
    /// [`Refusal::BadJson`] for an object that is no JSON.
    pub fn parse(content_type: &str, body: &[u8]) -> Result<Self, Refusal> {
        let is_form = content_type.trim_start().starts_with("application/x-www-form-urlencoded");
        if is_form || !body.trim_ascii_start().starts_with(b"{") {
            let mut form = Self::empty(Place::Form, Method::Form);
            form_urlencoded::parse(body).for_each(|(name, value)| form.take(&name, Some(&value)));
            return Ok(form);
        }
        let mut json = serde_json::Deserializer::from_slice(body);
        let fields = json.deserialize_map(Fields).and_then(|fields| json.end().map(|()| fields));
        // serde's message may quote what was sent; the place is enough.
        fields.map_err(|error| {
            Refusal::BadJson(format!("syntax error at line {} column {}", error.line(), error.column()))
        })
    }

    fn empty(place: Place, method: Method) -> Self {
        let (statistics, marketing, back, language) = (None, None, None, None);
        Self { site: String::new(), place, back, language, statistics, marketing, method }
    }

    /// A field; a value that is no text is nothing that anybody accepted.
    fn take(&mut self, name: &str, value: Option<&str>) {
        let text = value.unwrap_or_default();
        let accepts = |before: Option<bool>| Some(before != Some(false) && text == "accept");
        match name {
            "site" => text.clone_into(&mut self.site),
            "statistics" => self.statistics = accepts(self.statistics),
            "marketing" => self.marketing = accepts(self.marketing),
            "return" if text.len() <= MAX_URL_BYTES => self.back = Some(text.to_owned()),
            "language" => self.language = Some(text.to_owned()),
            "method" if self.place == Place::Script && text == "banner" => self.method = Method::Banner,
            _ => {}
        }
    }

    /// Without a field nothing is granted; marketing alone grants nothing.
    ///
    /// # Errors
    /// [`Refusal::BadField`] when nothing is said of statistics.
    pub fn choice(&self, policy_revision: u32, week: u32) -> Result<Choice, Refusal> {
        let problem = "is missing; send statistics=accept or statistics=refuse";
        let statistics = self.statistics.ok_or(Refusal::BadField { field: "statistics", problem })?;
        let marketing = statistics && self.marketing == Some(true);
        Ok(Choice { policy_revision, statistics, marketing, week, method: self.method })
    }

    /// The refusal of everything, whatever the fields say.
    pub fn refusal(&self, policy_revision: u32, week: u32) -> Choice {
        Choice { policy_revision, statistics: false, marketing: false, week, method: self.method }
    }
}

/// The bare count of a choice made where `before` stood.
pub fn outcome(choice: &Choice, before: Reading) -> Outcome {
    let had_accepted = matches!(before, Reading::Made(before) if before.statistics);
    match (choice.statistics, choice.marketing) {
        (true, true) => Outcome::ChoseEverything,
        (true, false) => Outcome::ChoseStatistics,
        (false, _) if had_accepted => Outcome::Withdrew,
        (false, _) => Outcome::ChoseRefusal,
    }
}

/// Reads an object field by field: a map would keep only one of two of the same name.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Submission;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Submission, A::Error> {
        let mut submission = Submission::empty(Place::Script, Method::Api);
        while let Some((name, value)) = fields.next_entry::<Cow<'_, str>, serde_json::Value>()? {
            submission.take(&name, value.as_str());
        }
        Ok(submission)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn choice(body: &str) -> Option<(bool, bool)> {
        let choice = Submission::parse("", body.as_bytes()).ok()?.choice(1, 2968).ok()?;
        Some((choice.statistics, choice.marketing))
    }

    #[test]
    fn of_contradicting_fields_the_more_private_reading_wins() {
        assert_eq!(choice("site=a"), None);
        assert_eq!(choice("statistics=accept"), Some((true, false)));
        assert_eq!(choice("statistics=accept&marketing=accept"), Some((true, true)));
        assert_eq!(choice("statistics=refuse&marketing=accept"), Some((false, false)));
        assert_eq!(choice("statistics=refuse&statistics=accept"), Some((false, false)));
        assert_eq!(choice("statistics=accept&statistics=refuse"), Some((false, false)));
        assert_eq!(choice("statistics=ACCEPT"), Some((false, false)));
    }

    #[test]
    fn json_is_read_by_the_same_rules() {
        assert_eq!(choice(r#"{"site":"a"}"#), None);
        assert_eq!(choice(r#"{"statistics":"accept","marketing":"accept"}"#), Some((true, true)));
        assert_eq!(choice(r#"{"statistics":"refuse","statistics":"accept"}"#), Some((false, false)));
        assert_eq!(choice(r#"{"statistics":"accept","statistics":"refuse"}"#), Some((false, false)));
        assert_eq!(choice(r#"{"statistics":true}"#), Some((false, false)));
        assert_eq!(choice(r#"{"st\u0061tistics":"accept","marketing":["accept"]}"#), Some((true, false)));
        for bad in ["{", "{}x", r#"{"statistics":}"#, r#"{1:"accept"}"#] {
            assert!(
                matches!(Submission::parse("text/plain", bad.as_bytes()), Err(Refusal::BadJson(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn it_is_remembered_how_a_choice_was_made() {
        let method = |kind: &str, body: &str| Submission::parse(kind, body.as_bytes()).unwrap().method;
        assert_eq!(method("text/plain", r#"{"method":"banner"}"#), Method::Banner);
        assert_eq!(method("text/plain", r#"{"method":"api"}"#), Method::Api);
        assert_eq!(method("application/json", r#" {"method":"other"}"#), Method::Api);
        assert_eq!(method("application/x-www-form-urlencoded", "method=banner"), Method::Form);
        assert_eq!(
            method("application/x-www-form-urlencoded; charset=utf-8", r#"{"method":"banner"}"#),
            Method::Form
        );
    }

    #[test]
    fn who_refuses_after_having_accepted_withdraws() {
        let of = |statistics, marketing| Choice {
            policy_revision: 1,
            statistics,
            marketing,
            week: 1,
            method: Method::Api,
        };
        let (refusal, consent) = (of(false, false), of(true, false));
        assert_eq!(outcome(&refusal, Reading::None), Outcome::ChoseRefusal);
        assert_eq!(outcome(&refusal, Reading::Malformed), Outcome::ChoseRefusal);
        assert_eq!(outcome(&refusal, Reading::Made(refusal)), Outcome::ChoseRefusal);
        assert_eq!(outcome(&refusal, Reading::Made(consent)), Outcome::Withdrew);
        assert_eq!(outcome(&consent, Reading::Made(consent)), Outcome::ChoseStatistics);
        assert_eq!(outcome(&of(true, true), Reading::None), Outcome::ChoseEverything);
    }

    proptest! {
        #[test]
        fn hostile_bodies_do_no_harm(body in "\\PC{0,80}|\\{(\"(statistics|marketing|site)\":(\"accept\"|\"refuse\"|1|null),?){0,5}\\}") {
            if let Ok(submission) = Submission::parse("", body.as_bytes()) {
                let choice = submission.choice(1, 1);
                prop_assert!(choice.is_err() || !body.contains("refuse\"") || !body.contains("statistics\":\"refuse")
                    || choice.is_ok_and(|choice| !choice.statistics));
            }
        }
    }
}
