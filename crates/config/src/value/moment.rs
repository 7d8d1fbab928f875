//! Points in time.

use toml::de::DeValue;

use crate::complaint::Complaint;
use crate::kind::{Kind, Shape};
use crate::table::{Found, Reader, Value};

/// A point in time, with its offset from UTC: `2027-01-01T06:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// In seconds since the beginning of 1970, UTC.
    pub unix_seconds: u64,
}

impl Value for Moment {
    const KIND: Kind = Kind {
        name: "a point in time",
        example: "2027-01-01T06:00:00Z",
        wrong: &["2027-01-01", "06:00:00", "2027-01-01T06:00:00", "1969-12-31T23:59:59Z"],
        shape: Shape::Moment,
    };

    fn read(found: Found<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let DeValue::Datetime(written) = found.value else {
            found.mismatch(&<Self as Value>::KIND, reader);
            return None;
        };
        let what = match (written.date, written.time, written.offset) {
            (Some(date), Some(time), Some(offset)) => {
                let days = days(u64::from(date.year), u64::from(date.month), u64::from(date.day));
                // A leap second is said to be the last one before it.
                let second = u64::from(time.second.unwrap_or(0).min(59));
                let second = u64::from(time.hour) * 3600 + u64::from(time.minute) * 60 + second;
                let local = days.map(|days| days * DAY + second);
                let east = seconds_east(&offset.to_string());
                let utc = local.zip(east).and_then(|(local, east)| local.checked_add_signed(-east));
                match utc.and_then(|seconds| seconds.checked_sub(EPOCH_DAYS * DAY)) {
                    Some(unix_seconds) => return Some(Self { unix_seconds }),
                    None => "this lies before 1970",
                }
            }
            (Some(_), Some(_), None) => "this does not say in which zone",
            (Some(_), None, _) => "this does not say at what time of the day",
            (None, ..) => "this does not say on which day",
        };
        let example = Self::KIND.example;
        reader.complain(
            Complaint::error(found.span, what)
                .right(format!("date, time and offset, as in {example} or with +02:00 for Z")),
        );
        None
    }

    fn write(&self, out: &mut String) {
        let (days, second) = (self.unix_seconds / DAY, self.unix_seconds % DAY);
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        out.push_str(&format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"));
    }
}

const DAY: u64 = 86_400;
/// Days in 400 years, after which the calendar repeats.
const ERA_DAYS: u64 = 146_097;
/// Days from the first of March of year zero to the beginning of 1970.
const EPOCH_DAYS: u64 = 719_468;

/// The seconds by which an offset is ahead of UTC: `Z`, `+02:00`.
fn seconds_east(offset: &str) -> Option<i64> {
    if offset == "Z" {
        return Some(0);
    }
    let (sign, rest) = offset.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    Some(if sign == "-" { -seconds } else { seconds })
}

/// Days from the first of March of year zero to a day of the calendar. Years begin in March, so that the
/// day that only some have is their last.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day.checked_sub(1)?;
    Some(year * 365 + year / 4 - year / 100 + year / 400 + day_of_year)
}

/// The year, month and day so many days after the beginning of 1970.
const fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + EPOCH_DAYS;
    let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (day - day / 1_460 + day / 36_524 - day / (ERA_DAYS - 1)) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + later, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Source;
    use crate::table::Part;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<u64, String> {
        let source = Source::new("", text);
        let mut reader = Reader::new(&source);
        let value = DeValue::parse(text).unwrap();
        let span = value.span().into();
        let found =
            Found { key: "until", example: "", value: value.get_ref(), span, part: Part::Whole };
        match Moment::read(found, &mut reader) {
            Some(moment) => Ok(moment.unix_seconds),
            None => Err(reader.into_complaints().remove(0).what),
        }
    }

    #[test]
    fn moments() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T02:00:00+02:00", 0),
            ("1969-12-31T22:00:01-02:00", 1),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2027-01-01T06:00:00.999Z", 1_798_783_200),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(read(text), Ok(seconds), "{text}");
        }
        for (text, what) in [
            ("2027-01-01", "this does not say at what time of the day"),
            ("2027-01-01T06:00:00", "this does not say in which zone"),
            ("06:00:00", "this does not say on which day"),
            ("1969-12-31T23:59:59Z", "this lies before 1970"),
            ("0000-01-01T00:00:00Z", "this lies before 1970"),
            ("5", "`until` is a point in time, not a whole number"),
        ] {
            assert_eq!(read(text), Err(what.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(unix_seconds in 0_u64..253_402_300_800) {
            let mut text = String::new();
            Moment { unix_seconds }.write(&mut text);
            prop_assert_eq!(read(&text), Ok(unix_seconds));
        }
    }
}
