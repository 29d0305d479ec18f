//! How well browsers and bots are told apart, in three figures: bots recognised as bots, persons taken for bots, and families named
//! rightly, the last two weighed by market share. Over the table that the recogniser was written with, over published formats that it
//! was mended by, and over a held-out set that it was not.

use std::collections::BTreeMap;

use super::*;

const TABLE: &str = include_str!("../../tests/data/user_agents.tsv");
const PUBLISHED: &str = include_str!("../../tests/data/published.tsv");
const HELD_OUT: &str = include_str!("../../tests/data/held_out.tsv");
const SHARES: &str = include_str!("../../tests/data/market_shares.tsv");

/// A User-Agent with what stands behind it: a family of browsers, or nothing for a bot.
struct Sample {
    family: Option<&'static str>,
    seen: Browser,
    user_agent: &'static str,
}

fn lines(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = table.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.split('\t').collect())
}

fn sample(family: Option<&'static str>, hints_and_agent: &[&'static str]) -> Sample {
    let given = |column: usize| Some(hints_and_agent[column]).filter(|value| *value != "-");
    let hints = ClientHints { brands: given(0), mobile: given(1), platform: given(2) };
    let user_agent = given(3).unwrap_or_default();
    Sample { family, seen: recognise(user_agent, &hints), user_agent }
}

fn table() -> Vec<Sample> {
    lines(TABLE).map(|row| sample((row[4] == "-").then_some(row[0]), &row[5..])).collect()
}

fn set(rows: &'static str) -> Vec<Sample> {
    lines(rows).map(|row| sample((row[0] == "person").then_some(row[1]), &row[2..])).collect()
}

fn shares() -> BTreeMap<&'static str, f64> {
    lines(SHARES).map(|row| (row[0], row[1].parse().unwrap())).collect()
}

/// All three in per cent.
struct Figures {
    bot_recall: f64,
    false_bots: f64,
    families: f64,
}

impl Figures {
    fn of(samples: &[Sample]) -> Self {
        let bots: Vec<_> = samples.iter().filter(|sample| sample.family.is_none()).collect();
        let recognised = bots.iter().filter(|sample| sample.seen.bot.is_some()).count();
        Self {
            bot_recall: 100.0 * recognised as f64 / bots.len() as f64,
            false_bots: weighed(samples, |sample| sample.seen.bot.is_some()),
            families: weighed(samples, |sample| {
                Some(sample.seen.name) == sample.family && sample.seen.bot.is_none()
            }),
        }
    }
}

/// Per cent of page views for which something is so: each family counts by its share, each of its samples the same.
fn weighed(samples: &[Sample], is_so: impl Fn(&Sample) -> bool) -> f64 {
    let (mut of, mut all) = (0.0, 0.0);
    for (family, share) in shares() {
        let own: Vec<_> = samples.iter().filter(|sample| sample.family == Some(family)).collect();
        if !own.is_empty() {
            of += share * own.iter().filter(|sample| is_so(sample)).count() as f64 / own.len() as f64;
            all += share;
        }
    }
    100.0 * of / all
}

/// What is wrong, a line each.
fn mistakes(samples: &[Sample]) -> String {
    let is_wrong = |sample: &&Sample| match sample.family {
        Some(family) => sample.seen.bot.is_some() || sample.seen.name != family,
        None => sample.seen.bot.is_none(),
    };
    let told = |sample: &Sample| {
        let seen = sample.seen.bot.unwrap_or(sample.seen.name);
        format!("{} taken for {seen}: {}\n", sample.family.unwrap_or("bot"), sample.user_agent)
    };
    samples.iter().filter(is_wrong).map(told).collect()
}

#[test]
fn recognition_reaches_its_figures() {
    for (name, samples) in
        [("table", table()), ("published formats", set(PUBLISHED)), ("held-out set", set(HELD_OUT))]
    {
        let Figures { bot_recall, false_bots, families } = Figures::of(&samples);
        println!(
            "{name}: bot recall {bot_recall:.2} %, false bots {false_bots:.3} %, families {families:.2} %"
        );
        let mistakes = mistakes(&samples);
        assert!(bot_recall >= 99.0, "{name}: bot recall {bot_recall:.2} %\n{mistakes}");
        assert!(false_bots <= 0.1, "{name}: false bots {false_bots:.3} %\n{mistakes}");
        assert!(families >= 97.0, "{name}: families {families:.2} %\n{mistakes}");
    }
}

#[test]
fn the_sets_are_large_enough_and_share_no_bots() {
    let [known, published, held_out] = [table(), set(PUBLISHED), set(HELD_OUT)];
    let shares = shares();
    for samples in [&published, &held_out] {
        let (people, bots): (Vec<_>, Vec<_>) = samples.iter().partition(|sample| sample.family.is_some());
        assert!(people.len() >= 90 && bots.len() >= 150, "{} people, {} bots", people.len(), bots.len());
        assert!(people.iter().all(|sample| sample.family.is_some_and(|family| shares.contains_key(family))));
    }
    let is_bot_of = |samples: &[Sample], agent| {
        samples.iter().any(|other| other.family.is_none() && other.user_agent == agent)
    };
    let bots = |samples: &[Sample]| {
        samples
            .iter()
            .filter(|sample| sample.family.is_none())
            .map(|sample| sample.user_agent)
            .collect::<Vec<_>>()
    };
    for agent in bots(&held_out) {
        assert!(!is_bot_of(&known, agent) && !is_bot_of(&published, agent), "{agent}");
    }
    let has_sample = |family: &&str| published.iter().any(|sample| sample.family == Some(*family));
    assert!(shares.keys().all(has_sample), "every family with a share is measured");
}
