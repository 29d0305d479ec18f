//! What exactly-once rests on. Each of these can be taken away from a world, which then must be judged wrong.

/// One protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// A hit is answered when its record is synced.
    SyncBeforeAnswer,
    /// Only synced records are shipped.
    ShipAfterSync,
    /// The position file is never ahead of the acknowledgements.
    PositionBehindAcknowledgements,
    /// Only a record's first copy is taken.
    FirstCopyOnly,
    /// Copies are told by the exact set of sequences, not by the highest one.
    ExactSet,
    /// A hit is late by the broker's clock.
    LatenessByAppendTime,
    /// State is rebuilt before records become rows.
    WarmUp,
    /// State that was kept goes on only at or below the restart point.
    StateAtOrBelowRestart,
    /// Offsets are committed when their rows are acknowledged.
    CommitAfterInsert,
    /// Rows with one key are one row.
    RowKey,
    /// Missing sequences are found, and the log is read again.
    HoleCheck,
}

impl Protection {
    pub(super) const ALL: [Self; 11] = [
        Self::SyncBeforeAnswer,
        Self::ShipAfterSync,
        Self::PositionBehindAcknowledgements,
        Self::FirstCopyOnly,
        Self::ExactSet,
        Self::LatenessByAppendTime,
        Self::WarmUp,
        Self::StateAtOrBelowRestart,
        Self::CommitAfterInsert,
        Self::RowKey,
        Self::HoleCheck,
    ];
}

/// The protection that a world has to do without; by default none.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Without(Option<Protection>);

impl Without {
    pub(super) fn of(protection: Protection) -> Self {
        Self(Some(protection))
    }

    pub(super) fn lacks(self, protection: Protection) -> bool {
        self.0 == Some(protection)
    }
}
