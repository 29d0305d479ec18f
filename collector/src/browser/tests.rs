//! The committed table of User-Agents with what each must be recognised as, and hostile input.

use super::*;
use proptest::prelude::*;
use schemas::closed_lists::{BOTS, BROWSERS, DEVICES, OPERATING_SYSTEMS, OTHER};

const TABLE: &str = include_str!("../../tests/data/user_agents.tsv");

struct Row {
    user_agent: &'static str,
    hints: ClientHints<'static>,
    expected: String,
}

/// Rows of nine columns; `-` stands for a missing value.
fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(row).collect()
}

fn row(line: &'static str) -> Row {
    let columns: Vec<&'static str> = line.split('\t').collect();
    assert_eq!(columns.len(), 9, "{line}");
    let given = |column: usize| Some(columns[column]).filter(|value| *value != "-");
    Row {
        user_agent: given(8).unwrap_or_default(),
        hints: ClientHints { brands: given(5), mobile: given(6), platform: given(7) },
        expected: columns[..5].join(" | "),
    }
}

fn described(browser: &Browser) -> String {
    let version = browser.version.map_or("-".to_owned(), |version| version.to_string());
    [browser.name, &version, browser.os, browser.device.as_str(), browser.bot.unwrap_or("-")].join(" | ")
}

#[test]
fn every_row_of_the_table_is_recognised() {
    let wrong: Vec<String> = rows()
        .iter()
        .map(|row| (row, described(&recognise(row.user_agent, &row.hints))))
        .filter(|(row, seen)| row.expected != *seen)
        .map(|(row, seen)| format!("{}\n  expected {}\n  seen     {seen}", row.user_agent, row.expected))
        .collect();
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_table_is_large_enough_to_mean_something() {
    let (bots, people): (Vec<Row>, Vec<Row>) =
        rows().into_iter().partition(|row| !row.expected.ends_with("| -"));
    assert!(people.len() >= 120 && bots.len() >= 60, "{} people, {} bots", people.len(), bots.len());
}

#[test]
fn every_class_of_device_is_on_the_closed_list() {
    for device in [Device::Desktop, Device::Mobile, Device::Tablet, Device::Other] {
        assert!(DEVICES.contains(&device.as_str()));
    }
}

#[test]
fn every_name_of_the_tables_is_on_the_closed_list() {
    assert!(
        name::names()
            .chain(operating_system::names())
            .all(|name| { BROWSERS.contains(&name) || OPERATING_SYSTEMS.contains(&name) })
    );
}

#[test]
fn overlong_hints_are_ignored() {
    let brands = format!(r#""Brave";v="1"{}"#, " ".repeat(300));
    let hints = ClientHints { brands: Some(&brands), ..ClientHints::default() };
    let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
    assert_eq!(recognise(chrome, &hints).name, "Chrome");
}

/// Texts that mix noise with what the recogniser looks for.
fn hostile() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("Chrome/".to_owned()),
        Just("MSIE ".to_owned()),
        Just("Windows NT 10.0;".to_owned()),
        Just("IEMobile/".to_owned()),
        Just("iPhone; ".to_owned()),
        Just("like Mac OS X".to_owned()),
        Just("PlayStation 4 ".to_owned()),
        Just("\";v=\"".to_owned()),
        "[0-9._]{0,30}",
        "\\PC{0,20}",
        any::<String>(),
    ];
    prop::collection::vec(word, 0..20).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_input_gives_listed_names(user_agent in hostile(), brands in hostile(), platform in "\\PC{0,30}") {
        let hints = ClientHints { brands: Some(&brands), mobile: Some("?1"), platform: Some(&platform) };
        let browser = recognise(&user_agent, &hints);
        prop_assert!(BROWSERS.contains(&browser.name) || browser.name == OTHER);
        prop_assert!(OPERATING_SYSTEMS.contains(&browser.os) || browser.os == OTHER);
        prop_assert!(browser.bot.is_none_or(|bot| BOTS.contains(&bot)));
    }
}
