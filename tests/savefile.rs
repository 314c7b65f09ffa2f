//! Reads random captures and compares what is read with what an independent reader, pcap-parser, finds in them.

use std::io::{self, Cursor, Read};

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::digest::{Batch, Incident};
use egret::frame::PointIndex;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use proptest::collection::vec;
use proptest::prelude::*;

/// A frame as either reader tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    nanos: i128,
    link: u16,
    original: u32,
    data: Vec<u8>,
}

// What egret reads.

/// Gives `step` bytes at a time.
struct Trickle(Cursor<Vec<u8>>, usize);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let step = self.1.min(buffer.len());
        self.0.read(&mut buffer[..step])
    }
}

/// What egret makes of `bytes` that arrive `step` at a time, if it takes them for a capture: frames, and whether
/// they are all.
fn read(bytes: &[u8], step: usize) -> Option<(Vec<Seen>, bool)> {
    let reader = Trickle(Cursor::new(bytes.to_vec()), step);
    let mut savefile = Savefile::stream("random", reader, Keep::Nothing).ok()?;
    let mut batch = Batch::new(PointIndex(0));
    let (mut frames, mut links, mut is_whole) = (Vec::new(), Vec::new(), true);
    loop {
        let filled = savefile.fill(&mut batch);
        links.extend(batch.interfaces.iter().map(|interface| interface.link.0));
        frames.extend(batch.heads.iter().map(|head| Seen {
            nanos: head.time.nanos().into(),
            link: links[usize::from(head.interface)],
            original: head.original,
            data: batch.bytes(head).to_vec(),
        }));
        is_whole &= !batch.incidents.iter().any(|i| matches!(i, Incident::Truncated(_)));
        if filled == Filled::End {
            return Some((frames, is_whole));
        }
    }
}

// What pcap-parser reads.

/// An interface as pcap-parser tells it: link type, snap length, `if_tsresol`, `if_tsoffset`.
#[derive(Debug, Clone, Copy)]
struct Declared(u16, u32, u8, i64);

impl Declared {
    /// The nanoseconds of `units`, by the definition of both options.
    fn nanos(self, units: u64) -> i128 {
        let Self(_, _, resolution, offset) = self;
        let per_second = match resolution & 0x80 {
            0 => 10_i128.pow(resolution.into()),
            _ => 1 << (resolution & 0x7f),
        };
        let nanos = i128::from(units) * 1_000_000_000 / per_second;
        (nanos + i128::from(offset) * 1_000_000_000).clamp(i64::MIN.into(), i64::MAX.into())
    }
}

fn oracle(bytes: &[u8]) -> Vec<Seen> {
    let mut reader = create_reader(1 << 20, Cursor::new(bytes.to_vec())).expect("a capture");
    let (mut frames, mut section) = (Vec::new(), Section::default());
    loop {
        match reader.next() {
            Ok((taken, block)) => {
                frames.extend(section.frame(&block));
                reader.consume(taken);
            }
            Err(PcapError::Eof) => return frames,
            Err(PcapError::Incomplete(_)) => reader.refill().expect("memory"),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// What must be known of a section, or of a pcap file, to read its frames.
#[derive(Debug, Default)]
struct Section {
    big: bool,
    interfaces: Vec<Declared>,
    last: i128,
}

impl Section {
    /// The frame of `block`, if it holds one.
    fn frame(&mut self, block: &PcapBlockOwned<'_>) -> Option<Seen> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                let resolution = if header.is_nanosecond_precision() { 9 } else { 6 };
                self.interfaces.push(Declared(header.network.0 as u16, 0, resolution, 0));
                None
            }
            PcapBlockOwned::Legacy(record) => {
                let Declared(link, _, resolution, _) = self.interfaces[0];
                let unit = if resolution == 9 { 1 } else { 1_000 };
                let nanos = i128::from(record.ts_sec) * 1_000_000_000 + i128::from(record.ts_usec) * unit;
                Some(Seen { nanos, link, original: record.origlen, data: record.data.to_vec() })
            }
            PcapBlockOwned::NG(Block::SectionHeader(header)) => {
                *self = Self { big: header.big_endian(), ..Self::default() };
                None
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(it)) => {
                // pcap-parser takes this one option for little-endian in any section.
                let offset = if self.big { it.if_tsoffset.swap_bytes() } else { it.if_tsoffset };
                self.interfaces.push(Declared(it.linktype.0 as u16, it.snaplen, it.if_tsresol, offset));
                None
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let interface = self.interfaces[packet.if_id as usize];
                self.last = interface.nanos(u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low));
                let data = packet.data[..packet.caplen as usize].to_vec();
                Some(Seen { nanos: self.last, link: interface.0, original: packet.origlen, data })
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                let Declared(link, snap_length, ..) = self.interfaces[0];
                let limit = if snap_length == 0 { u32::MAX } else { snap_length };
                let data = packet.data[..packet.origlen.min(limit) as usize].to_vec();
                Some(Seen { nanos: self.last, link, original: packet.origlen, data })
            }
            PcapBlockOwned::NG(_) => None,
        }
    }
}

// What is written.

/// Writes numbers in the byte order of a file or section.
#[derive(Debug, Clone, Copy)]
struct Writer {
    big: bool,
}

impl Writer {
    fn u16(self, n: u16) -> [u8; 2] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn u32(self, n: u32) -> [u8; 4] {
        if self.big { n.to_be_bytes() } else { n.to_le_bytes() }
    }

    fn words(self, words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|&word| self.u32(word)).collect()
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = [self.u16(code), self.u16(value.len() as u16)].concat();
        option.extend(value);
        padded(option)
    }

    fn block(self, kind: u32, body: Vec<u8>) -> Vec<u8> {
        let body = padded(body);
        let total = body.len() as u32 + 12;
        [self.words(&[kind, total]), body, self.words(&[total])].concat()
    }
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A pcap file: order, unit, link type, and records of time, bytes cut, data.
fn pcap() -> impl Strategy<Value = Vec<u8>> {
    let record = (any::<(u32, u32)>(), 0..100_u32, vec(any::<u8>(), 0..300));
    (any::<bool>(), any::<bool>(), 0..300_u32, vec(record, 0..40)).prop_map(|(big, nanos, link, records)| {
        let writer = Writer { big };
        let mut file = writer.u32(if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }).to_vec();
        file.extend([writer.u16(2), writer.u16(4)].concat());
        // 12 and 14 mean raw IP to egret alone.
        file.extend(writer.words(&[0, 0, 65535, if matches!(link, 12 | 14) { 1 } else { link }]));
        for ((seconds, fraction), cut, data) in records {
            let captured = data.len() as u32;
            file.extend(writer.words(&[seconds, fraction, captured, captured + cut]));
            file.extend(data);
        }
        file
    })
}

/// A block that may stand in a section.
#[derive(Debug, Clone)]
enum Piece {
    Interface { link: u16, snap_length: u32, resolution: u8, offset: i64, name: String },
    Packet { interface: usize, units: u64, cut: u32, data: Vec<u8>, comment: Option<Vec<u8>> },
    SimplePacket { data: Vec<u8> },
    Other { kind: u32, body: Vec<u8> },
}

fn piece() -> impl Strategy<Value = Piece> {
    let data = || vec(any::<u8>(), 0..200);
    let resolution = prop_oneof![0..=12_u8, 0x80..=0x80 + 40_u8];
    let interface = (
        prop_oneof![Just(1), Just(276), Just(101)],
        0..100_u32,
        resolution,
        -1_000_000..1_000_000_i64,
        "[a-z]{0,9}",
    );
    let packet =
        (0..9_usize, any::<u64>(), 0..100_u32, data(), proptest::option::of(vec(any::<u8>(), 0..40)));
    prop_oneof![
        2 => interface.prop_map(|(link, snap_length, resolution, offset, name)| {
            Piece::Interface { link, snap_length, resolution, offset, name }
        }),
        6 => packet.prop_map(|(interface, units, cut, data, comment)| {
            Piece::Packet { interface, units, cut, data, comment }
        }),
        1 => data().prop_map(|data| Piece::SimplePacket { data }),
        1 => (0xb000..0xc000_u32, data()).prop_map(|(kind, body)| Piece::Other { kind, body }),
    ]
}

/// The blocks of one section; packets before its first interface are left out, as they would name none.
fn section(big: bool, pieces: &[Piece]) -> Vec<u8> {
    let writer = Writer { big };
    let mut header = writer.u32(0x1a2b_3c4d).to_vec();
    header.extend([writer.u16(1), writer.u16(0)].concat());
    header.extend([0xff; 8]);
    let mut file = writer.block(0x0a0d_0d0a, header);
    let mut snap_lengths = Vec::new();
    for piece in pieces {
        let (kind, body) = match piece {
            Piece::Interface { link, snap_length, resolution, offset, name } => {
                snap_lengths.push(*snap_length);
                let offset = if big { offset.to_be_bytes() } else { offset.to_le_bytes() };
                let mut body = [writer.u16(*link), [0; 2]].concat();
                body.extend(writer.u32(*snap_length));
                body.extend(writer.option(2, name.as_bytes()));
                body.extend(writer.option(9, &[*resolution]));
                body.extend(writer.option(14, &offset));
                body.extend([0; 4]);
                (1, body)
            }
            Piece::Packet { .. } | Piece::SimplePacket { .. } if snap_lengths.is_empty() => continue,
            Piece::Packet { interface, units, cut, data, comment } => {
                let interface = (interface % snap_lengths.len()) as u32;
                let captured = data.len() as u32;
                let fields = [interface, (units >> 32) as u32, *units as u32, captured, captured + cut];
                let mut body = writer.words(&fields);
                body.extend(data);
                body = padded(body);
                if let Some(comment) = comment {
                    body.extend(writer.option(1, comment));
                    body.extend([0; 4]);
                }
                (6, body)
            }
            Piece::SimplePacket { data } => {
                let limit = if snap_lengths[0] == 0 { usize::MAX } else { snap_lengths[0] as usize };
                let mut body = writer.u32(data.len() as u32).to_vec();
                body.extend(&data[..data.len().min(limit)]);
                (3, body)
            }
            Piece::Other { kind, body } => (*kind, body.clone()),
        };
        file.extend(writer.block(kind, body));
    }
    file
}

fn pcapng() -> impl Strategy<Value = Vec<u8>> {
    vec((any::<bool>(), vec(piece(), 0..30)), 1..4)
        .prop_map(|sections| sections.iter().flat_map(|(big, pieces)| section(*big, pieces)).collect())
}

fn capture() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![pcap(), pcapng()]
}

proptest! {
    #[test]
    fn random_captures_read_as_an_independent_reader_reads_them(bytes in capture()) {
        let (frames, is_whole) = read(&bytes, usize::MAX).expect("a capture");
        prop_assert!(is_whole);
        prop_assert_eq!(frames, oracle(&bytes));
    }

    #[test]
    fn how_bytes_arrive_makes_no_difference(bytes in capture(), step in 1..200_usize) {
        prop_assert_eq!(read(&bytes, step), read(&bytes, usize::MAX));
    }

    #[test]
    fn a_cut_leaves_the_frames_before_it(bytes in capture(), at in any::<prop::sample::Index>()) {
        let (whole, _) = read(&bytes, usize::MAX).expect("a capture");
        let cut = &bytes[..at.index(bytes.len() + 1)];
        match read(cut, usize::MAX) {
            Some((frames, _)) => prop_assert_eq!(&frames[..], &whole[..frames.len()]),
            None => prop_assert!(cut.len() < 28, "only a header that is cut is no capture"),
        }
    }

    #[test]
    fn damage_costs_no_frame_before_it(bytes in capture(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let (whole, _) = read(&bytes, usize::MAX).expect("a capture");
        let at = at.index(bytes.len());
        let before = read(&bytes[..at], usize::MAX).map_or(0, |(frames, _)| frames.len());
        let mut damaged = bytes;
        damaged[at] = to;
        if at >= 28 {
            let (frames, _) = read(&damaged, usize::MAX).expect("its header is whole");
            prop_assert_eq!(&frames[..before], &whole[..before]);
        } else {
            // What it says of the file may have changed its meaning altogether.
            read(&damaged, usize::MAX);
        }
    }

    #[test]
    fn random_bytes_are_refused_or_read_to_an_end(
        magic in prop::sample::select(vec![
            &b""[..], b"\xd4\xc3\xb2\xa1\x02\0\x04\0", b"\xa1\xb2\x3c\x4d\0\x02\0\x04", b"\x34\xcd\xb2\xa1\x02\0\x03\0",
            b"\n\r\r\n\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\0\0\0\0\0\0\0\0\x1c\0\0\0",
            b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd",
        ]),
        tail in vec(prop_oneof![Just(0_u8), Just(1), Just(6), Just(12), Just(0xff), any::<u8>()], 0..400),
    ) {
        let bytes = [magic, &tail].concat();
        if let Some((frames, _)) = read(&bytes, usize::MAX) {
            let captured: usize = frames.iter().map(|frame| frame.data.len()).sum();
            prop_assert!(magic.len() < 4 || captured <= bytes.len());
        }
    }
}
