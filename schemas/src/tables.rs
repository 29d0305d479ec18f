//! ClickHouse's tables and views as numbered SQL migrations: safe to repeat and to run from several processes.

/// The database that holds everything.
pub const DATABASE: &str = "footfall";

/// What must exist before the first migration.
pub const BOOTSTRAP: [&str; 2] = [
    "CREATE DATABASE IF NOT EXISTS footfall",
    "CREATE TABLE IF NOT EXISTS footfall.migrations (number UInt32, name String) \
     ENGINE = ReplacingMergeTree ORDER BY number",
];

/// One step; each of its statements may run again without harm.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// 1, 2, 3, …
    pub number: u32,
    /// The file's name.
    pub name: &'static str,
    sql: &'static str,
}

impl Migration {
    /// Its statements in order. They end with a semicolon at a line's end.
    pub fn statements(&self) -> impl Iterator<Item = &'static str> {
        self.sql.split(";\n").map(str::trim).filter(|statement| !statement.is_empty())
    }
}

macro_rules! migrations {
    ($($number:literal $name:literal),* $(,)?) => {
        [$(Migration { number: $number, name: $name, sql: include_str!(concat!("../clickhouse/", $name)) }),*]
    };
}

/// All steps, in order. A released file is never changed; a new one is added.
pub const MIGRATIONS: &[Migration] = &migrations![
    1 "0001_open_hits.sql",
    2 "0002_imports.sql",
    3 "0003_reports.sql",
    4 "0004_orders.sql",
    5 "0005_device_held.sql",
    6 "0006_accountability.sql",
    7 "0007_masked.sql",
    8 "0008_goals.sql",
    9 "0009_retention.sql",
    10 "0010_engagement.sql",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_a_gap_as_their_files_are() {
        for (migration, number) in MIGRATIONS.iter().zip(1..) {
            assert_eq!(migration.number, number);
            assert!(migration.name.starts_with(&format!("{:04}_", migration.number)), "{}", migration.name);
            assert!(migration.statements().count() > 0);
        }
    }

    #[test]
    fn every_statement_may_run_again() {
        for statement in MIGRATIONS.iter().flat_map(Migration::statements) {
            assert!(statement.contains("IF NOT EXISTS") || statement.contains("OR REPLACE"), "{statement}");
        }
    }
}
