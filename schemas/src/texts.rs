//! What visitors read when they are asked: the languages there are, the banner's texts by their names, and which language
//! a visitor gets.

use serde::{Deserialize, Serialize};

use crate::language::weighted_ranges;

/// A language that all texts exist in. Ordered by code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Arabic.
    Ar,
    /// German.
    De,
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
    /// French.
    Fr,
    /// Russian.
    Ru,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 6] = [Self::Ar, Self::De, Self::En, Self::Es, Self::Fr, Self::Ru];

    /// Its code (ISO 639-1).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ar => "ar",
            Self::De => "de",
            Self::En => "en",
            Self::Es => "es",
            Self::Fr => "fr",
            Self::Ru => "ru",
        }
    }

    /// What it calls itself.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::Ar => "العربية",
            Self::De => "Deutsch",
            Self::En => "English",
            Self::Es => "Español",
            Self::Fr => "Français",
            Self::Ru => "Русский",
        }
    }

    /// The direction it is written in, as HTML's `dir` names it.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::Ar => "rtl",
            _ => "ltr",
        }
    }

    /// The language of a tag such as `de` or `de-AT` (BCP 47).
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(primary))
    }

    /// The language asked for by name, else the one that the browser likes best of those there are
    /// (`Accept-Language`; RFC 9110, section 12.5.4), else the site's.
    pub fn negotiate(asked: Option<&str>, accept_language: &str, of_site: Self) -> Self {
        if let Some(language) = asked.and_then(Self::from_tag) {
            return language;
        }
        let (mut best, mut best_weight) = (of_site, 0);
        for (tag, weight) in weighted_ranges(accept_language) {
            if let Some(language) = Self::from_tag(tag).filter(|_| weight > best_weight) {
                (best, best_weight) = (language, weight);
            }
        }
        best
    }
}

/// A text of the banner. Ordered by name, as canonical JSON wants its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BannerKey {
    /// Button: everything is accepted.
    Accept,
    /// What is asked, in two or three sentences.
    Body,
    /// Button: closes the settings without a choice.
    Close,
    /// Button: opens the settings.
    Details,
    /// The browser's privacy signal is honoured.
    Gpc,
    /// Name of the purpose "marketing".
    Marketing,
    /// What it means.
    MarketingDetail,
    /// Name of what is always there.
    Necessary,
    /// What it means.
    NecessaryDetail,
    /// The policy changed, the choice stands.
    Notice,
    /// Link to the privacy page.
    Privacy,
    /// Button: everything is refused.
    Refuse,
    /// Button: keeps what the settings show.
    Save,
    /// Said when a choice is kept.
    Saved,
    /// Name of the purpose "statistics".
    Statistics,
    /// What it means.
    StatisticsDetail,
    /// Heading.
    Title,
    /// Button: the notice was read.
    Understood,
}

impl BannerKey {
    /// How many there are.
    pub const COUNT: usize = Self::Understood as usize + 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;

    #[test]
    fn the_language_asked_for_goes_before_the_browsers_and_that_before_the_sites() {
        use Language::{Ar, De, En, Es, Fr};
        for (asked, accepted, expected) in [
            (Some("ar"), "de", Ar),
            (Some("DE-at"), "fr", De),
            (Some("tlh"), "fr", Fr),
            (Some(""), "fr", Fr),
            (None, "tlh, es;q=0.2, fr;q=0.8", Fr),
            (None, "de-CH, en;q=0.9", De),
            (None, "de;q=0, en;q=0.1", En),
            (None, "it, *;q=0.5", Es),
            (None, "<script>alert(1)</script>", Es),
            (None, "", Es),
        ] {
            assert_eq!(Language::negotiate(asked, accepted, Es), expected, "{asked:?} {accepted:?}");
        }
    }

    #[test]
    fn names_are_in_the_order_of_canonical_json() {
        let codes = Language::ALL.map(Language::code);
        assert!(codes.is_sorted() && Language::ALL.is_sorted());
        for language in Language::ALL {
            assert_eq!(serde_json::to_value(language).unwrap(), language.code());
            assert_eq!(Language::from_tag(language.code()), Some(language));
        }
    }

    #[test]
    fn a_site_says_what_differs_in_its_own_words() {
        let parse = |texts: &str| {
            let text = format!("[[site]]\nname = 'a'\nlanguage = 'de'\n[site.texts.de]\n{texts}");
            let parsed = Configuration::parse(&text, "footfall.toml", std::iter::empty());
            parsed.map(|found| found.sites.by_name("a").unwrap().clone()).map_err(|error| error.to_string())
        };
        let site = parse("title = 'Darf es sein?'").unwrap();
        assert_eq!(site.language, Language::De);
        assert_eq!(site.texts[&Language::De][&BannerKey::Title], "Darf es sein?");
        let error = parse("titel = 'x'").unwrap_err();
        assert!(error.contains("titel") && error.contains("line 5"), "{error}");
    }
}
