//! One incarnation of one 5-tuple, wherever it was seen.

use crate::digest::{Key, protocol, sctp, tcp as flag};
use crate::flow::leg::LegIndex;
use crate::flow::table::FlowIndex;
use crate::flow::tcp;
use crate::net::Endpoint;

/// Index of a track in [`super::Table::tracks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrackIndex(pub u32);

impl TrackIndex {
    pub const NONE: Self = Self(u32::MAX);
}

/// What is known of a track, as bits of [`Track::known`].
pub mod known {
    /// The client (who opened it) is the key's high end.
    pub const CLIENT_HIGH: u16 = 0x0001;
    /// …and that is certain, from a handshake.
    pub const CLIENT: u16 = 0x0002;
    /// The client's, the server's initial sequence number.
    pub const CLIENT_ISN: u16 = 0x0004;
    pub const SERVER_ISN: u16 = 0x0008;
    /// A SYN, or SCTP's INIT, was seen, not only inferred from its answer; it carried a timestamp.
    pub const SYN: u16 = 0x0010;
    pub const SYN_TIMESTAMP: u16 = 0x0020;
    pub const FIN_OUT: u16 = 0x0040;
    pub const FIN_BACK: u16 = 0x0080;
    /// A reset before its sender had closed.
    pub const RST_OUT: u16 = 0x0100;
    pub const RST_BACK: u16 = 0x0200;
    /// A reset that answers the SYN.
    pub const REFUSED: u16 = 0x0400;
    /// `end_out`, `end_back` hold numbers; `ack_out`, `ack_back` do, or, of SCTP, that side sent more than an ABORT.
    pub const END_OUT: u16 = 0x0800;
    pub const END_BACK: u16 = 0x1000;
    pub const ACK_OUT: u16 = 0x2000;
    pub const ACK_BACK: u16 = 0x4000;
    /// A newer track has its 5-tuple.
    pub const SUPERSEDED: u16 = 0x8000;
}

/// How far a track has been listened to for names, as bits of [`Track::hearing`].
pub mod hearing {
    /// Something has begun that may tell a name.
    pub const LISTENING: u8 = 0x01;
    /// The beginning of its client's data told a name.
    pub const NAMED: u8 = 0x02;
}

/// One conversation under one 5-tuple.
#[derive(Debug, Clone)]
pub struct Track {
    pub key: Key,
    pub client_isn: u32,
    pub server_isn: u32,
    /// The timestamp value of the first SYN.
    pub syn_timestamp: u32,
    /// Ends of the data sent, and the highest acknowledgements, by client (out) and server (back). Where none is known, a
    /// reset has left its numbers there.
    pub end_out: u32,
    pub end_back: u32,
    pub ack_out: u32,
    pub ack_back: u32,
    /// From the SYN to its answer at one place, in ns; 0 where not measured.
    pub rtt: u32,
    pub flow: FlowIndex,
    /// The next track of the flow.
    pub next_in_flow: TrackIndex,
    /// The track that had this 5-tuple before.
    pub older: TrackIndex,
    pub first_leg: LegIndex,
    /// Identification of the first SYN's IPv4 header; 0 where unknown or IPv6.
    pub syn_ip_id: u16,
    pub known: u16,
    pub hearing: u8,
    /// The marks of all its frames: what is asked of frames, and some of them meets.
    pub marks: u8,
    /// Changed since it was last asked for.
    pub is_changed: bool,
    /// Was seen at more places than are told apart.
    pub is_crowded: bool,
    /// A packet of it came since all were last let rest.
    pub is_stirred: bool,
}

/// A segment's facts as the track sees them.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    pub seq: u32,
    /// Where its data ends: `seq` + 1 for a SYN + payload.
    pub end: u32,
    pub ack: u32,
    pub payload: u32,
    pub flags: u8,
}

impl Segment {
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }

    pub fn is_syn(&self) -> bool {
        self.flags & (flag::SYN | flag::ACK) == flag::SYN
    }

    pub fn is_syn_ack(&self) -> bool {
        self.has(flag::SYN | flag::ACK)
    }
}

impl Track {
    pub fn new(key: Key, flow: FlowIndex, older: TrackIndex) -> Self {
        Self {
            key,
            client_isn: 0,
            server_isn: 0,
            syn_timestamp: 0,
            end_out: 0,
            end_back: 0,
            ack_out: 0,
            ack_back: 0,
            rtt: 0,
            flow,
            next_in_flow: TrackIndex::NONE,
            older,
            first_leg: LegIndex::NONE,
            syn_ip_id: 0,
            known: 0,
            hearing: 0,
            marks: 0,
            is_changed: false,
            is_crowded: false,
            is_stirred: false,
        }
    }

    #[inline]
    pub fn knows(&self, bits: u16) -> bool {
        self.known & bits == bits
    }

    pub fn is_tcp(&self) -> bool {
        self.key.protocol == protocol::TCP
    }

    /// Whether both sides have closed, or one has ended it.
    pub fn is_closed(&self) -> bool {
        self.knows(known::FIN_OUT | known::FIN_BACK)
            || self.known & (known::RST_OUT | known::RST_BACK | known::REFUSED) != 0
    }

    /// Whether a packet that travels `reversed` along the key comes from the client.
    #[inline]
    pub fn is_out(&self, reversed: bool) -> bool {
        reversed == self.knows(known::CLIENT_HIGH)
    }

    pub fn client(&self) -> Endpoint {
        self.key.ends(self.knows(known::CLIENT_HIGH)).0
    }

    pub fn server(&self) -> Endpoint {
        self.key.ends(self.knows(known::CLIENT_HIGH)).1
    }

    /// Whether a segment may belong to this incarnation, by its sequence number.
    ///
    /// A reset's number is what the other side last acknowledged, or 0: it says nothing, and fits everything.
    pub fn admits(&self, is_out: bool, segment: &Segment) -> bool {
        if segment.flags & flag::RST != 0 && segment.seq == 0 {
            return true;
        }
        let isn = if is_out { known::CLIENT_ISN } else { known::SERVER_ISN };
        if self.knows(isn) {
            return tcp::continues(segment.seq, if is_out { self.client_isn } else { self.server_isn });
        }
        let (end, number) =
            if is_out { (known::END_OUT, self.end_out) } else { (known::END_BACK, self.end_back) };
        !self.knows(end) || (segment.seq.wrapping_sub(number) as i32).unsigned_abs() < 1 << 30
    }

    /// How far a segment's number lies beyond the beginning of its direction; `None` where that was not seen.
    pub fn distance(&self, is_out: bool, seq: u32) -> Option<u32> {
        let (bit, isn) =
            if is_out { (known::CLIENT_ISN, self.client_isn) } else { (known::SERVER_ISN, self.server_isn) };
        self.knows(bit).then(|| seq.wrapping_sub(isn))
    }

    /// Takes in what a segment says of the conversation, whichever place showed it.
    #[inline]
    pub fn note(&mut self, is_out: bool, segment: &Segment) {
        if segment.flags & flag::RST != 0 {
            self.note_reset(is_out, segment);
            return;
        }
        let (end_bit, ack_bit, fin_bit) = if is_out {
            (known::END_OUT, known::ACK_OUT, known::FIN_OUT)
        } else {
            (known::END_BACK, known::ACK_BACK, known::FIN_BACK)
        };
        let (end, ack) = if is_out {
            (&mut self.end_out, &mut self.ack_out)
        } else {
            (&mut self.end_back, &mut self.ack_back)
        };
        *end = if self.known & end_bit == 0 { segment.end } else { tcp::later(*end, segment.end) };
        self.known |= end_bit;
        if segment.flags & flag::ACK != 0 {
            *ack = if self.known & ack_bit == 0 { segment.ack } else { tcp::later(*ack, segment.ack) };
            self.known |= ack_bit;
        }
        if segment.flags & flag::FIN != 0 {
            self.known |= fin_bit;
        }
    }

    /// Takes in the first chunk of an SCTP packet: an ABORT is what a reset is to TCP, anything else that the server sends
    /// is an answer. What was an answer to an INIT and what came later cannot be told by an ABORT alone.
    pub fn note_chunk(&mut self, is_out: bool, chunk: u8) {
        self.known |= match (is_out, chunk) {
            (true, sctp::ABORT) => known::RST_OUT,
            (false, sctp::ABORT) => known::RST_BACK,
            (true, sctp::INIT) => known::SYN | known::ACK_OUT,
            (true, _) => known::ACK_OUT,
            (false, _) => known::ACK_BACK,
        };
        // The last word of either end: both have closed (RFC 9260 §9.2).
        if chunk == sctp::SHUTDOWN_COMPLETE {
            self.known |= known::FIN_OUT | known::FIN_BACK;
        }
    }

    fn note_reset(&mut self, is_out: bool, segment: &Segment) {
        let (own_fin, bit, end_bit, ack_bit) = if is_out {
            (known::FIN_OUT, known::RST_OUT, known::END_OUT, known::ACK_OUT)
        } else {
            (known::FIN_BACK, known::RST_BACK, known::END_BACK, known::ACK_BACK)
        };
        let (end, ack) = if is_out {
            (&mut self.end_out, &mut self.ack_out)
        } else {
            (&mut self.end_back, &mut self.ack_back)
        };
        if self.known & end_bit == 0 {
            *end = segment.seq;
        }
        if self.known & ack_bit == 0 && segment.flags & flag::ACK != 0 {
            *ack = segment.ack;
        }
        if !self.knows(own_fin) {
            self.known |= bit;
        }
        self.note_refusal();
    }

    /// Whether nothing but its SYN was seen of the client: `end_out` is where that ends, data included.
    pub fn has_only_begun(&self) -> bool {
        self.knows(known::SYN | known::END_OUT) && !self.knows(known::ACK_OUT)
    }

    /// Takes a reset for the answer to the SYN, if it acknowledges that alone, or with the data that came along (RFC 7413);
    /// whichever of them was seen first.
    pub fn note_refusal(&mut self) {
        let with_data = self.has_only_begun() && self.ack_back == self.end_out;
        let is_answer = self.knows(known::RST_BACK | known::CLIENT_ISN)
            && self.known & (known::SERVER_ISN | known::ACK_BACK) == 0
            && (self.ack_back == self.client_isn.wrapping_add(1) || with_data);
        if is_answer {
            self.known |= known::REFUSED;
        }
    }
}

/// Whether the key's high end is the client, where one port alone is a known service's: the well-known ports (RFC 6335 §6)
/// are servers'.
pub fn client_by_service(key: &Key) -> Option<bool> {
    const WELL_KNOWN: u16 = 1024;
    client_above(key, WELL_KNOWN)
}

/// Whether the key's high end is likely to be the client: by the service, else because it alone has a port that systems give
/// to clients. Node ports lie below these (30000 to 32767), but so may a client's, and above them a server's: a guess, to
/// begin with.
pub fn client_by_ports(key: &Key) -> Option<bool> {
    const EPHEMERAL: u16 = 32768;
    client_by_service(key).or_else(|| client_above(key, EPHEMERAL))
}

fn client_above(key: &Key, boundary: u16) -> Option<bool> {
    match (key.low_port < boundary, key.high_port < boundary) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> Track {
        Track::new(Key { protocol: protocol::TCP, ..Key::default() }, FlowIndex(0), TrackIndex::NONE)
    }

    fn segment(flags: u8, seq: u32, ack: u32) -> Segment {
        Segment { seq, end: seq, ack, payload: 0, flags }
    }

    #[test]
    fn a_reset_of_the_syn_is_a_refusal() {
        let mut track = track();
        track.known |= known::CLIENT_ISN;
        track.client_isn = 100;
        track.note(false, &segment(flag::RST | flag::ACK, 0, 101));
        assert!(track.knows(known::REFUSED));
    }

    #[test]
    fn a_reset_after_its_sender_closed_is_no_reset() {
        let mut track = track();
        track.note(true, &segment(flag::FIN | flag::ACK, 500, 1));
        track.note(true, &segment(flag::RST, 501, 0));
        assert!(!track.knows(known::RST_OUT));
        track.note(false, &segment(flag::RST, 900, 0));
        assert!(track.knows(known::RST_BACK));
    }

    #[test]
    fn an_association_is_closed_by_its_last_word_or_an_abort() {
        let closed = |chunks: &[u8]| {
            let mut track = track();
            for chunk in chunks {
                track.note_chunk(true, *chunk);
            }
            track.is_closed()
        };
        assert!(!closed(&[sctp::INIT, sctp::DATA, sctp::SHUTDOWN]));
        assert!(closed(&[sctp::INIT, sctp::SHUTDOWN_COMPLETE]) && closed(&[sctp::ABORT]));
    }

    #[test]
    fn a_segment_of_another_incarnation_is_not_admitted() {
        let mut track = track();
        track.known |= known::CLIENT_ISN;
        track.client_isn = 4_000_000_000;
        assert!(track.admits(true, &segment(flag::ACK, 4_000_000_001, 1)));
        assert!(track.admits(true, &segment(flag::ACK, 100, 1)), "numbers wrap");
        assert!(!track.admits(true, &segment(flag::ACK, 3_999_999_999, 1)));
    }

    #[test]
    fn a_server_is_told_by_a_well_known_port_and_else_by_one_that_is_not_ephemeral() {
        let by = |low_port, high_port| client_by_ports(&Key { low_port, high_port, ..Key::default() });
        assert_eq!(by(443, 40001), Some(true));
        assert_eq!(by(40001, 443), Some(false));
        assert_eq!(by(1023, 1024), Some(true));
        assert_eq!(by(1023, 1023), None);
        assert_eq!(by(32767, 32768), Some(true));
        assert_eq!(by(32768, 32767), Some(false));
        assert_eq!(by(30080, 20000), None);
        assert_eq!(by(40001, 50001), None);
    }

    #[test]
    fn a_known_service_alone_tells_who_is_the_client() {
        let by = |low_port, high_port| client_by_service(&Key { low_port, high_port, ..Key::default() });
        assert_eq!(by(443, 8443), Some(true));
        assert_eq!(by(40001, 1023), Some(false));
        assert_eq!(by(1024, 40001), None);
        assert_eq!(by(700, 111), None);
    }

    #[test]
    fn a_track_stays_small() {
        assert!(size_of::<Track>() <= 104, "{} bytes", size_of::<Track>());
    }
}
