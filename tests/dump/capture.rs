//! Small captures, written byte by byte.

/// Frames of Ethernet, one a second from 2026-11-23 00:41:26.586575 UTC on.
#[derive(Debug, Clone)]
pub(crate) struct Capture(Vec<Vec<u8>>);

/// Seconds since 1970, and microseconds.
const BEGIN: (u32, u32) = (1_795_394_486, 586_575);

impl Capture {
    /// That many datagrams, from ports 40000, 40001, …
    pub(crate) fn of(count: u16) -> Self {
        Self((0..count).map(|n| datagram(40_000 + n, b"payload")).collect())
    }

    pub(crate) fn with(frames: &[&[u8]]) -> Self {
        Self(frames.iter().map(|frame| frame.to_vec()).collect())
    }

    /// As a pcap file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.at(0)
    }

    /// The same, `later` seconds later.
    pub(crate) fn at(&self, later: u32) -> Vec<u8> {
        let mut file = Vec::new();
        file.extend(0xa1b2_c3d4_u32.to_le_bytes());
        file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(65_535_u32.to_le_bytes());
        file.extend(1_u32.to_le_bytes());
        for (frame, second) in self.0.iter().zip(0..) {
            file.extend((BEGIN.0 + later + second).to_le_bytes());
            file.extend(BEGIN.1.to_le_bytes());
            file.extend((frame.len() as u32).to_le_bytes());
            file.extend((frame.len() as u32).to_le_bytes());
            file.extend(frame);
        }
        file
    }
}

/// A segment with PSH and ACK.
pub(crate) fn frame(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    segment(source, destination, 0x18, payload)
}

pub(crate) fn segment(source: u16, destination: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(source.to_be_bytes());
    header.extend(destination.to_be_bytes());
    header.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    in_ip(6, &[&header, payload].concat())
}

fn datagram(source: u16, payload: &[u8]) -> Vec<u8> {
    datagram_to(source, 9_999, payload)
}

pub(crate) fn datagram_to(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(source.to_be_bytes());
    header.extend(destination.to_be_bytes());
    header.extend((8 + payload.len() as u16).to_be_bytes());
    header.extend([0, 0]);
    in_ip(17, &[&header, payload].concat())
}

pub(crate) fn in_ip(protocol: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0]);
    frame.extend((20 + content.len() as u16).to_be_bytes());
    frame.extend([0x12, 0x34, 0x40, 0, 63, protocol, 0, 0, 10, 128, 0, 5, 203, 0, 113, 25]);
    frame.extend(content);
    frame
}
