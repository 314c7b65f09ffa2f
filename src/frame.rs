//! What was captured: bytes, a time, a link type, and where it came from.
//!
//! Nothing here knows what the bytes mean; that is [`crate::decode`]'s work.

use std::fmt;
use std::ops::Sub;

/// An instant on the clock of the machine that captured, in nanoseconds since 1970-01-01T00:00:00Z.
///
/// Signed, so that clocks may be compared and shifted; from 1677 to 2262. Files can state times
/// outside that range: they saturate, because a wrong time must not cost the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const MIN: Self = Self(i64::MIN);
    pub const MAX: Self = Self(i64::MAX);

    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The instant `seconds` + `nanos` after the epoch; saturates.
    pub fn from_parts(seconds: u64, nanos: u32) -> Self {
        let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self(i64::try_from(total).unwrap_or(i64::MAX))
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// This instant moved by `nanos`; saturates.
    pub const fn shifted(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

impl Sub for Timestamp {
    type Output = i64;

    /// Nanoseconds from `earlier` to `self`; saturates.
    fn sub(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<Timestamp> for jiff::Timestamp {
    fn from(time: Timestamp) -> Self {
        Self::from_nanosecond(i128::from(time.nanos()))
            .expect("63 bits of nanoseconds are some centuries, and jiff knows ten thousand years")
    }
}

impl From<jiff::Timestamp> for Timestamp {
    /// Saturates.
    fn from(time: jiff::Timestamp) -> Self {
        let nanos = time.as_nanosecond().clamp(i64::MIN.into(), i64::MAX.into());
        Self(nanos as i64)
    }
}

/// A link-layer header type, by its number in the `LINKTYPE_` registry.
///
/// Source: <https://www.tcpdump.org/linktypes.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    pub const NULL: Self = Self(0);
    pub const ETHERNET: Self = Self(1);
    pub const PPP: Self = Self(9);
    pub const FDDI: Self = Self(10);
    pub const PPP_HDLC: Self = Self(50);
    pub const PPP_ETHER: Self = Self(51);
    pub const RAW: Self = Self(101);
    pub const C_HDLC: Self = Self(104);
    pub const IEEE802_11: Self = Self(105);
    pub const FRELAY: Self = Self(107);
    pub const LOOP: Self = Self(108);
    pub const ENC: Self = Self(109);
    pub const LINUX_SLL: Self = Self(113);
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    pub const PPI: Self = Self(192);
    pub const IPV4: Self = Self(228);
    pub const IPV6: Self = Self(229);
    pub const NFLOG: Self = Self(239);
    pub const LINUX_SLL2: Self = Self(276);

    /// The type that a file's number stands for. Two numbers that old systems wrote for raw IP
    /// (12 and 14, their own `DLT_RAW`) mean [`LinkType::RAW`].
    pub fn from_file(number: u16) -> Self {
        match number {
            12 | 14 => Self::RAW,
            other => Self(other),
        }
    }

    /// The registry's name without its prefix, for those egret understands.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NULL => "NULL",
            Self::ETHERNET => "ETHERNET",
            Self::PPP => "PPP",
            Self::FDDI => "FDDI",
            Self::PPP_HDLC => "PPP_HDLC",
            Self::PPP_ETHER => "PPP_ETHER",
            Self::RAW => "RAW",
            Self::C_HDLC => "C_HDLC",
            Self::IEEE802_11 => "IEEE802_11",
            Self::FRELAY => "FRELAY",
            Self::LOOP => "LOOP",
            Self::LINUX_SLL => "LINUX_SLL",
            Self::IEEE802_11_RADIOTAP => "IEEE802_11_RADIOTAP",
            Self::PPI => "PPI",
            Self::IPV4 => "IPV4",
            Self::IPV6 => "IPV6",
            Self::NFLOG => "NFLOG",
            Self::LINUX_SLL2 => "LINUX_SLL2",
            _ => return None,
        })
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "LINKTYPE_{}", self.0),
        }
    }
}

/// A point's place in the order in which the command line names points, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointIndex(pub u16);

/// One captured frame: its point and its number there, from 1, as `tcpdump -#` counts.
///
/// The order is that of points, then numbers; it does not depend on how points were interleaved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameId {
    pub point: PointIndex,
    pub ordinal: u64,
}

/// A frame's bytes, as far as they were captured.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub time: Timestamp,
    pub link: LinkType,
    pub bytes: &'a [u8],
    /// Length on the wire in bytes; more than `bytes.len()` where the capture cut the frame.
    pub original: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_beyond_the_range_saturates() {
        assert_eq!(Timestamp::from_parts(u64::MAX, 0), Timestamp::MAX);
        assert_eq!(Timestamp::from_parts(1, 5).nanos(), 1_000_000_005);
        assert_eq!(Timestamp::MIN - Timestamp::MAX, i64::MIN);
    }

    #[test]
    fn times_are_the_same_for_jiff_as_far_as_they_reach() {
        for time in [Timestamp::MIN, Timestamp::from_nanos(-1), Timestamp::from_nanos(0), Timestamp::MAX] {
            assert_eq!(Timestamp::from(jiff::Timestamp::from(time)), time);
        }
        assert_eq!(Timestamp::from(jiff::Timestamp::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from(jiff::Timestamp::MIN), Timestamp::MIN);
    }

    #[test]
    fn old_numbers_for_raw_ip_are_raw() {
        assert_eq!(LinkType::from_file(12), LinkType::RAW);
        assert_eq!(LinkType::from_file(14), LinkType::RAW);
        assert_eq!(LinkType(147).to_string(), "LINKTYPE_147");
    }
}
