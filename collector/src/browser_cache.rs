//! Recognised browsers by a keyed hash of what the request said, so that a User-Agent is taken apart once.

use crate::browser::{Browser, ClientHints, recognise, truncate};
use quick_cache::sync::Cache;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// A bounded cache before [`recognise`], shared by all connections.
///
/// It keeps no User-Agent, only 64 bits of a hash whose key nobody outside knows: a visitor can't aim at another's
/// entry. An entry takes about 100 bytes.
pub struct BrowserCache {
    hasher: RandomState,
    browsers: Cache<u64, Browser>,
}

impl BrowserCache {
    /// Room for about `entries` different browsers; `hasher` brings the random key.
    #[must_use]
    pub fn new(entries: usize, hasher: RandomState) -> BrowserCache {
        BrowserCache { hasher, browsers: Cache::new(entries) }
    }

    /// What [`recognise`] says of the request.
    #[must_use]
    pub fn recognise(&self, user_agent: &str, hints: &ClientHints<'_>) -> Browser {
        let user_agent = truncate(user_agent);
        let hints = hints.within_limits();
        let key = self.hasher.hash_one((user_agent, hints));
        self.browsers.get(&key).unwrap_or_else(|| {
            let browser = recognise(user_agent, &hints);
            self.browsers.insert(key, browser);
            browser
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

    fn cache(entries: usize) -> BrowserCache {
        BrowserCache::new(entries, RandomState::new())
    }

    #[test]
    fn a_second_look_answers_from_the_cache() {
        let cache = cache(10);
        let first = cache.recognise(FIREFOX, &ClientHints::default());
        let planted = Browser { version: Some(1), ..first };
        let key = cache.hasher.hash_one((FIREFOX, ClientHints::default()));
        cache.browsers.replace(key, planted, false).unwrap();
        assert_eq!(cache.recognise(FIREFOX, &ClientHints::default()), planted);
    }

    #[test]
    fn hints_are_part_of_the_key() {
        let cache = cache(10);
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        let brave = ClientHints { brands: Some(r#""Brave";v="140""#), ..ClientHints::default() };
        assert_eq!(cache.recognise(chrome, &ClientHints::default()).name, "Chrome");
        assert_eq!(cache.recognise(chrome, &brave).name, "Brave");
    }

    #[test]
    fn invented_user_agents_do_not_fill_memory() {
        let cache = cache(100);
        for number in 0..2_000 {
            let invented = format!("{FIREFOX} {number}");
            assert_eq!(cache.recognise(&invented, &ClientHints::default()).version, Some(140));
        }
        assert!(cache.browsers.len() <= 128, "{}", cache.browsers.len());
    }

    #[test]
    fn what_is_beyond_the_limit_makes_no_new_entry() {
        let cache = cache(10);
        for number in 0..5 {
            let long = format!("{FIREFOX:x<600}{number}");
            let hints = ClientHints { platform: Some(&long), ..ClientHints::default() };
            assert_eq!(cache.recognise(&long, &hints).version, Some(140));
        }
        assert_eq!(cache.browsers.len(), 1);
    }

    proptest! {
        #[test]
        fn the_cache_never_changes_the_answer(user_agent in "\\PC{0,700}", brands in "\\PC{0,40}") {
            let hints = ClientHints { brands: Some(&brands), ..ClientHints::default() };
            let cache = cache(4);
            let expected = recognise(&user_agent, &hints);
            prop_assert_eq!(cache.recognise(&user_agent, &hints), expected);
            prop_assert_eq!(cache.recognise(&user_agent, &hints), expected);
        }
    }
}
