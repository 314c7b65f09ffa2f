//! Times and amounts in few columns.

use jiff::tz::TimeZone;

use crate::frame::Timestamp;

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MS;

/// `00:41:26.586575`, the time of day in a zone.
pub(super) fn clock(time: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(time.into()).strftime("%H:%M:%S.%6f").to_string()
}

/// `00:41:26`.
pub(super) fn second(time: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(time.into()).strftime("%H:%M:%S").to_string()
}

/// `2026-11-23 00:41:26 UTC`.
pub(super) fn date(time: Timestamp, zone: &TimeZone) -> String {
    let offset = zone.to_offset_info(time.into()).abbreviation().to_owned();
    format!("{} {offset}", zone.to_datetime(time.into()).strftime("%Y-%m-%d %H:%M:%S"))
}

/// How long something took or is ago, in its two largest units: `350 ms`, `12 s`, `3m 20s`, `2h 05m`, `4d 03h`.
pub(super) fn span(ns: i64) -> String {
    let ns = ns.max(0);
    let seconds = ns / SECOND;
    match seconds {
        0 if ns < MS => format!("{} µs", ns / 1_000),
        0 => format!("{} ms", ns / MS),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A span to measure by: `310 µs`, `0.45 ms`, `12.3 ms`, `1.02 s`.
pub(super) fn fine(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    match ns {
        0 => "0".to_owned(),
        1..1_000 => format!("{sign}{ns} ns"),
        1_000..1_000_000 => format!("{sign}{} µs", ns / 1_000),
        1_000_000..100_000_000 => format!("{sign}{}.{} ms", ns / 1_000_000, ns / 100_000 % 10),
        100_000_000..1_000_000_000 => format!("{sign}{} ms", ns / 1_000_000),
        _ => format!("{sign}{}.{:02} s", ns / 1_000_000_000, ns / 10_000_000 % 100),
    }
}

/// `999`, `12.3k`, `4.5M`: at most five columns.
pub(super) fn short(number: u64) -> String {
    const UNITS: &[(&str, u64)] = &[
        ("E", 10u64.pow(18)),
        ("P", 10u64.pow(15)),
        ("T", 10u64.pow(12)),
        ("G", 10u64.pow(9)),
        ("M", 1_000_000),
        ("k", 1_000),
    ];
    for (unit, size) in UNITS {
        if number >= *size {
            let tenths = number / (size / 10);
            return match tenths {
                ..1_000 => format!("{}.{}{unit}", tenths / 10, tenths % 10),
                _ => format!("{}{unit}", tenths / 10),
            };
        }
    }
    number.to_string()
}

/// Bits per second: `1.2 Mbit/s`.
pub(super) fn bit_rate(bits: u64) -> String {
    let short = short(bits);
    match short.strip_suffix(|unit: char| unit.is_ascii_alphabetic()) {
        Some(number) => format!("{number} {}bit/s", &short[number.len()..]),
        None => format!("{short} bit/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_their_largest_units() {
        let told: Vec<_> =
            [350 * MS, 12 * SECOND, 200 * SECOND, 7_500 * SECOND, 356_400 * SECOND, -1].map(span).into();
        assert_eq!(told, ["350 ms", "12 s", "3m 20s", "2h 05m", "4d 03h", "0 µs"]);
        assert_eq!(
            [310_000, 12_345_678, 1_020_000_000, -4_000].map(fine),
            ["310 µs", "12.3 ms", "1.02 s", "-4 µs"]
        );
    }

    #[test]
    fn amounts_take_five_columns_at_most() {
        let told = [0, 999, 1_000, 12_345, 123_456, 9_999_999, u64::MAX].map(short);
        assert_eq!(told, ["0", "999", "1.0k", "12.3k", "123k", "9.9M", "18.4E"]);
        assert_eq!(bit_rate(1_234_567), "1.2 Mbit/s");
        assert_eq!(bit_rate(80), "80 bit/s");
    }

    #[test]
    fn every_time_can_be_told() {
        for time in [Timestamp::MIN, Timestamp::MAX, Timestamp::from_nanos(0)] {
            assert_eq!(clock(time, &TimeZone::UTC).len(), 15);
            assert!(date(time, &TimeZone::UTC).ends_with("UTC"));
        }
    }
}
