//! The time before a packet, in tcpdump's five ways and the usual one.

use jiff::tz::{Offset, TimeZone};

use super::Pen;
use crate::frame::Timestamp;

/// How times are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `00:41:26.586575`
    Clock,
    /// `-t`
    None,
    /// `-tt`: seconds since 1970
    Seconds,
    /// `-ttt`: since the packet before
    SinceLast,
    /// `-tttt`: with the date
    Date,
    /// `-ttttt`: since the first packet
    SinceFirst,
}

/// Writes times. Those that tell of others remember them.
#[derive(Debug)]
pub struct Stamp {
    form: Form,
    zone: TimeZone,
    /// Digits of the fraction: 6 or 9.
    digits: usize,
    other: Option<Timestamp>,
    /// Offsets of a zone change twice a year, and are asked for once an hour.
    offset: Option<(i64, Offset)>,
}

const SECOND: i64 = 1_000_000_000;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

impl Stamp {
    pub fn new(form: Form, zone: TimeZone, is_nano: bool) -> Self {
        Self { form, zone, digits: if is_nano { 9 } else { 6 }, other: None, offset: None }
    }

    /// Writes the time, and a blank.
    pub fn write(&mut self, pen: &mut Pen, time: Timestamp) {
        match self.form {
            Form::None => return,
            Form::Seconds => {
                let (seconds, nanos) = parts(time.nanos());
                pen.show(seconds);
                self.fraction(pen, nanos);
            }
            Form::Clock | Form::Date => self.clock(pen, time),
            Form::SinceLast | Form::SinceFirst => {
                // What is shown of two times must add up.
                let shown = if self.digits == 9 { 1 } else { 1_000 };
                let time = Timestamp::from_nanos(time.nanos().div_euclid(shown).saturating_mul(shown));
                let since = time - self.other.unwrap_or(time);
                if self.other.is_none() || self.form == Form::SinceLast {
                    self.other = Some(time);
                }
                if since < 0 {
                    pen.byte(b'-');
                } else {
                    pen.byte(b' ');
                }
                let (seconds, nanos) = parts(since.saturating_abs());
                pen.padded((seconds / HOUR) as u64, 2);
                pen.byte(b':');
                pen.padded((seconds % HOUR / 60) as u64, 2);
                pen.byte(b':');
                pen.padded((seconds % 60) as u64, 2);
                self.fraction(pen, nanos);
            }
        }
        pen.byte(b' ');
    }

    fn clock(&mut self, pen: &mut Pen, time: Timestamp) {
        let (seconds, nanos) = parts(time.nanos());
        let local = seconds + i64::from(self.offset(seconds).seconds());
        if self.form == Form::Date {
            let (year, month, day) = date(local.div_euclid(DAY));
            pen.padded(year as u64, 4);
            pen.byte(b'-');
            pen.padded(month, 2);
            pen.byte(b'-');
            pen.padded(day, 2);
            pen.byte(b' ');
        }
        let of_day = local.rem_euclid(DAY);
        pen.padded((of_day / HOUR) as u64, 2);
        pen.byte(b':');
        pen.padded((of_day % HOUR / 60) as u64, 2);
        pen.byte(b':');
        pen.padded((of_day % 60) as u64, 2);
        self.fraction(pen, nanos);
    }

    fn fraction(&self, pen: &mut Pen, nanos: i64) {
        pen.byte(b'.');
        let shown = if self.digits == 9 { nanos } else { nanos / 1_000 };
        pen.padded(shown as u64, self.digits);
    }

    fn offset(&mut self, seconds: i64) -> Offset {
        // Zones change their offset at a quarter of an hour, at the least.
        let quarter = seconds.div_euclid(HOUR / 4);
        match self.offset {
            Some((known, offset)) if known == quarter => offset,
            _ => {
                let instant = jiff::Timestamp::from_second(quarter * HOUR / 4);
                let offset = instant.map_or(Offset::UTC, |instant| self.zone.to_offset(instant));
                self.offset = Some((quarter, offset));
                offset
            }
        }
    }
}

/// Whole seconds, and the nanoseconds above them.
fn parts(nanos: i64) -> (i64, i64) {
    (nanos.div_euclid(SECOND), nanos.rem_euclid(SECOND))
}

/// Year, month and day of a day since 1970 (the Gregorian calendar in eras of 400 years, which begin in March).
fn date(days: i64) -> (i64, u64, u64) {
    const ERA: i64 = 146_097;
    let from_march = days + 719_468;
    let era = from_march.div_euclid(ERA);
    let of_era = from_march.rem_euclid(ERA);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, after) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year_of_era + after, month as u64, day as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(stamp: &mut Stamp, nanos: i64) -> String {
        let mut pen = Pen::new(false);
        stamp.write(&mut pen, Timestamp::from_nanos(nanos));
        String::from_utf8(pen.written().to_vec()).unwrap()
    }

    fn stamp(form: Form) -> Stamp {
        Stamp::new(form, TimeZone::get("Asia/Seoul").unwrap(), false)
    }

    /// 2026-11-23 00:41:26.586575123 UTC
    const TIME: i64 = 1_795_394_486_586_575_123;

    #[test]
    fn a_time_is_written_in_the_zone_that_was_asked_for() {
        assert_eq!(written(&mut stamp(Form::Clock), TIME), "09:41:26.586575 ");
        assert_eq!(written(&mut stamp(Form::Date), TIME), "2026-11-23 09:41:26.586575 ");
        assert_eq!(written(&mut stamp(Form::Seconds), TIME), "1795394486.586575 ");
        assert_eq!(written(&mut stamp(Form::None), TIME), "");
        let mut nano = Stamp::new(Form::Clock, TimeZone::UTC, true);
        assert_eq!(written(&mut nano, TIME), "00:41:26.586575123 ");
    }

    #[test]
    fn differences_are_to_the_packet_before_or_to_the_first() {
        let mut last = stamp(Form::SinceLast);
        let mut first = stamp(Form::SinceFirst);
        let times = [TIME, TIME + 1_500_000_000, TIME + 3_000_000_000, TIME];
        let shown = |stamp: &mut Stamp| times.map(|time| written(stamp, time));
        assert_eq!(
            shown(&mut last),
            [" 00:00:00.000000 ", " 00:00:01.500000 ", " 00:00:01.500000 ", "-00:00:03.000000 "]
        );
        assert_eq!(shown(&mut first)[2], " 00:00:03.000000 ");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, expected) in
            [(0, (1970, 1, 1)), (59, (1970, 3, 1)), (11_016, (2000, 2, 29)), (-1, (1969, 12, 31))]
        {
            assert_eq!(date(days), expected);
        }
    }
}
