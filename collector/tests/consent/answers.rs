//! `POST /consent`: from whom a choice is taken, and how it is counted.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::running::{COOKIE, ORIGIN, Running, choice, configuration};

const FORM: &str = "site=example.com&statistics=accept";
const JSON: &str = r#"{"site":"example.com","statistics":"accept"}"#;

#[tokio::test]
async fn nobody_elses_page_chooses_for_a_visitor() {
    let running = Running::start(&configuration("opt-in")).await;
    let navigation = ("sec-fetch-site", "cross-site");
    for headers in [
        vec![("origin", "https://evil.example.org")],
        vec![("origin", "https://example.com.evil.org")],
        vec![("origin", "null")],
        vec![("origin", "https://evil.example.org"), ("host", "collector.example.net")],
        vec![navigation],
        vec![navigation, ("host", "collector.example.net")],
        vec![("origin", "https://evil.example.org"), ("content-type", "application/x-www-form-urlencoded")],
    ] {
        for body in [FORM, JSON] {
            let answer = running.ask("POST /consent", &headers, body).await;
            assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{headers:?} {body}");
        }
    }
    assert_eq!(running.counts(), []);
    for headers in [
        vec![],
        vec![ORIGIN],
        vec![ORIGIN, navigation, ("host", "collector.example.net")],
        vec![("origin", "http://stats.example.com")],
        vec![("origin", "https://collector.example.net"), ("host", "collector.example.net:8443")],
    ] {
        assert_eq!(running.ask("POST /consent", &headers, FORM).await.status, 303, "{headers:?}");
        assert_eq!(running.ask("POST /consent", &headers, JSON).await.status, 204, "{headers:?}");
    }
    assert_eq!(running.counts(), [("chose_statistics".to_owned(), 10)]);
}

#[tokio::test]
async fn a_script_is_answered_across_origins() {
    let running = Running::start(&configuration("opt-in")).await;
    let answer = running.choose(&[ORIGIN], "accept", "refuse").await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN.1);
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert_eq!((answer.header("vary"), answer.header("cache-control")), ("Origin", "no-store"));
    let asked = [ORIGIN, ("access-control-request-method", "POST")];
    let preflight = running.ask("OPTIONS /consent", &asked, "").await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-methods")), (204, "GET, POST"));
    let foreign = running.ask("OPTIONS /consent", &[("origin", "https://example.org")], "").await;
    assert_eq!(foreign.status, 403);
}

/// The tag keeps a hit for later only if it can read that it was not refused for good.
#[tokio::test]
async fn pages_of_the_site_may_read_why_a_hit_is_refused_and_anybody_the_tag() {
    let running = Running::start(&configuration("opt-out")).await;
    let refused = running.ask("POST /hit", &[ORIGIN], "{").await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (400, ORIGIN.1));
    assert_eq!(refused.header("access-control-allow-credentials"), "true");
    let foreign = running.ask("POST /hit", &[("origin", "https://example.org")], "{").await;
    assert_eq!((foreign.status, foreign.header("access-control-allow-origin")), (400, ""));
    let tag = running.ask("GET /tag.js", &[("origin", "https://example.org")], "").await;
    assert_eq!((tag.status, tag.header("access-control-allow-origin")), (200, "*"));
    assert_eq!(tag.header("access-control-allow-credentials"), "");
    assert_eq!(tag.header("cross-origin-resource-policy"), "cross-origin");
}

#[tokio::test]
async fn choices_are_counted_by_what_stood_before() {
    let running = Running::start(&configuration("opt-out")).await;
    let (accepted, refused) = (choice(true, false, 4), choice(false, false, 4));
    let stale = choice(true, true, 1);
    for (before, statistics, expected) in [
        (None, "refuse", "chose_refusal"),
        (Some("nonsense"), "refuse", "chose_refusal"),
        (Some(refused.as_str()), "refuse", "chose_refusal"),
        (Some(&accepted), "refuse", "withdrew"),
        (Some(&stale), "refuse", "withdrew"),
        (Some(&accepted), "accept", "chose_everything"),
        (None, "accept", "chose_everything"),
    ] {
        let cookie = before.map(|value| format!("{COOKIE}={value}"));
        let mut headers = vec![ORIGIN];
        headers.extend(cookie.as_ref().map(|cookie| ("cookie", cookie.as_str())));
        assert_eq!(running.choose(&headers, statistics, "accept").await.status, 204);
        assert_eq!(running.counts(), [(expected.to_owned(), 1)], "{before:?} {statistics}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_stores_nothing() {
    let running = Running::start(&configuration("opt-out")).await;
    let long =
        format!("site=example.com&statistics=accept&return=https://example.com/{}", "a".repeat(70_000));
    let nested = format!("{{\"site\":{}", "[".repeat(60_000));
    for (body, status, advice) in [
        ("", 403, "unknown site"),
        ("site=elsewhere&statistics=accept", 403, "unknown site"),
        ("site=example.com", 400, "statistics=accept or statistics=refuse"),
        (r#"{"site":"example.com"}"#, 400, "statistics"),
        (r#"{"site":"example.com","statistics":"#, 400, "line 1"),
        (&long, 413, "65536"),
        (&nested, 400, "line 1"),
    ] {
        let answer = running.ask("POST /consent", &[ORIGIN], body).await;
        let case: String = body.chars().take(80).collect();
        assert_eq!((answer.status, answer.header("set-cookie")), (status, ""), "{case} {}", answer.body);
        assert!(answer.body.contains(advice), "{case}: {}", answer.body);
    }
    assert_eq!(running.counts(), []);
    // A return address that no browser would take is passed over.
    let long = format!("{FORM}&return=https://example.com/{}", "a".repeat(60_000));
    let answer = running.ask("POST /consent", &[ORIGIN], &long).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/privacy?site=example.com"));
}

#[tokio::test]
async fn a_network_that_sends_too_much_is_refused_before_its_body_is_read() {
    let text = configuration("opt-out").replace("100000", "2");
    let running = Running::start(&text).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(running.ask("POST /consent", &[ORIGIN], FORM).await.status);
    }
    assert_eq!(statuses[0], 303);
    assert!(statuses.contains(&429), "{statuses:?}");
    for path in ["/consent?site=example.com", "/privacy?site=example.com", "/policy/notices.json"] {
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(running.get(path, &[ORIGIN]).await.status);
        }
        assert!(answers.contains(&429), "{path} {answers:?}");
    }
}

#[tokio::test]
async fn networks_whose_hits_no_longer_count_do_not_stay_in_memory() {
    let running = Running::start(&configuration("opt-out")).await;
    let hit = r#"{"site":"example.com","url":"/a"}"#;
    assert_eq!(running.ask("POST /hit", &[ORIGIN], hit).await.status, 204);
    let collector = &running.service.collector;
    assert_eq!(collector.limits.networks(), 1);
    let until = Instant::now() + Duration::from_secs(10);
    while collector.limits.networks() > 0 {
        assert!(Instant::now() < until, "upkeep forgets no network");
        // Its first round comes at once.
        timeout(Duration::from_millis(50), running.service.upkeep()).await.unwrap_err();
    }
}
