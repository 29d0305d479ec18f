//! What is kept on the server of a hit: for each mode, state and signal its record or a bare count, and never both.

use crate::running::{COOKIE, FIREFOX, MODES, ORIGIN, Running, choice, configuration};

const HIT: &str = r#"{"site":"example.com","url":"https://example.com/a"}"#;
const NONE: &str = "";
const GPC: &str = "sec-gpc";
const DNT: &str = "dnt";

/// The outcome that is counted in place of a record, by the site's mode where nothing stands.
fn unasked(mode: &str) -> Option<&'static str> {
    (mode == "opt-in").then_some("unasked")
}

/// What the visitor's own choice and the browser's signal make of a hit; `None` is a record.
fn expected(mode: &str, stands: Stands, signal: &str) -> Option<&'static str> {
    match (stands, signal) {
        (Stands::Accepted, _) => None,
        (Stands::Refused, _) => Some("refused"),
        (Stands::Unreadable, _) => Some("refused_by_malformed_choice"),
        (Stands::Nothing, GPC) => Some("refused_by_gpc"),
        (Stands::Nothing, DNT) => Some("refused_by_dnt"),
        (Stands::Nothing, _) => unasked(mode),
    }
}

/// What a request's cookies come to.
#[derive(Clone, Copy)]
enum Stands {
    Nothing,
    Accepted,
    Refused,
    Unreadable,
}

#[tokio::test]
async fn a_hit_is_recorded_or_only_counted_by_mode_state_and_signal() {
    let of = |statistics, marketing, revision| choice(statistics, marketing, revision);
    let states = [
        (vec![], Stands::Nothing),
        (vec![of(true, true, 4)], Stands::Accepted),
        (vec![of(true, false, 4)], Stands::Accepted),
        (vec![of(true, true, 2)], Stands::Accepted),
        (vec![of(false, false, 4)], Stands::Refused),
        (vec![of(false, false, 1)], Stands::Refused),
        (vec!["nonsense".to_owned()], Stands::Unreadable),
        (vec![of(true, true, 4), of(false, false, 4)], Stands::Refused),
        (vec![of(true, true, 4), "nonsense".to_owned()], Stands::Unreadable),
        // Run out, and void since revision 2: as if nothing had been chosen.
        (vec!["1.4.11.2000.b".to_owned()], Stands::Nothing),
        (vec![of(true, true, 1)], Stands::Nothing),
    ];
    for mode in MODES {
        let running = Running::start(&configuration(mode)).await;
        for (values, stands) in &states {
            for signal in [NONE, GPC, DNT] {
                let cookies: Vec<String> = values.iter().map(|value| format!("{COOKIE}={value}")).collect();
                let mut headers = vec![ORIGIN, ("user-agent", FIREFOX)];
                headers.extend(cookies.iter().map(|cookie| ("cookie", cookie.as_str())));
                headers.extend((!signal.is_empty()).then_some((signal, "1")));
                let case = format!("{mode} {values:?} {signal}");
                let outcome = expected(mode, *stands, signal);
                let counted: Vec<(String, u64)> =
                    outcome.into_iter().map(|outcome| (outcome.to_owned(), 1)).collect();
                for (request, body) in
                    [("POST /hit", HIT), ("GET /pixel.gif?site=example.com&url=https://example.com/a", "")]
                {
                    let before = running.written();
                    let answer = running.ask(request, &headers, body).await;
                    assert!(answer.status < 300, "{case} {request}");
                    assert_eq!(
                        answer.header("footfall-hit").is_empty(),
                        outcome.is_none(),
                        "{case} {request}"
                    );
                    assert_eq!(running.counts(), counted, "{case} {request}");
                    assert_eq!(running.written() > before, outcome.is_none(), "{case} {request}: the disk");
                }
            }
        }
    }
}
