//! Who may query: a program on this machine, not a web page that makes a browser ask.

use super::Fixture;

pub(crate) async fn story(fixture: &Fixture) {
    let http = fixture.http();
    let own = format!("localhost:{}", fixture.address.port());
    let own_origin = format!("http://{own}");
    for headers in [
        vec![("Host", own.as_str())],
        vec![("Host", own.as_str()), ("Origin", own_origin.as_str()), ("Sec-Fetch-Site", "same-origin")],
        vec![("Host", own.as_str()), ("Sec-Fetch-Site", "none")],
    ] {
        let answer = http.send("POST", "/", &headers, "SELECT 1").await;
        assert_eq!(answer.text(), "1\n", "{headers:?}");
    }
    for headers in [
        vec![("Host", "rebound.example")],
        vec![("Host", own.as_str()), ("Origin", "https://evil.example")],
        vec![("Host", own.as_str()), ("Origin", "http://localhost:1")],
        vec![("Host", own.as_str()), ("Origin", "null")],
        vec![("Host", own.as_str()), ("Sec-Fetch-Site", "cross-site")],
        vec![("Host", own.as_str()), ("Sec-Fetch-Site", "same-site")],
    ] {
        let answer = http.send("POST", "/", &headers, "CREATE DATABASE never").await;
        assert_eq!(answer.failure(), (403, "497"), "{headers:?}");
        assert!(
            answer.text().starts_with("Code: 497. DB::Exception: this ClickHouse answers only")
                || answer.text().starts_with("Code: 497. DB::Exception: this ClickHouse does not answer")
        );
    }
    assert_eq!(http.post("/", "SHOW DATABASES LIKE 'never'").await.text(), "");
    let link = [("Host", own.as_str()), ("Sec-Fetch-Site", "cross-site")];
    assert_eq!(http.send("GET", "/dashboard", &link, "").await.status, 200);
    let rebound = http.send("GET", "/dashboard", &[("Host", "rebound.example")], "").await;
    assert_eq!(rebound.failure(), (403, "497"));
    assert!(http.bytes(b"GET /?query=SELECT+1 HTTP/1.0\r\n\r\n").await.starts_with("HTTP/1.0 403"));
}
