//! A site's own people: what comes from their networks is not recorded, and they are told so.

use crate::running::{COOKIE, FIREFOX, ORIGIN, Running, VISIT_COOKIE, choice, configuration};

const HIT: &str = r#"{"site":"example.com","url":"/a"}"#;

async fn running(mode: &str) -> Running {
    let internal = format!("mode = '{mode}'\ninternal = ['203.0.113.0/24', '2001:db8::/32']");
    let text = configuration(mode).replace(&format!("mode = '{mode}'"), &internal);
    Running::start(&format!("[collector]\ntrusted_proxies = ['127.0.0.0/8']\n{text}")).await
}

#[tokio::test]
async fn internal_hits_are_answered_and_counted_but_not_recorded() {
    let running = running("opt-out").await;
    for (address, counted) in [
        ("203.0.113.7", Some("internal")),
        ("::ffff:203.0.113.7", Some("internal")),
        ("2001:db8:7::1", Some("internal")),
        ("203.0.114.7", None),
        ("2001:db9::1", None),
    ] {
        let headers = [ORIGIN, ("user-agent", FIREFOX), ("x-forwarded-for", address)];
        let expected = if counted.is_some() { "not-recorded" } else { "" };
        let answer = running.ask("POST /hit", &headers, HIT).await;
        assert_eq!((answer.status, answer.header("footfall-hit")), (204, expected), "{address}");
        let pixel =
            running.get("/pixel.gif?site=example.com&url=https%3A%2F%2Fexample.com%2F", &headers[1..]).await;
        assert_eq!((pixel.status, pixel.header("footfall-hit")), (200, expected), "{address}");
        let counts: Vec<_> = counted.map(|outcome| (outcome.to_owned(), 2)).into_iter().collect();
        assert_eq!(running.counts(), counts, "{address}");
    }
    assert!(
        running.metrics().contains("footfall_collector_hits_recorded_total 4"),
        "only what came from elsewhere"
    );
}

#[tokio::test]
async fn a_stop_within_leaves_the_visit_cookie_and_a_refusal_there_takes_it() {
    let running = running("opt-out").await;
    let (held, refusal) = (format!("{VISIT_COOKIE}=held"), format!("{COOKIE}={}", choice(false, false, 4)));
    let refused = format!("{held}; {refusal}");
    let removed = format!("{VISIT_COOKIE}=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
    for (cookie, set) in [(&held, ""), (&refused, removed.as_str())] {
        let headers = [ORIGIN, ("x-forwarded-for", "203.0.113.7"), ("cookie", cookie)];
        assert_eq!(running.ask("POST /hit", &headers, HIT).await.header("set-cookie"), set);
    }
}

#[tokio::test]
async fn a_refusal_from_within_stays_a_refusal() {
    let cookie = format!("{COOKIE}={}", choice(false, false, 4));
    let within = ("x-forwarded-for", "203.0.113.7");
    for (mode, more, counted) in [
        ("opt-out", ("cookie", cookie.as_str()), "refused"),
        ("opt-out", ("sec-gpc", "1"), "refused_by_gpc"),
        ("opt-in", ("accept", "*/*"), "unasked"),
        ("cookieless", ("accept", "*/*"), "internal"),
    ] {
        let running = running(mode).await;
        let headers = [ORIGIN, ("user-agent", FIREFOX), within, more];
        assert_eq!(running.ask("POST /hit", &headers, HIT).await.header("footfall-hit"), "not-recorded");
        assert_eq!(running.counts(), [(counted.to_owned(), 1)], "{mode} {more:?}");
    }
}

#[tokio::test]
async fn the_privacy_page_tells_them() {
    let running = running("opt-out").await;
    let (within, elsewhere) = (("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "198.51.100.9"));
    for (language, internal) in
        [("en", "a network of example.com's own people"), ("de", "der eigenen Leute von example.com")]
    {
        let path = format!("/privacy?site=example.com&language={language}");
        let page = running.get(&path, &[("user-agent", FIREFOX), within]).await;
        assert!(page.body.replace("&#39;", "'").contains(internal), "{}", page.body);
        let other = running.get(&path, &[("user-agent", FIREFOX), elsewhere]).await;
        assert!(!other.body.replace("&#39;", "'").contains(internal), "{}", other.body);
    }
}
