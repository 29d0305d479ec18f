use jiff::{Timestamp, ToSpan, tz::TimeZone};
use proptest::prelude::*;

use super::*;
use crate::{
    hit_kind::HitKind,
    measure::{Hold, Measures},
};

const SEARCH: Origin<'_> = Origin { source: "example.org", channel: "search", campaign: "spring" };
const DIRECT: Origin<'_> = Origin { source: "", channel: "direct", campaign: "" };
const NEW: NewVisitCookie<'_> = NewVisitCookie { site: "shop", lane: 200, number: 7 };

fn view(page: &str) -> HitFacts<'_> {
    HitFacts { kind: HitKind::View, page, name: "", origin: DIRECT }
}

fn event(name: &str) -> HitFacts<'_> {
    HitFacts { kind: HitKind::Event, page: "/form", name, origin: DIRECT }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn berlin() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

/// Advances `state` in place, in Berlin.
fn count(state: &mut VisitState, hit: HitFacts<'_>, time: &str) -> Progress {
    let (progress, next) = state.advance(&hit, at(time), &berlin());
    *state = next;
    progress
}

fn measured(progress: &Progress, kind: HitKind) -> Measures {
    progress.measures(kind, 0, 0, Hold::Device)
}

#[test]
fn a_visit_goes_from_page_to_page() {
    let mut state = VisitState::default();
    let first = count(&mut state, HitFacts { origin: SEARCH, ..view("/") }, "2026-11-22T10:00:00Z");
    assert!(
        first.first_ever && first.first_today && first.first_week && first.first_month && first.new_visit
    );
    assert_eq!((first.page_number, first.previous_page.clone(), first.seconds_since_previous), (1, None, 0));

    let second = count(&mut state, view("/pricing"), "2026-11-22T10:00:40.9Z");
    assert!(!second.first_ever && !second.first_today && !second.new_visit && second.first_view_of_page);
    assert_eq!((second.page_number, second.seconds_since_previous), (2, 40));
    assert_eq!(second.previous_page.as_deref(), Some("/"));

    let third = count(&mut state, view("/"), "2026-11-22T10:01:00Z");
    assert!(!third.first_view_of_page, "seen today");
    assert_eq!(third.page_number, LATER_PAGE);
    assert_eq!(count(&mut state, view("/x"), "2026-11-22T10:02:00Z").page_number, LATER_PAGE);
    for progress in [&first, &second, &third] {
        assert_eq!((&*progress.entry.source, &*progress.entry.page), ("example.org", "/"), "frozen");
        assert_eq!((&*progress.entry.channel, &*progress.entry.campaign), ("search", "spring"), "frozen");
    }
}

#[test]
fn thirty_minutes_without_a_hit_end_a_visit() {
    let mut state = VisitState::default();
    count(&mut state, HitFacts { origin: SEARCH, ..view("/") }, "2026-11-22T10:00:00Z");
    let within = count(&mut state, view("/"), "2026-11-22T10:29:59Z");
    assert!(!within.new_visit);
    assert_eq!(within.seconds_since_previous, 1_799);
    let after = count(&mut state, view("/again"), "2026-11-22T10:59:59Z");
    assert!(after.new_visit && !after.first_today);
    assert_eq!((after.page_number, after.previous_page, after.seconds_since_previous), (1, None, 0));
    assert_eq!((&*after.entry.channel, &*after.entry.page), ("direct", "/again"));
}

#[test]
fn local_midnight_ends_a_visit_and_clears_the_day() {
    let mut state = VisitState::default();
    count(&mut state, view("/"), "2026-11-22T22:59:50Z");
    let next_day = count(&mut state, view("/"), "2026-11-22T23:00:00Z");
    assert!(next_day.new_visit && next_day.first_today && next_day.first_view_of_page);
    assert!(next_day.first_week && !next_day.first_month && !next_day.first_ever, "a Monday");
    assert_eq!((next_day.weeks_since_first, next_day.seconds_since_previous), (1, 0));
    let later = count(&mut state, view("/"), "2026-11-22T23:00:05Z");
    assert_eq!(later.weeks_since_first, 0, "counted once a week");
    assert!(count(&mut state, view("/"), "2026-11-30T23:00:00Z").first_month);
}

#[test]
fn clocks_set_back_do_not_end_a_visit() {
    let mut state = VisitState::default();
    count(&mut state, view("/"), "2026-10-25T00:59:00Z");
    let later = count(&mut state, view("/"), "2026-10-25T01:01:00Z");
    assert!(!later.new_visit);
    assert_eq!(later.seconds_since_previous, 120, "02:59 and 02:01 by the clock on the wall");
}

#[test]
fn an_event_may_begin_a_visit_which_is_a_bounce_with_its_one_view() {
    let mut state = VisitState::default();
    let begun = count(&mut state, event("signup"), "2026-11-22T10:00:00Z");
    assert!(begun.new_visit && begun.first_today && begun.first_event_of_name && !begun.first_view_of_page);
    assert_eq!((begun.page_number, &*begun.entry.page), (0, "/form"));
    assert_eq!(measured(&begun, HitKind::Event).bounces, 0);

    let viewed = count(&mut state, view("/thanks"), "2026-11-22T10:00:10Z");
    assert!(!viewed.new_visit);
    assert_eq!(
        (viewed.page_number, viewed.previous_page.clone(), viewed.seconds_since_previous),
        (1, None, 10)
    );
    assert_eq!(measured(&viewed, HitKind::View).bounces, 1);

    let again = count(&mut state, event("signup"), "2026-11-22T10:00:20Z");
    assert!(!again.first_event_of_name && !again.new_visit);
    assert_eq!(measured(&again, HitKind::Event).bounces, 0, "an event takes no bounce back");
    assert_eq!(measured(&count(&mut state, view("/"), "2026-11-22T10:00:30Z"), HitKind::View).bounces, -1);
}

#[test]
fn other_kinds_change_nothing_and_are_credited_to_the_visit() {
    let mut state = VisitState::default();
    count(&mut state, HitFacts { origin: SEARCH, ..view("/") }, "2026-11-22T10:00:00Z");
    for kind in [HitKind::Leave, HitKind::Outbound, HitKind::Download] {
        let hit = HitFacts { kind, name: "elsewhere.example", ..view("/other") };
        for time in ["2026-11-22T10:05:00Z", "2026-11-24T10:00:00Z"] {
            let (progress, next) = state.advance(&hit, at(time), &berlin());
            assert_eq!(next, state);
            assert_eq!(progress, Progress::uncounted(progress.entry.clone()));
            assert_eq!((&*progress.entry.source, &*progress.entry.page), ("example.org", "/"));
        }
        let (progress, next) = VisitState::default().advance(&hit, at("2026-11-22T10:00:00Z"), &berlin());
        assert!(next.is_unseen(), "no visit begins");
        assert_eq!((&*progress.entry.channel, &*progress.entry.page), ("direct", "/other"));
    }
}

#[test]
fn hits_that_overtake_each_other_do_not_turn_time_back() {
    let mut state = VisitState::default();
    count(&mut state, view("/"), "2026-11-22T23:00:10Z");
    let overtaken = count(&mut state, view("/late"), "2026-11-22T22:59:50Z");
    assert!(!overtaken.new_visit && !overtaken.first_today);
    assert_eq!(overtaken.seconds_since_previous, 0);
    let next = count(&mut state, view("/next"), "2026-11-22T23:00:30Z");
    assert_eq!(next.seconds_since_previous, 20, "since the latest, not since the last to come");
    let hours_late = count(&mut state, view("/next"), "2026-11-22T08:00:00Z");
    assert!(!hours_late.new_visit && !hours_late.first_today);
}

#[test]
fn a_clock_that_was_a_year_ahead_does_not_silence_a_visitor_for_a_year() {
    let mut state = VisitState::default();
    count(&mut state, view("/"), "2027-11-22T10:00:00Z");
    let right = count(&mut state, view("/"), "2026-11-22T10:00:00Z");
    assert!(right.new_visit && right.first_today && !right.first_ever);
    assert_eq!((right.weeks_since_first, right.seconds_since_previous), (0, 0));
    assert!(!count(&mut state, view("/"), "2026-11-22T10:01:00Z").new_visit);
}

#[test]
fn times_out_of_range_do_not_panic() {
    for time in [Timestamp::MIN, Timestamp::MAX] {
        let (progress, state) = VisitState::default().advance(&view("/"), time, &berlin());
        assert!(progress.new_visit);
        assert!(!state.advance(&view("/"), time, &berlin()).0.new_visit);
    }
}

#[test]
fn a_used_state_adds_neither_visits_nor_bounces_nor_exits() {
    let mut state = VisitState::default();
    let used = count(&mut state, HitFacts { origin: SEARCH, ..view("/tab") }, "2026-11-22T10:00:00Z")
        .of_used_state("/tab");
    assert_eq!(measured(&used, HitKind::View), Measures { views: 1, ..Measures::default() });
    assert_eq!(used.previous_page.as_deref(), Some("/tab"));
    assert_eq!(&*used.entry.source, "example.org");
    let event = count(&mut state, event("buy"), "2026-11-22T10:00:01Z").of_used_state("/tab");
    assert_eq!((event.previous_page.clone(), event.page_number), (None, 0));
    assert_eq!(measured(&event, HitKind::Event), Measures { events: 1, ..Measures::default() });
}

#[test]
fn a_visit_taken_over_takes_its_bounce_back_only_if_nobody_went_on_with_it() {
    let start = at("2026-11-22T10:00:00Z");
    let (_, memory) = VisitState::default().advance(&view("/"), start, &berlin());
    let mut device = VisitState::taken_over(&view("/"), start, &berlin());
    let on_event = count(&mut device, event("scroll"), "2026-11-22T10:00:05Z");
    assert!(on_event.first_ever && on_event.first_week && on_event.first_month, "left to the device");
    assert!(!on_event.first_today && !on_event.new_visit, "counted in memory");
    assert!(!memory.is_continued_by(&on_event), "not settled by an event");

    let on_view = count(&mut device, view("/two"), "2026-11-22T10:00:10Z");
    assert!(!on_view.first_ever && on_view.begun_in_memory && memory.is_continued_by(&on_view));
    assert_eq!(measured(&on_view, HitKind::View).bounces, -1);
    assert_eq!(measured(&on_view.clone().without_bounce(), HitKind::View).bounces, 0);

    let somebody_else = memory.advance(&view("/"), start + 20.seconds(), &berlin()).1;
    assert!(!somebody_else.is_continued_by(&on_view), "same page, but the second");
    let (_, elsewhere) = VisitState::default().advance(&view("/elsewhere"), start, &berlin());
    assert!(!elsewhere.is_continued_by(&on_view), "a first page, but another");
    assert!(!VisitState::default().is_continued_by(&on_view));
    let third = count(&mut device, view("/three"), "2026-11-22T10:00:20Z");
    assert!(!third.begun_in_memory, "settled once");
}

#[test]
fn what_came_in_one_request_without_a_cookie_is_all_memorys() {
    let start = at("2026-11-22T10:00:00Z");
    let hits = [view("/"), event("scroll"), HitFacts { kind: HitKind::Leave, ..view("/") }, view("/two")];
    let mut memory = VisitState::default();
    let mut cookie = VisitCookie::taken_over(NEW, &hits[0], start, &berlin()).unwrap();
    for (place, hit) in hits.iter().enumerate() {
        memory = memory.advance(hit, start, &berlin()).1;
        if place > 0 {
            cookie = cookie.still_taken_over(hit, start, &berlin());
        }
    }
    assert_eq!(cookie.number(), NEW.number);
    let (progress, _) = cookie.advance(8, &view("/three"), start + 10.seconds(), &berlin());
    assert!(progress.first_ever && progress.first_week && !progress.first_today && !progress.new_visit);
    assert_eq!((progress.page_number, progress.previous_page.as_deref()), (LATER_PAGE, Some("/two")));
    assert!(memory.is_continued_by(&progress));
    assert_eq!(&*progress.entry.page, "/");
}

#[test]
fn a_new_visit_of_a_cookie_owes_memory_nothing() {
    let mut device = VisitState::taken_over(&view("/"), at("2026-11-22T10:00:00Z"), &berlin());
    let next_week = count(&mut device, view("/"), "2026-11-25T10:00:00Z");
    assert!(next_week.first_ever && next_week.new_visit && !next_week.begun_in_memory);
    assert_eq!(next_week.weeks_since_first, 0, "weeks count from the first week that counts");
}

#[test]
fn a_forgotten_campaign_is_gone_from_the_visit() {
    let tagged = HitFacts { origin: SEARCH, ..view("/") };
    let cookie = VisitCookie::taken_over(NEW, &tagged, at("2026-11-22T10:00:00Z"), &berlin());
    let forgotten = cookie.unwrap().without_campaign();
    let (progress, _) = forgotten.advance(8, &view("/"), at("2026-11-22T10:00:01Z"), &berlin());
    assert_eq!((&*progress.entry.source, &*progress.entry.campaign), ("(direct)", ""));
    let untagged = HitFacts { origin: Origin { campaign: "", ..SEARCH }, ..view("/") };
    let cookie = VisitCookie::taken_over(NEW, &untagged, at("2026-11-22T10:00:00Z"), &berlin());
    let (progress, _) =
        cookie.unwrap().without_campaign().advance(8, &view("/"), at("2026-11-22T10:00:01Z"), &berlin());
    assert_eq!(&*progress.entry.source, "example.org", "a referrer is no campaign");
}

#[test]
fn nothing_personal_is_printed() {
    let hit = HitFacts { origin: SEARCH, ..view("/secret") };
    let (progress, state) = VisitState::default().advance(&hit, at("2026-11-22T10:00:00Z"), &berlin());
    let cookie = VisitCookie::taken_over(NEW, &hit, at("2026-11-22T10:00:00Z"), &berlin());
    let printed = format!("{hit:?} {:?} {progress:?} {:?} {state:?} {cookie:?}", hit.origin, progress.entry);
    for personal in ["secret", "example", "spring", "2026"] {
        assert!(!printed.contains(personal), "{printed}");
    }
}

fn cookie_made(time: &str) -> VisitCookie {
    VisitCookie::taken_over(NEW, &view("/"), at(time), &berlin()).unwrap()
}

#[test]
fn a_cookie_lives_for_a_fixed_time_on_one_site() {
    let cookie = cookie_made("2026-11-22T10:00:00Z");
    let bytes = cookie.to_bytes();
    let open = |site, time| VisitCookie::open(&bytes, site, at(time));
    assert_eq!(open("shop", "2026-11-22T10:00:00Z"), Some(cookie.clone()));
    assert_eq!(open("other", "2026-11-22T10:00:00Z"), None);
    assert_eq!(cookie.expires(), at("2027-12-17T00:00:00Z"));
    assert!(open("shop", "2027-12-16T23:59:59Z").is_some() && open("shop", "2027-12-17T00:00:00Z").is_none());
    assert!(open("shop", "2026-11-21T00:00:00Z").is_some() && open("shop", "2026-11-20T23:59:59Z").is_none());
    let thirteen_months = at("2027-12-22T00:00:00Z");
    assert!(cookie.expires() <= thirteen_months);
    let (_, next) = cookie.advance(8, &view("/"), at("2027-06-01T00:00:00Z"), &berlin());
    assert_eq!(next.unwrap().expires(), cookie.expires(), "never prolonged");
}

#[test]
fn only_views_and_events_use_up_the_number() {
    let cookie = cookie_made("2026-11-22T10:00:00Z");
    for kind in HitKind::ALL {
        let (_, next) =
            cookie.advance(8, &HitFacts { kind, ..view("/") }, at("2026-11-22T10:00:01Z"), &berlin());
        assert_eq!(next.map(|next| (next.number(), next.lane())), kind.advances_visit().then_some((8, 200)));
    }
}

#[test]
fn a_cookie_is_made_by_the_page_that_a_visit_begins_with() {
    let made =
        |new, hit: HitFacts<'_>| VisitCookie::taken_over(new, &hit, at("2026-11-22T10:00:00Z"), &berlin());
    for kind in HitKind::ALL {
        assert_eq!(made(NEW, HitFacts { kind, ..view("/") }).is_some(), kind == HitKind::View);
    }
    let origin = Origin { channel: "internal", ..view("/").origin };
    assert_eq!(made(NEW, HitFacts { origin, ..view("/") }), None, "memory knows how the visit began");
    let too_long = NewVisitCookie { site: "a-key-longer-than-thirty-two-bytes", ..NEW };
    assert_eq!(made(too_long, view("/")), None);
}

#[test]
fn the_fullest_cookie_fits() {
    let long = "ü".repeat(1_000);
    let hit = HitFacts {
        page: &long,
        origin: Origin { source: &long, channel: &long, campaign: &long },
        ..view("")
    };
    let owner = NewVisitCookie { site: "abcdefghijklmnopqrstuvwxyz012345", lane: u8::MAX, number: u64::MAX };
    let mut cookie = VisitCookie::taken_over(owner, &hit, at("2099-11-22T10:00:00Z"), &berlin()).unwrap();
    let small = cookie_made("2026-11-22T10:00:00Z").to_bytes().len();
    for page in 0..100 {
        let page = format!("{page}{long}");
        for hit in [view(&page), HitFacts { name: &page, ..event("") }] {
            cookie = cookie.advance(u64::MAX, &hit, at("2099-11-22T10:00:00Z"), &berlin()).1.unwrap();
        }
    }
    let bytes = cookie.to_bytes();
    println!("fullest {} bytes, first {small} bytes", bytes.len());
    assert!((600..=STATE_BYTES_MAX).contains(&bytes.len()), "{} bytes", bytes.len());
    assert!(small < 60, "{small} bytes");
    assert_eq!(VisitCookie::from_bytes(&bytes), Some(cookie));
}

#[test]
fn released_bytes_are_still_read_and_written() {
    let landing = HitFacts { origin: SEARCH, ..view("/landing") };
    let mut cookie = VisitCookie::taken_over(NEW, &landing, at("2026-11-22T10:00:00Z"), &berlin()).unwrap();
    for (fresh, hit) in [(8, event("signup")), (9, view("/pricing"))] {
        cookie = cookie.advance(fresh, &hit, at("2026-11-22T10:01:00Z"), &berlin()).1.unwrap();
    }
    let released = include_bytes!("cookie_v1.bin");
    assert_eq!(VisitCookie::from_bytes(released), Some(cookie.clone()));
    assert_eq!(cookie.to_bytes(), released);
}

#[test]
fn other_versions_and_longer_texts_are_refused_and_later_fields_skipped() {
    let bytes = cookie_made("2026-11-22T10:00:00Z").to_bytes();
    let other_version = [&[2], &bytes[1..]].concat();
    assert_eq!(VisitCookie::from_bytes(&other_version), None);
    let later_field = [&bytes[..], &[0xf8, 0x07, 1]].concat();
    assert_eq!(VisitCookie::from_bytes(&later_field), VisitCookie::from_bytes(&bytes));
    let long_source = [&bytes[..], &[0x72, 65], &[b'a'; 65]].concat();
    assert_eq!(VisitCookie::from_bytes(&long_source), None);
    let page_without_view = [&bytes[..], &[0x58, 0]].concat();
    assert_eq!(VisitCookie::from_bytes(&page_without_view), None);
    let padding = [&bytes[..], &[0xfa, 0x07, 0xd0, 0x05], &[0; 720]].concat();
    assert_eq!(VisitCookie::from_bytes(&padding), None, "too long to be looked at");
    assert_eq!(VisitCookie::from_bytes(&[]), None);
}

proptest! {
    #[test]
    fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..800)) {
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        check_hostile(&bytes)?;
    }

    #[test]
    fn damaged_cookies_never_panic(position in 0usize..60, with in any::<u8>(), cut in 0usize..60) {
        let mut bytes = cookie_made("2026-11-22T10:00:00Z").to_bytes();
        let position = position % bytes.len();
        bytes[position] = with;
        check_hostile(&bytes)?;
        bytes.truncate(cut);
        check_hostile(&bytes)?;
    }

    #[test]
    fn any_texts_are_read_back(texts in proptest::collection::vec(".{0,200}", 5), kinds in proptest::collection::vec(any::<bool>(), 1..5)) {
        let now = at("2026-11-22T10:00:00Z");
        let origin = Origin { source: &texts[0], channel: &texts[1], campaign: &texts[2] };
        let hit = |is_view| HitFacts { kind: if is_view { HitKind::View } else { HitKind::Event }, page: &texts[3], name: &texts[4], origin };
        let mut cookie = VisitCookie::taken_over(NEW, &hit(true), now, &TimeZone::UTC).unwrap();
        for is_view in kinds {
            cookie = cookie.advance(3, &hit(is_view), now, &TimeZone::UTC).1.unwrap();
            let bytes = cookie.to_bytes();
            prop_assert!(bytes.len() <= STATE_BYTES_MAX);
            prop_assert_eq!(VisitCookie::from_bytes(&bytes), Some(cookie.clone()));
        }
    }
}

/// Whatever is accepted can be advanced and written again within the limit.
fn check_hostile(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Some(cookie) = VisitCookie::from_bytes(bytes) {
        let now = at("2026-11-22T10:00:00Z");
        let next = cookie.advance(1, &view("/"), now, &berlin()).1.unwrap();
        prop_assert!(next.to_bytes().len() <= STATE_BYTES_MAX);
        prop_assert!(cookie.expires() > Timestamp::UNIX_EPOCH);
    }
    Ok(())
}
