//! The way through a frame's layers: a position, the limits set by the headers passed, and the steps.
//!
//! A step reads the header at the position, records it as a layer, moves on, and names the step that follows.
//! What it cannot read ends the walk. Bytes beyond the innermost length field (Ethernet padding, trailers) are out
//! of the steps' sight; where a length field promises more than was captured, the capture is what ends.

use crate::decode::{Options, link, network, transport, tunnel};
use crate::frame::LinkType;
use crate::net::Address;
use crate::packet::{Header, Layer, Packet, Protocol, Stop, Why};

/// What lies at the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Link(LinkType),
    EtherType(u16),
    /// Logical link control.
    Llc,
    /// An IP header, of this version where an outer header has said which.
    Ip(Option<u8>),
    /// What an IP header of the version given carries.
    Transport {
        protocol: u8,
        v6: bool,
    },
    /// The header before a mirrored frame, of the second or third kind.
    Erspan(u8),
    /// Nothing that decoding looks at.
    Payload,
}

pub(super) type Step = Result<Next, Why>;

pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    pub(super) options: &'a Options,
    packet: Packet,
    at: usize,
    /// Where the innermost length field says that its content ends; perhaps beyond the captured bytes.
    end: Option<usize>,
    /// The least of all such ends: a packet in a tunnel may claim more than the packet around it holds, and a
    /// quoted packet nearly always does.
    tightest: usize,
    /// Source and destination of the innermost IP header.
    pub(super) addresses: (Address, Address),
    /// The position is within the packet that an ICMP error quotes.
    pub(super) quoting: bool,
}

pub(super) fn walk(bytes: &[u8], link: LinkType, options: &Options) -> Packet {
    let mut walk = Walk {
        bytes,
        options,
        packet: Packet::default(),
        at: 0,
        end: None,
        tightest: usize::MAX,
        addresses: Default::default(),
        quoting: false,
    };
    let mut next = Next::Link(link);
    loop {
        let step = match next {
            Next::Link(link) => link::step(&mut walk, link),
            Next::EtherType(ethertype) => link::ethertype_step(&mut walk, ethertype),
            Next::Llc => link::llc_step(&mut walk),
            Next::Ip(version) => network::step(&mut walk, version),
            Next::Transport { protocol, v6 } => transport::step(&mut walk, protocol, v6),
            Next::Erspan(kind) => tunnel::erspan(&mut walk, kind),
            Next::Payload => return walk.packet,
        };
        match step {
            Ok(following) => next = following,
            Err(why) => {
                walk.packet.stopped = Some(Stop { at: walk.at, why });
                return walk.packet;
            }
        }
    }
}

impl<'a> Walk<'a> {
    /// The bytes from the position on, to the innermost limit.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..self.tightest.min(self.bytes.len())).unwrap_or_default()
    }

    /// The first `N` of the bytes left, or why there are fewer.
    pub(super) fn header<const N: usize>(&self) -> Result<&'a [u8; N], Why> {
        self.rest().first_chunk().ok_or_else(|| self.short(N))
    }

    /// Why a header of `needed` bytes is not there: the capture ended, or its own container is too small for it.
    pub(super) fn short(&self, needed: usize) -> Why {
        if self.tightest < self.at + needed {
            Why::Malformed("the packet around it is too short for this header")
        } else {
            Why::Cut
        }
    }

    /// Records `header`, stated as `length` bytes long, and moves to what follows it.
    pub(super) fn push(&mut self, header: Header, length: usize) -> Result<(), Why> {
        let end = self.at + length.min(self.rest().len());
        // Digests keep offsets in 16 bits.
        if self.packet.layers.len() == Packet::LAYERS || end > usize::from(u16::MAX) {
            return Err(Why::TooDeep);
        }
        self.packet.layers.push(Layer { header, range: self.at..end });
        self.at = end;
        Ok(())
    }

    /// Records the rest as belonging to `protocol`; the walk ends before it.
    pub(super) fn unknown(&mut self, protocol: Protocol) -> Why {
        let at = self.at;
        let end = at + self.rest().len();
        if self.packet.layers.len() == Packet::LAYERS {
            return Why::TooDeep;
        }
        self.packet.layers.push(Layer { header: Header::Other { protocol }, range: at..end });
        Why::Unknown(protocol)
    }

    /// From now on, content ends `length` bytes after the position.
    pub(super) fn limit(&mut self, length: usize) {
        let end = self.at + length;
        self.end = Some(end);
        self.tightest = self.tightest.min(end);
    }

    /// Bytes that the innermost IP packet still has after `skipped` more, if a length field says.
    pub(super) fn stated_after(&self, skipped: usize) -> Option<u32> {
        self.end.map(|end| end.saturating_sub(self.at + skipped) as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::build::{samples, tcp};

    const LINKS: [LinkType; 19] = [
        LinkType::NULL,
        LinkType::ETHERNET,
        LinkType::RAW,
        LinkType::LOOP,
        LinkType::LINUX_SLL,
        LinkType::IPV4,
        LinkType::IPV6,
        LinkType::LINUX_SLL2,
        LinkType::PPP,
        LinkType::PPP_HDLC,
        LinkType::PPP_ETHER,
        LinkType::C_HDLC,
        LinkType::FRELAY,
        LinkType::FDDI,
        LinkType::IEEE802_11,
        LinkType::IEEE802_11_RADIOTAP,
        LinkType::PPI,
        LinkType::NFLOG,
        LinkType(147),
    ];

    /// Whether ranges ascend without overlap within `length` bytes, and the walk ended where it can have.
    fn is_sound(packet: &Packet, length: usize) -> bool {
        let ends = packet.layers.iter().map(|layer| layer.range.end);
        packet.layers.len() <= Packet::LAYERS
            && packet
                .layers
                .iter()
                .all(|layer| layer.range.start <= layer.range.end && layer.range.end <= length)
            && packet.layers.iter().skip(1).zip(ends).all(|(layer, end)| end <= layer.range.start)
            && packet.stopped.is_none_or(|stop| stop.at <= length)
    }

    #[test]
    fn a_frame_cut_anywhere_gives_the_layers_before_the_cut() {
        for (link, bytes) in samples() {
            let whole = walk(&bytes, link, &Options::default());
            for length in 0..=bytes.len() {
                let cut = walk(&bytes[..length], link, &Options::default());
                assert!(is_sound(&cut, length), "{cut:?}");
                let kept = whole.layers.iter().take_while(|layer| layer.range.end <= length).count();
                let same = cut.layers.iter().zip(&whole.layers).take_while(|(a, b)| a == b).count();
                // Some headers are told by what is behind them, and so is a pseudowire.
                let other = usize::from(whole.layers.iter().any(|layer| {
                    matches!(
                        layer.header,
                        Header::Other { .. }
                            | Header::Extensions { .. }
                            | Header::Sctp { .. }
                            | Header::Esp { .. }
                            | Header::ControlWord
                    )
                }));
                assert!(same + other >= kept, "{link} cut to {length}: {cut:?} of {whole:?}");
            }
        }
    }

    #[test]
    fn what_is_nested_without_end_stops_at_the_last_layer() {
        let mut packet = tcp(1, 2, 0).in4("10.0.0.1", "10.0.0.2");
        for id in 0..40 {
            packet = packet.tagged(0x8100, id);
        }
        let packet = walk(&packet.ethernet(), LinkType::ETHERNET, &Options::default());
        assert_eq!(packet.layers.len(), Packet::LAYERS);
        assert_eq!(packet.stopped.map(|stop| stop.why), Some(Why::TooDeep));
    }

    proptest! {
        #[test]
        fn any_bytes_give_sound_layers(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for link in LINKS {
                let packet = walk(&bytes, link, &Options::default());
                prop_assert!(is_sound(&packet, bytes.len()), "{packet:?}");
            }
        }

        #[test]
        fn a_damaged_frame_gives_sound_layers(
            sample in any::<prop::sample::Index>(),
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            length in any::<prop::sample::Index>(),
        ) {
            let samples = samples();
            let (link, mut bytes) = sample.get(&samples).clone();
            for (at, byte) in damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(length.index(bytes.len()) + 1);
            let packet = walk(&bytes, link, &Options::default());
            prop_assert!(is_sound(&packet, bytes.len()), "{packet:?}");
        }
    }
}
