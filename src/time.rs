//! Timestamps as an export gives them, and civil time in the mount's zone.
//!
//! Knows nothing of JSON or files. The only user of `jiff`.

use crate::error::{Error, ErrorKind, Result};
use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::ops::Range;
use std::time::{Duration, SystemTime};

/// A usable point in time: microseconds since 1970-01-01T00:00:00Z, within the years 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "i64")]
pub struct Timestamp(i64);

impl TryFrom<i64> for Timestamp {
    type Error = &'static str;

    fn try_from(micros: i64) -> Result<Self, Self::Error> {
        let is_usable = (1_000_000..=LAST_SECOND * 1_000_000).contains(&micros);
        if is_usable { Ok(Self(micros)) } else { Err("a time outside the years 1970 to 9999") }
    }
}

/// The last second of the year 9999, in seconds since 1970.
const LAST_SECOND: i64 = 253_402_300_799;

impl Timestamp {
    /// 1970-01-02T00:00:00Z: a placeholder where a time must be shown and none is known. Positive in every zone,
    /// because some tools take 0 for "unset".
    pub const UNKNOWN: Self = Self(86_400_000_000);

    /// The time that is `number` units after 1970. Its magnitude gives the unit: seconds, or the milli-, micro-
    /// or nanoseconds found in re-processed exports. `None` unless it is finite, positive and within the year
    /// 9999.
    pub fn from_number(number: f64) -> Option<Self> {
        if !number.is_finite() || number <= 0.0 {
            return None;
        }
        // 1e11 s is the year 5138: real seconds stay below it, and milliseconds exceed it from 1973 on.
        let seconds = match number {
            n if n < 1e11 => n,
            n if n < 1e14 => n / 1e3,
            n if n < 1e17 => n / 1e6,
            n => n / 1e9,
        };
        let micros = (seconds * 1e6).round();
        // Numbers within the bounds have at most 54 bits: the cast is exact up to the last microsecond.
        Self::try_from(micros as i64).ok()
    }

    /// Parses `text` as a number (see [`from_number`](Self::from_number)) or as ISO 8601. A civil time without an
    /// offset is UTC.
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(number) = text.parse::<f64>() {
            return Self::from_number(number);
        }
        let time = text.parse::<jiff::Timestamp>().or_else(|_| {
            text.parse::<jiff::civil::DateTime>().and_then(|civil| TimeZone::UTC.to_timestamp(civil))
        });
        Self::try_from(time.ok()?.as_microsecond()).ok()
    }

    /// The time now.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The same time for the system.
    pub fn system_time(self) -> SystemTime {
        let since = Duration::from_micros(self.0.unsigned_abs());
        SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// Nanoseconds after [`seconds`](Self::seconds), a multiple of 1,000.
    pub fn nanoseconds(self) -> u32 {
        (self.0.rem_euclid(1_000_000) * 1_000) as u32
    }
}

/// A time zone, which gives the civil time of a [`Timestamp`].
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The system's zone (`TZ`, then `/etc/localtime`), or UTC if it has none.
    pub fn system() -> Self {
        Self(TimeZone::try_system().unwrap_or(TimeZone::UTC))
    }

    /// The zone with an IANA name such as `Europe/Berlin`.
    ///
    /// # Errors
    /// `Usage` if the zone is unknown.
    pub fn named(name: &str) -> Result<Self> {
        TimeZone::get(name)
            .map(Self)
            .map_err(|_| Error::new(ErrorKind::Usage, "unknown time zone; use a name such as Europe/Berlin"))
    }

    /// An identifier of the zone: its IANA name if it has one.
    pub fn name(&self) -> String {
        self.0.iana_name().map_or_else(|| format!("{:?}", self.0), str::to_owned)
    }

    /// Year and month (1 to 12) of `time` in this zone.
    pub fn year_month(&self, time: Timestamp) -> (u16, u8) {
        let civil = self.zoned(time);
        (civil.year().unsigned_abs(), civil.month().unsigned_abs())
    }

    /// `time` in this zone as RFC 3339 with whole seconds and a numeric offset:
    /// `2025-03-04T05:06:07+00:00`.
    pub fn rfc3339(&self, time: Timestamp) -> String {
        self.zoned(time).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// `time` in this zone, for people: `2025-03-04 05:06`.
    pub fn minute(&self, time: Timestamp) -> String {
        self.zoned(time).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// The day of the month (1 to 31) of `time` in this zone.
    pub fn day(&self, time: Timestamp) -> u8 {
        self.zoned(time).day().unsigned_abs()
    }

    /// The stretch of time, end exclusive, that a person means by `text`: a year, month or day (`2024`, `2024-05`,
    /// `2024-05-11`) in this zone, `today` or `yesterday`, a moment (ISO 8601), or a time ago (`12h`, `30d`, `2w`,
    /// `6m`, `1y`). A moment and a time ago are empty stretches.
    ///
    /// # Errors
    /// `Usage` for anything else; the message does not name `text`.
    pub fn period(&self, text: &str, now: Timestamp) -> Result<Range<Timestamp>> {
        self.period_of(text.trim(), now).ok_or_else(|| {
            Error::new(
                ErrorKind::Usage,
                "not a date; use one such as 2024, 2024-05, 2024-05-11, yesterday, 30d or 6m",
            )
        })
    }

    fn period_of(&self, text: &str, now: Timestamp) -> Option<Range<Timestamp>> {
        let today = self.zoned(now).date();
        let day = Span::new().days(1);
        let (first, length) = match text {
            "today" => (today, day),
            "yesterday" => (today.checked_sub(day).ok()?, day),
            _ => match self.ago(text, now).or_else(|| moment(text)) {
                Some(moment) => return Some(moment..moment),
                None => civil_period(text)?,
            },
        };
        let start = |date: Date| {
            let instant = date.to_zoned_datetime(self.0.clone()).ok()?.timestamp();
            Some(Timestamp(instant.as_microsecond()))
        };
        Some(start(first)?..start(first.checked_add(length).ok()?)?)
    }

    /// The time that a number with a unit (`30d`) is before `now`.
    fn ago(&self, text: &str, now: Timestamp) -> Option<Timestamp> {
        let (at, unit) = text.char_indices().last()?;
        let count: i64 = text.get(..at)?.parse().ok().filter(|count| (0..100_000).contains(count))?;
        let span = match unit {
            'h' => Span::new().try_hours(count),
            'd' => Span::new().try_days(count),
            'w' => Span::new().try_weeks(count),
            'm' => Span::new().try_months(count),
            'y' => Span::new().try_years(count),
            _ => return None,
        };
        // Nothing in an export is older than the oldest date that can be expressed.
        let then = span.and_then(|span| self.zoned(now).checked_sub(span)).ok();
        Some(Timestamp(then.map_or(0, |then| then.timestamp().as_microsecond())))
    }

    fn zoned(&self, time: Timestamp) -> jiff::ZonedDateTime {
        // A checked timestamp is always within jiff's range.
        let instant = jiff::Timestamp::from_microsecond(time.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        instant.to_zoned_datetime(self.0.clone())
    }
}

/// The moment that `text` names with date and time.
fn moment(text: &str) -> Option<Timestamp> {
    Timestamp::from_text(text).filter(|_| text.contains(':'))
}

/// The first day and the length of a year, month or day.
fn civil_period(text: &str) -> Option<(Date, Span)> {
    let mut numbers = text.split('-').map(|part| {
        let plain = (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i16>().ok().filter(|_| plain)
    });
    // `30` is more likely a forgotten unit than the year 30.
    let year = numbers.next()?.filter(|year| *year >= 1000)?;
    let month = numbers.next();
    let day = numbers.next();
    if numbers.next().is_some() {
        return None;
    }
    let length = match (month, day) {
        (None, _) => Span::new().years(1),
        (_, None) => Span::new().months(1),
        _ => Span::new().days(1),
    };
    let part = |part: Option<Option<i16>>| i8::try_from(part.unwrap_or(Some(1))?).ok();
    Some((Date::new(year, part(month)?, part(day)?).ok()?, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_magnitude_of_a_number_gives_its_unit() {
        let expected = Timestamp::from_number(1_741_064_767.5);
        assert_eq!(expected.map(Timestamp::seconds), Some(1_741_064_767));
        assert_eq!(expected.map(Timestamp::nanoseconds), Some(500_000_000));
        for (number, scale) in
            [(1_741_064_767_500.0, "ms"), (1_741_064_767_500_000.0, "us"), (1.741_064_767_5e18, "ns")]
        {
            assert_eq!(Timestamp::from_number(number), expected, "{scale}");
        }
    }

    #[test]
    fn absurd_numbers_are_not_times() {
        for number in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 0.5] {
            assert_eq!(Timestamp::from_number(number), None, "{number}");
        }
    }

    #[test]
    fn text_may_be_iso_or_a_number() {
        let expected = Timestamp::from_number(1_741_064_767.0);
        for text in [
            "2025-03-04T05:06:07Z",
            "2025-03-04T06:06:07+01:00",
            "2025-03-04T05:06:07",
            "1741064767",
            " 1741064767.0 ",
        ] {
            assert_eq!(Timestamp::from_text(text), expected, "{text}");
        }
        assert_eq!(Timestamp::from_text("yesterday"), None);
    }

    #[test]
    fn the_zone_decides_the_month() {
        let new_year = Timestamp::from_text("2024-12-31T23:30:00Z").unwrap();
        assert_eq!(Zone::utc().year_month(new_year), (2024, 12));
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(berlin.year_month(new_year), (2025, 1));
        assert_eq!(berlin.rfc3339(new_year), "2025-01-01T00:30:00+01:00");
        assert_eq!(Zone::named("Mars/Olympus").unwrap_err().kind(), ErrorKind::Usage);
    }

    #[test]
    fn a_period_is_what_a_person_means_by_a_date() {
        let now = Timestamp::from_text("2025-03-04T05:06:07Z").unwrap();
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let utc = |zone: &Zone, text| {
            let period = zone.period(text, now).unwrap();
            [period.start, period.end].map(|time| Zone::utc().minute(time))
        };
        for (text, start, end) in [
            ("2024", "2024-01-01 00:00", "2025-01-01 00:00"),
            ("2024-05", "2024-05-01 00:00", "2024-06-01 00:00"),
            ("2024-05-11", "2024-05-11 00:00", "2024-05-12 00:00"),
            ("today", "2025-03-04 00:00", "2025-03-05 00:00"),
            ("yesterday", "2025-03-03 00:00", "2025-03-04 00:00"),
            ("30d", "2025-02-02 05:06", "2025-02-02 05:06"),
            ("12h", "2025-03-03 17:06", "2025-03-03 17:06"),
            ("1m", "2025-02-04 05:06", "2025-02-04 05:06"),
            ("2024-05-11T10:00:00Z", "2024-05-11 10:00", "2024-05-11 10:00"),
        ] {
            assert_eq!(utc(&Zone::utc(), text), [start, end], "{text}");
        }
        assert_eq!(utc(&berlin, "2024-07"), ["2024-06-30 22:00", "2024-07-31 22:00"]);
        assert_eq!(Zone::utc().period("99999y", now).unwrap().start, Timestamp(0));
        for text in [
            "", "soon", "30", "24-05", "2024-13", "2024-02-30", "2024-1-1-1", "20240511", "-5", "d", "-3d",
            "2024-",
        ] {
            assert_eq!(Zone::utc().period(text, now).unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
    }
}
