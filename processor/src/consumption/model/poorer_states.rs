//! A state that has not read a day from its beginning makes rows too, and they must not replace those of a state that has.

use std::rc::Rc;

use super::ground::Ground;
use super::judge::{Wrong, judge};
use super::protection::Without;
use super::schedule::Action;
use super::story::{logged_view, restarted, shipped_view, told, written};
use super::world::World;

fn wait(minutes: u16) -> Vec<Action> {
    vec![Action::Wait { minutes }]
}

/// A forwarder that was away for most of a day repeats its last records, whose acknowledgement it never saw. A processor that
/// was restarted meanwhile has not read their first copies: the day is over, and its warm-up begins with the next one.
fn repeats_after_a_days_outage(beyond_warm_up: bool) -> Result<(), Wrong> {
    let unheard = Action::Deliver { machine: 0, batch: 0, acknowledged: false };
    let story = [
        shipped_view(0, 0),
        vec![unheard],
        written(),
        wait(900),
        logged_view(1, 0),
        written(),
        restarted(),
        vec![Action::Take { processor: 0, count: 99 }],
    ];
    let mut world = World::new(&Rc::new(Ground::new()), 0, Without::default());
    world.repeats_beyond_warm_up = beyond_warm_up;
    story.concat().into_iter().for_each(|action| world.apply(action));
    world.settle();
    judge(&world)
}

#[test]
fn a_repeat_of_a_day_before_the_warm_up_leaves_its_first_copys_row() {
    assert_eq!(repeats_after_a_days_outage(false), Ok(()));
    assert_eq!(repeats_after_a_days_outage(true), Ok(()));
}

/// Visitor 1 sees the New York site at 21:00 and 03:40 UTC, on one local day. Retention cuts the log between the two.
#[test]
fn a_replay_of_a_log_that_was_cut_within_a_local_day_leaves_the_rows_of_before() {
    let before = [
        logged_view(0, 1),
        written(),
        wait(400),
        logged_view(0, 1),
        wait(500),
        logged_view(0, 0),
        written(),
        vec![Action::CutLog],
    ]
    .concat();
    assert_eq!(told(std::slice::from_ref(&before), Without::default()), Ok(()));
    assert_eq!(told(&[before, vec![Action::Replay { processor: 0 }], written()], Without::default()), Ok(()));
}
