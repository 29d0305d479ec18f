//! A model of everything between a hit and its row: fake journals, forwarders, a log and a store around the real
//! [`Consumption`](super::Consumption). Random schedules let all of it fail in every order; whatever happens, the rows are in the
//! end those of an undisturbed run, byte for byte. Each protection has a story in [`directed`] that goes wrong without it.
//!
//! ```text
//! hits ─▶ machine (journal, forwarder) ─▶ log ─▶ processor ─▶ store ─▶ judge
//! ```
//! `FOOTFALL_MODEL_SCHEDULES=1000000 cargo test -p processor --lib model` tries more; `FOOTFALL_MODEL_SEED` begins at another seed.

mod directed;
mod forwarder;
mod ground;
mod journal;
mod judge;
mod log;
mod machine;
mod poorer_states;
mod processor;
mod protection;
mod schedule;
mod store;
mod story;
mod world;

use std::rc::Rc;

use ground::Ground;
use judge::{Wrong, judge};
use protection::{Protection, Without};
use schedule::Schedule;
use world::World;

/// Random schedules of an ordinary run.
const SCHEDULES: u64 = 100_000;
/// Schedules are independent of each other.
const THREADS: u64 = 2;

fn run(ground: &Rc<Ground>, schedule: &Schedule, without: Without) -> Result<(), Wrong> {
    let mut world = World::new(ground, schedule.clocks, without);
    schedule.actions.iter().for_each(|action| world.apply(*action));
    world.settle();
    judge(&world)
}

/// Schedules within which each missing protection is noticed.
const NOTICED_WITHIN: u64 = 3000;

#[test]
fn random_schedules_notice_every_missing_protection() {
    let ground = Rc::new(Ground::new());
    for protection in Protection::ALL {
        let goes_wrong = |seed| run(&ground, &Schedule::drawn(seed), Without::of(protection)).is_err();
        assert!((0..NOTICED_WITHIN).any(goes_wrong), "nothing goes wrong without {protection:?}");
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Runs every [`THREADS`]th schedule; a panic tells the shortest form of the first that goes wrong.
fn run_schedules(seeds: impl Iterator<Item = u64>) {
    let ground = Rc::new(Ground::new());
    for seed in seeds {
        let schedule = Schedule::drawn(seed);
        if run(&ground, &schedule, Without::default()).is_err() {
            let shortened = schedule.shortened(|shorter| run(&ground, shorter, Without::default()).is_err());
            let wrong = run(&ground, &shortened, Without::default()).unwrap_err();
            panic!("seed {seed}: {wrong}\n{shortened}");
        }
    }
}

#[test]
fn random_schedules_end_as_an_undisturbed_run_does() {
    let first = number("FOOTFALL_MODEL_SEED", 0);
    let last = first + number("FOOTFALL_MODEL_SCHEDULES", SCHEDULES);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || run_schedules((first + thread..last).step_by(THREADS as usize)))
            })
            .collect();
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}
