use super::*;
use std::os::unix::fs::PermissionsExt as _;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn counting() -> impl FnMut(&mut [u8]) {
    let mut next = 0;
    move |bytes| {
        next += 1;
        bytes.fill(next);
    }
}

#[test]
fn keys_are_made_a_day_ahead_and_only_their_owner_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut directory = KeyDirectory::open(folder.path()).unwrap();
    let done = directory.maintain(at("2026-11-22T10:00:00Z"), true, counting()).unwrap();
    assert_eq!(done.made, ["2026-11-22".parse().unwrap(), "2026-11-23".parse().unwrap()]);
    let mode = folder.path().join("2026-11-22.key").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary file stays");
}

#[test]
fn a_second_program_reads_the_first_ones_keys() {
    let folder = tempfile::tempdir().unwrap();
    let now = at("2026-11-22T10:00:00Z");
    let mut first = KeyDirectory::open(folder.path()).unwrap();
    first.maintain(now, true, counting()).unwrap();
    let mut second = KeyDirectory::open(folder.path()).unwrap();
    assert_eq!(second.maintain(now, true, |bytes| bytes.fill(99)).unwrap(), Maintained::default());
    assert_eq!(first.sealing_key(now).unwrap().id(), second.sealing_key(now).unwrap().id());
}

#[test]
fn a_key_dies_24_hours_after_its_day_ended_and_not_earlier() {
    let folder = tempfile::tempdir().unwrap();
    let mut directory = KeyDirectory::open(folder.path()).unwrap();
    let mut random = counting();
    directory.maintain(at("2026-11-22T10:00:00Z"), true, &mut random).unwrap();
    let id = directory.sealing_key(at("2026-11-22T10:00:00Z")).unwrap().id();
    directory.maintain(at("2026-11-23T23:59:59Z"), true, &mut random).unwrap();
    assert!(directory.keys().by_id(id).is_some());
    let kept = directory.maintain(at("2026-11-24T00:00:00Z"), false, &mut random).unwrap();
    assert_eq!(kept.destroyed, [], "while the clocks part nothing is destroyed");
    let done = directory.maintain(at("2026-11-24T00:00:00Z"), true, &mut random).unwrap();
    assert_eq!(done.destroyed, ["2026-11-22".parse().unwrap()]);
    assert!(directory.keys().by_id(id).is_none());
    assert!(!folder.path().join("2026-11-22.key").exists());
}

#[test]
fn a_destruction_that_was_cut_short_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("2026-11-20.key");
    fs::write(&path, [0; FILE_BYTES]).unwrap();
    let directory = KeyDirectory::open(folder.path()).unwrap();
    assert_eq!(directory.oldest_readable_day(), None);
    assert!(!path.exists());
}

#[test]
fn a_key_that_a_wrong_clock_made_for_another_year_is_destroyed() {
    let folder = tempfile::tempdir().unwrap();
    let mut directory = KeyDirectory::open(folder.path()).unwrap();
    directory.maintain(at("2027-11-22T10:00:00Z"), true, counting()).unwrap();
    let done = directory.maintain(at("2026-11-22T10:00:00Z"), true, counting()).unwrap();
    assert_eq!(done.destroyed, ["2027-11-22".parse().unwrap(), "2027-11-23".parse().unwrap()]);
}

#[test]
fn keys_of_other_machines_open_records_and_die_with_their_day() {
    let folder = tempfile::tempdir().unwrap();
    let now = at("2026-11-22T10:00:00Z");
    let mut directory = KeyDirectory::open(folder.path()).unwrap();
    directory.maintain(now, true, counting()).unwrap();
    let own = directory.sealing_key(now).unwrap().id();
    fs::write(folder.path().join("2026-11-22.machine-b.key"), [77; FILE_BYTES]).unwrap();
    let half = folder.path().join("2026-11-22.half-copied.key");
    fs::write(&half, [78; 10]).unwrap();
    assert_eq!(directory.maintain(now, true, counting()).unwrap().damaged, [half]);
    let other = KeyId([77; 16]);
    assert!(directory.keys().by_id(other).is_some() && directory.keys().by_id(own).is_some());
    assert_eq!(directory.sealing_key(now).unwrap().id(), own, "records are encrypted with this one's own");
    let done = directory.maintain(at("2026-11-24T00:00:00Z"), true, counting()).unwrap();
    assert_eq!(done.destroyed, ["2026-11-22".parse().unwrap()]);
    assert!(directory.keys().by_id(other).is_none());
    assert!(!folder.path().join("2026-11-22.machine-b.key").exists());
}

#[test]
fn a_file_that_was_replaced_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let now = at("2026-11-22T10:00:00Z");
    let mut directory = KeyDirectory::open(folder.path()).unwrap();
    directory.maintain(now, true, counting()).unwrap();
    let path = folder.path().join("2026-11-22.key");
    fs::write(&path, [77; FILE_BYTES]).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    directory.maintain(now, true, counting()).unwrap();
    assert_eq!(directory.sealing_key(now).unwrap().id(), KeyId([77; 16]));
}

#[test]
fn a_damaged_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("2026-11-22.key"), [1; 10]).unwrap();
    let error = KeyDirectory::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("2026-11-22.key is damaged"), "{error}");
}
