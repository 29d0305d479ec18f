//! What the operator prints, keeps, and answers a person's letter with (GDPR, articles 12(3) and 17). It has no personal information.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use schemas::keys::{DestroyedKey, KeyDirectoryError};

use super::{Missing, Ordered};
use crate::audit::Entry;

/// What became of an order.
#[derive(Debug)]
pub struct Report {
    /// The order, carried out in every partition.
    pub ordered: Ordered,
    /// The audit entry of that.
    pub entry: Entry,
    /// What became of the keys.
    pub keys: Keys,
}

/// What became of the keys of what was written until now.
#[derive(Debug)]
pub enum Keys {
    /// They die by themselves.
    Kept {
        /// When the order was carried out.
        now: Timestamp,
    },
    /// Nothing was destroyed, for records that need them may not have been read.
    StillInUse {
        /// Whose.
        missing: Vec<Missing>,
    },
    /// They are destroyed.
    Destroyed {
        /// Which ones.
        destroyed: Vec<DestroyedKey>,
        /// Why others of them are not.
        failed: Option<KeyDirectoryError>,
        /// Collectors whose unread records are lost with them.
        missing: Vec<Missing>,
        /// The audit entry of that.
        entry: Entry,
    },
}

impl Report {
    /// What of that which was wanted is not done.
    pub fn not_done(&self) -> Option<&'static str> {
        match &self.keys {
            Keys::StillInUse { .. } => Some("no key was destroyed; the report says what is missing"),
            Keys::Destroyed { failed: Some(_), .. } => {
                Some("not all keys were destroyed; the report says why")
            }
            Keys::Kept { .. } | Keys::Destroyed { .. } => None,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ordered, entry, keys } = self;
        let site = if ordered.site.is_empty() { "all sites" } else { &ordered.site };
        writeln!(f, "Erase order {} of {} UTC", ordered.order, entry.at())?;
        writeln!(f, "Concerned: {site}. Carried out in {0} of {0} partitions.", ordered.copies)?;
        writeln!(f, "Audit entry {}, hash {}", entry.number, entry.hash)?;
        writeln!(
            f,
            "\nErased: what the programs held in memory of visitors at the address. Who comes from there now is new, and so is a visit from before \
             that another collector has not shipped yet: it is read behind the order."
        )?;
        writeln!(f, "{keys}")?;
        write!(f, "{ANONYMOUS}")
    }
}

const ANONYMOUS: &str = "Already anonymous, and so kept: the counts in ClickHouse. No row holds an address, a full page address, an exact time \
     or an id of a visitor, so none can be told to be of one person. `DESCRIBE TABLE footfall.open_hits` shows every column, \
     `SELECT * FROM footfall.open_hits LIMIT 100` what is in them.\n\
     Not reached: the cookie of the visit that the person's own browser keeps, if he permitted one. He ends it on the \
     page of his privacy choices, or by deleting the site's cookies.";

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept { now } => write!(
                f,
                "Destroyed: nothing before its time. The encrypted records written until now can be read until {} 00:00 UTC at \
                 the latest; then their key is destroyed. With --now it is destroyed at once.",
                end_of_life(*now)
            ),
            Self::StillInUse { missing } => {
                writeln!(
                    f,
                    "Destroyed: nothing. A new key is in use, but of these collectors it is not known that they need no older one:"
                )?;
                lines(f, missing)?;
                write!(
                    f,
                    "See that they run and reach Kafka, and that they and this command share one key directory; then repeat the command. \
                     With --force the keys are destroyed all the same, and what of these was not read is lost."
                )
            }
            Self::Destroyed { destroyed, failed, missing, entry } => {
                destroyed_keys(f, destroyed)?;
                if let Some(error) = failed {
                    writeln!(
                        f,
                        "Not destroyed: the other keys, whose records can still be read. {error}. Mend that, and repeat the command."
                    )?;
                }
                if !missing.is_empty() {
                    writeln!(
                        f,
                        "Lost with them, counted as `expired`: whatever of these collectors was not read yet."
                    )?;
                    lines(f, missing)?;
                }
                writeln!(f, "Audit entry {}, hash {}", entry.number, entry.hash)?;
                write!(
                    f,
                    "Programs that run forget these keys within two minutes. If a processor restarts this day, visitors without cookies may count \
                     twice, and so may a hit or a one-use number that is sent again: what it knew of them cannot be read again."
                )
            }
        }
    }
}

/// What of others' keys was destroyed here may live on where it came from.
fn originals(f: &mut fmt::Formatter<'_>, destroyed: &[DestroyedKey]) -> fmt::Result {
    let copies: Vec<&str> =
        destroyed.iter().filter(|key| key.is_copy()).map(|key| key.name.as_str()).collect();
    if copies.is_empty() {
        return Ok(());
    }
    writeln!(
        f,
        "NOT destroyed: the originals of {}, which other machines keep in key directories of their own. What they encrypted can be \
         read with these until the same is done on each of them.",
        copies.join(", ")
    )
}

fn destroyed_keys(f: &mut fmt::Formatter<'_>, destroyed: &[DestroyedKey]) -> fmt::Result {
    let mut days: Vec<Date> = destroyed.iter().map(|key| key.day).collect();
    days.dedup();
    let days: Vec<String> = days.iter().map(Date::to_string).collect();
    writeln!(
        f,
        "Destroyed: {} keys, of {}. No record that was encrypted with them can be read any more, in Kafka, in a journal, in any \
         copy or backup of them{}.",
        destroyed.len(),
        if days.is_empty() { "no day".into() } else { days.join(", ") },
        if destroyed.iter().any(DestroyedKey::is_copy) { ", but for what is named next" } else { "" },
    )?;
    originals(f, destroyed)
}

fn lines(f: &mut fmt::Formatter<'_>, missing: &[Missing]) -> fmt::Result {
    missing.iter().try_for_each(|missing| writeln!(f, "- {missing}"))
}

/// The day at whose start the key of what is written now is destroyed.
fn end_of_life(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date().saturating_add(2.days())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Facts, Head, OrderPassed};
    use collector::orders::OrderId;
    use schemas::wire::CollectorId;

    fn report(keys: Keys) -> Report {
        let ordered = Ordered { order: OrderId([7; 16]), copies: 3, site: String::new() };
        Report { ordered, entry: entry(), keys }
    }

    fn entry() -> Entry {
        let facts = Facts::AddressErased(OrderPassed { copies: 3, order: "o".into(), site: String::new() });
        Entry::after(&Head::default(), &facts, now())
    }

    fn now() -> Timestamp {
        "2026-11-24T12:34:56Z".parse().unwrap()
    }

    fn lagging() -> Vec<Missing> {
        vec![Missing { collector: CollectorId([9; 16]), in_use_rows: Some(1), partitions: 3, unread: 0 }]
    }

    #[test]
    fn without_now_the_report_says_when_the_records_die() {
        let text = report(Keys::Kept { now: now() }).to_string();
        assert!(text.contains("until 2026-11-26 00:00 UTC") && text.contains("3 of 3 partitions"), "{text}");
        assert!(!text.contains("12:34"), "no time is finer than the hour: {text}");
    }

    #[test]
    fn what_was_destroyed_is_told_by_day_and_number() {
        let key =
            |name: &str| DestroyedKey { day: name.get(..10).unwrap().parse().unwrap(), name: name.into() };
        let destroyed =
            vec![key("2026-11-23.key"), key("2026-11-24.0123456789abcdef.key"), key("2026-11-24.key")];
        let done = Keys::Destroyed { destroyed, failed: None, missing: lagging(), entry: entry() };
        let text = report(done).to_string();
        assert!(text.contains("in any copy or backup of them.\n") && !text.contains("originals"), "{text}");
        assert!(text.contains("3 keys, of 2026-11-23, 2026-11-24."), "{text}");
        assert!(text.contains("may count twice") && text.contains("`expired`"), "{text}");
    }

    #[test]
    fn nobody_is_told_that_another_machines_key_is_gone_when_its_copy_is() {
        let name = "2026-11-23.machine-b.key";
        let destroyed = vec![DestroyedKey { day: "2026-11-23".parse().unwrap(), name: name.into() }];
        let done = Keys::Destroyed { destroyed, failed: None, missing: vec![], entry: entry() };
        let text = report(done).to_string();
        assert!(text.contains(&format!("NOT destroyed: the originals of {name}")), "{text}");
        assert!(text.contains("in any copy or backup of them, but for what is named next."), "{text}");
    }

    #[test]
    fn of_a_destruction_that_failed_both_parts_are_told() {
        let destroyed = vec![DestroyedKey { day: "2026-11-23".parse().unwrap(), name: "a".into() }];
        let failed = Some(KeyDirectoryError::Damaged("stubborn.key".into()));
        let report = report(Keys::Destroyed { destroyed, failed, missing: vec![], entry: entry() });
        assert_eq!(report.not_done(), Some("not all keys were destroyed; the report says why"));
        let text = report.to_string();
        assert!(text.contains("1 keys, of 2026-11-23.") && text.contains("stubborn.key"), "{text}");
        assert!(text.contains("Not destroyed: the other keys"), "{text}");
    }

    #[test]
    fn collectors_that_may_need_older_keys_are_named_and_nothing_is_done() {
        let report = report(Keys::StillInUse { missing: lagging() });
        assert_eq!(report.not_done(), Some("no key was destroyed; the report says what is missing"));
        let text = report.to_string();
        let named =
            "- collector 09090909-0909-0909-0909-090909090909: the new key is in use in 1 of 3 partitions";
        assert!(text.contains(named) && text.contains("Destroyed: nothing."), "{text}");
    }
}
