//! How a visitor is forgotten: by his button, and when he withdraws.

use schemas::event::{Erase, Event, Order};
use schemas::visitor::VisitorTuple;

use crate::cookies::expired;
use crate::running::{
    COOKIE, FIREFOX, MODES, ORIGIN, PARTITIONS, Running, VISIT_COOKIE, choice, configuration,
};

const FORM: &str = "site=example.com";
const OWN: (&str, &str) = ("origin", "https://stats.example.com");

/// The erase orders in the journal: each one's site and its copies by lane.
fn orders(running: &Running) -> Vec<(String, Vec<(u8, Erase)>)> {
    let erase = running.control_records().into_iter().filter_map(|(header, order)| match order {
        Order::Erase(erase) => Some((header, erase)),
        _ => None,
    });
    let mut orders: Vec<(String, Vec<(u8, Erase)>)> = Vec::new();
    for (header, erase) in erase {
        match orders.last_mut().filter(|(_, copies)| copies[0].1.order == erase.order) {
            Some((_, copies)) => copies.push((header.lane, erase)),
            None => orders.push((header.site, vec![(header.lane, erase)])),
        }
    }
    orders
}

#[tokio::test]
async fn one_click_forgets_a_visitor_in_every_partition() {
    let running = Running::start(&configuration("opt-out")).await;
    let cookies = format!("theme=dark; {VISIT_COOKIE}=state; {COOKIE}={}", choice(true, true, 4));
    let visitor = [OWN, ("user-agent", FIREFOX), ("accept-language", "de-CH"), ("cookie", &cookies)];
    let hit = r#"{"site":"example.com","url":"/a"}"#;
    assert_eq!(running.ask("POST /hit", &[ORIGIN, visitor[1], visitor[2]], hit).await.status, 204);
    running.counts();

    let body = "site=example.com&language=de&statistics=accept&method=banner";
    let answer = running.ask("POST /erase", &visitor, body).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(answer.header("location"), "/privacy?site=example.com&language=de&erased=1#erase");
    let cookies: Vec<&str> = answer.headers("set-cookie").collect();
    assert!(
        cookies[0].starts_with(&format!("{COOKIE}=1.4.00."))
            && cookies[0].contains(".f; HttpOnly; SameSite=Lax")
    );
    assert_eq!(cookies[1..], expired("SameSite=Lax"));
    assert_eq!(running.counts(), [("erased".to_owned(), 1)]);
    assert_eq!(running.metric("erase_orders_total").await, 1);

    let orders = orders(&running);
    assert_eq!((orders.len(), orders[0].0.as_str()), (1, "example.com"));
    let lanes: Vec<u8> = orders[0].1.iter().map(|(lane, _)| *lane).collect();
    assert_eq!(lanes, (0..PARTITIONS).collect::<Vec<u8>>());
    let visit = running.records(&running.keys.keys()).into_iter().find_map(|(_, _, event)| match event {
        Event::Visit(visit) => Some(visit),
        Event::Control(_) => None,
    });
    let visit = visit.unwrap();
    for (_, erase) in &orders[0].1 {
        assert_eq!((erase.order.len(), erase.copies, erase.whole_address), (16, PARTITIONS.into(), false));
        assert_eq!((erase.browser.as_str(), erase.language.as_str()), ("Firefox", "de"));
        assert!(VisitorTuple::of_order(erase) == VisitorTuple::of(&visit), "the visitor of his visits");
    }

    let page =
        running.get(answer.header("location").split('#').next().unwrap(), &[("cookie", cookies[0])]).await;
    assert!(page.body.contains("<p role=\"status\"><strong>Sie sind vergessen"), "{}", page.body);
    let hit = running.ask("POST /hit", &[ORIGIN, ("cookie", cookies[0])], hit).await;
    assert_eq!(hit.header("footfall-hit"), "not-recorded");
}

#[tokio::test]
async fn a_script_of_the_site_may_order_it_too() {
    let running = Running::start(&configuration("opt-in")).await;
    let elsewhere = [ORIGIN, ("host", "collector.example.net"), ("sec-fetch-site", "cross-site")];
    let answer = running.ask("POST /erase", &elsewhere, r#"{"site":"example.com"}"#).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN.1);
    let cookies: Vec<&str> = answer.headers("set-cookie").collect();
    assert!(cookies[0].contains(".a; HttpOnly; SameSite=None; Partitioned; "), "{cookies:?}");
    assert_eq!(cookies[cookies.len() - 2..], expired("SameSite=None"));
    assert_eq!(orders(&running).len(), 1);

    let preflight = running.ask("OPTIONS /erase", &[ORIGIN], "").await;
    assert_eq!((preflight.status, preflight.header("access-control-allow-methods")), (204, "POST"));
    assert_eq!(running.ask("OPTIONS /erase", &[("origin", "https://example.org")], "").await.status, 403);
    let wrong = running.get("/erase", &[]).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "POST, OPTIONS"));
    let back = "site=example.com&return=https%3A%2F%2Fexample.com%2Fgoodbye";
    assert_eq!(
        running.ask("POST /erase", &[OWN], back).await.header("location"),
        "https://example.com/goodbye"
    );
    let away = "site=example.com&return=https%3A%2F%2Fexample.org%2F";
    let away = running.ask("POST /erase", &[OWN], away).await;
    assert_eq!(away.header("location"), "/privacy?site=example.com&erased=1#erase", "no open redirect");
}

#[tokio::test]
async fn nobody_elses_page_has_a_visitor_forgotten_or_uses_up_his_orders() {
    let running = Running::start(&configuration("opt-out")).await;
    let navigation = ("sec-fetch-site", "cross-site");
    for headers in [
        vec![("origin", "https://evil.example.org")],
        vec![("origin", "https://example.com.evil.org"), ("host", "collector.example.net")],
        vec![("origin", "null")],
        vec![navigation],
        vec![navigation, ("host", "collector.example.net")],
    ] {
        for body in [FORM, r#"{"site":"example.com"}"#] {
            let answer = running.ask("POST /erase", &headers, body).await;
            assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{headers:?} {body}");
        }
    }
    for (body, status) in [("", 403), ("site=elsewhere", 403), ("{", 400)] {
        let answer = running.ask("POST /erase", &[OWN], body).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (status, ""), "{body}");
    }
    assert_eq!((running.counts(), orders(&running).len()), (vec![], 0));

    for _ in 0..5 {
        assert_eq!(running.ask("POST /erase", &[OWN], FORM).await.status, 303);
    }
    let sixth = running.ask("POST /erase", &[OWN], FORM).await;
    assert_eq!(sixth.status, 429, "{}", sixth.body);
    assert!((1..=13).contains(&sixth.header("retry-after").parse().unwrap()));
    assert!(sixth.header("set-cookie").starts_with(&format!("{COOKIE}=1.4.00.")), "the refusal holds");
    assert_eq!(orders(&running).len(), 5);
    assert_eq!(running.counts(), [("chose_refusal".to_owned(), 1), ("erased".to_owned(), 5)]);
}

#[tokio::test]
async fn who_withdraws_is_forgotten_and_who_refuses_loses_the_cookie_of_his_visit() {
    let running = Running::start(&configuration("opt-out")).await;
    let accepted = format!("{COOKIE}={}", choice(true, false, 4));
    let refused = format!("{COOKIE}={}", choice(false, false, 4));
    let state = format!("{VISIT_COOKIE}=\u{e4}");
    let mut expected = 0;
    for (cookie, statistics, outcome, is_forgotten, is_expired) in [
        (None, "refuse", "chose_refusal", true, false),
        (Some(&state), "refuse", "chose_refusal", true, true),
        (Some(&refused), "refuse", "chose_refusal", false, false),
        (Some(&state), "accept", "chose_everything", false, false),
        (Some(&accepted), "refuse", "withdrew", true, true),
        (Some(&accepted), "accept", "chose_everything", false, false),
    ] {
        let mut headers = vec![ORIGIN, ("user-agent", FIREFOX)];
        headers.extend(cookie.map(|cookie| ("cookie", cookie.as_str())));
        let answer = running.choose(&headers, statistics, "accept").await;
        let case = format!("{cookie:?} {statistics}");
        assert_eq!(answer.status, 204, "{case}");
        let cookies: Vec<&str> = answer.headers("set-cookie").collect();
        let ended: Vec<&str> =
            cookies.iter().copied().filter(|cookie| cookie.starts_with(VISIT_COOKIE)).collect();
        assert_eq!(ended, if is_expired { expired("SameSite=Lax") } else { vec![] }, "{case}");
        expected += usize::from(is_forgotten);
        assert_eq!(orders(&running).len(), expected, "{case}");
        assert_eq!(running.counts(), [(outcome.to_owned(), 1)], "{case}");
    }
    assert_eq!(orders(&running)[0].1.len(), usize::from(PARTITIONS));
}

#[tokio::test]
async fn who_was_recorded_without_accepting_is_forgotten_when_he_refuses() {
    let objects: (&str, &str) = ("sec-gpc", "1");
    for (mode, is_recorded) in MODES.into_iter().zip([true, false, true, true]) {
        let running = Running::start(&configuration(mode)).await;
        let accepted_before_the_material_revision = format!("{COOKIE}={}", choice(true, false, 1));
        for (headers, is_forgotten) in [
            (vec![ORIGIN], is_recorded),
            (vec![ORIGIN, objects], false),
            (vec![ORIGIN, ("cookie", accepted_before_the_material_revision.as_str())], true),
        ] {
            let before = orders(&running).len();
            assert_eq!(running.choose(&headers, "refuse", "refuse").await.status, 204);
            let given = orders(&running).len() - before;
            assert_eq!(given, usize::from(is_forgotten), "{mode} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_journal_that_is_full_stands_between_nobody_and_his_refusal() {
    let text = configuration("opt-out").replacen("[limits]", "[limits]\njournal_bytes = 2097152", 1);
    let running = Running::start(&text).await;
    let hit = format!(r#"{{"site":"example.com","url":"/a?{}"}}"#, "x".repeat(8000));
    while running.ask("POST /hit", &[ORIGIN], &hit).await.status == 204 {}

    let script = running.ask("POST /erase", &[ORIGIN], r#"{"site":"example.com"}"#).await;
    assert!(script.status == 503 && script.body.contains("the journal is full"), "{}", script.body);
    assert!(script.header("set-cookie").contains("=1.4.00."));
    let erase = running.ask("POST /erase", &[OWN, ("accept-language", "de")], FORM).await;
    assert_eq!((erase.status, erase.header("retry-after")), (503, "60"), "{}", erase.body);
    assert!(
        erase.body.starts_with("Ihre Ablehnung gilt.") && erase.body.contains("in 60 Sekunden"),
        "{}",
        erase.body
    );
    let refused = format!("{COOKIE}=1.4.00.");
    assert!(erase.header("set-cookie").starts_with(&refused));
    let accepted = format!("{COOKIE}={}", choice(true, true, 4));
    let withdrawal = running.choose(&[ORIGIN, ("cookie", &accepted)], "refuse", "refuse").await;
    assert_eq!(withdrawal.status, 204, "{}", withdrawal.body);
    assert!(withdrawal.header("set-cookie").starts_with(&refused));
    assert_eq!(orders(&running).len(), 0);
    assert_eq!(running.metric("withdrawals_not_forgotten_total").await, 1);
    assert_eq!(running.counts(), [("chose_refusal".to_owned(), 2), ("withdrew".to_owned(), 1)]);
}
