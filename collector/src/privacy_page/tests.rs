//! The page for many kinds of request.

use hyper::HeaderMap;
use hyper::header::HeaderName;
use schemas::configuration::Configuration;

use super::*;
use crate::browser::recognise;
use crate::consent::decide;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const CONFIGURATION: &str = "[collector]\ntrusted_proxies = ['10.0.0.0/8']\n[[site]]\nname = 'example.com'\ntime_zone = 'Asia/Tokyo'\n\
    [[policy]]\nrevision = 1\ndate = '2026-01-01'\n[[policy]]\nrevision = 2\ndate = '2026-06-01'\nmaterial = true\n\
    summary = 'We <b>now</b> count \"more\".'\n[[policy]]\nrevision = 3\ndate = '2027-01-01'\nsummary.de = 'Künftig.'";

fn page_in(language: Language, configuration: &str, headers: &[(&str, &str)]) -> String {
    let configuration = Configuration::parse(configuration, "test", std::iter::empty()).unwrap();
    let site = configuration.sites.by_name("example.com").unwrap();
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let now = "2026-11-24T20:12:31.125487Z".parse().unwrap();
    let peer = "10.0.0.1".parse().unwrap();
    let sender = Sender::new(now, peer, &map, &configuration.collector.trusted_proxies);
    let (signals, policy) = (sender.signals(site), PolicyState { revision: 2, material: 2 });
    let browser = recognise(sender.user_agent(), &sender.client_hints());
    let (decision, policies) = (decide(site, &signals, policy.material), configuration.policies.as_slice());
    let network = Network { country: "JP".to_owned(), isp: "Provider <b>".to_owned() };
    render(&View {
        site,
        sender: &sender,
        language,
        browser,
        network,
        decision,
        signals,
        policy,
        policies,
        erased: true,
    })
}

fn page(headers: &[(&str, &str)]) -> String {
    page_in(Language::En, CONFIGURATION, headers)
}

#[track_caller]
fn assert_shows(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part:?} is not in {page}");
    }
}

#[test]
fn it_shows_what_is_recorded_and_what_of_it_stays() {
    let page = page(&[
        ("host", "stats.example.com"),
        ("user-agent", FIREFOX),
        ("accept-language", "de-CH, en;q=0.5"),
        ("referer", "https://example.com/user/anna@example.org?token=1"),
        ("x-forwarded-for", "198.51.100.9"),
    ]);
    assert_shows(&page, &["198.51.100.9", "X-Forwarded-For", "This request would be recorded"]);
    assert_shows(
        &page,
        &["<bdi>Firefox 140</bdi>", "<bdi>Firefox</bdi>", "<bdi>Linux</bdi>", "<bdi>Desktop</bdi>"],
    );
    assert_shows(&page, &["<bdi>de-CH, en;q=0.5</bdi>", "<bdi>de</bdi>", "looked up from the address later"]);
    assert_shows(&page, &["<bdi>JP</bdi>, <bdi>Provider &lt;b&gt;</bdi>"]);
    assert_shows(&page, &["<bdi>https://example.com/user/anna@example.org?token=1</bdi>", "<bdi>/user/:"]);
    // The hour is UTC's, the day is the site's own.
    assert_shows(&page, &[">2026-11-24T20:12:31.125Z<", ">2026-11-24T20:00Z<", ">2026-11-25<"]);
    assert!(!page.contains("125487"), "nothing finer than what is recorded");
    assert_eq!(page.matches("<code>User-Agent</code>").count(), 3);
}

#[test]
fn it_names_the_cookie_that_holds_the_visit_and_shows_it_where_it_is_sent() {
    const NAME: &str = "__Host-visit-a379a6f6";
    let (before, sent) = (page(&[]), page(&[("cookie", "__Host-visit-a379a6f6=value")]));
    assert_shows(&before, &[NAME, "390 days from its making", "removed as soon as you refuse"]);
    assert!(!before.contains("what the cookie tells"));
    assert_shows(&sent, &["<code>Cookie</code>: <bdi>__Host-visit-a379a6f6</bdi>", "what the cookie tells"]);
    let cookieless = CONFIGURATION.replace("[[site]]", "[[site]]\nmode = 'cookieless'");
    assert!(!page_in(Language::En, &cookieless, &[]).contains(NAME));
    assert_eq!(schemas::visit_state::VISIT_COOKIE_LIFE_DAYS, 390, "as the texts say");
}

#[test]
fn a_page_of_another_site_is_where_the_visitor_came_from() {
    let other = page(&[("referer", "https://news.example.org/story?id=7")]);
    assert_shows(
        &other,
        &["https://news.example.org/story?id=7", "<bdi>example.org</bdi>", "names no page of example.com"],
    );
    let own = page(&[
        ("referer", "https://collector.example.net/privacy?site=a"),
        ("host", "collector.example.net"),
    ]);
    assert!(!own.contains("<bdi>https://collector"), "{own}");
    assert_shows(
        &own,
        &["belongs to another site than example.com", "It is where your connection comes from."],
    );
}

#[test]
fn whatever_comes_from_the_request_is_escaped() {
    let evil = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{intro}}{site}";
    let page = page(&[
        ("user-agent", evil),
        ("accept-language", evil),
        ("referer", &format!("https://example.com/{evil}")),
        ("sec-ch-ua", evil),
        ("sec-ch-ua-platform", evil),
        ("sec-ch-ua-mobile", evil),
        ("x-forwarded-for", evil),
        ("host", "stats.example.com"),
        ("cookie", "__Host-consent-a379a6f6=<script>"),
    ]);
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    assert_shows(
        &page,
        &["&lt;script&gt;alert(1)", "{{intro}}{site}", "We &lt;b&gt;now&lt;/b&gt; count &quot;more&quot;."],
    );
}

#[test]
fn the_choice_is_told_in_words() {
    let cookie = |value: &str| format!("__Host-consent-a379a6f6={value}");
    for (value, expected) in [
        ("1.2.11.2968.b", "accepted statistics and marketing."),
        ("1.2.10.2968.b", "accepted statistics."),
        ("1.1.10.2968.b", "since you accepted: please choose anew"),
        ("1.1.00.2968.b", "You have refused"),
        ("1.2.11.2900.b", "You have not chosen yet."),
        ("nonsense", "could not be read"),
    ] {
        let page = page(&[("cookie", &cookie(value))]);
        assert_shows(&page, &[expected]);
        assert_eq!(
            page.contains("Withdraw my consent"),
            expected.contains("accepted") || expected.contains("anew"),
            "{value}"
        );
        let is_recorded = page.contains("This request would be recorded");
        assert_eq!(is_recorded, !["nonsense", "1.1.00.2968.b"].contains(&value), "{value}");
    }
    for (mode, by_default) in [
        ("mode = 'opt-out'", "Until you choose, visits to example.com are counted."),
        ("mode = 'opt-in'\nbefore_consent = 'nothing'", "Until you choose, nothing is recorded."),
        ("mode = 'opt-in'\nbefore_consent = 'memory'", "counted without anything stored on your device"),
        ("mode = 'cookieless'", "counted without anything stored on your device"),
    ] {
        let configuration = CONFIGURATION.replace("time_zone", &format!("{mode}\ntime_zone"));
        let outdated = page_in(Language::En, &configuration, &[("cookie", &cookie("1.1.11.2968.b"))]);
        assert_shows(&outdated, &["please choose anew", by_default]);
    }
    assert_shows(&page(&[]), &["footfall-choice"]);
    assert_shows(
        &page(&[("sec-gpc", "1"), ("dnt", "1")]),
        &["sends Global Privacy Control, Do Not Track.", "Nothing would be recorded"],
    );
    assert_shows(&page(&[]), &["Until you choose, visits to example.com are counted."]);
    let bot = page(&[("user-agent", "curl/8.5.0")]);
    assert_shows(&bot, &["looks like a program (curl)"]);
}

#[test]
fn accepting_and_refusing_look_the_same_and_take_one_click() {
    let page = page(&[]);
    let forms: Vec<&str> =
        page.split("<form ").skip(1).filter_map(|rest| rest.split("</form>").next()).collect();
    let (forms, erase): (Vec<&str>, Vec<&str>) =
        forms.into_iter().partition(|form| form.contains("action=\"consent\""));
    assert_eq!((forms.len(), erase.len()), (3, 1));
    for (form, [statistics, marketing]) in
        forms.iter().zip([["accept", "accept"], ["accept", "refuse"], ["refuse", "refuse"]])
    {
        assert!(
            form.starts_with("method=\"post\" action=\"consent\">") && form.matches("<button>").count() == 1
        );
        assert_shows(form, &[&format!("name=\"statistics\" value=\"{statistics}\"")]);
        assert_shows(form, &[&format!("name=\"marketing\" value=\"{marketing}\"")]);
    }
}

#[test]
fn to_be_forgotten_takes_one_click_and_is_confirmed_to_whoever_did_it() {
    let headers = [("host", "stats.example.com")];
    let refused = [headers[0], ("cookie", "__Host-consent-a379a6f6=1.2.00.2968.f")];
    let form = "<form method=\"post\" action=\"erase\"><input type=\"hidden\" name=\"site\" value=\"example.com\">\
                <input type=\"hidden\" name=\"language\" value=\"en\"><button>Forget me</button></form>";
    let (before, after) = (page(&headers), page(&refused));
    for page in [&before, &after] {
        assert_shows(page, &["<h2 id=\"erase\">", form, "48 hours", "keep a copy of your choice"]);
    }
    assert!(
        before.contains("<p role=\"status\"></p>") && !before.contains("You are forgotten"),
        "a mere link"
    );
    assert_shows(&after, &["<p role=\"status\"><strong>You are forgotten"]);
    let elsewhere = page(&[("host", "collector.example.net")]);
    assert_shows(&elsewhere, &["Please refuse on example.com too"]);
}

#[test]
fn revisions_are_listed_the_newest_first() {
    let page = page(&[]);
    let places: Vec<Option<usize>> =
        ["Revision 3, from 2027-01-01 on", "Revision 2, since 2026-06-01", "Revision 1, since 2026-01-01"]
            .map(|heading| page.find(heading))
            .into();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} {page}");
    assert_shows(&page, &["policy/notices.json?site=example.com", "A material change"]);
    let none = page_in(Language::En, "[[site]]\nname = 'example.com'", &[]);
    assert_shows(&none, &["This is the first revision of the policy."]);
}

#[test]
fn every_language_has_a_whole_page() {
    for language in Language::ALL {
        for headers in [vec![], vec![("cookie", "__Host-consent-a379a6f6=1.2.10.2968.b"), ("dnt", "1")]] {
            let page = page_in(language, CONFIGURATION, &headers);
            let head = format!("<html lang=\"{}\" dir=\"{}\">", language.code(), language.direction());
            assert_shows(&page, &[&head, "Künftig.", "aria-current=\"page\""]);
            assert!(!page.contains("{{") && !page.contains("{site}"), "{page}");
            for empty in
                ["<p></p>", "<dt></dt>", "<dd></dd>", "<button></button>", "<strong></strong>", "<bdi></bdi>"]
            {
                assert!(!page.contains(empty), "{empty} {page}");
            }
            assert!(!page.contains("></th>") && !page.contains("\"></td>"), "{page}");
        }
    }
}
