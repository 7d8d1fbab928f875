//! Dates, with the crate `httpdate` as a second opinion.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use wherefore_message::date::HttpDate;

const SECONDS_MAX: u64 = 253_402_300_799;
const NOW: HttpDate = HttpDate::from_unix(1_795_000_000);

fn oracle(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The three forms of a date, put together without this crate's calendar.
fn three_forms(seconds: u64) -> [String; 3] {
    let fixdate = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    let part = |range: std::ops::Range<usize>| &fixdate[range];
    let long_day = DAYS.iter().find(|day| day.starts_with(part(0..3))).unwrap_or(&"");
    let (day, month, year, time) = (part(5..7), part(8..11), part(12..16), part(17..25));
    let asctime_day = day.strip_prefix('0').map_or(day.to_owned(), |digit| format!(" {digit}"));
    [
        fixdate.clone(),
        format!("{long_day}, {day}-{month}-{} {time} GMT", &year[2..]),
        format!("{} {month} {asctime_day} {time} {year}", part(0..3)),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_again_and_equals_the_oracle(seconds in 0..=SECONDS_MAX) {
        let text = HttpDate::from_unix(seconds).to_string();
        prop_assert_eq!(HttpDate::parse(text.as_bytes(), NOW).map(HttpDate::unix), Some(seconds));
        let oracle = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        prop_assert_eq!(text, oracle);
    }

    #[test]
    fn all_three_forms_mean_the_same(seconds in 0..=SECONDS_MAX) {
        let [fixdate, _, asctime] = three_forms(seconds);
        for text in [fixdate, asctime] {
            let read = HttpDate::parse(text.as_bytes(), NOW).map(HttpDate::unix);
            prop_assert_eq!(read, Some(seconds), "{}", text);
            prop_assert_eq!(read, oracle(&text), "{}", text);
        }
    }

    /// Two digits of year say all within the hundred years around now: 1977 to 2076 in 2026.
    #[test]
    fn two_digits_of_year_are_the_nearest(seconds in 220_924_800..3_376_684_800_u64) {
        let [_, rfc850, _] = three_forms(seconds);
        let read = HttpDate::parse(rfc850.as_bytes(), NOW).map(HttpDate::unix);
        prop_assert_eq!(read, Some(seconds), "{}", rfc850);
    }

    /// Fields of a date that may not fit together: what is read at all, the oracle reads as the same.
    #[test]
    fn impossible_dates_are_refused(
        day_name in 0..7usize, day in 0..40u32, month in 0..12usize, year in 1960..2110u32,
        hour in 0..26u32, minute in 0..62u32, second in 0..62u32,
    ) {
        let text = format!(
            "{}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT",
            &DAYS[day_name][..3], MONTHS[month],
        );
        if let Some(date) = HttpDate::parse(text.as_bytes(), NOW) {
            prop_assert!(second <= 60, "{}", text);
            if second < 60 {
                prop_assert_eq!(oracle(&text), Some(date.unix()), "{}", text);
                prop_assert_eq!(date.to_string(), text);
            }
        } else if second < 60 && let Some(seconds) = oracle(&text) {
            // The oracle takes what is no day of its month, or has the wrong day of the week.
            prop_assert_ne!(HttpDate::from_unix(seconds).to_string(), text);
        }
    }

    #[test]
    fn no_octets_make_it_panic(text in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Some(date) = HttpDate::parse(&text, NOW) {
            prop_assert!(date.unix() <= SECONDS_MAX);
        }
    }

    /// One octet of a good date is changed: near misses reach further into the parser.
    #[test]
    fn no_near_miss_makes_it_panic(
        seconds in 0..=SECONDS_MAX, form in 0..3usize, at in any::<prop::sample::Index>(), octet: u8,
    ) {
        let mut text = three_forms(seconds)[form].clone().into_bytes();
        let at = at.index(text.len());
        text[at] = octet;
        if let Some(date) = HttpDate::parse(&text, NOW) {
            let again = HttpDate::parse(date.to_string().as_bytes(), NOW);
            prop_assert_eq!(again, Some(date));
        }
    }
}
