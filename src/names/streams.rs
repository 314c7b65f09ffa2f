//! Beginnings of streams that came in several segments, put together again.
//!
//! A stream is a direction of a track at one point. It is kept until it has told its name, or cannot; of each, at most
//! [`hint::STREAM`] bytes, and at most [`STREAMS`] of a point at a time: then the oldest is given up.
//! Segments may come twice and in any order, with at most [`PARTS`] gaps between them.

use smallvec::SmallVec;

use super::Stretch;
use crate::decode::hint;

/// Streams of one point at a time: a hello's segments follow each other at once, so few are ever open. With 16 KiB each, one
/// mebibyte.
const STREAMS: usize = 64;
/// Pieces that do not touch.
const PARTS: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Streams {
    open: Vec<Stream>,
    /// The one that is given up next.
    oldest: usize,
}

#[derive(Debug)]
struct Stream {
    /// The track's number and direction; `None` if it is free.
    whose: Option<(u32, bool)>,
    base: u32,
    is_middle: bool,
    bytes: Vec<u8>,
    /// Which of the bytes are known: ranges that do not touch, ascending.
    known: SmallVec<[(u32, u32); PARTS]>,
}

impl Streams {
    /// Begins a stream whose first byte stands at `base`.
    pub(super) fn begin(&mut self, stretch: &Stretch<'_>, base: u32, is_middle: bool) {
        let free = self.open.iter().position(|stream| stream.whose.is_none());
        let index = match free {
            Some(free) => free,
            None if self.open.len() < STREAMS => {
                self.open.push(Stream {
                    whose: None,
                    base,
                    is_middle,
                    bytes: Vec::new(),
                    known: SmallVec::new(),
                });
                self.open.len() - 1
            }
            None => {
                self.oldest = (self.oldest + 1) % STREAMS;
                self.oldest
            }
        };
        let stream = &mut self.open[index];
        stream.whose = Some((stretch.track, stretch.is_back));
        (stream.base, stream.is_middle) = (base, is_middle);
        stream.bytes.clear();
        stream.known.clear();
        stream.add(stretch);
    }

    /// Adds to the stream that a stretch belongs to; returns what is known of its beginning, and whether that is in
    /// the middle of a direction's data. `None` if there is no such stream.
    pub(super) fn add(&mut self, stretch: &Stretch<'_>) -> Option<(&[u8], bool)> {
        let stream = self.open.iter_mut().find(|stream| stream.is_of(stretch))?;
        stream.add(stretch);
        Some((stream.beginning(), stream.is_middle))
    }

    /// Gives tracks their new numbers; streams of those that have none are given up.
    pub(super) fn renumber(&mut self, new: impl Fn(u32) -> Option<u32>) {
        for stream in &mut self.open {
            stream.whose = stream.whose.and_then(|(track, is_back)| Some((new(track)?, is_back)));
        }
    }

    pub(super) fn give_up(&mut self, stretch: &Stretch<'_>) {
        if let Some(stream) = self.open.iter_mut().find(|stream| stream.is_of(stretch)) {
            stream.whose = None;
        }
    }
}

impl Stream {
    fn is_of(&self, stretch: &Stretch<'_>) -> bool {
        self.whose == Some((stretch.track, stretch.is_back))
    }

    fn beginning(&self) -> &[u8] {
        match self.known.first() {
            Some((0, end)) => &self.bytes[..*end as usize],
            _ => &[],
        }
    }

    /// What lies before the stream or beyond its room is left out, as is what would make one gap too many.
    fn add(&mut self, stretch: &Stretch<'_>) {
        const ROOM: u32 = hint::STREAM as u32;
        let from = stretch.seq.wrapping_sub(self.base);
        if from >= ROOM || stretch.payload.is_empty() {
            return;
        }
        let size = (stretch.payload.len() as u32).min(ROOM - from);
        let (mut from, mut to) = (from, from + size);
        let touches = |known: &(u32, u32)| known.0 <= to && from <= known.1;
        if self.known.iter().any(|known| known.0 <= from && to <= known.1) {
            return;
        }
        if self.known.len() == PARTS && !self.known.iter().any(touches) {
            return;
        }
        if self.bytes.len() < to as usize {
            self.bytes.resize(to as usize, 0);
        }
        self.bytes[from as usize..to as usize].copy_from_slice(&stretch.payload[..size as usize]);
        self.known.retain(|known| {
            let touches = known.0 <= to && from <= known.1;
            if touches {
                (from, to) = (from.min(known.0), to.max(known.1));
            }
            !touches
        });
        let place = self.known.partition_point(|known| known.0 < from);
        self.known.insert(place, (from, to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PointIndex;
    use proptest::prelude::*;

    const BASE: u32 = u32::MAX - 100;

    fn stretch(track: u32, from: usize, payload: &[u8]) -> Stretch<'_> {
        Stretch {
            track,
            point: PointIndex(0),
            is_back: false,
            seq: BASE.wrapping_add(from as u32),
            start: Some(BASE),
            is_early: false,
            is_late: false,
            payload,
            length: payload.len() as u32,
        }
    }

    fn begun<'a>(streams: &mut Streams, track: u32, payload: &'a [u8]) -> Stretch<'a> {
        let first = stretch(track, 0, payload);
        streams.begin(&first, BASE, false);
        first
    }

    proptest! {
        #[test]
        fn segments_in_any_order_and_more_than_once_give_the_stream(
            cuts in prop::collection::vec(1_usize..400, 1..4),
            order in prop::collection::vec(0_usize..5, 20..40),
        ) {
            let whole: Vec<u8> = (0..500_usize).map(|n| (n * 7) as u8).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().chain([0, 500]).collect();
            cuts.sort_unstable();
            let parts: Vec<(usize, &[u8])> = cuts.windows(2).map(|w| (w[0], &whole[w[0]..w[1]])).collect();
            let mut streams = Streams::default();
            streams.begin(&stretch(1, parts[0].0, parts[0].1), BASE, false);
            for n in order.into_iter().chain(0..5) {
                if let Some((from, part)) = parts.get(n) {
                    streams.add(&stretch(1, *from, part));
                }
            }
            prop_assert_eq!(streams.add(&stretch(1, 0, &[])).unwrap().0, &whole);
        }
    }

    #[test]
    fn a_stream_takes_no_more_than_its_room() {
        let mut streams = Streams::default();
        begun(&mut streams, 1, &[1; 1000]);
        for n in 1..40 {
            streams.add(&stretch(1, n * 1000, &[1; 1000]));
        }
        assert_eq!(streams.add(&stretch(1, 0, &[])).unwrap().0.len(), hint::STREAM);
        streams.add(&stretch(1, 1 << 30, &[1]));
        assert_eq!(streams.open[0].bytes.len(), hint::STREAM);
    }

    #[test]
    fn beyond_the_cap_the_oldest_stream_is_given_up() {
        let mut streams = Streams::default();
        for track in 0..1000 {
            begun(&mut streams, track, b"GET");
        }
        assert_eq!(streams.open.len(), STREAMS);
        assert!(streams.add(&stretch(0, 3, b" ")).is_none());
        assert_eq!(streams.add(&stretch(999, 3, b" ")).unwrap().0, b"GET ");
    }
}
