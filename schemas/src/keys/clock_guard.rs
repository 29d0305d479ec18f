//! A clock that jumps must not destroy keys early: destruction waits while the wall clock and the boot clock part.

/// How far the clocks may part, in milliseconds.
pub const CLOCKS_APART_MAX_MS: u64 = 10 * 60 * 1000;

/// Remembers both clocks at one moment and compares their advance later.
#[derive(Debug, Clone, Copy)]
pub struct ClockGuard {
    wall_ms: u64,
    boot_ms: u64,
}

/// The wall clock moved otherwise than the boot clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "wall clock and boot clock parted by {apart_ms} ms; keys are kept until they agree again (check NTP) or the program is restarted"
)]
pub struct ClocksApart {
    /// By how much, in milliseconds.
    pub apart_ms: u64,
}

impl ClockGuard {
    /// Both clocks now, in milliseconds; the boot clock counts suspended time too (CLOCK_BOOTTIME).
    pub fn new(wall_ms: u64, boot_ms: u64) -> Self {
        Self { wall_ms, boot_ms }
    }

    /// # Errors
    /// [`ClocksApart`] when the clocks have parted by more than [`CLOCKS_APART_MAX_MS`] since `new`.
    pub fn check(&self, wall_ms: u64, boot_ms: u64) -> Result<(), ClocksApart> {
        let expected_ms = self.wall_ms.saturating_add(boot_ms.saturating_sub(self.boot_ms));
        let apart_ms = expected_ms.abs_diff(wall_ms);
        if apart_ms > CLOCKS_APART_MAX_MS { Err(ClocksApart { apart_ms }) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_either_way_is_noticed_and_a_slow_drift_is_not() {
        let guard = ClockGuard::new(1_000_000_000, 5_000);
        assert_eq!(guard.check(1_000_060_000, 65_000), Ok(()));
        assert_eq!(guard.check(1_000_660_001, 60_000 - 1), Err(ClocksApart { apart_ms: 605_002 }));
        assert!(guard.check(1_000_000_000 - 700_000, 5_000).is_err());
    }
}
