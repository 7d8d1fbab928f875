//! HTTP dates (RFC 9110 §5.6.7): seconds since 1970, read from the three forms, written in one.

use core::fmt;

/// A date as HTTP has it: whole seconds, UTC, from 1970 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HttpDate(u64);

/// The length of an IMF-fixdate in octets.
pub const IMF_FIXDATE_BYTES: usize = 29;

/// The last second that four digits of year can say: 9999-12-31T23:59:59Z.
const SECONDS_MAX: u64 = 253_402_300_799;
const SECONDS_A_DAY: u64 = 86_400;
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

impl HttpDate {
    /// The date that is `seconds` after the start of 1970; at most the last second of 9999.
    #[must_use]
    pub const fn from_unix(seconds: u64) -> Self {
        Self(if seconds > SECONDS_MAX { SECONDS_MAX } else { seconds })
    }

    /// Seconds since the start of 1970.
    #[must_use]
    pub const fn unix(self) -> u64 {
        self.0
    }

    /// Reads any of the three forms: IMF-fixdate, RFC 850, asctime. A two-digit year that would be
    /// more than 50 years after `now` is of the century before (RFC 9110 §5.6.7).
    /// Returns none for anything else, a wrong day of the week or a year before 1970 included.
    #[must_use]
    pub fn parse(text: &[u8], now: Self) -> Option<Self> {
        let comma = text.iter().position(|octet| *octet == b',');
        match comma {
            Some(3) => parse_fixdate(text),
            Some(at) => parse_rfc850(text, at, now),
            None => parse_asctime(text),
        }
    }

    /// Writes the IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`.
    #[must_use]
    pub fn to_fixdate(self) -> [u8; IMF_FIXDATE_BYTES] {
        // Narrow numbers are divided faster.
        let (days, second) = ((self.0 / SECONDS_A_DAY) as u32, (self.0 % SECONDS_A_DAY) as u32);
        let (year, month, day) = civil_from_days(days);
        let mut out = *b"Mon, 00 Jan 0000 00:00:00 GMT";
        out[..3].copy_from_slice(&DAYS[weekday(u64::from(days))].as_bytes()[..3]);
        two_digits(&mut out[5..7], day);
        out[8..11].copy_from_slice(MONTHS[month as usize - 1]);
        two_digits(&mut out[12..14], year / 100);
        two_digits(&mut out[14..16], year % 100);
        two_digits(&mut out[17..19], second / 3600);
        two_digits(&mut out[20..22], second / 60 % 60);
        two_digits(&mut out[23..25], second % 60);
        out
    }
}

impl HttpDate {
    /// Writes the date as other documents than messages have it (RFC 3339): `1994-11-06T08:49:37Z`.
    #[must_use]
    pub fn to_timestamp(self) -> String {
        let second = self.0 % SECONDS_A_DAY;
        let (year, month, day) = civil_from_days((self.0 / SECONDS_A_DAY) as u32);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl fmt::Display for HttpDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.to_fixdate()).map_err(|_| fmt::Error)?)
    }
}

fn two_digits(out: &mut [u8], number: u32) {
    out[0] = b'0' + (number / 10) as u8;
    out[1] = b'0' + (number % 10) as u8;
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn parse_fixdate(text: &[u8]) -> Option<HttpDate> {
    if text.len() != IMF_FIXDATE_BYTES
        || text[3..5] != *b", "
        || [text[7], text[11], text[16]] != [b' '; 3]
        || text[25..] != *b" GMT"
    {
        return None;
    }
    let day_name = DAYS.iter().position(|name| name.as_bytes()[..3] == text[..3])?;
    assemble(day_name, number(&text[12..16])?, &text[8..11], number(&text[5..7])?, &text[17..25])
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn parse_rfc850(text: &[u8], comma: usize, now: HttpDate) -> Option<HttpDate> {
    let day_name = DAYS.iter().position(|name| name.as_bytes() == &text[..comma])?;
    let rest = &text[comma..];
    if rest.len() != 24
        || rest[..2] != *b", "
        || [rest[4], rest[8]] != [b'-'; 2]
        || rest[11] != b' '
        || rest[20..] != *b" GMT"
    {
        return None;
    }
    let this_year = u64::from(civil_from_days((now.0 / SECONDS_A_DAY) as u32).0);
    let mut year = this_year / 100 * 100 + number(&rest[9..11])?;
    if year > this_year + 50 {
        year -= 100;
    }
    assemble(day_name, year, &rest[5..8], number(&rest[2..4])?, &rest[12..20])
}

/// `Sun Nov  6 08:49:37 1994`
fn parse_asctime(text: &[u8]) -> Option<HttpDate> {
    if text.len() != 24 || [text[3], text[7], text[10], text[19]] != [b' '; 4] {
        return None;
    }
    let day_name = DAYS.iter().position(|name| name.as_bytes()[..3] == text[..3])?;
    let day = if text[8] == b' ' { number(&text[9..10])? } else { number(&text[8..10])? };
    assemble(day_name, number(&text[20..])?, &text[4..7], day, &text[11..19])
}

fn assemble(day_name: usize, year: u64, month: &[u8], day: u64, time: &[u8]) -> Option<HttpDate> {
    let month = MONTHS.iter().position(|name| name[..] == *month)? as u64 + 1;
    if [time[2], time[5]] != [b':'; 2] {
        return None;
    }
    let (hour, minute, second) = (number(&time[..2])?, number(&time[3..5])?, number(&time[6..])?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let month_days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    // A leap second is read as the second after (the grammar allows 60, RFC 9110 §5.6.7).
    if year < 1970 || day == 0 || day > month_days || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_from_civil(year as i64, month as i64, day as i64) as u64;
    if weekday(days) != day_name {
        return None;
    }
    Some(HttpDate::from_unix(days * SECONDS_A_DAY + hour * 3600 + minute * 60 + second))
}

fn number(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0, |sum, octet| {
        octet.is_ascii_digit().then(|| sum * 10 + u64::from(octet - b'0'))
    })
}

/// 0 is Monday; 1970-01-01 was a Thursday.
const fn weekday(days: u64) -> usize {
    ((days + 3) % 7) as usize
}

/// Year, month and day of a count of days since 1970, in the Gregorian calendar, by eras of 400 years
/// that start in March.
const fn civil_from_days(days: u32) -> (u32, u32, u32) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (784_111_777, "1994-11-06T08:49:37Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(HttpDate::from_unix(seconds).to_timestamp(), text);
        }
    }

    const NOW: HttpDate = HttpDate::from_unix(1_795_000_000);

    #[test]
    fn the_three_forms_of_the_rfc() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(
                HttpDate::parse(text.as_bytes(), NOW),
                Some(HttpDate(784_111_777)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "0",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Wed, 30 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08-49-37 GMT",
            "Sun Nov  6 08:49:37 94",
            ",",
            "Sunday, ",
        ] {
            assert_eq!(HttpDate::parse(text.as_bytes(), NOW), None, "{text}");
        }
    }

    #[test]
    fn a_two_digit_year_is_never_more_than_50_years_ahead() {
        let parsed = HttpDate::parse(b"Sunday, 06-Nov-94 08:49:37 GMT", NOW).unwrap();
        assert_eq!(parsed.to_string(), "Sun, 06 Nov 1994 08:49:37 GMT");
        let parsed = HttpDate::parse(b"Friday, 06-Nov-76 08:49:37 GMT", NOW).unwrap();
        assert_eq!(parsed.to_string(), "Fri, 06 Nov 2076 08:49:37 GMT");
    }
}
