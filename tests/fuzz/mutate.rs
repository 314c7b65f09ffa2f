//! Changes: to bytes, to a frame whose layers are known, to frames that belong together.

use crate::dice::Dice;
use crate::record::{Frame, POINTS};
use crate::wire;

/// Most frames of one input.
const MOST_FRAMES: usize = 160;

/// Changes bytes of `range` in `bytes`: one or two of them, a word, or a bit.
pub(crate) fn spoil(bytes: &mut [u8], dice: &mut Dice) {
    if bytes.is_empty() {
        return;
    }
    let (at, left) = (dice.below(bytes.len()), bytes.len());
    match dice.below(6) {
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes[at] = wire::protocol(dice),
        2 => bytes[at] = wire::one(&[0, 1, 0x45, 0x46, 0x4f, 0x60, 0x7f, 0x80, 0xff], dice),
        3 => bytes[at] = bytes[at].wrapping_add(1).wrapping_sub(dice.below(3) as u8),
        4 => bytes[at] = dice.number() as u8,
        _ => {
            let number = wire::meaning(dice, left - at).to_be_bytes();
            let end = bytes.len().min(at + 2);
            bytes[at..end].copy_from_slice(&number[..end - at]);
        }
    }
}

/// Cuts, doubles, moves or lends parts of a file.
pub(crate) fn cut_and_paste(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let length = if dice.one_in(2) { dice.below(16) } else { dice.below(400) };
    match dice.below(5) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..bytes.len().min(at + length))),
        2 => {
            let part = bytes[at..bytes.len().min(at + length)].to_vec();
            let to = dice.below(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        3 => {
            let from = dice.below(other.len() + 1);
            let part = other[from..other.len().min(from + length)].to_vec();
            bytes.splice(at..at, part);
        }
        _ => {
            let from = dice.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend(&other[from..]);
        }
    }
}

/// Changes a frame in one way or several.
pub(crate) fn frame(frame: &mut Frame, other: &Frame, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        once(frame, other, dice);
    }
    if !dice.one_in(12) {
        frame.original = frame.original.max(frame.bytes.len() as u32);
    }
}

fn once(frame: &mut Frame, other: &Frame, dice: &mut Dice) {
    let packet = wire::layers(frame.link, &frame.bytes);
    let networks = wire::networks(&packet);
    // Headers are where it matters; payloads seldom.
    let header = packet.layers.get(dice.below(packet.layers.len().max(1))).map(|layer| layer.range.clone());
    let header = header.unwrap_or(0..frame.bytes.len()).start.min(frame.bytes.len())
        ..packet.layers.last().map_or(frame.bytes.len(), |layer| layer.range.end).min(frame.bytes.len());
    let network = if networks.is_empty() { 0 } else { networks[dice.below(networks.len())] };
    match dice.below(12) {
        0..=3 => spoil(&mut frame.bytes[header], dice),
        4 => frame.bytes.truncate(dice.below(frame.bytes.len() + 1)),
        5 => frame.bytes.truncate((header.start + dice.below(20)).min(frame.bytes.len())),
        6 => {
            let padding = dice.below(20);
            frame.bytes.extend((0..padding).map(|n| n as u8));
        }
        // A header twice, or not at all.
        7 => {
            let layer = packet.layers.get(dice.below(packet.layers.len().max(1)));
            let range = layer.map_or(0..0, |layer| layer.range.clone());
            let range = range.start.min(frame.bytes.len())..range.end.min(frame.bytes.len());
            let copy = if dice.one_in(3) { Vec::new() } else { frame.bytes[range.clone()].repeat(2) };
            frame.bytes.splice(range, copy);
        }
        // In a tunnel, in an error, on another link.
        8 => {
            let inner = wire::around(&frame.bytes[network..], dice);
            frame.link = wire::one(&wire::LINKS, dice);
            frame.bytes = wire::linked(&inner, frame.link, dice);
        }
        9 => {
            frame.link = wire::one(&wire::LINKS, dice);
            frame.bytes = wire::linked(&frame.bytes[network..], frame.link, dice);
        }
        // The beginning of this one, the end of another.
        10 => {
            let ends = wire::networks(&wire::layers(other.link, &other.bytes));
            let end = if ends.is_empty() { 0 } else { ends[dice.below(ends.len())] };
            frame.bytes.truncate(network);
            frame.bytes.extend(&other.bytes[end..]);
        }
        _ => {
            if dice.one_in(4) {
                (frame.link, frame.bytes) = (1, wire::arp(dice));
            } else {
                let mut ip = wire::rare(dice);
                (0..dice.below(2)).for_each(|_| ip = wire::around(&ip, dice));
                frame.link = wire::one(&wire::LINKS, dice);
                frame.bytes = wire::linked(&ip, frame.link, dice);
            }
            frame.original = frame.bytes.len() as u32;
        }
    }
}

/// Changes frames that belong together.
pub(crate) fn frames(frames: &mut Vec<Frame>, others: &[Frame], dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        if frames.is_empty() {
            frames.extend_from_slice(others);
            continue;
        }
        let at = dice.below(frames.len());
        match dice.below(14) {
            0 => drop(frames.remove(at)),
            1 => {
                let again = frames[at].clone();
                let to = dice.below(frames.len() + 1);
                frames.insert(to, again);
            }
            2 => {
                let with = dice.below(frames.len());
                frames.swap(at, with);
            }
            3 => {
                let from = dice.below(others.len() + 1);
                let count = dice.below(20);
                frames.extend(others[from..].iter().take(count).cloned());
            }
            4 => frames[at].time = time(frames[at].time, dice),
            5 => frames[at].point = dice.below(POINTS) as u8,
            6 | 7 => translated(frames, at, dice),
            8 => fragmented(frames, at, dice),
            // An error about the frame, from somewhere.
            9 => {
                let mut error = frames[at].clone();
                let networks = wire::networks(&wire::layers(error.link, &error.bytes));
                let from = networks.first().copied().unwrap_or(0);
                let quoting = wire::around(&error.bytes[from..], dice);
                error.bytes = wire::linked(&quoting, error.link, dice);
                error.original = error.bytes.len() as u32;
                error.time = error.time.saturating_add(dice.below(1 << 21) as i64);
                frames.insert(at + 1, error);
            }
            // Only one point, or one clock that is wrong.
            10 => {
                let (point, nanos) = (frames[at].point, dice.number() as i64 >> dice.below(64));
                let of_point = frames.iter_mut().filter(|frame| frame.point == point);
                of_point.for_each(|frame| frame.time = frame.time.saturating_add(nanos));
            }
            11 => frames[at].is_undescribed ^= dice.one_in(10),
            _ => {
                let other = if others.is_empty() {
                    frames[at].clone()
                } else {
                    others[dice.below(others.len())].clone()
                };
                frame(&mut frames[at], &other, dice);
            }
        }
    }
    frames.truncate(MOST_FRAMES);
}

fn time(time: i64, dice: &mut Dice) -> i64 {
    match dice.below(8) {
        0 => dice.number() as i64,
        1 => wire::one(&[i64::MIN, i64::MAX, 0, -1], dice),
        _ => time.saturating_add((dice.number() as i64) >> (20 + dice.below(40))),
    }
}

/// Copies of all frames with the source address of the one at `at`, as they look behind a NAT.
fn translated(frames: &mut Vec<Frame>, at: usize, dice: &mut Dice) {
    let chosen = &frames[at];
    let networks = wire::networks(&wire::layers(chosen.link, &chosen.bytes));
    let Some(network) = networks.last().copied() else { return };
    let is_v6 = chosen.bytes[network] >> 4 == 6;
    let source = if is_v6 { network + 8..network + 24 } else { network + 12..network + 16 };
    let Some(old) = chosen.bytes.get(source).map(<[u8]>::to_vec) else { return };
    let mut new = old.clone();
    let last = new.len() - 1;
    new[last] = wire::one(&[99, 11, 12, 5, 6], dice);
    let (ports, delta) = (dice.one_in(2), dice.below(3_000_000) as i64 - 100_000);
    let (point, port) = (dice.below(POINTS) as u8, 1024 + dice.below(60_000) as u16);
    let mut copies = Vec::new();
    for frame in frames.iter().filter(|frame| frame.bytes.windows(old.len()).any(|window| window == old)) {
        let mut copy = frame.clone();
        let networks = wire::networks(&wire::layers(copy.link, &copy.bytes));
        let source = if is_v6 { 8 } else { 12 };
        let is_out = networks.last().is_some_and(|at| copy.bytes[at + source..].starts_with(&old));
        while let Some(found) =
            copy.bytes.windows(old.len()).position(|window| window == old).filter(|_| new != old)
        {
            copy.bytes[found..found + old.len()].copy_from_slice(&new);
        }
        if let (true, true, Some(network)) = (ports, is_out, networks.last()) {
            let transport = network + if is_v6 { 40 } else { 20 };
            if let Some(place) = copy.bytes.get_mut(transport..transport + 2) {
                place.copy_from_slice(&port.to_be_bytes());
            }
        }
        (copy.point, copy.time) = (point, copy.time.saturating_add(delta));
        copies.push(copy);
    }
    frames.extend(copies);
}

/// The frame at `at` in two or three fragments, in any order; the whole one stays beside them, sometimes.
fn fragmented(frames: &mut Vec<Frame>, at: usize, dice: &mut Dice) {
    let whole = frames[at].clone();
    let networks = wire::networks(&wire::layers(whole.link, &whole.bytes));
    let Some(network) = networks.last().copied() else { return };
    let start = network + 20;
    if whole.bytes[network] != 0x45 || whole.bytes.len() < start + 16 {
        return;
    }
    let mut from = 0;
    let content = whole.bytes.len() - start;
    let mut pieces = Vec::new();
    while from < content && pieces.len() < 4 {
        let length = if pieces.len() == 3 {
            content - from
        } else {
            (8 * (1 + dice.below(content / 8))).min(content - from)
        };
        let mut piece = whole.clone();
        piece.bytes = [&whole.bytes[..start], &whole.bytes[start + from..start + from + length]].concat();
        let total = (20 + length) as u16;
        piece.bytes[network + 2..network + 4].copy_from_slice(&total.to_be_bytes());
        let more = u16::from(from + length < content) << 13;
        let field = more | (from / 8) as u16;
        piece.bytes[network + 6..network + 8].copy_from_slice(&field.to_be_bytes());
        piece.original = piece.bytes.len() as u32;
        from += length;
        pieces.push(piece);
    }
    if dice.one_in(3) {
        pieces.reverse();
    }
    if dice.one_in(2) {
        frames.remove(at);
    }
    let to = dice.below(frames.len() + 1);
    frames.splice(to..to, pieces);
}
