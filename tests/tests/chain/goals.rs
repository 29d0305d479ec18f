//! Goals of a configuration that several processors tell ClickHouse at once.

use serde_json::json;
use tests::chain::{Member, Plan};

use super::{chain, until};

const SITE: &str = "[[site]]\nname = \"localhost\"\n";
const GOAL: &str = "[[site.goal]]\nname = \"Order\"\nevent = \"order\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn two_processors_write_a_list_once_and_a_changed_one_replaces_it() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { processors: 2, configuration: format!("{SITE}{GOAL}"), ..Plan::default() };
    let mut chain = chain(plan, folder.path()).await;
    let goals = "SELECT site, goal, kind, pattern FROM goals";
    until(&chain.operator().unwrap(), goals, "localhost\tOrder\tevent\t^order$").await;
    let order = json!({"site": "localhost", "url": "/", "kind": "event", "name": "order", "value": 2});
    let sender = chain.sender(0).unwrap();
    assert_eq!(sender.hit(&order).await.unwrap(), 204);
    let report = "SELECT * FROM report_goals(site='localhost', from='2020-01-01', to='2100-01-01')";
    until(&chain.operator().unwrap(), report, "Order\t1\t1\t1\t2").await;

    let path = chain.configuration("processor");
    let changed = std::fs::read_to_string(&path).unwrap().replace("event = \"order\"", "page = \"/**\"");
    std::fs::write(&path, changed).unwrap();
    for processor in 0..2 {
        chain.kill(Member::Processor(processor)).await.unwrap();
        chain.begin(Member::Processor(processor)).await.unwrap();
    }
    until(&chain.operator().unwrap(), goals, "localhost\tOrder\tpage\t^/[^/?].*$").await;
    until(&chain.operator().unwrap(), "SELECT count() FROM goal_lists FINAL", "1").await;
}
