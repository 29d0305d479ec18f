//! The goals of the configuration as ClickHouse's reports know them.

use clickhouse::Row;
use schemas::configuration::{Goal, Site, Sites};
use serde::Deserialize;

use super::{Store, StoreError};

/// A site's row of `goal_lists`.
#[derive(Debug, Default, PartialEq, Eq, Row, Deserialize)]
struct GoalList {
    site: String,
    goals: Vec<String>,
    kinds: Vec<String>,
    patterns: Vec<String>,
}

impl GoalList {
    fn of(site: &Site) -> Self {
        let mut list = Self { site: site.name.clone(), ..Self::default() };
        for goal in &site.goals {
            list.add(goal);
        }
        list
    }

    fn add(&mut self, goal: &Goal) {
        let (kind, pattern) = goal.rule();
        self.goals.push(goal.name.clone());
        self.kinds.push(kind.to_owned());
        self.patterns.push(pattern);
    }
}

impl Store {
    /// Tells ClickHouse the goals of all configured sites; the goals that a site no longer has go. A site that is not configured
    /// any more keeps its own. Nothing is written where nothing changed, so any number of programs may do this.
    ///
    /// # Errors
    /// ClickHouse's.
    pub async fn write_goals(&self, sites: &Sites) -> Result<(), StoreError> {
        let question = "SELECT site, goals, kinds, patterns FROM footfall.goal_lists FINAL";
        let known: Vec<GoalList> = self.client.query(question).fetch_all().await?;
        for list in sites.iter().map(GoalList::of) {
            let before = known.iter().find(|before| before.site == list.site);
            let is_new = before.map_or(!list.goals.is_empty(), |before| *before != list);
            if is_new {
                self.write_goal_list(&list).await?;
            }
        }
        Ok(())
    }

    async fn write_goal_list(&self, list: &GoalList) -> Result<(), StoreError> {
        let insert = "INSERT INTO footfall.goal_lists (site, goals, kinds, patterns, written_at) SELECT ?, ?, ?, ?, now64(6)";
        let query = self.client.query(insert).bind(&list.site).bind(&list.goals);
        Ok(query.bind(&list.kinds).bind(&list.patterns).execute().await?)
    }
}
