//! What is asked of frames can change while some of them wait for their track: what they met before counts no more.

use super::*;
use crate::decode::build::{Inner, icmp, udp};
use crate::decode::{Digester, KeyHasher, Options};
use crate::digest::{Interface, protocol};

/// A table, and the one place that it is shown frames of.
struct Shown {
    table: Table,
    digester: Digester,
    frames: u64,
}

impl Shown {
    fn new() -> Self {
        let mut table = Table::default();
        table.add_point();
        table.add_place(PointIndex(0));
        Self { table, digester: Digester::new(KeyHasher::new(1), Options::default()), frames: 0 }
    }

    /// Takes in a frame that has met what these marks say.
    fn frame(&mut self, packet: Inner, marks: u8) {
        let (link, slab) = (LinkType::ETHERNET, packet.ethernet());
        let mut batch = Batch::new(PointIndex(0));
        if self.frames == 0 {
            batch.interfaces.push(Interface { link, name: None, snap_length: 0 });
        }
        let length = slab.len() as u32;
        let time = Timestamp::default();
        batch.heads.push(Head { time, start: 0, captured: length, original: length, interface: 0 });
        batch.slab = slab;
        self.digester.digest(&mut batch);
        batch.digests[0].marks = marks;
        self.frames += 1;
        self.table.ingest(
            &batch,
            &Origin {
                point: PointIndex(0),
                first_ordinal: self.frames,
                places: &[PlaceIndex(0)],
                tunnels: &[],
                links: &[link],
            },
        );
    }

    /// The marks of the one track that there is.
    fn marks(&mut self) -> u8 {
        self.table.settle();
        assert_eq!(self.table.tracks.len(), 1);
        self.table.tracks[0].marks
    }
}

/// A datagram, or a fragment of it.
fn datagram(fragment: u16) -> Inner {
    udp(40001, 9000, b"some bytes").in4_with("10.128.0.5", "203.0.113.25", &[], fragment)
}

const WHOLE: u16 = 0x4000;
const FIRST: u16 = 0x2000;
const LATER: u16 = 0x0001;

#[test]
fn a_fragment_that_waits_for_its_first_forgets_its_marks_with_all_others() {
    for (forgets, marks) in [(false, 1), (true, 0)] {
        let mut shown = Shown::new();
        shown.frame(datagram(LATER), 1);
        if forgets {
            shown.table.forget_marks();
        }
        shown.frame(datagram(FIRST), 0);
        assert_eq!(shown.marks(), marks, "forgotten: {forgets}");
    }
}

#[test]
fn an_error_that_waits_for_its_track_forgets_its_marks_with_all_others() {
    for (forgets, marks) in [(false, 1), (true, 0)] {
        let mut shown = Shown::new();
        shown.frame(icmp(protocol::ICMP, 3, &datagram(WHOLE).wire).in4("192.168.12.1", "10.128.0.5"), 1);
        if forgets {
            shown.table.forget_marks();
        }
        shown.frame(datagram(WHOLE), 0);
        assert_eq!(shown.marks(), marks, "forgotten: {forgets}");
    }
}
