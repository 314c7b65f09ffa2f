//! Files through the reader: pcap, pcapng, compressed ones, and what only begins like one.
//!
//! Compressed files are changed inside and outside: what damages an archive seldom comes to damage a record.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io::{Cursor, Read, Write as _};
use std::{fs, io, mem};

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::digest::{Batch, Incident, Interface};
use egret::frame::{LinkType, PointIndex, Timestamp};

use crate::dice::Dice;
use crate::harness::{Target, fuzz};
use crate::seeds::{FRAMES, situations};
use crate::{mutate, wire};

/// Bytes of frames that are read of one input at most: small archives can hold any number.
const MOST_READ: usize = 8 << 20;

struct Reader;

impl Target for Reader {
    const NAME: &'static str = "savefile";
    const INPUTS: u64 = 300;

    fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds = Vec::new();
        let recorded = situations().into_iter().flatten().map(|path| fs::read(path).expect("a capture"));
        seeds.extend(recorded.filter(|file| file.len() < 64 << 10));
        for (turn, frames) in FRAMES.iter().enumerate() {
            for is_big in [false, true] {
                seeds.push(pcap(&frames[..6], is_big, turn % 2 == 0));
                seeds.push(pcapng(&frames[..6], is_big, turn));
            }
        }
        let plain = seeds[seeds.len() - 8..].to_vec();
        seeds.extend(plain.iter().map(|file| gzip(file)));
        seeds.extend(plain.iter().map(|file| zstd::encode_all(&file[..], 1).expect("memory takes all")));
        seeds.push(gzip(&gzip(&plain[0])));
        seeds.push([gzip(&plain[0]), gzip(&plain[1])].concat());
        seeds
    }

    fn mutated(&self, input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
        // An archive is opened, changed and closed again, or changed as it is.
        let gunzip = |file: &[u8]| {
            let mut plain = Vec::new();
            let read = flate2::read::GzDecoder::new(file).take(1 << 18).read_to_end(&mut plain);
            read.is_ok().then_some(plain)
        };
        let opened = if input.starts_with(&[0x1f, 0x8b]) && !dice.one_in(5) { gunzip(input) } else { None };
        let is_archive = opened.is_some();
        let mut file = opened.unwrap_or_else(|| input.to_vec());
        for _ in 0..=dice.below(4) {
            match dice.below(3) {
                0 => mutate::cut_and_paste(&mut file, other, dice),
                1 => blocks(&mut file, other, dice),
                // The beginning has what all depends on.
                _ => {
                    let end = if dice.one_in(2) { 200 } else { usize::MAX };
                    let end = file.len().min(end);
                    number(&mut file[..end], dice);
                }
            }
        }
        let again = if is_archive { dice.below(8) != 0 } else { dice.one_in(40) };
        if again { gzip(&file) } else { file }
    }

    fn run(&self, input: &[u8]) -> u64 {
        let mut came_to = DefaultHasher::new();
        input.hash(&mut came_to);
        let chance = mem::take(&mut came_to).finish();
        let whole = match read(Cursor::new(input.to_vec())) {
            Ok(contents) => contents,
            Err(why) => {
                mem::discriminant(&why).hash(&mut came_to);
                assert!(!why.to_string().chars().any(char::is_control), "{why:?}");
                return came_to.finish();
            }
        };
        whole.told().hash(&mut came_to);
        // However it arrives, it is the same file.
        let pieces = Pieces {
            left: input.to_vec(),
            at: 0,
            dice: Dice::new(chance),
            longest: 1 + chance as usize % 600 + input.len() / 100,
        };
        if input.len() < 4096 || chance.is_multiple_of(16) {
            let pieces = read(pieces).unwrap_or_else(|why| panic!("in pieces: {why}"));
            pieces.same(&whole, "in pieces");
        }
        if chance.is_multiple_of(if cfg!(debug_assertions) { 64 } else { 16 }) {
            again(input, &whole);
        }
        came_to.finish()
    }

    fn memory(&self, _: &[u8]) -> u64 {
        // The longest record that is believed is 16 MiB; it lies in one slab while the next is filled, and again here.
        (96 << 20) + 4 * MOST_READ as u64
    }
}

/// What a file holds.
#[derive(Debug, PartialEq)]
struct Contents {
    interfaces: Vec<Interface>,
    frames: Vec<(Timestamp, u16, u32, Vec<u8>)>,
    incidents: Vec<Incident>,
    is_all: bool,
}

impl Contents {
    fn same(&self, other: &Self, how: &str) {
        assert_eq!(self.interfaces, other.interfaces, "{how}: interfaces");
        assert_eq!(self.frames.len(), other.frames.len(), "{how}: frames");
        if let Some((one, other)) = self.frames.iter().zip(&other.frames).find(|(one, other)| one != other) {
            panic!("{how}: {one:?}, else {other:?}");
        }
        assert_eq!(self.incidents, other.incidents, "{how}: incidents");
    }

    /// Without numbers.
    fn told(&self) -> (u32, usize, Vec<String>, Vec<LinkType>) {
        let word = |incident: &Incident| match incident {
            Incident::Dropped(_) => "dropped".to_owned(),
            Incident::Unfinished => "unfinished".to_owned(),
            Incident::Truncated(why)
            | Incident::Interrupted(why)
            | Incident::Unread(why)
            | Incident::Unchanged(why) => why.chars().filter(|c| !c.is_ascii_hexdigit()).collect(),
        };
        let links = self.interfaces.iter().take(3).map(|interface| interface.link);
        let links = links.filter(|link| link.name().is_some()).collect();
        let incidents = self.incidents.iter().take(3).map(word).collect();
        (self.frames.len().ilog2_or_zero(), self.interfaces.len().min(4), incidents, links)
    }
}

trait Magnitude {
    fn ilog2_or_zero(self) -> u32;
}

impl Magnitude for usize {
    fn ilog2_or_zero(self) -> u32 {
        self.checked_ilog2().unwrap_or(0)
    }
}

fn read(reader: impl Read + Send + 'static) -> Result<Contents, egret::capture::savefile::Error> {
    Ok(contents(&mut Savefile::stream("input", reader, Keep::Nothing)?))
}

fn contents(savefile: &mut Savefile) -> Contents {
    let mut contents =
        Contents { interfaces: Vec::new(), frames: Vec::new(), incidents: Vec::new(), is_all: false };
    let mut batch = Batch::new(PointIndex(0));
    let mut bytes = 0;
    while bytes < MOST_READ {
        let filled = savefile.fill(&mut batch);
        assert!(batch.heads.len() <= Batch::FRAMES, "{} frames in a batch", batch.heads.len());
        contents.interfaces.append(&mut batch.interfaces);
        contents.incidents.append(&mut batch.incidents);
        for head in &batch.heads {
            assert!(batch.slab.get(head.range()).is_some(), "{head:?} in {} bytes", batch.slab.len());
            bytes += 64 + head.captured as usize;
            contents.frames.push((head.time, head.interface, head.original, batch.bytes(head).to_vec()));
        }
        if filled == Filled::End {
            contents.is_all = true;
            break;
        }
        bytes += 64;
    }
    // What was lost may be told at once or bit by bit.
    let lost = |incident: &Incident| match incident {
        Incident::Dropped(count) => *count,
        Incident::Truncated(_)
        | Incident::Interrupted(_)
        | Incident::Unread(_)
        | Incident::Unchanged(_)
        | Incident::Unfinished => 0,
    };
    let lost = contents.incidents.iter().map(lost).fold(0, u64::saturating_add);
    contents.incidents.retain(|incident| matches!(incident, Incident::Truncated(_)));
    contents.incidents.extend((lost > 0).then_some(Incident::Dropped(lost)));
    let is_cut = |incident: &Incident| matches!(incident, Incident::Truncated(_));
    let cuts = contents.incidents.iter().filter(|incident| is_cut(incident)).count();
    assert!(cuts <= 1, "{:?}", contents.incidents);
    if !contents.is_all {
        // How much of it was read depends on the batches.
        contents.frames.clear();
        contents.interfaces.clear();
        contents.incidents.clear();
    }
    contents
}

/// Frames are given again by their number as they were read.
fn again(input: &[u8], whole: &Contents) {
    let mut savefile =
        Savefile::stream("input", Cursor::new(input.to_vec()), Keep::Frames).expect("it was opened before");
    let read = contents(&mut savefile);
    read.same(whole, "kept");
    let store = savefile.store().expect("it was asked for");
    let mut ordinals: Vec<usize> = (1..=read.frames.len().min(40)).collect();
    ordinals.reverse();
    for ordinal in ordinals {
        let kept = store.frame(ordinal as u64).unwrap_or_else(|why| panic!("{why}"));
        let known = (kept.time, kept.interface, kept.original, kept.bytes);
        assert!(known == read.frames[ordinal - 1], "frame {ordinal} is {known:?}");
    }
}

/// A source that gives a few bytes at a time.
struct Pieces {
    left: Vec<u8>,
    at: usize,
    dice: Dice,
    longest: usize,
}

impl Read for Pieces {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let left = self.left.len() - self.at;
        let length = (1 + self.dice.below(self.longest)).min(left).min(to.len());
        to[..length].copy_from_slice(&self.left[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// Writes a number that is about a length into some aligned word.
fn number(file: &mut [u8], dice: &mut Dice) {
    let words = file.len() / 4;
    if words == 0 || dice.one_in(2) {
        return mutate::spoil(file, dice);
    }
    let at = 4 * dice.below(words);
    let near = (file.len() - at) as u32;
    let value = match dice.below(7) {
        0 => near.wrapping_add(dice.below(64) as u32).wrapping_sub(32),
        1 => wire::one(
            &[0, 1, 4, 8, 11, 12, 16, 20, 28, 32, 0x7fff_ffff, 0x8000_0000, u32::MAX, u32::MAX - 3],
            dice,
        ),
        2 => wire::one(&[16 << 20, (16 << 20) + 1, 262_144, 65_535, 65_536, 1 << 24], dice),
        3 => wire::one(&[1, 2, 3, 4, 5, 6, 9, 10, 0x0a0d_0d0a, 0x1a2b_3c4d, 0xa1b2_c3d4, 0xa1b2_3c4d], dice),
        4 => dice.below(1024) as u32,
        5 => dice.number() as u32,
        _ => u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")).wrapping_add(4),
    };
    let bytes = if dice.one_in(4) { value.to_be_bytes() } else { value.to_le_bytes() };
    file[at..at + 4].copy_from_slice(&bytes);
}

/// Doubles, moves, drops or lends a whole block of pcapng.
fn blocks(file: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let ranges = |file: &[u8]| {
        let (mut at, mut ranges) = (0, Vec::new());
        let is_big = file.get(8) == Some(&0x1a);
        while let Some(length) = file.get(at + 4..at + 8) {
            let length: [u8; 4] = length.try_into().expect("four bytes");
            let length =
                if is_big { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) } as usize;
            if length < 12 || at + length > file.len() {
                break;
            }
            ranges.push(at..at + length);
            at += length;
        }
        ranges
    };
    let (own, foreign) = (ranges(file), ranges(other));
    if own.is_empty() {
        return mutate::spoil(file, dice);
    }
    let (at, to) = (own[dice.below(own.len())].clone(), own[dice.below(own.len())].start);
    match dice.below(4) {
        0 => drop(file.drain(at)),
        1 => {
            let block = file[at].to_vec();
            file.splice(to..to, block);
        }
        2 if !foreign.is_empty() => {
            let block = other[foreign[dice.below(foreign.len())].clone()].to_vec();
            file.splice(to..to, block);
        }
        // A block that no version knows, or one of those that are skipped.
        _ => {
            let kind = wire::one(&[4_u32, 5, 10, 3, 2, 0x0bad, 0x8000_0001], dice);
            let content = 4 * dice.below(20) as u32;
            let mut block = [kind.to_le_bytes(), (content + 12).to_le_bytes()].concat();
            block.resize(8 + content as usize, 1);
            block.extend((content + 12).to_le_bytes());
            file.splice(to..to, block);
        }
    }
}

fn word(number: u32, is_big: bool) -> [u8; 4] {
    if is_big { number.to_be_bytes() } else { number.to_le_bytes() }
}

fn half(number: u16, is_big: bool) -> [u8; 2] {
    if is_big { number.to_be_bytes() } else { number.to_le_bytes() }
}

fn pcap(frames: &[crate::record::Frame], is_big: bool, is_nano: bool) -> Vec<u8> {
    let unit = if is_nano { 1 } else { 1000 };
    let magic = if is_nano { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    let mut file = [&word(magic, is_big)[..], &half(2, is_big), &half(4, is_big)].concat();
    for number in [0, 0, 262_144, u32::from(frames[0].link)] {
        file.extend(word(number, is_big));
    }
    for frame in frames {
        let (seconds, rest) = (frame.time / 1_000_000_000, frame.time % 1_000_000_000 / unit);
        for number in [seconds as u32, rest as u32, frame.bytes.len() as u32, frame.original] {
            file.extend(word(number, is_big));
        }
        file.extend(&frame.bytes);
    }
    file
}

/// A section with options, two interfaces of different resolution, packets of three kinds, names and statistics.
fn pcapng(frames: &[crate::record::Frame], is_big: bool, turn: usize) -> Vec<u8> {
    let (w, h) = (|number| word(number, is_big), |number| half(number, is_big));
    let option = |code: u16, value: &[u8]| {
        let mut option = [&h(code)[..], &h(value.len() as u16), value].concat();
        option.resize(option.len().next_multiple_of(4), 0);
        option
    };
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let length = w(body.len() as u32 + 12);
        file.extend([&w(kind)[..], &length, body, &length].concat());
    };
    let end = option(0, &[]);
    let hardware = option(2, b"a machine");
    block(
        0x0a0d_0d0a,
        &[&w(0x1a2b_3c4d)[..], &h(1), &h(0), &w(u32::MAX), &w(u32::MAX), &hardware, &end].concat(),
    );
    for resolution in [6_u8, [9, 0x8a, 3, 0x94][turn % 4]] {
        let named =
            [option(2, b"eth0"), option(9, &[resolution]), option(14, &[0, 0, 0, 0, 0, 0, 0, 9])].concat();
        block(1, &[&h(frames[0].link)[..], &h(0), &w(0), &named, &end].concat());
    }
    for (number, frame) in frames.iter().enumerate() {
        let mut bytes = frame.bytes.clone();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let (captured, original) = (w(frame.bytes.len() as u32), w(frame.original));
        let time = frame.time as u64 / 1000;
        let stamps = [w((time >> 32) as u32), w(time as u32)].concat();
        match number % 3 {
            0 => block(
                6,
                &[&w(number as u32 % 2)[..], &stamps, &captured, &original, &bytes, &option(1, b"x"), &end]
                    .concat(),
            ),
            1 => block(2, &[&h(0)[..], &h(2), &stamps, &captured, &original, &bytes].concat()),
            _ => block(3, &[&captured[..], &bytes].concat()),
        }
    }
    block(
        4,
        &[&h(1)[..], &h(9), &[192, 168, 12, 99, b'p', b'o', b'd', b's', 0, 0, 0, 0], &h(0), &h(0)].concat(),
    );
    block(5, &[&w(0)[..], &w(1), &w(2), &option(5, &[0, 0, 0, 0, 0, 0, 0, 3]), &end].concat());
    file
}

fn gzip(file: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(file).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

#[test]
fn savefile() {
    fuzz(&Reader);
}
