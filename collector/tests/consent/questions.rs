//! `GET /consent`: who is asked, what is said, in which language.

use crate::running::{COOKIE, ORIGIN, Running, choice, configuration};

#[tokio::test]
async fn the_answer_is_what_the_banner_was_promised() {
    let running = Running::start(&configuration("opt-in")).await;
    let headers = [ORIGIN, ("accept-language", "it, de;q=0.8, en;q=0.5")];
    let answer = running.get("/consent?site=example.com", &headers).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    assert_eq!((answer.header("cache-control"), answer.header("vary")), ("no-store", "Origin"));
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN.1);
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    let mut json = answer.json();
    let texts = json.as_object_mut().unwrap().remove("texts").unwrap();
    let expected = serde_json::json!({
        "site": "example.com", "mode": "opt-in", "revision": 4, "material": 2, "choice": null, "signal": null,
        "ask": true, "notice": false, "language": "de", "direction": "ltr",
        "privacy": "https://stats.example.com/privacy?site=example.com",
    });
    assert_eq!(json, expected);
    let keys: Vec<&str> = texts.as_object().unwrap().keys().map(String::as_str).collect();
    let mut promised = [
        "title",
        "body",
        "accept",
        "refuse",
        "details",
        "save",
        "necessary",
        "necessary_detail",
        "statistics",
        "statistics_detail",
        "marketing",
        "marketing_detail",
        "gpc",
        "notice",
        "understood",
        "privacy",
        "close",
        "saved",
    ];
    promised.sort_unstable();
    assert_eq!(keys, promised);
    assert_eq!(running.counts(), [("shown".to_owned(), 1)]);
}

#[tokio::test]
async fn who_has_answered_is_asked_again_only_by_a_material_revision() {
    for mode in ["opt-out", "opt-in", "cookieless"] {
        let running = Running::start(&configuration(mode)).await;
        for (value, signal, ask, notice) in [
            (None, None, true, false),
            (None, Some("gpc"), false, false),
            (None, Some("dnt"), false, false),
            (Some("nonsense".to_owned()), None, true, false),
            (Some(choice(true, true, 1)), None, true, false),
            (Some(choice(true, false, 2)), None, false, true),
            (Some(choice(true, true, 3)), Some("gpc"), false, true),
            (Some(choice(true, true, 4)), None, false, false),
            (Some(choice(false, false, 1)), None, false, true),
            (Some(choice(false, false, 4)), None, false, false),
            (Some("1.4.11.2000.b".to_owned()), None, true, false),
        ] {
            let cookie = value.as_ref().map(|value| format!("{COOKIE}={value}"));
            let mut headers = vec![ORIGIN];
            headers.extend(cookie.as_ref().map(|cookie| ("cookie", cookie.as_str())));
            headers.extend(signal.map(|name| (if name == "gpc" { "sec-gpc" } else { "dnt" }, "1")));
            let answer = running.get("/consent?site=example.com", &headers).await.json();
            let (ask, notice) = if mode == "cookieless" { (false, false) } else { (ask, notice) };
            let said = (answer["ask"].as_bool(), answer["notice"].as_bool(), answer["signal"].as_str());
            assert_eq!(said, (Some(ask), Some(notice), signal), "{mode} {value:?}");
            let counted = if ask || notice { vec![("shown".to_owned(), 1)] } else { vec![] };
            assert_eq!(running.counts(), counted, "{mode} {value:?}");
        }
    }
}

#[tokio::test]
async fn texts_are_in_the_visitors_language_and_the_sites_own_words() {
    let text = configuration("opt-out").replace("mode =", "language = 'es'\nmode =").replacen(
        "[[policy]]",
        "[site.texts.de]\ntitle = 'Unsere <Frage>'\n[[policy]]",
        1,
    );
    let running = Running::start(&text).await;
    for (query, accepted, language, direction, title) in [
        ("", "", "es", "ltr", "Contar las visitas"),
        ("", "it", "es", "ltr", "Contar las visitas"),
        ("", "fr-CA;q=0.4, ru;q=0.5", "ru", "ltr", "Подсчёт посещений"),
        ("", "de", "de", "ltr", "Unsere <Frage>"),
        ("&language=ar", "de", "ar", "rtl", "إحصاء الزيارات"),
        ("&language=EN-us", "de", "en", "ltr", "Counting visits"),
        ("&language=%3Cscript%3E", "fr", "fr", "ltr", "Compter les visites"),
    ] {
        let path = format!("/consent?site=example.com{query}");
        let answer = running.get(&path, &[ORIGIN, ("accept-language", accepted)]).await.json();
        let said = [&answer["language"], &answer["direction"], &answer["texts"]["title"]];
        assert_eq!(said, [language, direction, title], "{query} {accepted}");
    }
}

#[tokio::test]
async fn pages_of_others_learn_nothing() {
    let running = Running::start(&configuration("opt-out")).await;
    for headers in [
        vec![("origin", "https://example.org")],
        vec![("origin", "null")],
        vec![("sec-fetch-site", "cross-site")],
    ] {
        let answer = running.get("/consent?site=example.com", &headers).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, ""), "{headers:?}");
    }
    for path in ["/consent", "/consent?site=elsewhere", "/privacy", "/policy/notices.json?site=elsewhere"] {
        assert_eq!(running.get(path, &[ORIGIN]).await.status, 403, "{path}");
    }
    assert_eq!(running.ask("DELETE /consent", &[ORIGIN], "").await.header("allow"), "GET, POST, OPTIONS");
    assert_eq!(running.counts(), []);
}

#[tokio::test]
async fn the_privacy_page_is_named_as_it_is_reached() {
    let plain = Running::start(&configuration("opt-out").replacen(
        "[limits]",
        "[collector]\npath_prefix = '/s'\n[limits]",
        1,
    ))
    .await;
    let local = [("host", "localhost:8080"), ("origin", "http://example.com:3000")];
    let answer = plain.get("/s/consent?site=example.com", &local).await.json();
    assert_eq!(answer["privacy"], "http://localhost:8080/s/privacy?site=example.com");
    let settings = "[collector]\npublic_url = 'https://public.example.net/x'\n[limits]";
    let public = Running::start(&configuration("opt-out").replacen("[limits]", settings, 1)).await;
    let answer = public.get("/consent?site=example.com", &local).await.json();
    assert_eq!(answer["privacy"], "https://public.example.net/x/privacy?site=example.com");
}
