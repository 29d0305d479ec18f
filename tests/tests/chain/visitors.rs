//! A visitor without cookies is told from another by one processor's memory; which processor that is must not matter.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::json;
use tests::chain::{Chain, Member, Plan};

use super::{chain, until};

const VISITORS: u8 = 60;
const PAGES: [&str; 4] = ["/", "/pricing", "/blog", "/contact"];
/// About noon, so that no visit is cut at midnight.
const SITE: &str = "\n[[site]]\nname = \"localhost\"\nhosts = [\"localhost\"]\ntime_zone = \"";

#[tokio::test(flavor = "multi_thread")]
async fn cookieless_visitors_count_the_same_with_one_and_with_three_processors() {
    let alone = play(1, false).await;
    assert_eq!(alone, expected());
    assert_eq!(play(3, false).await, alone);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebalance_and_a_restart_in_mid_day_change_no_figure() {
    assert_eq!(play(3, true).await, expected());
}

/// Visitor n sees n mod 4 + 1 pages, in two halves, and every fifth signs up.
fn expected() -> BTreeMap<&'static str, i64> {
    let numbers = || (0..VISITORS).map(i64::from);
    BTreeMap::from([
        ("visitors", VISITORS.into()),
        ("visits", VISITORS.into()),
        ("views", numbers().map(|number| number % 4 + 1).sum()),
        ("bounces", numbers().filter(|number| number % 4 == 0).count() as i64),
        ("page_visitors", numbers().map(|number| number % 4 + 1).sum()),
        ("event_visitors", numbers().filter(|number| number % 5 == 0).count() as i64),
        ("exits_of_home", numbers().filter(|number| number % 4 == 0).count() as i64),
    ])
}

/// Two halves of a day's traffic, with or without trouble between them; then its figures.
async fn play(processors: usize, trouble: bool) -> BTreeMap<&'static str, i64> {
    let folder = tempfile::tempdir().unwrap();
    let hour = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).hour();
    let configuration = format!("{SITE}Etc/GMT{:+}\"\n", hour - 12);
    let plan = Plan { collectors: 2, processors, partitions: 6, configuration, ..Plan::default() };
    let mut chain = chain(plan, folder.path()).await;
    let operator = chain.operator().unwrap();

    let first = send(&mut chain, 0, |view, _| view < 2).await;
    until(&operator, COUNT, &first.to_string()).await;
    if trouble {
        chain.kill(Member::Processor(0)).await.unwrap();
        chain.stop(Member::Processor(1)).await.unwrap();
        chain.begin(Member::Processor(0)).await.unwrap();
    }
    let second = send(&mut chain, 1, |view, is_event| view >= 2 || is_event).await;
    until(&operator, COUNT, &(first + second).to_string()).await;
    assert_eq!(chain.reconcile().await.unwrap().0, 0);
    figures(&chain).await
}

const COUNT: &str = "SELECT count() FROM open_hits FINAL WHERE kind IN ('view', 'event')";

/// Sends the hits that are `wanted`, each visitor to one collector and in the other half to the other; gives how many. (Two
/// collectors do not wait for each other, so hits a millisecond apart may change their order between them.)
async fn send(chain: &mut Chain, half: usize, wanted: impl Fn(usize, bool) -> bool) -> usize {
    let senders = [chain.sender(0).unwrap(), chain.sender(1).unwrap()];
    let mut sent = 0;
    for visitor in 0..VISITORS {
        let address = Some(IpAddr::from([203, 0, 113, visitor]));
        let views = PAGES.iter().take(usize::from(visitor % 4) + 1).enumerate();
        let views = views.filter(|(view, _)| wanted(*view, false)).map(|(_, page)| json!({ "page": page }));
        let signs_up = visitor % 5 == 0 && wanted(0, true);
        let event = signs_up.then(|| json!({ "page": "/", "kind": "event", "name": "signup" }));
        for mut hit in views.chain(event) {
            hit["site"] = "localhost".into();
            hit["url"] = format!("http://localhost{}", hit["page"].as_str().unwrap()).into();
            assert_eq!(
                senders[(usize::from(visitor) + half) % 2].hit_from(address, &hit).await.unwrap(),
                204
            );
            sent += 1;
        }
    }
    sent
}

async fn figures(chain: &Chain) -> BTreeMap<&'static str, i64> {
    let names = ["visitors", "visits", "views", "bounces", "page_visitors", "event_visitors"];
    let sums = names.map(|name| format!("sum({name})")).join(", ");
    let exits = "countIf(exit_page = '/') - countIf(previous_page = '/')";
    let question = format!("SELECT {sums}, {exits} FROM open_hits FINAL WHERE kind IN ('view', 'event')");
    let said = chain.operator().unwrap().query(&question).await.unwrap();
    let values = said.trim().split('\t').map(|value| value.parse().unwrap());
    names.into_iter().chain(["exits_of_home"]).zip(values).collect()
}
