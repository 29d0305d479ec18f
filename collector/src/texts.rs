//! The texts in every language, from `assets/texts/`, and a site's own words in their place.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use schemas::configuration::Site;
use schemas::notices::BannerTexts;
use schemas::texts::{BannerKey, Language};
use serde::Deserialize;

static TEXTS: LazyLock<BTreeMap<Language, Texts>> = LazyLock::new(|| {
    let file = |language| {
        let text = match language {
            Language::Ar => include_str!("../assets/texts/ar.toml"),
            Language::De => include_str!("../assets/texts/de.toml"),
            Language::En => include_str!("../assets/texts/en.toml"),
            Language::Es => include_str!("../assets/texts/es.toml"),
            Language::Fr => include_str!("../assets/texts/fr.toml"),
            Language::Ru => include_str!("../assets/texts/ru.toml"),
        };
        // INVARIANT: the files are part of the program, and a test reads them all.
        (language, toml::from_str(text).unwrap_or_default())
    };
    Language::ALL.map(file).into()
});

/// One language's file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    banner: BTreeMap<BannerKey, String>,
    page: BTreeMap<String, String>,
    mail: BTreeMap<String, String>,
}

/// The banner's texts of a site in a language.
pub fn banner(site: &Site, language: Language) -> BTreeMap<BannerKey, &str> {
    let built_in = TEXTS.get(&language).into_iter().flat_map(|texts| &texts.banner);
    let own = site.texts.get(&language).into_iter().flatten();
    built_in.chain(own).map(|(key, text)| (*key, text.as_str())).collect()
}

/// The banner's texts of a site in every language.
pub fn banner_in_all_languages(site: &Site) -> BannerTexts<'_> {
    Language::ALL.map(|language| (language, banner(site, language))).into()
}

/// A text of the privacy page.
pub fn page(language: Language, key: &str) -> &'static str {
    TEXTS.get(&language).and_then(|texts| texts.page.get(key)).map_or("", String::as_str)
}

/// A text of the mail to customers.
pub fn mail(language: Language, key: &str) -> &'static str {
    TEXTS.get(&language).and_then(|texts| texts.mail.get(key)).map_or("", String::as_str)
}

/// Puts words in the places of a text: `{site}`.
pub fn fill(text: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(text.to_owned(), |text, (name, word)| text.replace(&format!("{{{name}}}"), word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use schemas::configuration::Configuration;

    /// What stands in braces.
    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect()
    }

    #[test]
    fn every_language_has_every_text_with_the_same_places() {
        let english = &TEXTS[&Language::En];
        assert_eq!(english.banner.len(), BannerKey::COUNT);
        for (language, texts) in TEXTS.iter() {
            assert!(texts.banner.keys().eq(english.banner.keys()), "{language:?}");
            for (table, in_english) in [(&texts.page, &english.page), (&texts.mail, &english.mail)] {
                assert!(table.keys().eq(in_english.keys()), "{language:?}");
                for (key, text) in table {
                    assert_eq!(places(text), places(&in_english[key]), "{language:?} {key}");
                }
            }
            let all = texts.banner.values().chain(texts.page.values()).chain(texts.mail.values());
            for text in all {
                assert!(!text.trim().is_empty() && !text.contains(['<', '>']), "{language:?} {text}");
            }
        }
    }

    #[test]
    fn accepting_and_refusing_weigh_the_same() {
        for (language, texts) in TEXTS.iter() {
            let pairs = [
                (&texts.banner[&BannerKey::Accept], &texts.banner[&BannerKey::Refuse]),
                (&texts.page["accept_all"], &texts.page["refuse_all"]),
            ];
            for (accept, refuse) in pairs {
                let words = |text: &str| text.split_whitespace().count();
                assert_eq!(words(accept), words(refuse), "{language:?}");
                assert!(accept.chars().count().abs_diff(refuse.chars().count()) <= 3, "{language:?}");
            }
        }
    }

    #[test]
    fn a_sites_own_words_replace_ours_in_their_language_only() {
        let text = "[[site]]\nname = 'a'\n[site.texts.de]\ntitle = 'Eigenes'";
        let configuration = Configuration::parse(text, "test", std::iter::empty()).unwrap();
        let site = configuration.sites.by_name("a").unwrap();
        assert_eq!(banner(site, Language::De)[&BannerKey::Title], "Eigenes");
        assert_eq!(banner(site, Language::De)[&BannerKey::Save], "Auswahl speichern");
        assert_eq!(banner(site, Language::En)[&BannerKey::Title], "Counting visits");
        assert_eq!(banner_in_all_languages(site).len(), 6);
    }
}
