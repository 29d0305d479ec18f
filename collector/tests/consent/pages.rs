//! What a visitor can look at: the privacy page and its forms, the proof, the banner's script.

use std::fmt::Write as _;

use crate::running::{COOKIE, FIREFOX, ORIGIN, Running, configuration};

#[tokio::test]
async fn a_visitor_without_javascript_refuses_and_withdraws_on_the_page() {
    let running = Running::start(&configuration("opt-out")).await;
    let own = ("origin", "https://stats.example.com");
    let page = running.get("/privacy?site=example.com&language=en", &[("user-agent", FIREFOX)]).await;
    assert!(page.body.contains("You have not chosen yet."), "{}", page.body);
    for (button, state, outcome) in [
        ("Accept all", "accepted statistics and marketing", "chose_everything"),
        ("Statistics only", "You have accepted statistics.", "chose_statistics"),
        ("Refuse all", "You have refused", "chose_refusal"),
    ] {
        let body = fields(&page.body, button);
        let answer = running.ask("POST /consent", &[own], &body).await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/privacy?site=example.com&language=en")
        );
        assert_eq!(running.counts(), [(outcome.to_owned(), 1)]);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let again =
            running.get(answer.header("location"), &[("cookie", &cookie), ("user-agent", FIREFOX)]).await;
        assert!(again.body.contains(state), "{state} is not in {}", again.body);
        let hit = r#"{"site":"example.com","url":"/a"}"#;
        let hit =
            running.ask("POST /hit", &[ORIGIN, ("cookie", &cookie), ("user-agent", FIREFOX)], hit).await;
        assert_eq!(hit.header("footfall-hit").is_empty(), button != "Refuse all");
        running.counts();
        if button == "Refuse all" {
            continue;
        }
        let withdrawal = fields(&again.body, "Withdraw my consent");
        let answer = running.ask("POST /consent", &[own, ("cookie", &cookie)], &withdrawal).await;
        assert!(answer.header("set-cookie").starts_with(&format!("{COOKIE}=1.4.00.")));
        assert_eq!(running.counts(), [("withdrew".to_owned(), 1)]);
    }
}

/// What a browser sends when that button is pressed.
fn fields(page: &str, button: &str) -> String {
    let forms = page.split("<form ").skip(1).filter_map(|rest| rest.split("</form>").next());
    let form = forms.into_iter().find(|form| form.contains(&format!("<button>{button}</button>"))).unwrap();
    assert!(form.contains("method=\"post\" action=\"consent\""));
    let inputs = form.split("<input type=\"hidden\" name=\"").skip(1);
    let pairs = inputs.map(|input| input.split("\">").next().unwrap().replace("\" value=\"", "="));
    pairs.collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn the_page_is_guarded_and_kept_by_nobody() {
    let running = Running::start(&configuration("opt-in")).await;
    let evil = "<script>alert(1)</script>";
    let referer = format!("https://example.com/{evil}");
    let headers = [("user-agent", evil), ("referer", referer.as_str()), ("accept-language", evil)];
    let page = running.get("/privacy?site=example.com&language=%3Cscript%3E", &headers).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(!page.body.contains("<script") && page.body.contains("&lt;script&gt;alert(1)"), "{}", page.body);
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{part} is not in {policy}");
    }
    assert_eq!(
        (page.header("cache-control"), page.header("x-content-type-options")),
        ("no-store", "nosniff")
    );
    assert_eq!((page.header("referrer-policy"), page.header("content-language")), ("same-origin", "en"));
    for (accepted, head) in
        [("ar", "<html lang=\"ar\" dir=\"rtl\">"), ("ru", "<html lang=\"ru\" dir=\"ltr\">")]
    {
        let page = running.get("/privacy?site=example.com", &[("accept-language", accepted)]).await;
        assert!(page.body.contains(head), "{accepted}");
    }
}

#[tokio::test]
async fn the_proof_can_be_recomputed_from_what_is_public() {
    let running = Running::start(&configuration("opt-out")).await;
    let answer = running.get("/policy/notices.json", &[("origin", "https://auditor.example.org")]).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, "*"));
    let notices = answer.json();
    let notices = notices.as_array().unwrap();
    assert_eq!(notices.len(), 4);
    assert_eq!((&notices[1]["material"], &notices[1]["date"]), (&true.into(), &"2026-02-01".into()));
    for pair in notices.windows(2) {
        assert_eq!(pair[1]["previous_sha256"], pair[0]["sha256"]);
    }
    // As an auditor would: the texts one by one, their canonical JSON, its hash.
    let mut texts = String::from("{");
    for language in ["ar", "de", "en", "es", "fr", "ru"] {
        let path = format!("/consent?site=example.com&language={language}");
        let answer = running.get(&path, &[]).await.json();
        write!(texts, "\"{language}\":{},", answer["texts"]).unwrap();
    }
    let texts = format!("{}}}", texts.trim_end_matches(','));
    assert_eq!(notices[3]["texts_sha256"], sha256(&texts));
    let named = running.get("/policy/notices.json?site=example.com", &[]).await;
    assert_eq!(named.body, answer.body);
}

fn sha256(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn the_banner_knows_the_policy_in_force() {
    let running = Running::start(&configuration("opt-out")).await;
    let script = running.get("/consent.js", &[]).await;
    assert_eq!(script.status, 200);
    assert!(script.header("content-type").starts_with("text/javascript"));
    assert!(script.body.contains("const POLICY = { revision: 4, material: 2 }"), "{}", script.body);
    let etag = script.header("etag").to_owned();
    assert_eq!(running.get("/consent.js", &[("if-none-match", &etag)]).await.status, 304);
    assert_eq!(running.ask("POST /consent.js", &[], "").await.header("allow"), "GET, HEAD");
    let tomorrow = configuration("opt-out").replace("2026-04-01", "2126-04-01");
    let before = Running::start(&tomorrow).await.get("/consent.js", &[]).await;
    assert!(before.body.contains("const POLICY = { revision: 3, material: 2 }"), "{}", before.body);
    assert_ne!(before.header("etag"), etag);
}
