use super::*;
use crate::keys::{DayKey, Keys};

const NOW: &str = "2026-11-22T10:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A directory with a key for yesterday, today and tomorrow, and the ids of the first two.
fn kept(folder: &Path) -> (KeyDirectory, [KeyId; 2]) {
    let mut directory = KeyDirectory::open(folder).unwrap();
    let mut next = 0;
    let ids = ["2026-11-21T10:00:00Z", NOW].map(|now| {
        let random = |bytes: &mut [u8]| {
            next += 1;
            bytes.fill(next);
        };
        directory.maintain(at(now), true, random).unwrap();
        directory.sealing_key(at(now)).unwrap().id()
    });
    (directory, ids)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn opens(keys: &Keys, id: KeyId) -> bool {
    keys.by_id(id).map(DayKey::id) == Some(id)
}

#[test]
fn a_new_key_takes_the_place_of_todays_and_the_old_one_still_opens() {
    let folder = tempfile::tempdir().unwrap();
    let (mut directory, [yesterdays, old]) = kept(folder.path());
    let mut sharing = KeyDirectory::open(folder.path()).unwrap();
    let replaced = directory.replace(at(NOW), |bytes| bytes.fill(9)).unwrap();
    assert_eq!(replaced, Replaced { day: "2026-11-22".parse().unwrap(), key: KeyId([9; 16]) });
    assert_eq!(
        names(folder.path()),
        ["2026-11-21.key", "2026-11-22.0909090909090909.key", "2026-11-22.key", "2026-11-23.key"]
    );
    sharing.maintain(at(NOW), true, |_| unreachable!("there is a key for each day")).unwrap();
    for program in [directory, sharing] {
        assert_eq!(program.sealing_key(at(NOW)).unwrap().id(), replaced.key);
        assert!([yesterdays, old, replaced.key].iter().all(|id| opens(&program.keys(), *id)));
    }
}

#[test]
fn all_older_keys_are_destroyed_and_a_program_that_shares_the_directory_forgets_them() {
    let folder = tempfile::tempdir().unwrap();
    let (mut directory, old) = kept(folder.path());
    let mut sharing = KeyDirectory::open(folder.path()).unwrap();
    for (name, bytes) in
        [("2026-11-22.machine-b.key", vec![77; FILE_BYTES]), ("2026-11-21.half.key", vec![1; 9])]
    {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let new = directory.replace(at(NOW), |bytes| bytes.fill(9)).unwrap().key;
    let foretold = directory.all_but(new).unwrap();
    let done = directory.destroy_all_but(new).unwrap();
    assert!(done.failed.is_none() && done.destroyed == foretold);
    let copies: Vec<bool> = foretold.iter().map(DestroyedKey::is_copy).collect();
    assert_eq!(copies, [true, false, false, true]);
    let destroyed: Vec<String> = done.destroyed.into_iter().map(|key| key.name).collect();
    assert_eq!(
        destroyed,
        [
            "2026-11-21.half.key",
            "2026-11-21.key",
            "2026-11-22.0909090909090909.key",
            "2026-11-22.machine-b.key"
        ]
    );
    let [yesterdays_mark, old_mark, others_mark] = [
        "2026-11-21.01010101010101010101010101010101.destroyed",
        "2026-11-22.02020202020202020202020202020202.destroyed",
        "2026-11-22.4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d.destroyed",
    ];
    assert_eq!(
        names(folder.path()),
        [yesterdays_mark, old_mark, others_mark, "2026-11-22.key", "2026-11-23.key"]
    );
    sharing.maintain(at(NOW), true, |_| unreachable!("there is a key for each day")).unwrap();
    for program in [&directory, &sharing] {
        let keys = program.keys();
        assert!(opens(&keys, new) && !old.iter().any(|id| opens(&keys, *id)));
        assert!(!keys.was_destroyed(new) && old.iter().all(|id| keys.was_destroyed(*id)));
        assert_eq!(program.sealing_key(at("2026-11-23T00:00:00Z")).unwrap().id(), KeyId([3; 16]));
    }
    assert_eq!(directory.destroy_all_but(new).unwrap().destroyed, [], "a repeat has nothing left to do");
}

/// Every state in which a crash may leave the directory, and what the next attempt makes of it.
#[test]
fn a_replacement_that_was_cut_short_has_lost_no_key_and_is_repeated() {
    let after_each_step: [fn(&Path); 3] = [
        |folder| fs::write(folder.join("2026-11-22.0808080808080808.new"), [8; FILE_BYTES]).unwrap(),
        |folder| {
            let link = folder.join("2026-11-22.0808080808080808.key");
            fs::hard_link(folder.join("2026-11-22.key"), link).unwrap();
        },
        |folder| {
            let new = folder.join("2026-11-22.0808080808080808.new");
            fs::rename(new, folder.join("2026-11-22.key")).unwrap();
        },
    ];
    for steps in 1..=after_each_step.len() {
        let folder = tempfile::tempdir().unwrap();
        let (_, [yesterdays, old]) = kept(folder.path());
        after_each_step.iter().take(steps).for_each(|step| step(folder.path()));
        let mut directory = KeyDirectory::open(folder.path()).unwrap();
        let sealing = directory.sealing_key(at(NOW)).unwrap().id();
        assert_eq!(sealing, if steps == 3 { KeyId([8; 16]) } else { old }, "after {steps} steps");
        assert!([yesterdays, old].iter().all(|id| opens(&directory.keys(), *id)), "after {steps} steps");
        let new = directory.replace(at(NOW), |bytes| bytes.fill(9)).unwrap().key;
        assert!(opens(&directory.keys(), old), "after {steps} steps");
        directory.destroy_all_but(new).unwrap();
        assert!(!opens(&directory.keys(), old) && !opens(&directory.keys(), sealing));
        assert_eq!(directory.sealing_key(at(NOW)).unwrap().id(), KeyId([9; 16]));
    }
}

#[test]
fn a_key_under_two_names_is_not_destroyed_while_it_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let (mut directory, [yesterdays, current]) = kept(folder.path());
    let second = folder.path().join("2026-11-22.0808080808080808.key");
    fs::hard_link(folder.path().join("2026-11-22.key"), second).unwrap();
    let destroyed = directory.destroy_all_but(current).unwrap().destroyed;
    assert_eq!(destroyed.len(), 1);
    let read_anew = KeyDirectory::open(folder.path()).unwrap().keys();
    assert!(opens(&read_anew, current) && !opens(&read_anew, yesterdays));
}

#[test]
fn a_destruction_that_was_cut_short_is_finished_and_a_copy_that_comes_later_is_destroyed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut directory, [yesterdays, _]) = kept(folder.path());
    directory.mark(yesterdays, "2026-11-21".parse().unwrap()).unwrap();
    assert!(!opens(&KeyDirectory::open(folder.path()).unwrap().keys(), yesterdays));
    let done = directory.maintain(at(NOW), true, |_| unreachable!("there is a key for each day")).unwrap();
    assert_eq!(done.destroyed, ["2026-11-21".parse().unwrap()]);
    let copy = folder.path().join("2026-11-21.machine-b.key");
    fs::write(&copy, [1; FILE_BYTES]).unwrap();
    directory.maintain(at(NOW), true, |_| unreachable!("there is a key for each day")).unwrap();
    assert!(!copy.exists());
    directory.maintain(at("2026-11-23T00:00:00Z"), true, |bytes| bytes.fill(7)).unwrap();
    assert_eq!(
        names(folder.path()),
        ["2026-11-22.key", "2026-11-23.key", "2026-11-24.key"],
        "a mark goes with its day"
    );
}

#[test]
fn what_was_destroyed_before_a_failure_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let (mut directory, [yesterdays, old]) = kept(folder.path());
    // Nobody can write to it, not even root.
    let stubborn = folder.path().join("2026-11-21.stubborn.key");
    std::os::unix::fs::symlink("/proc/version", &stubborn).unwrap();
    let new = directory.replace(at(NOW), |bytes| bytes.fill(9)).unwrap().key;
    let done = directory.destroy_all_but(new).unwrap();
    let destroyed: Vec<String> = done.destroyed.into_iter().map(|key| key.name).collect();
    assert_eq!(destroyed, ["2026-11-21.key"]);
    assert!(done.failed.unwrap().to_string().contains("2026-11-21.stubborn.key"));
    assert!(!opens(&directory.keys(), yesterdays) && opens(&directory.keys(), old));
    fs::remove_file(&stubborn).unwrap();
    let done = directory.destroy_all_but(new).unwrap();
    assert!(done.failed.is_none() && done.destroyed.len() == 1 && !opens(&directory.keys(), old));
}

#[test]
fn in_use_are_the_new_key_and_the_next_days() {
    let folder = tempfile::tempdir().unwrap();
    let (mut directory, _) = kept(folder.path());
    let new = directory.replace(at(NOW), |bytes| bytes.fill(9)).unwrap();
    assert_eq!(directory.in_use_since(new.day).unwrap(), [KeyId([9; 16]), KeyId([3; 16])]);
}

#[test]
fn nothing_is_destroyed_for_a_key_that_is_not_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let (mut directory, [_, old]) = kept(folder.path());
    directory.replace(at(NOW), |bytes| bytes.fill(9)).unwrap();
    let before = names(folder.path());
    for key in [old, KeyId([200; 16])] {
        let error = directory.destroy_all_but(key).unwrap_err().to_string();
        assert!(error.contains("Nothing is destroyed"), "{error}");
    }
    assert_eq!(names(folder.path()), before);
}

#[test]
fn a_day_without_a_key_gets_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut directory = KeyDirectory::open(folder.path()).unwrap();
    let replaced = directory.replace(at(NOW), |bytes| bytes.fill(9)).unwrap();
    assert_eq!(directory.sealing_key(at(NOW)).unwrap().id(), replaced.key);
    assert_eq!(names(folder.path()), ["2026-11-22.key"]);
}
