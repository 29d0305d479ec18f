//! What each protection is for: a story that ends well with it and badly without.

use super::judge::Wrong;
use super::protection::{Protection, Without};
use super::schedule::Action;
use super::story::{SEALED, deliver, logged_view, needs, restarted, shipped_view, told, view, written};

/// The sequence of the collector's first view; its opening record is the first.
const FIRST_VIEW: u64 = 2;

fn differs_in(kind: &str, reason: &str) -> impl Fn(&Wrong) -> bool {
    move |wrong| matches!(wrong, Wrong::Differs(rows) if rows[0].kind == kind && rows[0].reason == reason)
}

fn is_missing(sequence: u64) -> impl Fn(&Wrong) -> bool {
    move |wrong| matches!(wrong, Wrong::Missing(id) if id.sequence == sequence)
}

#[test]
fn an_answer_before_the_sync_promises_what_a_crash_takes_away() {
    let story = [vec![view(0, 0), Action::CrashCollector { machine: 0, kept: 0 }]];
    needs(Protection::SyncBeforeAnswer, &story, |wrong| *wrong == Wrong::NotCounted(0));
}

#[test]
fn what_is_shipped_before_the_sync_may_be_in_no_journal() {
    let crash = Action::CrashCollector { machine: 0, kept: 0 };
    let story = [vec![view(0, 0), Action::Ship { machine: 0, count: 9 }, deliver(0), crash]];
    needs(Protection::ShipAfterSync, &story, |wrong| matches!(wrong, Wrong::OfNoRecord(_)));
}

#[test]
fn a_position_ahead_of_the_acknowledgements_forgets_what_was_on_its_way() {
    let crash = Action::CrashCollector { machine: 0, kept: 0 };
    let story = [shipped_view(0, 0), vec![Action::SavePosition { machine: 0 }, crash]];
    needs(Protection::PositionBehindAcknowledgements, &story, is_missing(1));
}

#[test]
fn a_second_copy_would_be_taken_for_a_clients_repeat() {
    let unheard = Action::Deliver { machine: 0, batch: 0, acknowledged: false };
    let story = [shipped_view(0, 0), vec![unheard, deliver(0)]];
    needs(Protection::FirstCopyOnly, &story, |wrong| *wrong == Wrong::NotCounted(0));
}

#[test]
fn a_batch_that_another_overtook_is_no_repeat() {
    let second_first = Action::Deliver { machine: 0, batch: 1, acknowledged: true };
    let story = [shipped_view(0, 0), shipped_view(0, 0), vec![second_first, deliver(0)]];
    needs(Protection::ExactSet, &story, is_missing(1));
}

#[test]
fn a_slow_processor_does_not_make_a_hit_late() {
    let story = [logged_view(0, 0), vec![Action::Wait { minutes: 400 }]];
    needs(Protection::LatenessByAppendTime, &story, differs_in("view", "late"));
}

#[test]
fn a_processor_that_begins_without_its_past_counts_a_visitor_again() {
    let story = [logged_view(0, 0), written(), restarted(), logged_view(0, 0)];
    needs(Protection::WarmUp, &story, differs_in("view", ""));
}

#[test]
fn a_state_ahead_of_what_is_written_passes_rows_over() {
    let back_again = Action::Rebalance { flush: false, shift: 0 };
    let story = [logged_view(0, 0), vec![Action::Take { processor: 0, count: 99 }, back_again]];
    needs(Protection::StateAtOrBelowRestart, &story, is_missing(1));
}

#[test]
fn a_commit_before_the_insert_is_not_taken_back_by_a_crash() {
    let story = [logged_view(0, 0), SEALED.to_vec(), restarted()];
    needs(Protection::CommitAfterInsert, &story, is_missing(1));
}

#[test]
fn an_insert_whose_answer_was_lost_is_sent_again_under_the_same_keys() {
    let unheard = Action::Insert { processor: 0, answered: false };
    let story = [logged_view(0, 0), SEALED.to_vec(), vec![unheard]];
    needs(Protection::RowKey, &story, |wrong| matches!(wrong, Wrong::Doubled(_)));
}

#[test]
fn rows_that_vanish_are_found_missing_and_come_back() {
    let story = [logged_view(0, 0), logged_view(0, 0), written(), vec![Action::LoseRow { row: 1 }]];
    needs(Protection::HoleCheck, &story, is_missing(FIRST_VIEW));
}

#[test]
fn a_zombie_that_finishes_its_insert_writes_the_same_rows() {
    let taken_for_dead = vec![Action::Pause { processor: 0 }, Action::Rebalance { flush: false, shift: 0 }];
    let others = vec![Action::Take { processor: 1, count: 99 }, Action::Seal { processor: 1 }];
    let others_insert = vec![Action::Insert { processor: 1, answered: true }];
    let wakes = vec![Action::Wake { processor: 0 }, Action::Insert { processor: 0, answered: true }];
    let story = [
        logged_view(0, 0),
        SEALED.to_vec(),
        taken_for_dead,
        logged_view(0, 0),
        others,
        others_insert,
        wakes,
        written(),
    ];
    needs(Protection::RowKey, &story, |wrong| matches!(wrong, Wrong::Doubled(_)));
}

#[test]
fn what_a_missing_key_hid_is_readable_after_a_replay() {
    let story = [vec![Action::HideKey { processor: 0 }], logged_view(0, 0), written()];
    assert_eq!(told(&story, Without::default()), Ok(()));
}
