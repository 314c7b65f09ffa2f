//! Frames of any link type through the decoder.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::mem;

use egret::decode::{self, Digester, KeyHasher, Options};
use egret::digest::{Batch, Digest, Key, Kind, LocalPlace, LocalTunnel, Piece};
use egret::frame::PointIndex;
use egret::packet::{Packet, Why};

use crate::dice::Dice;
use crate::harness::{Target, fuzz};
use crate::record::{self, Frame, Point};
use crate::seeds::FRAMES;
use crate::{mutate, wire};

struct Decoder;

impl Target for Decoder {
    const NAME: &'static str = "decoder";
    const INPUTS: u64 = 12_000;

    fn seeds(&self) -> Vec<Vec<u8>> {
        let mut seeds: Vec<_> =
            FRAMES.iter().flatten().map(|frame| record::write(&[frame.clone()])).collect();
        let mut dice = Dice::new(1);
        for link in wire::LINKS.repeat(20) {
            let bytes = wire::linked(&wire::rare(&mut dice), link, &mut dice);
            let original = bytes.len() as u32;
            seeds.push(record::write(&[Frame {
                point: 0,
                is_undescribed: false,
                link,
                time: 0,
                original,
                bytes,
            }]));
        }
        seeds
    }

    fn mutated(&self, input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
        let (mut frames, others) = (record::read(input), record::read(other));
        if let ([frame, ..], [other, ..]) = (&mut frames[..], &others[..]) {
            mutate::frame(frame, other, dice);
            // Numbers of link types that egret knows, and some that it does not.
            frame.link = if dice.one_in(30) { dice.below(300) as u16 } else { frame.link };
        }
        // A frame after another has its numbers, and must not have more of it.
        if dice.one_in(10) {
            frames.extend(others);
        }
        frames.truncate(4);
        record::write(&frames)
    }

    fn run(&self, input: &[u8]) -> u64 {
        let mut came_to = DefaultHasher::new();
        let hasher = KeyHasher::new(7);
        let options = Options::with_pods(["10.128.0.5".parse().expect("a block")]);
        for options in [Options::default(), options] {
            for point in record::points(record::read(input)) {
                let mut batch = record::batch(PointIndex(0), &point.links, &point.frames);
                Digester::new(hasher.clone(), options.clone()).digest(&mut batch);
                sound(&batch);
                for (index, ((_, frame), digest)) in (0..).zip(point.frames.iter().zip(&batch.digests)) {
                    let packet = decode::packet(&frame.bytes, frame.link(), &options);
                    layers(&packet, frame.bytes.len());
                    shape(&packet, digest).hash(&mut came_to);
                    if !frame.is_undescribed {
                        let piece =
                            batch.fragments.iter().find(|(of, _)| *of == index).map(|(_, piece)| *piece);
                        one_digest(frame, digest, piece, &options, &hasher);
                    }
                }
                alone(&point, &batch, &hasher, &options);
            }
        }
        came_to.finish()
    }

    fn memory(&self, input: &[u8]) -> u64 {
        // A batch has room for 2,048 frames from the beginning.
        (2 << 20) + 64 * input.len() as u64
    }
}

/// What a frame is made of, without its numbers.
fn shape(packet: &Packet, digest: &Digest) -> u64 {
    let mut shape = DefaultHasher::new();
    for layer in &packet.layers {
        mem::discriminant(&layer.header).hash(&mut shape);
        (layer.range.is_empty()).hash(&mut shape);
    }
    match packet.stopped.map(|stop| stop.why) {
        Some(Why::Malformed(what)) => what.hash(&mut shape),
        why => why.map(|why| mem::discriminant(&why)).hash(&mut shape),
    }
    (digest.kind as u8, digest.understood as u8, digest.motion as u8, digest.tunnel.0).hash(&mut shape);
    shape.finish()
}

/// Ranges ascend without overlap within the frame, and the walk ended where it can have.
fn layers(packet: &Packet, length: usize) {
    assert!(packet.layers.len() <= Packet::LAYERS, "{packet:?}");
    let mut at = 0;
    for layer in &packet.layers {
        assert!(at <= layer.range.start && layer.range.start <= layer.range.end, "{packet:?}");
        at = layer.range.end;
    }
    assert!(at <= length, "{length} bytes: {packet:?}");
    assert!(packet.stopped.is_none_or(|stop| stop.at <= length), "{length} bytes: {packet:?}");
}

/// What holds of all digests, and of what a batch tells beside them.
fn sound(batch: &Batch) {
    assert_eq!(batch.digests.len(), batch.heads.len(), "digests and frames");
    for (head, digest) in batch.heads.iter().zip(&batch.digests) {
        let ends = [digest.network, digest.transport, digest.payload];
        assert!(ends.is_sorted() && u32::from(digest.payload) <= head.captured, "{digest:?} of {head:?}");
        assert!(
            usize::from(digest.place.0) < batch.places.len(),
            "{digest:?} of {} places",
            batch.places.len()
        );
        assert!(
            usize::from(digest.tunnel.0) <= batch.tunnels.len(),
            "{digest:?} of {} tunnels",
            batch.tunnels.len()
        );
        assert!(digest.key.low() <= digest.key.high(), "{digest:?}");
        if digest.kind == Kind::Other {
            assert_eq!((digest.key, digest.hash), (Key::default(), 0), "no conversation");
        }
    }
    let frames = batch.heads.len() as u32;
    for indexes in [
        batch.icmp_errors.iter().map(|(index, _)| *index).collect::<Vec<_>>(),
        batch.fragments.iter().map(|(index, _)| *index).collect(),
    ] {
        assert!(indexes.iter().all(|index| *index < frames), "{indexes:?} of {frames}");
        assert!(indexes.is_sorted_by(|one, next| one < next), "{indexes:?}");
    }
    let claims: Vec<u32> = batch.claims.iter().map(|(index, _)| *index).collect();
    assert!(claims.is_sorted() && claims.iter().all(|index| *index < frames), "{claims:?} of {frames}");
    let of_kind = |kind| (0..frames).filter(move |index| batch.digests[*index as usize].kind == kind);
    let errors: Vec<u32> = batch.icmp_errors.iter().map(|(index, _)| *index).collect();
    assert_eq!(of_kind(Kind::IcmpError).collect::<Vec<_>>(), errors, "ICMP errors");
    // The beginning of a datagram is one as well, where it is too short to name the conversation.
    for tail in of_kind(Kind::Tail) {
        assert!(batch.fragments.iter().any(|(index, _)| *index == tail), "tail {tail}");
    }
}

/// The short way and the long one lead to one digest.
fn one_digest(frame: &Frame, digest: &Digest, piece: Option<Piece>, options: &Options, hasher: &KeyHasher) {
    let full = decode::digest(&frame.bytes, frame.link(), frame.original, options, hasher);
    let known = Digest { place: LocalPlace(0), tunnel: LocalTunnel::NONE, tunnel_reversed: false, ..*digest };
    assert_eq!((known, piece), full, "{frame:02x?}");
}

/// A frame's digest depends on no other frame, numbers of places and tunnels apart.
fn alone(point: &Point, batch: &Batch, hasher: &KeyHasher, options: &Options) {
    for (index, digest) in batch.digests.iter().enumerate().skip(1) {
        let mut alone = record::batch(PointIndex(0), &point.links, &point.frames[index..=index]);
        Digester::new(hasher.clone(), options.clone()).digest(&mut alone);
        let known = Digest { place: LocalPlace(0), tunnel: alone.digests[0].tunnel, ..*digest };
        assert_eq!(known, alone.digests[0], "frame {index}");
        let tunnel = |batch: &Batch, digest: &Digest| {
            digest.tunnel.0.checked_sub(1).map(|number| batch.tunnels[usize::from(number)])
        };
        assert_eq!(tunnel(batch, digest), tunnel(&alone, &alone.digests[0]), "tunnel of frame {index}");
    }
}

#[test]
fn decoder() {
    fuzz(&Decoder);
}
