//! The choice cookie: what a visitor of one site decided, in the visitor's own browser. It holds no id and no
//! exact time: `1.<policy revision>.<statistics 0|1><marketing 0|1>.<epoch week>.<method>`.

use std::fmt::Write as _;

use jiff::Timestamp;
use ring::digest;

/// How long a choice holds, in days, counted from the choice and never prolonged (CNIL, guidelines of 17
/// September 2020, recommend 6 months, for a refusal as for a consent).
pub const CHOICE_DAYS: i64 = 180;
/// Longest cookie value that is looked at, in bytes.
const VALUE_BYTES_MAX: usize = 40;
const WEEK_SECONDS: i64 = 7 * 24 * 60 * 60;

/// What a visitor decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The policy revision that the visitor saw.
    pub policy_revision: u32,
    /// Visits may be counted.
    pub statistics: bool,
    /// Campaigns, click ids and outbound sites may be counted too.
    pub marketing: bool,
    /// Weeks since the Unix epoch.
    pub week: u32,
    /// By what the choice was made.
    pub method: Method,
}

/// By what a choice was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The banner.
    Banner,
    /// A form that needs no JavaScript.
    Form,
    /// The page's own script.
    Api,
}

impl Method {
    /// Its letter in the cookie.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Banner => "b",
            Self::Form => "f",
            Self::Api => "a",
        }
    }

    fn from_letter(letter: &str) -> Option<Self> {
        [Self::Banner, Self::Form, Self::Api].into_iter().find(|method| method.letter() == letter)
    }
}

/// What a request's cookies say for one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// No choice was made, or it has run out.
    None,
    /// A choice in force.
    Made(Choice),
    /// A cookie of that name that is no choice: read as a refusal of everything.
    Malformed,
}

/// What stands for a site in the names of its cookies: the first 32 bits of a hash of its name.
#[must_use]
pub fn site_key(site: &str) -> String {
    let hash = digest::digest(&digest::SHA256, site.as_bytes());
    let mut key = String::new();
    for byte in hash.as_ref().iter().take(4) {
        // INVARIANT: writing to a String does not fail.
        _ = write!(key, "{byte:02x}");
    }
    key
}

impl Choice {
    /// The name of a site's choice cookie; the site's name is hashed so that it fits a cookie's name (RFC 6265).
    pub fn cookie_name(site: &str) -> String {
        format!("__Host-consent-{}", site_key(site))
    }

    /// The cookie's value.
    pub fn to_value(&self) -> String {
        let method = self.method.letter();
        let (statistics, marketing) = (u8::from(self.statistics), u8::from(self.marketing));
        format!("1.{}.{statistics}{marketing}.{}.{method}", self.policy_revision, self.week)
    }

    /// Reads a cookie's value; anything but the exact form is refused.
    pub fn parse(value: &str) -> Option<Self> {
        if value.len() > VALUE_BYTES_MAX {
            return None;
        }
        let mut fields = value.split('.');
        let (version, revision, flags) = (fields.next()?, fields.next()?, fields.next()?);
        let (week, method) = (fields.next()?, fields.next()?);
        let (statistics, marketing) = match flags {
            "00" => (false, false),
            "10" => (true, false),
            "11" => (true, true),
            _ => return None,
        };
        let method = Method::from_letter(method)?;
        let choice =
            Self { policy_revision: number(revision)?, statistics, marketing, week: number(week)?, method };
        (version == "1" && fields.next().is_none()).then_some(choice)
    }

    fn is_in_force(&self, now: Timestamp) -> bool {
        let weeks = i64::from(week_of(now)) - i64::from(self.week);
        weeks >= 0 && weeks * 7 <= CHOICE_DAYS
    }

    /// The reading of all values that a request carries under the site's cookie name: of several, the most
    /// private one counts.
    pub fn read<'a>(values: impl Iterator<Item = &'a str>, now: Timestamp) -> Reading {
        values.map(|value| Self::read_one(value, now)).min_by_key(Reading::freedom).unwrap_or(Reading::None)
    }

    fn read_one(value: &str, now: Timestamp) -> Reading {
        match Self::parse(value) {
            None => Reading::Malformed,
            Some(choice) if choice.is_in_force(now) => Reading::Made(choice),
            Some(_) => Reading::None,
        }
    }
}

impl Reading {
    /// How much a reading allows, so that the least can be taken.
    fn freedom(&self) -> u8 {
        match self {
            Self::Malformed => 0,
            Self::Made(choice) => match (choice.statistics, choice.marketing) {
                (false, _) => 1,
                (true, false) => 2,
                (true, true) => 3,
            },
            // A choice that has run out says nothing beside one that stands.
            Self::None => 4,
        }
    }
}

/// Weeks since the Unix epoch: coarse enough to say nothing about a moment.
pub fn week_of(now: Timestamp) -> u32 {
    u32::try_from(now.as_second().div_euclid(WEEK_SECONDS)).unwrap_or(0)
}

/// Digits only: `u32::from_str` would take a sign too.
fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    fn choice(statistics: bool, marketing: bool) -> Choice {
        Choice { policy_revision: 3, statistics, marketing, week: week_of(now()), method: Method::Form }
    }

    #[test]
    fn the_cookie_has_no_id_and_no_time_finer_than_a_week() {
        assert_eq!(choice(true, false).to_value(), "1.3.10.2968.f");
        assert_eq!(Choice::cookie_name("example.com"), "__Host-consent-a379a6f6");
    }

    #[test]
    fn a_value_that_differs_in_anything_is_malformed() {
        let good = "1.3.10.2968.f";
        assert!(Choice::parse(good).is_some());
        assert!(
            ["b", "f", "a"].iter().all(|method| Choice::parse(&format!("1.3.10.2968.{method}")).is_some())
        );
        for bad in [
            "",
            "1",
            "2.3.10.2968.f",
            "1.3.01.2968.f",
            "1.+3.10.2968.f",
            "1.3.10.2968.x",
            "1.3.10.2968.f.",
            "1.3.10.2968.f ",
            "1.99999999999.10.2968.f",
            "1.3.10.-1.f",
        ] {
            assert_eq!(Choice::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn of_several_values_the_most_private_counts() {
        let (refused, statistics, all) = (choice(false, false), choice(true, false), choice(true, true));
        let read = |values: &[String]| Choice::read(values.iter().map(String::as_str), now());
        assert_eq!(read(&[]), Reading::None);
        assert_eq!(read(&[all.to_value(), statistics.to_value()]), Reading::Made(statistics));
        assert_eq!(read(&[all.to_value(), refused.to_value()]), Reading::Made(refused));
        assert_eq!(read(&[all.to_value(), "nonsense".into()]), Reading::Malformed);
    }

    #[test]
    fn a_choice_runs_out_and_one_from_the_future_does_not_count() {
        let of_week = |week| Choice { week, ..choice(true, true) }.to_value();
        let read = |week| Choice::read([of_week(week).as_str()].into_iter(), now());
        assert!(matches!(read(week_of(now()) - 25), Reading::Made(_)));
        assert_eq!(read(week_of(now()) - 26), Reading::None);
        assert_eq!(read(week_of(now()) + 1), Reading::None);
    }

    proptest! {
        #[test]
        fn hostile_values_do_no_harm(value in ".*") {
            if let Some(choice) = Choice::parse(&value) {
                prop_assert_eq!(Choice::parse(&choice.to_value()), Some(choice));
            }
        }
    }
}
