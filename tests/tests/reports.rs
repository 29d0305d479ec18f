//! What an operator asks the report views, beside figures computed by hand.

use serde_json::{Value, json};
use tests::server::{Options, Server};

use crate::story::{post, until};

const ALL_TIME: &str = "site='localhost', from='2020-01-01', to='2100-01-01'";

async fn send(server: &Server, hit: &Value) {
    assert_eq!(server.hit(hit).await.unwrap(), 204);
}

#[tokio::test]
async fn an_operator_sees_which_rules_mask_and_nothing_of_what_they_masked() {
    let data = tempfile::tempdir().unwrap();
    let configuration = "[[site]]\nname = 'localhost'\ngroup_pages = ['/team/*']\n";
    let options = Options { configuration: Some(configuration), ..Options::new(data.path()) };
    let server = Server::start(options).await.unwrap();
    for url in
        ["/", "/user/anna/anna@example.org", "/user/bert?a=1&b=2", "/team/anna", "/reset/abcxyz?token=abcxyz"]
    {
        send(&server, &json!({"site": "localhost", "url": url})).await;
    }
    send(&server, &json!({"site": "localhost", "kind": "leave", "url": "/user/anna", "engaged_ms": 1})).await;
    let download = json!({"site": "localhost", "kind": "download", "url": "/", "name": "http://localhost/d/4111111111111111.pdf"});
    send(&server, &download).await;
    // A program that looks for holes says nothing of the site's own pages.
    post(&server, &[("user-agent", "curl/8.5.0")], r#"{"site":"localhost","url":"/user/anna"}"#).await;
    until(&server, "SELECT count() FROM open_hits FINAL WHERE kind != 'control'", "8").await;

    let report = server.query(&format!("SELECT * FROM report_masked({ALL_TIME})")).await.unwrap();
    let expected = ":name\t2\n:parameter\t2\n:email\t1\n:id\t1\n:pattern\t1\n:token\t1\n:encoded\t0\n:ip\t0\n:long\t0\n:phone\t0\n:rest\t0\n";
    assert_eq!(report, expected);
    let nowhere = server
        .query("SELECT sum(hits), count() FROM report_masked(site='x', from='2020-01-01', to='2100-01-01')");
    assert_eq!(nowhere.await.unwrap(), "0\t11\n");
}
