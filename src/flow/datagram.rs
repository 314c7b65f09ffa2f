//! Packets that are no TCP segments: what they say of their track, and what NAT keeps of them.
//!
//! | protocol | what NAT keeps |
//! |---|---|
//! | UDP | IP identification, the length in the UDP header, the beginning of the payload |
//! | ICMP echo | sequence number, kind, IP identification, length, the beginning of the payload; the identifier may change |
//! | SCTP | the tags: each end chooses one, and all packets to it carry it (RFC 9260 §8.5) |
//! | ESP | SPI and sequence number (RFC 4303 §2) |
//! | others | IP identification, length, the beginning of the payload |
//!
//! Without an identification (IPv6, packets that must not be fragmented) the payload has to tell. The UDP header's
//! length is that of the whole datagram, so a first fragment has the print of the reassembled datagram.

use std::hash::BuildHasher as _;

use crate::decode;
use crate::digest::{Digest, Kind, echo, protocol, sctp};
use crate::flow::leg::{self, Facing, LegIndex};
use crate::flow::sign::{self, Class, Print};
use crate::flow::table::{Sighting, Table};
use crate::flow::track::{TrackIndex, client_by_ports, client_by_service, known};

/// Packets of a leg each way that leave signs for certain.
const FIRST: u32 = 4;

/// Bytes of payload that a print takes in: with an identification so few that a capture cut at 54 bytes still has them;
/// without one enough to tell messages of one kind apart.
const PAYLOAD: usize = 8;
const PAYLOAD_ALONE: usize = 64;

/// Payload that tells a packet from others without an identification: less is what many would send alike.
const TELLING: usize = 8;

impl Table {
    /// Takes in a packet; returns its track.
    pub(super) fn datagram(&mut self, seen: &Sighting<'_>, digest: &Digest, found: TrackIndex) -> TrackIndex {
        let track = match self.newest(digest, found) {
            None => self.open(digest, None),
            Some(track) => track,
        };
        if let Some(client_is_high) = client_by_content(digest)
            && !self.track(track).knows(known::CLIENT)
        {
            self.orient(track, client_is_high);
            self.tracks[track.0 as usize].known |= known::CLIENT;
        }
        let leg = self.leg_at(track, seen);
        let is_out = self.track(track).is_out(digest.reversed);
        if is_out {
            self.note_out(leg, seen, digest);
        } else {
            self.note_back(leg, seen, digest);
            self.note_facing(track, leg, seen, digest);
        }
        if digest.kind == Kind::Sctp {
            self.tracks[track.0 as usize].note_chunk(is_out, digest.flags);
            self.note_tags(track, leg, seen, digest, is_out);
        } else {
            self.note_datagram(track, leg, seen, digest, is_out);
        }
        self.hear_datagram(track, leg, is_out, seen, digest);
        self.mark_changed(track);
        track
    }

    #[inline]
    fn note_datagram(
        &mut self,
        track: TrackIndex,
        leg: LegIndex,
        seen: &Sighting<'_>,
        digest: &Digest,
        is_out: bool,
    ) {
        let entry = self.leg(leg);
        let nth = if is_out { entry.out } else { entry.back };
        if sign::is_kept(sign::key(digest, seen.bytes), nth, FIRST)
            && (nth <= FIRST || self.signs.has_room(seen.point))
            && let Some(print) = self.datagram_print(seen.bytes, digest)
        {
            self.signs.add(
                print,
                track,
                (seen.place, seen.tunnel),
                seen.time,
                (digest.reversed, digest.motion),
            );
        }
    }

    /// Keeps what a packet that came back tells of its leg, for the case that it turns out to be the client's.
    #[inline]
    pub(super) fn note_facing(
        &mut self,
        track: TrackIndex,
        leg: LegIndex,
        seen: &Sighting<'_>,
        digest: &Digest,
    ) {
        let entry = self.track(track);
        if entry.knows(known::CLIENT) || client_by_service(&entry.key).is_some() {
            return;
        }
        if let Some(known) = self.facing.get_mut(&leg) {
            known.moved |= leg::bits(digest.motion);
            return;
        }
        let (source, destination) = decode::link_addresses(seen.bytes, seen.link);
        let facing = Facing {
            ttl: digest.ttl,
            moved: leg::bits(digest.motion),
            is_from_high: digest.tunnel_reversed,
            source_mac: self.intern(source),
            destination_mac: self.intern(destination),
        };
        self.facing.insert(leg, facing);
    }

    /// Turns all legs of a track round.
    pub(super) fn turn_legs(&mut self, track: TrackIndex) {
        let mut leg = self.track(track).first_leg;
        while leg != LegIndex::NONE {
            let facing = self.facing.remove(&leg);
            let entry = &mut self.legs[leg.0 as usize];
            let kept = entry.turn(facing);
            let next = entry.next;
            self.facing.extend(kept.map(|kept| (leg, kept)));
            leg = next;
        }
    }

    fn datagram_print(&self, bytes: &[u8], digest: &Digest) -> Option<Print> {
        let protocol = digest.key.protocol;
        if protocol == protocol::ESP && digest.seq != 0 {
            let hash = self.hasher.hash_one((protocol, digest.seq, digest.ack));
            return Some(Print::new(Class::Packet, hash));
        }
        let (wanted, class) =
            if digest.ip_id == 0 { (PAYLOAD_ALONE, Class::Content) } else { (PAYLOAD, Class::Packet) };
        let wanted = wanted.min(digest.payload_len as usize);
        if class == Class::Content && wanted < TELLING {
            return None;
        }
        let payload = bytes.get(usize::from(digest.payload)..)?.get(..wanted)?;
        let length = datagram_length(bytes, digest);
        let echo = (digest.kind == Kind::Echo).then_some((digest.flags, digest.seq));
        let hash = self.hasher.hash_one((protocol, digest.ip_id, length, echo, payload));
        Some(Print::new(class, hash))
    }

    /// Keeps the tags that a leg shows: of its first packet each way, and of the handshake.
    fn note_tags(
        &mut self,
        track: TrackIndex,
        leg: LegIndex,
        seen: &Sighting<'_>,
        digest: &Digest,
        is_out: bool,
    ) {
        let (entry, handshake) = (self.leg(leg), matches!(digest.flags, sctp::INIT | sctp::INIT_ACK));
        let nth = if is_out { entry.out } else { entry.back };
        if nth > if handshake { FIRST } else { 1 } {
            return;
        }
        let at = (seen.place, seen.tunnel);
        // A tag is its receiver's: a packet carries the other end's, a handshake tells the sender's own.
        let told = handshake.then_some((digest.ack, !digest.reversed));
        for (tag, reversed) in [Some((digest.seq, digest.reversed)), told].into_iter().flatten() {
            if tag != 0 {
                let hash = self.hasher.hash_one((protocol::SCTP, tag));
                self.signs.add(
                    Print::new(Class::Lasting, hash),
                    track,
                    at,
                    seen.time,
                    (reversed, digest.motion),
                );
            }
        }
        if handshake && digest.ip_id != 0 {
            let hash = self.hasher.hash_one((protocol::SCTP, digest.ip_id, digest.seq, digest.ack));
            self.signs.add(
                Print::new(Class::Packet, hash),
                track,
                at,
                seen.time,
                (digest.reversed, digest.motion),
            );
        }
    }
}

/// The length of a whole UDP datagram's payload by its own header, where that can be; else by the IP header.
///
/// ```text
/// RFC 768                0      7 8     15 16    23 24    31
///                       +--------+--------+--------+--------+
///                       |   source port   | destination port|
///                       +--------+--------+--------+--------+
///                       |     length      |    checksum     |
///                       +--------+--------+--------+--------+
/// ```
///
/// It counts its header's eight bytes. Less than what is there is no length of a datagram; a fragment has less than it says.
fn datagram_length(bytes: &[u8], digest: &Digest) -> u32 {
    const HEADER: u32 = 8;
    let field = (digest.kind == Kind::Udp)
        .then(|| bytes.get(usize::from(digest.transport) + 4..)?.first_chunk().copied())
        .flatten();
    let told = field.map_or(0, |field| u32::from(u16::from_be_bytes(field)));
    told.checked_sub(HEADER).filter(|length| *length >= digest.payload_len).unwrap_or(digest.payload_len)
}

/// Whether the client is the key's high end, where the packet itself says who asks whom.
pub(super) fn client_by_content(digest: &Digest) -> Option<bool> {
    match (digest.kind, digest.flags) {
        (Kind::Echo, echo::REQUEST) | (Kind::Sctp, sctp::INIT) => Some(digest.reversed),
        (Kind::Echo, echo::REPLY) | (Kind::Sctp, sctp::INIT_ACK) => Some(!digest.reversed),
        _ => None,
    }
}

/// What [`orientation`] is where only who spoke first tells.
pub(super) const FIRST_SPEAKER: u8 = 0;

/// How sure it is who a track's client is: by what was said, by a known service's port, by a guess at ports, or by who
/// spoke first.
pub(super) fn orientation(table: &Table, track: TrackIndex) -> u8 {
    let entry = table.track(track);
    if entry.knows(known::CLIENT) {
        3
    } else if client_by_service(&entry.key).is_some() {
        2
    } else if client_by_ports(&entry.key).is_some() {
        1
    } else {
        FIRST_SPEAKER
    }
}
