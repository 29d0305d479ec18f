use super::*;
use crate::audit::{Facts, KeysDestroyed, OrderPassed};

const NOW: &str = "2026-11-24T12:34:56Z";

fn passed(order: u64) -> Facts {
    Facts::AddressErased(OrderPassed { copies: 3, order: order.to_string(), site: "a".into() })
}

fn after(head: &Head, order: u64) -> Entry {
    Entry::after(head, &passed(order), NOW.parse().unwrap())
}

fn chain(length: u64) -> Vec<Entry> {
    let mut head = Head::default();
    (1..=length)
        .map(|order| {
            let entry = after(&head, order);
            head = entry.head();
            entry
        })
        .collect()
}

fn verify(links: &[Entry], noted: Option<&str>) -> Result<Verified, BadLink> {
    let mut verification = Verification::new(noted.map(str::to_owned));
    links.iter().try_for_each(|link| verification.take(link))?;
    Ok(verification.finish())
}

/// A chain of five whose third entry was changed.
fn tampered(tamper: impl Fn(&mut Entry)) -> Result<Verified, BadLink> {
    let mut links = chain(5);
    tamper(&mut links[2]);
    links.sort_by_key(|link| link.number);
    verify(&links, None)
}

#[test]
fn a_chain_that_nobody_touched_is_good_and_an_empty_one_too() {
    let links = chain(3);
    let head = links[2].head();
    assert_eq!(verify(&links, None), Ok(Verified { entries: 3, superseded: 0, head, noted: None }));
    assert_eq!(verify(&[], None).unwrap().entries, 0);
}

#[test]
fn a_change_of_any_field_is_named_at_its_entry() {
    let changed = |tamper: fn(&mut Entry)| tampered(tamper).unwrap_err();
    let of = |number, wrong| BadLink { number, wrong };
    assert_eq!(changed(|entry| entry.at_seconds += 1), of(3, Wrong::Hash));
    assert_eq!(changed(|entry| entry.action = "erase".into()), of(3, Wrong::Hash));
    assert_eq!(changed(|entry| entry.facts.push(' ')), of(3, Wrong::Hash));
    assert_eq!(changed(|entry| entry.previous = "0".repeat(64)), of(3, Wrong::Hash));
    assert_eq!(changed(|entry| entry.hash = "0".repeat(64)), of(3, Wrong::Hash));
    assert_eq!(changed(|entry| entry.number = 7), of(3, Wrong::Gap));
    assert_eq!(changed(|entry| entry.number = 2), of(2, Wrong::Hash));
}

#[test]
fn a_change_that_was_hashed_again_is_named_at_the_next_entry() {
    let error = tampered(|entry| {
        entry.facts = passed(99).json();
        entry.hash = entry.computed_hash();
    });
    assert_eq!(error, Err(BadLink { number: 4, wrong: Wrong::Previous }));
}

#[test]
fn a_removed_entry_is_missed() {
    for (removed, expected) in [(0, 1), (1, 2), (3, 4)] {
        let mut links = chain(5);
        links.remove(removed);
        assert_eq!(verify(&links, None), Err(BadLink { number: expected, wrong: Wrong::Gap }));
    }
}

#[test]
fn a_cut_tail_is_seen_by_who_noted_the_last_hash() {
    let links = chain(5);
    let noted = links[4].hash.to_ascii_uppercase();
    assert_eq!(verify(&links, Some(&noted)).unwrap().noted, Some(5));
    let cut = verify(&links[..4], Some(&noted)).unwrap();
    assert_eq!((cut.entries, cut.noted), (4, None));
}

#[test]
fn of_two_of_one_number_the_first_counts_and_the_other_must_be_sound_too() {
    let mut links = chain(2);
    let rival = after(&links[0].head(), 77);
    links.push(rival.clone());
    links.push(links[1].clone());
    links.push(after(&links[1].head(), 3));
    let verified = verify(&links, None).unwrap();
    assert_eq!((verified.entries, verified.superseded), (3, 1), "an entry that is there twice is one");
    links[2].facts.push(' ');
    assert_eq!(verify(&links, None), Err(BadLink { number: 2, wrong: Wrong::Hash }));
    links[2] = after(&Head { number: 1, hash: "f".repeat(64) }, 77);
    assert_eq!(verify(&links, None), Err(BadLink { number: 2, wrong: Wrong::Previous }));
}

#[test]
fn what_was_destroyed_is_told_without_whom_it_concerned() {
    let destroyed = KeysDestroyed {
        days: vec!["2026-11-23".parse().unwrap(), "2026-11-24".parse().unwrap()],
        forced: true,
        keys: 3,
        missing_collectors: 1,
        order: "o".into(),
    };
    assert_eq!(
        Facts::KeysDestroyed(destroyed).json(),
        r#"{"days":["2026-11-23","2026-11-24"],"forced":true,"keys":3,"missing_collectors":1,"order":"o"}"#
    );
}
