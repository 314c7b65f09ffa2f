//! What a number in a timestamp field means: the unit and the origin that an interface states.

use crate::frame::Timestamp;

/// The unit of an interface's timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// This many nanoseconds.
    Nanos(u64),
    /// A nanosecond holds this many of them.
    PerNano(u64),
    /// 2 to the power of minus this, in seconds.
    Binary(u8),
    /// So small that 2^64 of them are no nanosecond.
    Vanishing,
}

/// How an interface counts time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    unit: Unit,
    /// Seconds to add (`if_tsoffset`).
    offset: i64,
}

impl Default for Clock {
    /// Microseconds since 1970, where nothing is said.
    fn default() -> Self {
        Self::new(6, 0)
    }
}

impl Clock {
    /// The clock with this `if_tsresol` (a negative power of 10, or of 2 where the upper bit is set) and offset.
    pub(super) fn new(resolution: u8, offset: i64) -> Self {
        let unit = match resolution {
            exponent @ 0..=9 => Unit::Nanos(10_u64.pow(9 - u32::from(exponent))),
            // 10^19 is the largest power of 10 below 2^64.
            exponent @ 10..=28 => Unit::PerNano(10_u64.pow(u32::from(exponent) - 9)),
            29..=0x7f => Unit::Vanishing,
            binary => Unit::Binary(binary & 0x7f),
        };
        Self { unit, offset }
    }

    /// The instant that `units` states; saturates.
    #[inline]
    pub(super) fn time(self, units: u64) -> Timestamp {
        if let (Unit::Nanos(nanos), 0) = (self.unit, self.offset)
            && let Some(total) = units.checked_mul(nanos)
            && let Ok(total) = i64::try_from(total)
        {
            return Timestamp::from_nanos(total);
        }
        self.any_time(units)
    }

    fn any_time(self, units: u64) -> Timestamp {
        let units = i128::from(units);
        // No product overflows: 2^64 times 10^9 is below 2^94.
        let nanos = match self.unit {
            Unit::Nanos(nanos) => units * i128::from(nanos),
            Unit::PerNano(units_per_nano) => units / i128::from(units_per_nano),
            Unit::Binary(exponent) => (units * 1_000_000_000) >> exponent,
            Unit::Vanishing => 0,
        };
        let total = nanos + i128::from(self.offset) * 1_000_000_000;
        let clamped = total.clamp(i64::MIN.into(), i64::MAX.into());
        Timestamp::from_nanos(clamped as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_from_seconds_to_beyond_nanoseconds_mean_what_they_say() {
        assert_eq!(Clock::new(0, 0).time(7).nanos(), 7_000_000_000);
        assert_eq!(Clock::default().time(7).nanos(), 7_000);
        assert_eq!(Clock::new(9, 0).time(7).nanos(), 7);
        assert_eq!(Clock::new(12, 0).time(7_999).nanos(), 7);
        assert_eq!(Clock::new(28, 0).time(u64::MAX).nanos(), 1);
        assert_eq!(Clock::new(29, 0).time(u64::MAX).nanos(), 0);
    }

    #[test]
    fn powers_of_two_mean_what_they_say() {
        assert_eq!(Clock::new(0x8a, 0).time(1_536).nanos(), 1_500_000_000);
        assert_eq!(Clock::new(0x80, 0).time(3).nanos(), 3_000_000_000);
        assert_eq!(Clock::new(0xc0, 0).time(1 << 63).nanos(), 500_000_000);
    }

    #[test]
    fn an_offset_moves_the_origin_both_ways() {
        assert_eq!(Clock::new(6, 2).time(5).nanos(), 2_000_005_000);
        assert_eq!(Clock::new(6, -1).time(5).nanos(), -999_995_000);
    }

    #[test]
    fn no_resolution_and_offset_overflows() {
        for resolution in 0..=u8::MAX {
            assert_eq!(Clock::new(resolution, i64::MIN).time(0), Timestamp::MIN);
            assert_eq!(Clock::new(resolution, i64::MAX).time(u64::MAX), Timestamp::MAX);
        }
        assert_eq!(Clock::default().time(u64::MAX), Timestamp::MAX);
    }
}
