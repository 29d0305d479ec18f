//! Two tables of URLs, what a site's rules change, and properties of any input.

use proptest::prelude::*;

use super::*;

const NASTY: &str = include_str!("../../tests/data/nasty_urls.tsv");
const ORDINARY: &str = include_str!("../../tests/data/ordinary_pages.tsv");

fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| line.split_once('\t').unwrap_or((line, "")))
}

fn page(url: &str) -> String {
    Page::from_url(url, &PageRules::default()).unwrap().0.as_str().to_owned()
}

fn page_by(groups: &[&str], parameters: &[&str], path: &str) -> String {
    let rules = PageRules::new(groups, parameters).unwrap();
    Page::from_url(&format!("https://shop.example{path}"), &rules).unwrap().0.as_str().to_owned()
}

#[test]
fn nothing_personal_survives() {
    let mut survivors = Vec::new();
    let mut count = 0;
    for (url, forbidden) in rows(NASTY) {
        count += 1;
        let Ok((page, _)) = Page::from_url(url, &PageRules::default()) else { continue };
        let lower = page.as_str().to_lowercase();
        assert!(page.as_str().len() <= MAX_PAGE_BYTES, "{page}");
        let survives = |word: &&str| lower.contains(&word.to_lowercase());
        if let Some(word) = forbidden.split(' ').find(survives) {
            let url: String = url.chars().take(80).collect();
            survivors.push(format!("{word:?} of {url} in {page}"));
        }
    }
    assert!(count >= 400, "only {count} URLs");
    assert!(survivors.is_empty(), "{} of {count}:\n{}", survivors.len(), survivors.join("\n"));
}

#[test]
fn ordinary_pages_stay() {
    let mut changed = Vec::new();
    for (path, expected) in rows(ORDINARY) {
        let expected = if expected.is_empty() { path } else { expected };
        let page = page(&format!("https://shop.example{path}"));
        if page != expected {
            changed.push(format!("{path} became {page}, not {expected}"));
        }
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

#[test]
fn patterns_group_pages() {
    let groups = ["/user/imprint", "/user/*", "/*/orders/*/print", "/archive/**"];
    let page = |path: &str| page_by(&groups, &[], path);
    assert_eq!(page("/user/anna/settings"), "/user/*/settings");
    assert_eq!(page("/user/imprint"), "/user/imprint");
    assert_eq!(page("/de/orders/a1/print"), "/*/orders/*/print");
    assert_eq!(page("/archive/2015/05/anna"), "/archive/**");
    assert_eq!(page("/archive"), "/archive");
    assert_eq!(page("/archive/a/b/c/d/e/f/g/h/i/j"), "/archive/**");
    assert_eq!(page("/other/anna@example.org"), "/other/:email");
}

#[test]
fn a_pattern_covers_whole_pages() {
    for (pattern, covered, others) in [
        ("/thanks", ["/thanks", "/thanks?order=1"], ["/thanks/a", "/thanksgiving"]),
        ("/thanks/*", ["/thanks/:id", "/thanks/*?x=a/b"], ["/thanks", "/thanks/a/b"]),
        ("/thanks/**", ["/thanks/a", "/thanks/a/b/…"], ["/thanks", "/thank/a"]),
        ("/*/orders/*", ["/de/orders/7", "/:name/orders/:id"], ["/orders/7", "/de/order/7"]),
        ("/", ["/", "/?x=a/b"], ["/a", "(none)"]),
        ("/**", ["/a", "/a/b?x=1"], ["/?x=1", "(none)"]),
    ] {
        let shown = pattern;
        let pattern = PagePattern::of_whole_pages(pattern).unwrap();
        assert_eq!(pattern.to_string(), shown);
        assert!(covered.iter().all(|page| pattern.covers(page)), "{pattern} {covered:?}");
        assert!(!others.iter().any(|page| pattern.covers(page)), "{pattern} {others:?}");
    }
}

#[test]
fn only_allowed_parameters_are_shown_and_scrubbed() {
    let page = |path: &str| page_by(&[], &["category", "page", "q"], path);
    assert_eq!(page("/shop?utm_source=x&page=2&category=shoes"), "/shop?category=shoes&page=2");
    assert_eq!(page("/shop?page=2&page=3"), "/shop?page=2");
    assert_eq!(page("/shop?q=anna%40example.org"), "/shop?q=:email");
    assert_eq!(page("/shop?q=anna%2540example.org&page="), "/shop?q=:email");
    assert_eq!(page("/shop?category=user/anna"), "/shop?category=user/:name");
    assert_eq!(page("/shop?q=rote+Schuhe"), "/shop?q=rote Schuhe");
    assert_eq!(page("/shop?q=a%26token%3Dx"), "/shop?q=:encoded");
    assert_eq!(page("/?q=%FF"), "/?q=:encoded");
}

#[test]
fn depth_and_length_end_in_the_rest() {
    assert_eq!(page("https://shop.example/a/b/c/d/e/f/g/h/i/j"), "/a/b/c/d/e/f/g/h/…");
    let word = "lang-und-".repeat(8);
    let long = page(&format!("https://shop.example/{word}/{word}/{word}"));
    assert_eq!(long, format!("/{word}/{word}/…"));
    assert_eq!(page(&format!("https://shop.example/{}", "wort-".repeat(17))), "/:long");
}

#[test]
fn what_was_masked_is_counted() {
    let (_, masked) =
        Page::from_url("https://shop.example/user/anna/a@b.de?x=1&y=2", &PageRules::default()).unwrap();
    assert_eq!(masked.iter().collect::<Vec<_>>(), [(Mask::Email, 1), (Mask::Name, 1), (Mask::Parameter, 2)]);
    let mut sum = masked;
    sum.merge(&masked);
    assert_eq!(sum.count(Mask::Parameter), 4);
}

#[test]
fn other_urls_have_no_page() {
    let error = |url: &str| Page::from_url(url, &PageRules::default()).unwrap_err();
    assert_eq!(error("ftp://shop.example/a"), PageError::Scheme);
    assert_eq!(error("javascript:alert(1)"), PageError::Scheme);
    assert_eq!(error("/only/a/path"), PageError::NotAUrl);
    assert_eq!(error(&format!("https://shop.example/{}", "a".repeat(MAX_URL_BYTES))), PageError::TooLong);
    assert_eq!(page("https://größe.example/a"), "/a");
}

#[test]
fn a_page_is_restored_only_if_it_can_be_one() {
    assert_eq!(Page::restore("/a".to_owned()).unwrap().as_str(), "/a");
    assert_eq!(Page::restore("a".to_owned()), None);
    assert_eq!(Page::restore(format!("/{}", "a".repeat(MAX_PAGE_BYTES))), None);
}

#[test]
fn unusable_rules_say_what_to_write() {
    let error = |groups: &[&str], parameters: &[&str]| PageRules::new(groups, parameters).unwrap_err();
    assert_eq!(error(&["user/*"], &[]), PageRuleError::NoSlash("user/*".to_owned()));
    assert_eq!(error(&["/"], &[]), PageRuleError::NoSlash("/".to_owned()), "it would group all pages");
    assert_eq!(error(&["/user-*"], &[]), PageRuleError::PartlyWild("/user-*".to_owned()));
    assert!(matches!(error(&["/a/../b"], &[]), PageRuleError::NotPlain(..)));
    assert!(matches!(error(&["/a//b"], &[]), PageRuleError::NotPlain(..)));
    assert!(matches!(error(&["/a?b=c"], &[]), PageRuleError::NotPlain(..)));
    assert!(matches!(error(&["/a/:id"], &[]), PageRuleError::NotPlain(..)));
    assert!(matches!(error(&["/a/7654321"], &[]), PageRuleError::Personal(..)));
    assert!(matches!(error(&["/a/b/c/d/e/f/g/h/i"], &[]), PageRuleError::TooLong(..)));
    assert!(matches!(error(&[], &["a b"]), PageRuleError::ParameterName(..)));
    assert!(matches!(error(&[], &["Email"]), PageRuleError::ParameterPersonal(..)));
    assert!(matches!(error(&[], &["token"]), PageRuleError::ParameterPersonal(..)));
    assert_eq!("/user/*/**".parse::<PagePattern>().unwrap().to_string(), "/user/*/**");
}

/// Rules that overlap, so that what one page becomes could fit another rule.
fn rules() -> PageRules {
    let groups = ["/a/*", "/*/b", "/user/imprint", "/team/**", "/*/*/*/*/*/*/*/*"];
    PageRules::new(&groups, &["q", "page"]).unwrap()
}

/// Paths made of what the rules know, and of anything.
fn paths() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "a",
        "b",
        "user",
        "reset",
        "order",
        "team",
        "imprint",
        "2015",
        "05",
        "..",
        ".",
        "",
        "%2f",
        "%252F",
        "%3F",
        "?q=",
        "&page=",
        "%40",
        "@",
        "%25",
        "%",
        "25",
        "40",
        ";",
        "#",
        "+",
        "=",
        "…",
        ":email",
        "*",
        "**",
        " ",
        "%20",
        "%C2",
        "%85",
        "ö",
        "\u{200b}",
        "１２３４",
        "٣",
        "20150517",
        "123",
        "-",
        "eyJ",
        "x9",
        "Zq7",
        "/",
        "/",
        "/",
        "//",
        "\\",
        "~",
        "[::1]",
        "wörter-und-worte-",
        "+49",
        "030",
        "by-name",
        "session",
        "пользователь",
        "-at-",
        "example.org",
        "=40",
        "&",
        "%u0040",
        "52.5200",
    ]);
    let part = prop_oneof![4 => known.prop_map(str::to_owned), 1 => any::<String>(), 1 => "[a-zA-Z0-9]{1,30}", 1 => "[0-9 .+-]{1,20}"];
    prop::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

/// Whether seven digits in a row survive that are not a calendar date.
fn has_long_number(text: &str) -> bool {
    let runs = text.split(|char: char| !char.is_numeric());
    runs.into_iter().any(|run| run.chars().count() >= 7 && !(run.len() == 8 && run.starts_with("20")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_page_is_short_clean_and_final(path in paths()) {
        for rules in [PageRules::default(), rules()] {
            let Ok((page, _)) = Page::from_url(&format!("https://shop.example/{path}"), &rules) else { continue };
            let text = page.as_str();
            prop_assert!(text.starts_with('/') && text.len() <= MAX_PAGE_BYTES, "{}", text);
            prop_assert!(!text.contains('@') && !has_long_number(text), "{}", text);
            prop_assert!(!text.chars().any(char::is_control), "{}", text);
            let (again, _) = Page::from_url(&format!("https://shop.example{text}"), &rules).unwrap();
            prop_assert_eq!(again.as_str(), text);
            prop_assert_eq!(Page::restore(text.to_owned()), Some(page.clone()));
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in any::<String>()) {
        let page = Page::from_url(&text, &rules());
        prop_assert!(page.is_err() || text.trim_start_matches(|char: char| char <= ' ').to_lowercase().starts_with('h'));
    }
}
