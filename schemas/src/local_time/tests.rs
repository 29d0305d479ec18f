use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> LocalDay {
    text.parse().unwrap()
}

fn hours_of(text: &str, calendar: &TimeZone) -> f64 {
    let day = day(text);
    day.start(calendar).duration_until(day.end(calendar)).as_secs_f64() / 3600.0
}

#[test]
fn a_day_is_told_by_the_sites_own_midnight() {
    let berlin = zone("Europe/Berlin");
    assert_eq!(LocalDay::of(at("2026-01-31T22:59:59.999Z"), &berlin), day("2026-01-31"));
    assert_eq!(LocalDay::of(at("2026-01-31T23:00:00Z"), &berlin), day("2026-02-01"));
    assert_eq!(day("2026-02-01").start(&berlin), at("2026-01-31T23:00:00Z"));
    assert_eq!(day("2026-01-31").end(&berlin), at("2026-01-31T23:00:00Z"));
}

#[test]
fn the_ends_of_the_world_differ_by_a_day() {
    let noon = at("2026-06-15T10:30:00Z");
    assert_eq!(LocalDay::of(noon, &zone("Pacific/Pago_Pago")), day("2026-06-14"), "UTC-11");
    assert_eq!(LocalDay::of(noon, &zone("Pacific/Kiritimati")), day("2026-06-16"), "UTC+14");
}

#[test]
fn days_of_changing_clocks_are_as_long_as_they_are() {
    let berlin = zone("Europe/Berlin");
    assert_eq!(hours_of("2026-03-29", &berlin), 23.0);
    assert_eq!(hours_of("2026-03-30", &berlin), 24.0);
    assert_eq!(hours_of("2026-10-25", &berlin), 25.0);
    let lord_howe = zone("Australia/Lord_Howe");
    assert_eq!(hours_of("2026-10-04", &lord_howe), 23.5);
    assert_eq!(hours_of("2026-04-05", &lord_howe), 24.5);
}

#[test]
fn a_day_without_midnight_begins_when_the_clocks_have_changed() {
    let beirut = zone("Asia/Beirut");
    assert_eq!(day("2026-03-29").start(&beirut), at("2026-03-28T22:00:00Z"), "00:00 becomes 01:00");
    assert_eq!(hours_of("2026-03-29", &beirut), 23.0);
    // At 23:30 the clocks went to 00:30, so that the day began half an hour "late" by them.
    assert_eq!(day("1919-03-31").start(&zone("America/Toronto")), at("1919-03-31T04:30:00Z"));
}

#[test]
fn of_two_midnights_the_first_begins_the_day() {
    let havana = zone("America/Havana");
    assert_eq!(day("2026-11-01").start(&havana), at("2026-11-01T04:00:00Z"));
    assert_eq!(hours_of("2026-11-01", &havana), 25.0);
}

#[test]
fn clocks_going_back_over_midnight_do_not_bring_yesterday_back() {
    // At 00:01 on 7 November the clocks of St John's went back to 23:01 on the 6th.
    let st_johns = zone("America/St_Johns");
    assert_eq!(day("2010-11-07").start(&st_johns), at("2010-11-07T02:30:00Z"));
    for time in
        ["2010-11-07T02:30:30Z", "2010-11-07T02:31:00Z", "2010-11-07T03:10:00Z", "2010-11-07T03:40:00Z"]
    {
        assert_eq!(LocalDay::of(at(time), &st_johns), day("2010-11-07"), "{time}");
    }
}

#[test]
fn a_date_that_was_skipped_is_empty() {
    // Samoa went from UTC-10 to UTC+14 at the end of 29 December 2011.
    let apia = zone("Pacific/Apia");
    let change = at("2011-12-30T10:00:00Z");
    assert_eq!(day("2011-12-29").end(&apia), change);
    assert_eq!(day("2011-12-30").start(&apia), change);
    assert_eq!(day("2011-12-30").end(&apia), change);
    assert_eq!(LocalDay::of(at("2011-12-30T09:59:59Z"), &apia), day("2011-12-29"));
    assert_eq!(LocalDay::of(change, &apia), day("2011-12-31"));
}

#[test]
fn weeks_begin_on_monday_and_months_on_the_first() {
    assert_eq!(day("2026-11-22").week(), day("2026-11-16"), "a Sunday ends its week");
    assert_eq!(day("2026-11-23").week(), day("2026-11-23"));
    assert_eq!(day("2027-01-01").week(), day("2026-12-28"), "ISO week 53 of 2026");
    assert_eq!(day("2024-02-29").month(), day("2024-02-01"));
    assert_eq!(day("2026-11-23").weeks_since(day("2026-11-22")), 1);
    assert_eq!(day("2027-01-03").weeks_since(day("2026-12-28")), 0);
    assert_eq!(day("2026-11-01").weeks_since(day("2026-11-30")), 0);
}

#[test]
fn clickhouse_dates_count_from_1970() {
    assert_eq!(day("1970-01-01").clickhouse_date(), 0);
    assert_eq!(day("2026-11-22").clickhouse_date(), 20_779);
    assert_eq!(LocalDay::from_clickhouse_date(20_779), day("2026-11-22"));
    assert_eq!(day("1969-12-31").epoch_days(), -1);
    assert_eq!(day("1969-12-31").clickhouse_date(), 0);
    assert_eq!(LocalDay::from_clickhouse_date(u16::MAX), day("2149-06-06"));
    assert_eq!(day("2149-06-07").clickhouse_date(), u16::MAX);
}

#[test]
fn days_are_written_in_iso_8601_and_nothing_else() {
    assert_eq!(day("2026-02-03").to_string(), "2026-02-03");
    for text in ["", "today", "2026-02-30", "20260203", "2026-02-03T00:00", "2026-02-03T00:00:00Z", "26-2-3"]
    {
        assert_eq!(text.parse::<LocalDay>(), Err(NotADay), "{text}");
    }
}

#[test]
fn the_ends_of_time_do_not_panic() {
    for name in ["Pacific/Pago_Pago", "Pacific/Kiritimati", "Europe/Berlin"] {
        for time in [Timestamp::MIN, Timestamp::MAX] {
            let day = LocalDay::of(time, &zone(name));
            assert!(day.start(&zone(name)) <= time.max(day.end(&zone(name))), "{name} {time}");
        }
    }
    assert_eq!(LocalDay::from(Date::MAX).next(), LocalDay::from(Date::MAX));
    assert_eq!(LocalDay::from(Date::MIN).week().date(), Date::MIN);
}

#[test]
fn hours_are_those_of_utc() {
    let hour = Hour::of(at("2026-11-22T15:59:59.999Z"));
    assert_eq!(hour, Hour::from_epoch_hours(498_711));
    assert_eq!(hour.start(), at("2026-11-22T15:00:00Z"));
    assert_eq!(hour.clickhouse_datetime(), 1_795_359_600);
    assert_eq!(Hour::of(at("1969-12-31T23:00:00Z")).epoch_hours(), 0);
    assert_eq!(Hour::from_epoch_hours(u32::MAX).clickhouse_datetime(), u32::MAX);
}

proptest! {
    /// In every zone of the database, days tile time: each moment since 1970 lies in the day that `of` says.
    #[test]
    fn days_follow_each_other_without_gap_or_overlap(
        second in 0i64..4_000_000_000,
        nth in 0usize..100_000,
    ) {
        let names: Vec<_> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let calendar = zone(&names[nth % names.len()]);
        let time = Timestamp::from_second(second).unwrap();
        let day = LocalDay::of(time, &calendar);
        prop_assert!(day.start(&calendar) <= time, "{:?} {time} {day}", calendar.iana_name());
        prop_assert!(time < day.end(&calendar), "{:?} {time} {day}", calendar.iana_name());
    }

    /// The same at the moments that matter: around each change of the clocks.
    #[test]
    fn days_hold_around_changes_of_the_clocks(second in 0i64..4_000_000_000, nth in 0usize..100_000, off in -90_000i64..90_000) {
        let names: Vec<_> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let calendar = zone(&names[nth % names.len()]);
        let from = Timestamp::from_second(second).unwrap();
        if let Some(change) = calendar.following(from).next() {
            let time = Timestamp::from_second(change.timestamp().as_second() + off).unwrap();
            let day = LocalDay::of(time, &calendar);
            prop_assert!(day.start(&calendar) <= time, "{:?} {time} {day}", calendar.iana_name());
            prop_assert!(time < day.end(&calendar), "{:?} {time} {day}", calendar.iana_name());
            let later = LocalDay::of(time + 1.second(), &calendar);
            prop_assert!(day <= later);
        }
    }
}
