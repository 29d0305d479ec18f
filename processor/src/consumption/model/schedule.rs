//! What may happen, drawn from a seed.

use std::fmt;

use super::world::{MACHINES, PROCESSORS};

/// One step of a world. Choices are taken modulo what there is to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Wait { minutes: u16 },
    Hit { machine: u8, visitor: u8, kind: u8 },
    SendAgain { machine: u8, hit: u8 },
    Sync { machine: u8 },
    CrashCollector { machine: u8, kept: u8 },
    Ship { machine: u8, count: u8 },
    Deliver { machine: u8, batch: u8, acknowledged: bool },
    SavePosition { machine: u8 },
    Take { processor: u8, count: u8 },
    Seal { processor: u8 },
    Insert { processor: u8, answered: bool },
    CrashProcessor { processor: u8, insert_survives: bool },
    StrayInserts,
    Pause { processor: u8 },
    Wake { processor: u8 },
    Rebalance { flush: bool, shift: u8 },
    ForgetKept { processor: u8 },
    Replay { processor: u8 },
    HideKey { processor: u8 },
    LoseRow { row: u8 },
    CutLog,
}

/// Fewest and most actions of a schedule.
const LENGTH: (usize, usize) = (20, 60);
/// Minutes that a wait may take: within a visit, beyond it, over midnight, over a day's grace.
const WAITS: [u16; 6] = [1, 10, 40, 150, 400, 900];

/// The actions of a world, and its clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) clocks: u8,
    pub(super) actions: Vec<Action>,
}

impl Schedule {
    pub(super) fn drawn(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let clocks = dice.below(256) as u8;
        // A log that was cut does not give everything back: see `limits`.
        let cuts = dice.chance(3);
        let spread = LENGTH.1 - LENGTH.0 + 1;
        // Most are short: they are quick, and what goes wrong in a long one mostly does in a short one.
        let length = LENGTH.0 + dice.below(spread).min(dice.below(spread));
        let actions = (0..length).map(|_| dice.action(cuts)).collect();
        Self { clocks, actions }
    }

    /// With as few actions as still fail.
    pub(super) fn shortened(mut self, fails: impl Fn(&Self) -> bool) -> Self {
        let mut chunk = self.actions.len() / 2;
        while chunk > 0 {
            let mut place = 0;
            while place < self.actions.len() {
                let mut shorter = self.clone();
                shorter.actions.drain(place..(place + chunk).min(self.actions.len()));
                if fails(&shorter) {
                    self = shorter;
                } else {
                    place += chunk;
                }
            }
            chunk /= 2;
        }
        self
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "clocks {}", self.clocks)?;
        self.actions.iter().try_for_each(|action| writeln!(f, "{action:?}"))
    }
}

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn small(&mut self, limit: u8) -> u8 {
        self.below(limit.into()) as u8
    }

    /// One in `of`.
    fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn action(&mut self, cuts: bool) -> Action {
        let (machine, processor) = (self.small(MACHINES), self.small(PROCESSORS));
        match self.below(64) {
            0..=9 => Action::Hit { machine, visitor: self.small(4), kind: self.small(8) },
            10..=12 => Action::SendAgain { machine, hit: self.small(3) },
            13..=17 => Action::Sync { machine },
            18 => Action::CrashCollector { machine, kept: self.small(3) },
            19..=24 => Action::Ship { machine, count: 1 + self.small(6) },
            25..=31 => Action::Deliver { machine, batch: self.small(4), acknowledged: !self.chance(3) },
            32..=33 => Action::SavePosition { machine },
            34..=40 => Action::Take { processor, count: 1 + self.small(8) },
            41..=44 => Action::Seal { processor },
            45..=49 => Action::Insert { processor, answered: !self.chance(3) },
            50 => Action::CrashProcessor { processor, insert_survives: self.chance(2) },
            51 => Action::StrayInserts,
            52 => Action::Pause { processor },
            53 => Action::Wake { processor },
            54..=57 => Action::Rebalance { flush: self.chance(2), shift: self.small(3) },
            58 => Action::ForgetKept { processor },
            59..=61 => Action::Wait { minutes: WAITS[self.below(WAITS.len())] },
            _ if cuts => Action::CutLog,
            _ => self.repaired(processor),
        }
    }

    /// What only reading everything again repairs.
    fn repaired(&mut self, processor: u8) -> Action {
        match self.below(6) {
            0 => Action::HideKey { processor },
            1..=3 => Action::LoseRow { row: self.small(32) },
            _ => Action::Replay { processor },
        }
    }
}
