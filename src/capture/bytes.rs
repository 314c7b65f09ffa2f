//! Captures written byte by byte, for tests.
//!
//! Builders read like the files they make; each takes its byte order, and none knows the reader.

use std::io::{self, Read};

use crate::digest::{Batch, Head, Incident, Interface};
use crate::frame::PointIndex;

use super::savefile::{Filled, Savefile};

/// The byte order that a builder writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

pub(super) use Endian::{Big, Little};

impl Endian {
    fn u16(self, n: u16) -> [u8; 2] {
        if self == Big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn u32(self, n: u32) -> [u8; 4] {
        if self == Big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn u64(self, n: u64) -> [u8; 8] {
        if self == Big { n.to_be_bytes() } else { n.to_le_bytes() }
    }
}

pub(super) const MICROS: u32 = 0xa1b2_c3d4;
pub(super) const NANOS: u32 = 0xa1b2_3c4d;
pub(super) const KUZNETZOV: u32 = 0xa1b2_cd34;

/// A pcap file; version 2.4, Ethernet, snap length 65535 unless said otherwise.
pub(super) struct PcapFile {
    endian: Endian,
    magic: u32,
    pub(super) bytes: Vec<u8>,
}

pub(super) fn pcap(endian: Endian, magic: u32) -> PcapFile {
    let mut bytes = Vec::new();
    bytes.extend(endian.u32(magic));
    bytes.extend(endian.u16(2));
    bytes.extend(endian.u16(4));
    bytes.extend([0; 8]);
    bytes.extend(endian.u32(65535));
    bytes.extend(endian.u32(1));
    PcapFile { endian, magic, bytes }
}

impl PcapFile {
    pub(super) fn version(mut self, major: u16, minor: u16) -> Self {
        self.bytes[4..6].copy_from_slice(&self.endian.u16(major));
        self.bytes[6..8].copy_from_slice(&self.endian.u16(minor));
        self
    }

    pub(super) fn snap_length(mut self, length: u32) -> Self {
        self.bytes[16..20].copy_from_slice(&self.endian.u32(length));
        self
    }

    pub(super) fn link(mut self, field: u32) -> Self {
        self.bytes[20..24].copy_from_slice(&self.endian.u32(field));
        self
    }

    /// A record whose third and fourth field are as given, whatever the data.
    pub(super) fn fields(mut self, time: (u32, u32), third: u32, fourth: u32, data: &[u8]) -> Self {
        for field in [time.0, time.1, third, fourth] {
            self.bytes.extend(self.endian.u32(field));
        }
        if self.magic == KUZNETZOV {
            self.bytes.extend([0xee; 8]);
        }
        self.bytes.extend(data);
        self
    }

    pub(super) fn record(self, time: (u32, u32), data: &[u8]) -> Self {
        let length = data.len() as u32;
        self.fields(time, length, length, data)
    }
}

/// An option of a pcapng block.
pub(super) struct Opt(pub(super) u16, pub(super) Vec<u8>);

/// A pcapng file that begins without a section.
pub(super) struct PcapngFile {
    endian: Endian,
    pub(super) bytes: Vec<u8>,
}

pub(super) fn pcapng() -> PcapngFile {
    PcapngFile { endian: Little, bytes: Vec::new() }
}

impl PcapngFile {
    pub(super) fn block(mut self, kind: u32, body: &[u8]) -> Self {
        let total = self.endian.u32((12 + body.len().next_multiple_of(4)) as u32);
        self.bytes.extend(self.endian.u32(kind));
        self.bytes.extend(total);
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.bytes.extend(total);
        self
    }

    pub(super) fn section(mut self, endian: Endian) -> Self {
        self.endian = endian;
        let mut body = Vec::new();
        body.extend(endian.u32(0x1a2b_3c4d));
        body.extend(endian.u16(1));
        body.extend([0; 2]);
        body.extend([0xff; 8]);
        self.block(0x0a0d_0d0a, &body)
    }

    pub(super) fn interface(self, link: u16, snap_length: u32, options: &[Opt]) -> Self {
        let mut body = Vec::new();
        body.extend(self.endian.u16(link));
        body.extend([0; 2]);
        body.extend(self.endian.u32(snap_length));
        body.extend(self.options(options));
        self.block(1, &body)
    }

    /// An Ethernet interface without limits, in microseconds.
    pub(super) fn ethernet(self, name: &str) -> Self {
        self.interface(1, 0, &[Opt(2, name.into())])
    }

    fn options(&self, options: &[Opt]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for Opt(code, value) in options {
            bytes.extend(self.endian.u16(*code));
            bytes.extend(self.endian.u16(value.len() as u16));
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        if !options.is_empty() {
            bytes.extend([0; 4]);
        }
        bytes
    }

    /// A counter option.
    pub(super) fn counter(&self, code: u16, value: u64) -> Opt {
        Opt(code, self.endian.u64(value).to_vec())
    }

    pub(super) fn packet_with(self, interface: u32, units: u64, data: &[u8], options: &[Opt]) -> Self {
        let mut body = self.endian.u32(interface).to_vec();
        body.extend(self.time_and_data(units, data));
        body.extend(self.options(options));
        self.block(6, &body)
    }

    pub(super) fn packet(self, interface: u32, units: u64, data: &[u8]) -> Self {
        self.packet_with(interface, units, data, &[])
    }

    /// The obsolete packet block, which tells the frames lost before it.
    pub(super) fn obsolete_packet(self, interface: u16, lost: u16, units: u64, data: &[u8]) -> Self {
        let mut body = self.endian.u16(interface).to_vec();
        body.extend(self.endian.u16(lost));
        body.extend(self.time_and_data(units, data));
        self.block(2, &body)
    }

    fn time_and_data(&self, units: u64, data: &[u8]) -> Vec<u8> {
        let length = data.len() as u32;
        let mut bytes = Vec::new();
        for field in [(units >> 32) as u32, units as u32, length, length] {
            bytes.extend(self.endian.u32(field));
        }
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    pub(super) fn simple_packet(self, original: u32, data: &[u8]) -> Self {
        let mut body = self.endian.u32(original).to_vec();
        body.extend(data);
        self.block(3, &body)
    }

    pub(super) fn statistics(self, interface: u32, options: &[Opt]) -> Self {
        let mut body = self.endian.u32(interface).to_vec();
        body.extend([0; 8]);
        body.extend(self.options(options));
        self.block(5, &body)
    }
}

/// All that a source gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) frames: Vec<(Head, Vec<u8>)>,
    pub(super) interfaces: Vec<Interface>,
    pub(super) incidents: Vec<Incident>,
}

impl Told {
    /// Nanoseconds of each frame.
    pub(super) fn times(&self) -> Vec<i64> {
        self.frames.iter().map(|(head, _)| head.time.nanos()).collect()
    }

    pub(super) fn data(&self) -> Vec<&[u8]> {
        self.frames.iter().map(|(_, data)| &data[..]).collect()
    }

    pub(super) fn dropped(&self) -> u64 {
        let lost = |incident: &Incident| if let Incident::Dropped(n) = incident { *n } else { 0 };
        self.incidents.iter().map(lost).sum()
    }

    /// The one incident that ended reading.
    pub(super) fn truncated(&self) -> &str {
        match &self.incidents[..] {
            [Incident::Truncated(why)] => why,
            other => panic!("not one cut: {other:?}"),
        }
    }
}

/// Reads `savefile` to its end through two batches in turn.
pub(super) fn read_all(savefile: &mut Savefile) -> Told {
    let mut batches = [Batch::new(PointIndex(0)), Batch::new(PointIndex(0))];
    let mut told = Told::default();
    loop {
        batches.swap(0, 1);
        let batch = &mut batches[0];
        let filled = savefile.fill(batch);
        for head in &batch.heads {
            // Where in a slab a frame lies depends on how reads happened to fall.
            told.frames.push((Head { start: 0, ..*head }, batch.bytes(head).to_vec()));
        }
        told.interfaces.append(&mut batch.interfaces);
        told.incidents.append(&mut batch.incidents);
        if filled == Filled::End {
            return told;
        }
    }
}

/// Gives at most `step` bytes at a time, then fails if `fails`.
pub(super) struct Trickle {
    pub(super) bytes: io::Cursor<Vec<u8>>,
    pub(super) step: usize,
    pub(super) fails: bool,
}

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = self.step.min(buffer.len());
        match self.bytes.read(&mut buffer[..step])? {
            0 if self.fails => Err(io::Error::other("the disk is gone")),
            n => Ok(n),
        }
    }
}
