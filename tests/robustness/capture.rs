//! Captures as lists of frames that can be edited, and written out again in every format.

use std::io::{Cursor, Write as _};
use std::path::Path;

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::digest::{Batch, Incident, Interface};
use egret::frame::{PointIndex, Timestamp};

/// A capture of one point.
#[derive(Debug, Clone)]
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) frames: Vec<Frame>,
    /// What the capture says of itself at its end.
    pub(crate) incidents: Vec<Incident>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) time: Timestamp,
    pub(crate) interface: u16,
    pub(crate) original: u32,
    pub(crate) bytes: Vec<u8>,
    /// Its number in the capture as it was recorded, from 1.
    pub(crate) number: u64,
}

impl Capture {
    pub(crate) fn open(name: &str, path: &Path) -> Self {
        Self::read(name, Savefile::open(path, Keep::Nothing).expect("a capture"))
    }

    /// The capture in `bytes`, which are a file of any format.
    pub(crate) fn decode(name: &str, bytes: Vec<u8>) -> Self {
        Self::read(name, Savefile::stream(name, Cursor::new(bytes), Keep::Nothing).expect("a capture"))
    }

    fn read(name: &str, mut savefile: Savefile) -> Self {
        let mut capture =
            Self { name: name.to_owned(), interfaces: Vec::new(), frames: Vec::new(), incidents: Vec::new() };
        let mut batch = Batch::new(PointIndex(0));
        loop {
            let filled = savefile.fill(&mut batch);
            capture.interfaces.append(&mut batch.interfaces);
            capture.incidents.append(&mut batch.incidents);
            for head in &batch.heads {
                capture.frames.push(Frame {
                    time: head.time,
                    interface: head.interface,
                    original: head.original,
                    bytes: batch.bytes(head).to_vec(),
                    number: capture.frames.len() as u64 + 1,
                });
            }
            if filled == Filled::End {
                return capture;
            }
        }
    }

    /// The frames for which `keeps` holds, in their order.
    pub(crate) fn retain(mut self, mut keeps: impl FnMut(&Self, &Frame) -> bool) -> Self {
        let frames = std::mem::take(&mut self.frames);
        self.frames = frames.into_iter().filter(|frame| keeps(&self, frame)).collect();
        self
    }
}

/// How a capture is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) container: Container,
    pub(crate) order: Order,
    pub(crate) unit: Unit,
    pub(crate) gzip: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    Pcap,
    Pcapng,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Little,
    Big,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Micro,
    Nano,
}

impl Encoding {
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for container in [Container::Pcap, Container::Pcapng] {
            for order in [Order::Little, Order::Big] {
                for unit in [Unit::Micro, Unit::Nano] {
                    for gzip in [false, true] {
                        all.push(Self { container, order, unit, gzip });
                    }
                }
            }
        }
        all
    }

    /// The capture as a file; `None` where the format cannot hold it without loss.
    pub(crate) fn encode(self, capture: &Capture) -> Option<Vec<u8>> {
        let is_fine = |frame: &Frame| frame.time.nanos() % 1_000 == 0;
        let is_lossy = self.unit == Unit::Micro && !capture.frames.iter().all(is_fine)
            || self.container == Container::Pcap && capture.interfaces.len() != 1;
        if is_lossy {
            return None;
        }
        let file = match self.container {
            Container::Pcap => self.pcap(capture),
            Container::Pcapng => self.pcapng(capture),
        };
        Some(if self.gzip { compressed(&file) } else { file })
    }

    /// draft-ietf-opsawg-pcap: a header of 24 bytes, then records of 16 bytes and data.
    fn pcap(self, capture: &Capture) -> Vec<u8> {
        let (magic, per_second) = match self.unit {
            Unit::Micro => (0xa1b2_c3d4, 1_000_000),
            Unit::Nano => (0xa1b2_3c4d, 1_000_000_000),
        };
        let mut file = Vec::new();
        self.words(&mut file, &[magic]);
        self.halves(&mut file, &[2, 4]);
        self.words(&mut file, &[0, 0, 262_144, u32::from(capture.interfaces[0].link.0)]);
        for frame in &capture.frames {
            let units = self.units(frame);
            let (seconds, rest) = ((units / per_second) as u32, (units % per_second) as u32);
            self.words(&mut file, &[seconds, rest, frame.bytes.len() as u32, frame.original]);
            file.extend(&frame.bytes);
        }
        file
    }

    /// draft-ietf-opsawg-pcapng: section header, a description of each interface, enhanced packets.
    fn pcapng(self, capture: &Capture) -> Vec<u8> {
        const SECTION: u32 = 0x0a0d_0d0a;
        const INTERFACE: u32 = 1;
        const PACKET: u32 = 6;
        let mut file = Vec::new();
        let mut body = Vec::new();
        self.words(&mut body, &[0x1a2b_3c4d]);
        self.halves(&mut body, &[1, 0]);
        self.words(&mut body, &[u32::MAX, u32::MAX]);
        self.block(&mut file, SECTION, &body);
        for interface in &capture.interfaces {
            body.clear();
            self.halves(&mut body, &[interface.link.0, 0]);
            self.words(&mut body, &[interface.snap_length]);
            // Option 9, if_tsresol: a power of ten. Then the end of options.
            self.halves(&mut body, &[9, 1]);
            body.extend([if self.unit == Unit::Nano { 9 } else { 6 }, 0, 0, 0]);
            self.halves(&mut body, &[0, 0]);
            self.block(&mut file, INTERFACE, &body);
        }
        for frame in &capture.frames {
            body.clear();
            let units = self.units(frame);
            let time = [(units >> 32) as u32, units as u32];
            let lengths = [frame.bytes.len() as u32, frame.original];
            self.words(&mut body, &[u32::from(frame.interface), time[0], time[1], lengths[0], lengths[1]]);
            body.extend(&frame.bytes);
            body.resize(body.len().next_multiple_of(4), 0);
            self.block(&mut file, PACKET, &body);
        }
        file
    }

    fn block(self, file: &mut Vec<u8>, kind: u32, body: &[u8]) {
        let length = body.len() as u32 + 12;
        self.words(file, &[kind, length]);
        file.extend(body);
        self.words(file, &[length]);
    }

    fn units(self, frame: &Frame) -> u64 {
        let nanos = frame.time.nanos() as u64;
        if self.unit == Unit::Nano { nanos } else { nanos / 1_000 }
    }

    fn words(self, out: &mut Vec<u8>, words: &[u32]) {
        for word in words {
            out.extend(if self.order == Order::Big { word.to_be_bytes() } else { word.to_le_bytes() });
        }
    }

    fn halves(self, out: &mut Vec<u8>, halves: &[u16]) {
        for half in halves {
            out.extend(if self.order == Order::Big { half.to_be_bytes() } else { half.to_le_bytes() });
        }
    }
}

fn compressed(file: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(file).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}
