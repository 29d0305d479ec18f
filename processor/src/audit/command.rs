//! `audit verify` and `audit list`, of either program.

use clap::{Args, Subcommand};
use collector::process::say;

use super::{BadLink, Verification, Verified};
use crate::store::{Store, StoreError};

/// What is wanted of the chain.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Recomputes the chain and names the first bad link, if there is one.
    Verify(Verify),
    /// Prints all entries: number, hour, action, facts, hash.
    List,
}

/// `audit verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// A hash that was noted earlier, from a printed report: it must still be in the chain.
    #[arg(long, value_name = "HASH")]
    pub head: Option<String>,
}

/// Why the chain is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A link is bad.
    #[error("{0}; nothing from there on can be relied on. Compare with printed reports and backups")]
    BadLink(#[from] BadLink),
    /// The chain does not have the noted hash.
    #[error(
        "the noted hash is not that of any of the {0} entries: the chain was cut off before it, or written anew"
    )]
    NotedMissing(u64),
    /// ClickHouse's.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Carries out a command and prints what it gives.
///
/// # Errors
/// When the chain is broken or ClickHouse does not answer.
pub async fn audit(store: &Store, command: &AuditCommand) -> Result<(), AuditError> {
    match command {
        AuditCommand::Verify(Verify { head }) => {
            let verified = verify(store, head.clone()).await?;
            say(&verified);
        }
        AuditCommand::List => {
            let mut links = store.audit_chain()?;
            while let Some(entry) = links.next().await? {
                say(entry);
            }
        }
    }
    Ok(())
}

async fn verify(store: &Store, noted: Option<String>) -> Result<Verified, AuditError> {
    let is_noted = noted.is_some();
    let mut verification = Verification::new(noted);
    let mut links = store.audit_links()?;
    while let Some(link) = links.next().await? {
        verification.take(&link)?;
    }
    let verified = verification.finish();
    if is_noted && verified.noted.is_none() {
        return Err(AuditError::NotedMissing(verified.entries));
    }
    Ok(verified)
}
