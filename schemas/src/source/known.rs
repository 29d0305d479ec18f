//! The lists of this folder, read once: domains, apps and words of `utm_source`, each with its name and channel.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use super::{
    channel::Channel,
    domain::{brand, registrable_domain},
};

/// A source with a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) channel: Channel,
}

/// `search.txt` tells the form of the lines.
const LISTS: [(&str, Channel); 4] = [
    (include_str!("search.txt"), Channel::Search),
    (include_str!("social.txt"), Channel::Social),
    (include_str!("ai.txt"), Channel::AiAssistant),
    (include_str!("email.txt"), Channel::Email),
];

static KNOWN: LazyLock<HashMap<&str, Known>> = LazyLock::new(|| {
    let lists = LISTS.into_iter();
    lists
        .flat_map(|(list, channel)| entries(list).map(move |(key, name)| (key, Known { name, channel })))
        .collect()
});

static SPAM: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let lines = include_str!("referrer_spam.txt").lines();
    lines.filter(|line| !line.starts_with('#')).collect()
});

fn entries(list: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    list.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
}

/// The source of a host: by the most exact line of the lists.
pub(super) fn known_host(host: &str) -> Option<Known> {
    if let Some(known) = below(host).find_map(|parent| KNOWN.get(parent)) {
        return Some(*known);
    }
    let own = host.strip_prefix("www.").or_else(|| host.strip_prefix("m.")).unwrap_or(host);
    let brand = brand(host)?;
    let is_own = registrable_domain(host) == Some(own);
    let exact = || is_own.then(|| [format!("={own}"), format!("={brand}.*")]).into_iter().flatten();
    exact().chain([format!("{brand}.*")]).find_map(|key| KNOWN.get(key.as_str()).copied())
}

/// The source of an Android package.
pub(super) fn known_app(package: &str) -> Option<Known> {
    KNOWN.get(format!("app:{package}").as_str()).copied()
}

/// The source of a word in `utm_source`.
pub(super) fn known_name(word: &str) -> Option<Known> {
    KNOWN.get(word).filter(|_| !word.contains(['.', ':', '='])).copied()
}

/// Whether a host belongs to the list of referrer spam.
pub(super) fn spam_domain(host: &str) -> bool {
    below(host).any(|parent| SPAM.contains(parent))
}

/// A host and its parents down to two labels: a single label is a word of `utm_source`, not a host.
fn below(host: &str) -> impl Iterator<Item = &str> {
    let parents = host.match_indices('.').filter_map(|(dot, _)| host.get(dot + 1..));
    [host].into_iter().chain(parents).filter(|parent| parent.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::personal;

    #[test]
    fn every_line_of_the_lists_can_match() {
        for (list, _) in LISTS {
            assert!(list.starts_with("# "), "the list says how it is kept");
            for line in list.lines().filter(|line| !line.starts_with('#')) {
                let (key, name) = line.split_once(' ').unwrap();
                let host = key.trim_start_matches('=').replace(".*", ".de");
                assert!(
                    key.starts_with("app:") || !key.contains('.') || registrable_domain(&host).is_some(),
                    "{line}"
                );
                assert!(!name.contains(' ') && personal(name).is_none(), "{line}");
                assert_eq!(key, key.to_ascii_lowercase());
            }
        }
    }

    #[test]
    fn no_line_stands_twice() {
        let lines: Vec<_> =
            LISTS.into_iter().flat_map(|(list, _)| entries(list)).map(|(key, _)| key).collect();
        let mut seen = HashSet::new();
        let twice: Vec<_> = lines.iter().filter(|key| !seen.insert(**key)).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn spam_is_a_sorted_list_of_registrable_domains() {
        let lines: Vec<_> =
            include_str!("referrer_spam.txt").lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.is_sorted() && lines.len() > 150);
        for line in lines {
            assert_eq!(registrable_domain(line), Some(line));
            assert_eq!(known_host(line), None, "{line} is a source with a name");
        }
    }
}
