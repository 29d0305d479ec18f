//! An order to forget a visitor reaches the processor that holds him, whichever that is.

use std::net::IpAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;
use tests::chain::{Chain, Plan};
use tests::client::FIREFOX;

use super::{chain, until};

const VISITORS: u8 = 12;
const TOTALS: &str = "SELECT sum(views), sum(visitors) FROM open_hits FINAL WHERE kind = 'view'";
/// In each partition one copy of each order, and of the one key there is.
const COPIES: &str = "SELECT reason, count(), uniqExact(subject), max(count) FROM open_hits FINAL \
                      WHERE reason IN ('erase', 'key_in_use') GROUP BY reason ORDER BY reason FORMAT CSV";

fn address(visitor: u8) -> IpAddr {
    IpAddr::from([203, 0, 113, visitor])
}

async fn view(chain: &mut Chain, visitor: u8) {
    let hit = json!({"site": "localhost", "url": "http://localhost/"});
    let answer = chain.sender(0).unwrap().hit_from(Some(address(visitor)), &hit).await;
    assert_eq!(answer.unwrap(), 204);
}

/// As that visitor's browser, whose views `Sender` sends too.
async fn press_the_button(chain: &mut Chain, visitor: u8) {
    let sender = chain.sender(0).unwrap();
    let request = Request::post(format!("{}/erase", sender.collector()))
        .header("user-agent", FIREFOX)
        .header("accept-language", "de-DE,de;q=0.9,en;q=0.5")
        .header("x-forwarded-for", address(visitor).to_string());
    let answer = sender.send(request.body(Full::new(Bytes::from_static(b"site=localhost"))).unwrap()).await;
    assert_eq!(answer.unwrap().status(), 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_is_forgotten_wherever_he_is_held_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { processors: 2, partitions: 6, ..Plan::default() };
    let mut chain = chain(plan, folder.path()).await;
    let operator = chain.operator().unwrap();
    for visitor in 0..VISITORS {
        view(&mut chain, visitor).await;
    }
    until(&operator, TOTALS, "12\t12").await;
    press_the_button(&mut chain, 3).await;
    press_the_button(&mut chain, 8).await;
    for visitor in 0..VISITORS {
        view(&mut chain, visitor).await;
    }
    until(&operator, TOTALS, "24\t14").await;
    until(&operator, COPIES, "\"erase\",12,2,6\n\"key_in_use\",6,1,0").await;
    assert_eq!(chain.reconcile().await.unwrap().0, 0);
}
