//! What is stored in a browser: for each mode, state and signal its own choice, and the state of its visit where it permits that.

use jiff::Timestamp;
use schemas::choice::week_of;

use crate::running::{Answer, COOKIE, FIREFOX, MODES, ORIGIN, Running, VISIT_COOKIE, choice, configuration};

const HIT: &str = r#"{"site":"example.com","url":"https://example.com/a"}"#;

/// All cookies that an answer sets.
fn set(answer: &Answer) -> Vec<&str> {
    answer.headers("set-cookie").collect()
}

fn expected(flags: &str, method: &str, attributes: &str) -> String {
    let week = week_of(Timestamp::now());
    format!("{COOKIE}=1.4.{flags}.{week}.{method}; HttpOnly; {attributes}Secure; Path=/; Max-Age=15552000")
}

/// What ends the cookie of a visit: on a page of another site in its own jar too.
pub(crate) fn expired(same_site: &str) -> Vec<String> {
    let jars: &[&str] = if same_site == "SameSite=None" { &["Partitioned; ", ""] } else { &[""] };
    let ended = |jar| format!("{VISIT_COOKIE}=; HttpOnly; {same_site}; {jar}Secure; Path=/; Max-Age=0");
    jars.iter().map(ended).collect()
}

#[tokio::test]
async fn no_more_is_stored_than_the_mode_the_state_and_the_signal_permit() {
    let refused_too = format!("{}; {COOKIE}={}", choice(true, true, 4), choice(false, false, 4));
    let states = [
        (None, Holds::ByDefault, false),
        (Some(choice(true, true, 4)), Holds::Accepted, true),
        (Some(choice(true, false, 4)), Holds::Accepted, true),
        (Some(choice(true, true, 1)), Holds::ByDefault, true),
        (Some(choice(false, false, 1)), Holds::Never, false),
        (Some("nonsense".to_owned()), Holds::Never, false),
        (Some("1.4.11.2000.b".to_owned()), Holds::ByDefault, false),
        (Some(refused_too), Holds::Never, false),
    ];
    let signals = [vec![], vec![("sec-gpc", "1")], vec![("dnt", "1")]];
    for mode in MODES {
        let running = Running::start(&configuration(mode)).await;
        for (state, holds, had_accepted) in &states {
            let cookie = state.as_ref().map(|value| format!("theme=dark; {COOKIE}={value}"));
            for signal in &signals {
                let mut headers = vec![ORIGIN, ("user-agent", FIREFOX)];
                headers.extend(cookie.as_ref().map(|cookie| ("cookie", cookie.as_str())));
                headers.extend(signal);
                let may_hold = match holds {
                    Holds::Accepted => mode != "cookieless",
                    Holds::ByDefault => mode == "opt-out" && signal.is_empty(),
                    Holds::Never => false,
                };
                let case = format!("{mode} {state:?} {signal:?}");
                stores_only_choices(&running, &headers, *had_accepted, &case).await;
                stores_visits_where_permitted(&running, &headers, may_hold, &case).await;
            }
        }
    }
}

/// When the browser may hold a visit's state.
enum Holds {
    /// Statistics are accepted under the policy in force.
    Accepted,
    /// Nothing is chosen that counts: the site's mode and the browser's signal decide.
    ByDefault,
    /// Statistics are refused, or the choice cannot be read.
    Never,
}

async fn stores_only_choices(running: &Running, headers: &[(&str, &str)], had_accepted: bool, case: &str) {
    for (request, body, status) in [
        ("GET /consent?site=example.com", "", 200),
        ("GET /privacy?site=example.com", "", 200),
        ("GET /policy/notices.json", "", 200),
        ("GET /consent.js", "", 200),
        ("GET /tag.js", "", 200),
        ("OPTIONS /consent", "", 204),
    ] {
        let answer = running.ask(request, headers, body).await;
        assert_eq!((answer.status, set(&answer)), (status, vec![]), "{case} {request}");
    }
    for (statistics, marketing, flags) in [
        ("accept", "accept", "11"),
        ("accept", "refuse", "10"),
        ("refuse", "refuse", "00"),
        ("refuse", "accept", "00"),
    ] {
        let with_expiry = |choice: String| match (had_accepted, statistics) {
            (true, "refuse") => [vec![choice], expired("SameSite=Lax")].concat(),
            _ => vec![choice],
        };
        let script = running.choose(headers, statistics, marketing).await;
        assert_eq!(script.status, 204, "{case}");
        assert_eq!(set(&script), with_expiry(expected(flags, "b", "SameSite=Lax; ")), "{case}");
        let form = format!("site=example.com&statistics={statistics}&marketing={marketing}");
        let form = running.ask("POST /consent", headers, &form).await;
        assert_eq!(form.status, 303, "{case}");
        assert_eq!(set(&form), with_expiry(expected(flags, "f", "SameSite=Lax; ")), "{case}");
    }
}

/// A state that is there, but may not be, is removed, whatever it holds.
async fn stores_visits_where_permitted(
    running: &Running,
    headers: &[(&str, &str)],
    may_hold: bool,
    case: &str,
) {
    const VISIT: &str = "__Host-visit-a379a6f6";
    let mut with_visit = headers.to_vec();
    with_visit.push(("cookie", "__Host-visit-a379a6f6=forged"));
    for (request, body, status) in
        [("POST /hit", HIT, 204), ("GET /pixel.gif?site=example.com&url=https://example.com/a", "", 200)]
    {
        let answer = running.ask(request, headers, body).await;
        assert_eq!((answer.status, set(&answer).len()), (status, usize::from(may_hold)), "{case} {request}");
        let answer = running.ask(request, &with_visit, body).await;
        let [cookie] = set(&answer)[..] else { panic!("{case} {request} {:?}", set(&answer)) };
        let is_removed = cookie == format!("{VISIT}=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
        assert!(cookie.starts_with(VISIT) && is_removed != may_hold, "{case} {request} {cookie}");
    }
    let refused = running.choose(&with_visit, "refuse", "refuse").await;
    assert!(
        set(&refused).iter().any(|cookie| cookie.starts_with(VISIT) && cookie.ends_with("Max-Age=0")),
        "{case}"
    );
    let accepted = running.choose(&with_visit, "accept", "refuse").await;
    assert!(!set(&accepted).iter().any(|cookie| cookie.starts_with(VISIT)), "{case}");
}

#[tokio::test]
async fn a_collector_on_another_site_keeps_a_scripts_choice_with_the_site() {
    let running = Running::start(&configuration("opt-in")).await;
    let elsewhere = ("host", "collector.example.net");
    let script =
        running.choose(&[elsewhere, ORIGIN, ("sec-fetch-site", "cross-site")], "refuse", "refuse").await;
    let both = [expected("00", "b", "SameSite=None; Partitioned; "), expected("00", "b", "SameSite=None; ")];
    assert_eq!(set(&script), both, "an earlier choice by form must not outlive it");
    let form = "site=example.com&statistics=refuse&language=ar";
    for origin in [ORIGIN, ("origin", "https://collector.example.net")] {
        let answer = running.ask("POST /consent", &[elsewhere, origin], form).await;
        assert_eq!(set(&answer), [expected("00", "f", "SameSite=None; ")], "{origin:?}");
        assert_eq!(answer.header("location"), "/privacy?site=example.com&language=ar");
    }
}

#[tokio::test]
async fn a_collector_on_another_site_keeps_a_visit_with_the_site() {
    let running = Running::start(&configuration("opt-out")).await;
    let elsewhere = [("host", "collector.example.net"), ("user-agent", FIREFOX)];
    let by_script = running.ask("POST /hit", &[&elsewhere[..], &[ORIGIN]].concat(), HIT).await;
    assert_eq!(by_script.header("access-control-allow-credentials"), "true");
    let referer = ("referer", "https://example.com/a");
    let pixel = "/pixel.gif?site=example.com";
    let by_image = running.get(pixel, &[&elsewhere[..], &[referer]].concat()).await;
    for answer in [by_script, by_image] {
        let [cookie] = set(&answer)[..] else { panic!("{:?}", set(&answer)) };
        assert!(cookie.contains("; HttpOnly; SameSite=None; Partitioned; Secure; Path=/; "), "{cookie}");
    }
}

#[tokio::test]
async fn a_hit_that_is_not_on_disk_sets_no_cookie() {
    let running = Running::start(&configuration("opt-out")).await;
    running.stop_journal().await;
    let answer = running.ask("POST /hit", &[ORIGIN, ("user-agent", FIREFOX)], HIT).await;
    assert_eq!((answer.status, set(&answer)), (503, vec![]));
}

#[tokio::test]
async fn a_cookie_that_is_forged_cut_or_doubled_allows_nothing() {
    let running = Running::start(&configuration("opt-out")).await;
    let (accepted, statistics, refused) =
        (choice(true, true, 4), choice(true, false, 4), choice(false, false, 4));
    let cut: String = accepted.chars().take(accepted.len() - 2).collect();
    let huge = "9".repeat(8000);
    let future = accepted.replace(&week_of(Timestamp::now()).to_string(), "999999");
    let null = serde_json::Value::Null;
    let week = week_of(Timestamp::now());
    let shown = |statistics: bool, marketing: bool| {
        serde_json::json!({
            "statistics": statistics, "marketing": marketing, "revision": 4, "week": week, "method": "b"
        })
    };
    for (values, recorded, choice) in [
        (vec![accepted.as_str()], true, &shown(true, true)),
        (vec![&accepted, &statistics], true, &shown(true, false)),
        (vec![&accepted, &refused], false, &shown(false, false)),
        (vec![&refused, &accepted], false, &shown(false, false)),
        (vec![&accepted, "accepted"], false, &null),
        (vec![&cut], false, &null),
        (vec![""], false, &null),
        (vec!["1.4.01.2968.b"], false, &null),
        (vec!["1.4.11.2968.z"], false, &null),
        (vec!["%31.4.11.2968.b"], false, &null),
        (vec!["\"1.4.11.2968.b\""], false, &null),
        (vec![&huge], false, &null),
        // Run out, or from the future: as if nothing had been chosen.
        (vec!["1.4.11.2000.b"], true, &null),
        (vec![&future], true, &null),
    ] {
        let cookies: Vec<String> = values.iter().map(|value| format!("{COOKIE}={value}")).collect();
        let (joined, case) =
            (cookies.join("; "), format!("{values:?}").chars().take(120).collect::<String>());
        let together = vec![ORIGIN, ("user-agent", FIREFOX), ("cookie", joined.as_str())];
        let apart = cookies.iter().map(|cookie| ("cookie", cookie.as_str()));
        let apart = [ORIGIN, ("user-agent", FIREFOX)].into_iter().chain(apart).collect();
        for headers in [together, apart] {
            let hit = running.ask("POST /hit", &headers, HIT).await;
            assert_eq!(hit.header("footfall-hit").is_empty(), recorded, "{case}");
            let answer = running.get("/consent?site=example.com", &headers).await.json();
            assert_eq!(&answer["choice"], choice, "{case}");
        }
    }
}
