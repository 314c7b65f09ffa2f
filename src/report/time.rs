//! Times as reports write them: RFC 3339 in UTC for programs, a clock on the wall for people.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

use crate::frame::Timestamp;

/// A time as RFC 3339 in UTC: microseconds where they tell all, else nanoseconds.
///
/// Never fewer than six digits, so that times of one capture line up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Utc(pub(super) Timestamp);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.0.nanos() % 1_000 == 0 { 6 } else { 9 };
        write!(f, "{:.digits$}", jiff::Timestamp::from(self.0))
    }
}

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Tells times in one zone, and says date and zone only where they differ from those last said.
#[derive(Debug)]
pub(super) struct Clock {
    zone: TimeZone,
    said: Option<(Date, String)>,
}

impl Clock {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone, said: None }
    }

    /// `2026-11-23 09:41:26.586 KST`, then `09:41:26.586`.
    pub(super) fn instant(&mut self, time: Timestamp) -> String {
        let (before, after) = self.surroundings(time);
        format!("{before}{}{after}", self.civil(time).strftime("%H:%M:%S.%3f"))
    }

    /// `2026-11-23 09:41:26 – 09:42:01 KST`, in whole seconds.
    pub(super) fn range(&mut self, first: Timestamp, last: Timestamp) -> String {
        let (before, after) = self.surroundings(first);
        let (from, to) = (self.civil(first), self.civil(last));
        let (next, late) = self.surroundings(last);
        let zone = if late.is_empty() { after } else { late };
        format!("{before}{} – {next}{}{zone}", from.strftime("%H:%M:%S"), to.strftime("%H:%M:%S"))
    }

    /// The date before and the zone after `time`, each empty where it was said last.
    fn surroundings(&mut self, time: Timestamp) -> (String, String) {
        let date = self.civil(time).date();
        let zone = self.zone.to_offset_info(time.into()).abbreviation().to_owned();
        let (same_date, same_zone) = match &self.said {
            Some((said, in_zone)) => (*said == date, *in_zone == zone),
            None => (false, false),
        };
        let before = if same_date { String::new() } else { format!("{date} ") };
        let after = if same_zone { String::new() } else { format!(" {zone}") };
        self.said = Some((date, zone));
        (before, after)
    }

    fn civil(&self, time: Timestamp) -> jiff::civil::DateTime {
        self.zone.to_datetime(time.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    /// 2026-11-23T14:59:59Z: one second before midnight in Korea.
    const EVENING: Timestamp = Timestamp::from_nanos(1_795_445_999 * SECOND);

    fn korea() -> Clock {
        Clock::new(TimeZone::posix("KST-9").expect("a zone"))
    }

    #[test]
    fn programs_get_as_many_digits_as_the_time_has() {
        assert_eq!(Utc(EVENING.shifted(586_575_000)).to_string(), "2026-11-23T14:59:59.586575Z");
        assert_eq!(Utc(EVENING.shifted(586_575_001)).to_string(), "2026-11-23T14:59:59.586575001Z");
        assert_eq!(Utc(EVENING).to_string(), "2026-11-23T14:59:59.000000Z");
    }

    #[test]
    fn absurd_times_are_times_too() {
        assert_eq!(Utc(Timestamp::MIN).to_string(), "1677-09-21T00:12:43.145224192Z");
        assert_eq!(Utc(Timestamp::MAX).to_string(), "2262-04-11T23:47:16.854775807Z");
        assert!(korea().range(Timestamp::MIN, Timestamp::MAX).contains("2262-04-12"));
    }

    #[test]
    fn date_and_zone_are_said_once() {
        let mut clock = korea();
        assert_eq!(clock.instant(EVENING), "2026-11-23 23:59:59.000 KST");
        assert_eq!(clock.instant(EVENING.shifted(SECOND / 2)), "23:59:59.500");
        assert_eq!(clock.instant(EVENING.shifted(SECOND)), "2026-11-24 00:00:00.000");
    }

    #[test]
    fn a_range_over_midnight_names_both_days() {
        let over = korea().range(EVENING, EVENING.shifted(2 * SECOND));
        assert_eq!(over, "2026-11-23 23:59:59 – 2026-11-24 00:00:01 KST");
        let within = korea().range(EVENING.shifted(-SECOND), EVENING);
        assert_eq!(within, "2026-11-23 23:59:58 – 23:59:59 KST");
    }
}
