//! A visitor is forgotten: what is held of him in memory is gone, what was counted stays, and he counts as new when he comes again.

use tests::server::{FIREFOX, Options, Server};

use crate::story::{header, post, request, text, until, until_visitors_held};

const AGENT: [(&str, &str); 2] = [("user-agent", FIREFOX), ("accept-language", "de")];
/// A row for each view: its page, and what it adds.
const ROWS: &str =
    "SELECT page, views, visits, visitors, readable FROM open_hits FINAL WHERE kind = 'view' ORDER BY page";
const TOTALS: &str = "SELECT sum(views), sum(visitors) FROM open_hits FINAL WHERE kind = 'view'";
const ORDERS: &str = "SELECT reason, count, toUInt128(subject) != 0 FROM open_hits FINAL WHERE startsWith(reason, 'erase') ORDER BY sequence";

/// A view, with a choice or without one.
async fn view(server: &Server, page: &str, choice: Option<&str>) -> String {
    let mut headers = AGENT.to_vec();
    headers.extend(choice.map(|cookie| ("cookie", cookie)));
    let hit = serde_json::json!({"site": "localhost", "url": format!("http://localhost{page}")});
    let answer = post(server, &headers, hit.to_string()).await;
    assert_eq!(answer.status(), 204, "{}", text(&answer));
    header(&answer, "footfall-hit").to_owned()
}

/// Presses a button; the choice that the browser keeps then.
async fn press(server: &Server, action: &str, form: &str) -> String {
    let answer =
        request(server, ("POST", format!("{}{action}", server.collector)), &AGENT, form.to_owned()).await;
    assert_eq!(answer.status(), 303, "{}", text(&answer));
    header(&answer, "set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn who_is_forgotten_is_new_again_and_what_was_counted_stays() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path());
    let server = Server::start(options).await.unwrap();
    view(&server, "/a", None).await;
    view(&server, "/b", None).await;
    until_visitors_held(&server, 1).await;
    until(&server, TOTALS, "2\t1").await;
    let before = server.query(ROWS).await.unwrap();

    let refused = press(&server, "/erase", "site=localhost").await;
    until_visitors_held(&server, 0).await;
    assert_eq!(view(&server, "/not-counted", Some(&refused)).await, "not-recorded");
    until(&server, ORDERS, "erase\t1\t1").await;
    assert_eq!(server.query(ROWS).await.unwrap(), before);

    // Whoever rebuilds the state from the journal forgets again what was forgotten: else the next view is no new visitor's.
    assert!(server.stop().await.unwrap().0.success());
    let server = Server::start(options).await.unwrap();
    let accepted = press(&server, "/consent", "site=localhost&statistics=accept").await;
    assert_eq!(view(&server, "/c", Some(&accepted)).await, "");
    until(&server, TOTALS, "3\t2").await;
    let after = server.query(ROWS).await.unwrap();
    assert!(after.starts_with(&before) && after.lines().count() == 3, "{after}");

    until_visitors_held(&server, 1).await;
    view(&server, "/d", Some(&accepted)).await;
    until(&server, TOTALS, "4\t2").await;
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_operators_order_goes_through_the_journal_of_the_running_program() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Options::new(folder.path())).await.unwrap();
    view(&server, "/a", None).await;
    let other = [("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0")];
    let hit = r#"{"site":"localhost","url":"http://localhost/b"}"#;
    assert_eq!(post(&server, &other, hit).await.status(), 204);
    until_visitors_held(&server, 2).await;

    let address = format!("{}/erase", server.admin);
    let order = r#"{"address":"127.0.0.1"}"#;
    let refused = request(&server, ("POST", address.clone()), &[], order).await;
    assert_eq!(refused.status(), 403, "{}", text(&refused));
    let taken = request(&server, ("POST", address), &[("footfall-operator", "erase")], order).await;
    assert_eq!(taken.status(), 200, "{}", text(&taken));
    let said: serde_json::Value = serde_json::from_slice(taken.body()).unwrap();
    assert_eq!(said["copies"], 1);
    until_visitors_held(&server, 0).await;
    until(&server, ORDERS, "erase_address\t1\t1").await;
    let subject = "SELECT subject FROM open_hits FINAL WHERE reason = 'erase_address'";
    assert_eq!(server.query(subject).await.unwrap().trim_end(), said["order"]);
    server.stop().await.unwrap();
}
