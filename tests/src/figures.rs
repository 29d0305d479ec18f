//! Figures by local day and value: what the oracle computes and what ClickHouse answers are sets of these.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context as _, Result};

use crate::command::Footfall;

/// Dimensions whose every value is compared.
pub const DIMENSIONS: [&str; 7] = ["page", "country", "isp", "browser", "os", "source", "channel"];
/// Measures of a day.
const DAY_MEASURES: [&str; 5] = ["views", "visits", "visitors", "bounces", "visit_seconds"];
/// Measures of a value.
const VALUE_MEASURES: [&str; 4] = ["views", "visits", "visitors", "page_visitors"];

/// What a figure is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Local day; empty for what is not counted by day.
    pub day: String,
    /// A dimension; `total`, `bot`, or `kind` of row.
    pub dimension: String,
    /// Its value.
    pub value: String,
    /// What is counted.
    pub measure: String,
}

/// Figures; one that is 0 is the same as one that is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures(BTreeMap<Cell, i64>);

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?} {}", self.day, self.dimension, self.value, self.measure)
    }
}

impl Figures {
    /// Adds to a figure.
    pub fn add(&mut self, [day, dimension, value, measure]: [&str; 4], number: i64) {
        let cell = Cell {
            day: day.into(),
            dimension: dimension.into(),
            value: value.into(),
            measure: measure.into(),
        };
        if number != 0 {
            *self.0.entry(cell).or_default() += number;
        }
    }

    /// The figures of one dimension only.
    #[must_use]
    pub fn without(mut self, dimension: &str) -> Self {
        self.0.retain(|cell, _| cell.dimension != dimension);
        self
    }

    /// One figure.
    pub fn get(&self, [day, dimension, value, measure]: [&str; 4]) -> i64 {
        let (day, dimension) = (day.to_owned(), dimension.to_owned());
        let cell = Cell { day, dimension, value: value.to_owned(), measure: measure.to_owned() };
        self.0.get(&cell).copied().unwrap_or(0)
    }

    /// All local days.
    pub fn days(&self) -> BTreeSet<&str> {
        self.0.keys().map(|cell| cell.day.as_str()).filter(|day| !day.is_empty()).collect()
    }

    /// Every cell of either set, with both figures.
    pub fn beside<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a Cell, i64, i64)> {
        let cells: BTreeSet<&Cell> = self.0.keys().chain(other.0.keys()).collect();
        let of = |figures: &Self, cell: &Cell| figures.0.get(cell).copied().unwrap_or(0);
        cells.into_iter().map(move |cell| (cell, of(self, cell), of(other, cell)))
    }

    /// The cells in which two sets differ, a line each; empty when there are none.
    pub fn differences(&self, other: &Self) -> String {
        let differing = self.beside(other).filter(|(_, own, others)| own != others);
        differing.map(|(cell, own, others)| format!("{cell}: {own} and {others}\n")).collect()
    }

    fn of_rows(rows: Vec<Vec<String>>) -> Result<Self> {
        let mut figures = Self::default();
        for row in rows {
            let [day, dimension, value, measure, number] = <[String; 5]>::try_from(row)
                .map_err(|row| anyhow::anyhow!("{} columns in an answer", row.len()))?;
            let number = number.parse().with_context(|| format!("{measure} is {number:?}"))?;
            figures.add([&day, &dimension, &value, &measure], number);
        }
        Ok(figures)
    }
}

/// The figures as `open_hits` gives them, each row once.
///
/// # Errors
/// ClickHouse's.
pub fn of_open_hits(footfall: &Footfall, site: &str) -> Result<Figures> {
    let from = format!("FROM open_hits FINAL WHERE site = '{site}'");
    let mut parts = vec![
        totals("toString(local_day)", &format!("{from} AND kind = 'view'")),
        format!(
            "SELECT toString(local_day), 'bot', toString(bot), 'hits', toString(count()) {from} AND kind = 'bot' GROUP BY local_day, bot"
        ),
        format!(
            "SELECT '', 'kind', trim(concat(kind, ' ', reason)), 'rows', toString(count()) {from} GROUP BY kind, reason"
        ),
    ];
    for dimension in DIMENSIONS {
        let sums = sums_of(&VALUE_MEASURES);
        parts.push(format!(
            "SELECT day, '{dimension}', value, cell.1, toString(cell.2) FROM (SELECT toString(local_day) AS day, \
             toString({dimension}) AS value, arrayJoin([{sums}]) AS cell {from} AND kind = 'view' GROUP BY local_day, {dimension})"
        ));
    }
    Figures::of_rows(footfall.query(&parts.join(" UNION ALL "))?)
}

/// The same figures as the report views give them, except for kinds of rows.
///
/// # Errors
/// ClickHouse's.
pub fn of_reports(footfall: &Footfall, site: &str, days: &BTreeSet<&str>) -> Result<Figures> {
    let (first, last) = (days.first().context("no days")?, days.last().context("no days")?);
    let all = format!("site='{site}', from='{first}', to='{last}'");
    let timeline = pairs(&DAY_MEASURES);
    let mut parts = vec![format!(
        "SELECT toString(local_day), 'total', '', cell.1, toString(cell.2) \
         FROM (SELECT local_day, arrayJoin([{timeline}]) AS cell FROM report_timeline({all}))"
    )];
    for day in days {
        let day_only = format!("site='{site}', from='{day}', to='{day}'");
        parts.push(format!(
            "SELECT '{day}', 'bot', toString(bot), 'hits', toString(hits) FROM report_bots({day_only})"
        ));
        for dimension in DIMENSIONS {
            let values = pairs(&VALUE_MEASURES);
            parts.push(format!(
                "SELECT '{day}', '{dimension}', value, cell.1, toString(cell.2) FROM (SELECT value, arrayJoin([{values}]) AS cell \
                 FROM report_breakdown({day_only}, dimension='{dimension}'))"
            ));
        }
    }
    Figures::of_rows(footfall.query(&parts.join(" UNION ALL "))?)
}

fn totals(day: &str, from: &str) -> String {
    let sums = sums_of(&DAY_MEASURES);
    format!(
        "SELECT day, 'total', '', cell.1, toString(cell.2) \
         FROM (SELECT {day} AS day, arrayJoin([{sums}]) AS cell {from} GROUP BY local_day)"
    )
}

fn sums_of(measures: &[&str]) -> String {
    let pair = |measure: &&str| format!("('{measure}', toInt64(sum({measure})))");
    measures.iter().map(pair).collect::<Vec<_>>().join(", ")
}

fn pairs(measures: &[&str]) -> String {
    let pair = |measure: &&str| format!("('{measure}', toInt64({measure}))");
    measures.iter().map(pair).collect::<Vec<_>>().join(", ")
}
