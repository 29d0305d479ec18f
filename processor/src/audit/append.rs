//! Appends to the chain, from several programs at once: whoever finds that another's entry took its number appends again.

use std::time::Duration;

use jiff::Timestamp;

use super::{Entry, Facts};
use crate::store::{Store, StoreError};

/// How long another's insert may be on its way that read the same head. The entry that the next one names counts whatever comes
/// later, so a longer one costs its writer another try, and nobody else anything.
const SETTLE: Duration = Duration::from_millis(500);
/// Others that take the number, one after another. So many there are only when the table was tampered with.
const TRIES: usize = 100;

/// Appends an entry, unless one tells the same of one of its orders already, and gives whichever counts. Of several orders the others
/// may not be told then: whoever tells of many looks again.
///
/// # Errors
/// ClickHouse's, and [`StoreError::AuditRefused`]. Whether it was appended is unknown then; to repeat it does no harm.
pub async fn append(store: &Store, facts: &Facts, now: Timestamp) -> Result<Entry, StoreError> {
    for _ in 0..TRIES {
        let rows = store.audit_rows(facts.action(), &facts.orders()).await?;
        if let Some(entry) = rows.same {
            return Ok(entry);
        }
        store.audit_insert(&Entry::after(&rows.head, facts, now)).await?;
        tokio::time::sleep(SETTLE).await;
    }
    Err(StoreError::AuditRefused)
}
