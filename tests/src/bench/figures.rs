//! The figures of one run: a flat object for machines, a table for people.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Figures by name, in the order of their names. A name ends in its unit; one without a unit is a ratio.
#[derive(Debug, Default)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Keeps a figure; three digits after the point are more than any of them is worth.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        let digits = if value.abs() >= 100.0 { 1.0 } else { 1000.0 };
        self.0.insert(name.into(), (value * digits).round() / digits);
    }

    /// Adds to what `path` holds from earlier runs, so that a run of one part leaves the others.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let earlier = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut all: BTreeMap<String, f64> = earlier.unwrap_or_default();
        all.extend(self.0.clone());
        let folder = path.parent().context("the file is in a folder")?;
        std::fs::create_dir_all(folder)?;
        let text = serde_json::to_string_pretty(&all)?;
        std::fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| writeln!(f, "{name:<38}{value:>12}"))
    }
}

/// The middle value; of an even number the upper one of the two. 0 without any.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// So many per second.
pub fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_outlier_does_not_move_the_median() {
        assert_eq!(median([3.0, 900.0, 2.0]), 3.0);
        assert_eq!(median([]), 0.0);
    }

    #[test]
    fn a_later_run_replaces_its_own_figures_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target/bench.json");
        for (name, value) in [("a", 1.0), ("b", 2.0), ("a", 1.23456)] {
            let mut figures = Figures::default();
            figures.set(name, value);
            figures.write(&path).unwrap();
        }
        let read: BTreeMap<String, f64> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read, BTreeMap::from([("a".into(), 1.235), ("b".into(), 2.0)]));
    }
}
