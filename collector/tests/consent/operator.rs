//! The operator's order on the collector's own machine, by address.

use schemas::event::Order;

use crate::running::{PARTITIONS, Running, configuration};

const HOST: (&str, &str) = ("host", "127.0.0.1");
const OPERATOR: (&str, &str) = ("footfall-operator", "erase");
const BODY: &str = r#"{"address":"203.0.113.77"}"#;

#[tokio::test]
async fn an_operator_has_an_address_forgotten() {
    let running = Running::start(&configuration("opt-out")).await;
    let mut expected = Vec::new();
    for (body, site) in [
        (BODY, ""),
        (r#"{"address":"::ffff:203.0.113.77","site":"example.com"}"#, "example.com"),
        (r#"{"address":"203.0.113.77","site":null}"#, ""),
    ] {
        let answer = running.ask_admin("POST /erase", &[HOST, OPERATOR], body).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, "application/json"),
            "{}",
            answer.body
        );
        let said = answer.json();
        assert_eq!(said["copies"], PARTITIONS);
        expected.extend(
            (0..PARTITIONS).map(|lane| (site.to_owned(), lane, said["order"].as_str().unwrap().to_owned())),
        );
    }
    let address = "203.0.113.77".parse().unwrap();
    let found = running.control_records().into_iter().filter_map(|(header, order)| {
        let Order::Erase(erase) = order else { return None };
        assert_eq!((erase.ip(), erase.whole_address), (Some(address), true));
        let hex: String = erase.order.iter().map(|byte| format!("{byte:02x}")).collect();
        Some((header.site, header.lane, hex))
    });
    let expected: Vec<_> =
        expected.into_iter().map(|(site, lane, order)| (site, lane, order.replace('-', ""))).collect();
    assert_eq!(found.collect::<Vec<_>>(), expected);
    let metrics = running.ask_admin("GET /metrics", &[], "").await.body;
    assert!(metrics.contains("footfall_collector_erase_orders_total 3") && !metrics.contains("203.0.113"));
}

#[tokio::test]
async fn no_page_and_no_public_request_gives_an_operators_order() {
    let running = Running::start(&configuration("opt-out")).await;
    for headers in [
        vec![HOST],
        vec![HOST, OPERATOR, ("origin", "http://127.0.0.1")],
        vec![HOST, OPERATOR, ("origin", "https://evil.example.org")],
        vec![HOST, OPERATOR, ("sec-fetch-site", "same-origin")],
        vec![("host", "rebound.example.org"), OPERATOR],
        vec![HOST, ("footfall-operator", "1")],
    ] {
        let answer = running.ask_admin("POST /erase", &headers, BODY).await;
        assert_eq!(answer.status, 403, "{headers:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    for (body, status) in [
        (r#"{"address":"203.0.113.77","site":"elsewhere"}"#, 403),
        (r#"{"address":"203.0.113.77x"}"#, 400),
        (r#"{"address":"203.0.113.77","sight":"example.com"}"#, 400),
        ("address=203.0.113.77", 400),
        ("", 400),
    ] {
        let answer = running.ask_admin("POST /erase", &[HOST, OPERATOR], body).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(!answer.body.contains("203.0.113"), "{}", answer.body);
    }
    let got = running.ask_admin("GET /erase", &[HOST, OPERATOR], "").await;
    assert_eq!((got.status, got.header("allow")), (405, "POST"));
    assert_eq!(running.ask_admin("OPTIONS /erase", &[HOST], "").await.status, 405);
    let public = running.ask("POST /erase", &[HOST, OPERATOR], BODY).await;
    assert_eq!(public.status, 403, "the public door knows sites only");
    assert!(running.control_records().iter().all(|(_, order)| !matches!(order, Order::Erase(_))));
    assert_eq!(running.metric("refused_total{reason=\"not_operator\"}").await, 6);
}
