//! Short names for what stories are made of. Visitors 0 and 1 are in partition 0, which processor 0 has at first.

use std::rc::Rc;

use super::ground::Ground;
use super::judge::Wrong;
use super::protection::{Protection, Without};
use super::schedule::{Action, Schedule};

/// A view, not yet synced.
pub(super) fn view(machine: u8, visitor: u8) -> Action {
    Action::Hit { machine, visitor, kind: 0 }
}

/// A view that is on the disk and on its way to the log.
pub(super) fn shipped_view(machine: u8, visitor: u8) -> Vec<Action> {
    vec![view(machine, visitor), Action::Sync { machine }, Action::Ship { machine, count: 9 }]
}

/// The oldest of what is on its way reaches the log.
pub(super) fn deliver(machine: u8) -> Action {
    Action::Deliver { machine, batch: 0, acknowledged: true }
}

/// A view that is in the log.
pub(super) fn logged_view(machine: u8, visitor: u8) -> Vec<Action> {
    [shipped_view(machine, visitor), vec![deliver(machine)]].concat()
}

/// Processor 0 takes what is there and seals it.
pub(super) const SEALED: [Action; 2] =
    [Action::Take { processor: 0, count: 99 }, Action::Seal { processor: 0 }];

/// Processor 0 takes what is there, writes and commits it.
pub(super) fn written() -> Vec<Action> {
    [SEALED.to_vec(), vec![Action::Insert { processor: 0, answered: true }]].concat()
}

/// Processor 0 dies, with whatever is on its way, and comes again.
pub(super) fn restarted() -> Vec<Action> {
    let crash = Action::CrashProcessor { processor: 0, insert_survives: false };
    vec![crash, Action::Rebalance { flush: false, shift: 0 }]
}

/// How a story ends.
pub(super) fn told(story: &[Vec<Action>], without: Without) -> Result<(), Wrong> {
    let schedule = Schedule { clocks: 0, actions: story.concat() };
    super::run(&Rc::new(Ground::new()), &schedule, without)
}

/// The story ends well, and badly for the `expected` reason without the protection.
pub(super) fn needs(protection: Protection, story: &[Vec<Action>], expected: impl Fn(&Wrong) -> bool) {
    assert_eq!(told(story, Without::default()), Ok(()), "with every protection");
    match told(story, Without::of(protection)) {
        Ok(()) => panic!("nothing goes wrong without {protection:?}"),
        Err(wrong) => assert!(expected(&wrong), "without {protection:?} something else goes wrong: {wrong}"),
    }
}
