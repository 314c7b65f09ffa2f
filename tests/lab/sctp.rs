//! Just as much of SCTP (RFC 9260) as an association with one message each way takes.
//!
//! ```text
//!  source port | destination port           common header (§3.1): the tag is the one that the
//!  verification tag                         receiver chose in its INIT or INIT ACK; the checksum
//!  checksum                                 is CRC32c (§6.8, appendix A)
//!  type | flags | length | value, padded …  chunks (§3.2)
//! ```

/// Chunk types (§3.2).
pub(crate) const DATA: u8 = 0;
pub(crate) const INIT: u8 = 1;
pub(crate) const INIT_ACK: u8 = 2;
pub(crate) const SACK: u8 = 3;
pub(crate) const ABORT: u8 = 6;
pub(crate) const SHUTDOWN: u8 = 7;
pub(crate) const SHUTDOWN_ACK: u8 = 8;
pub(crate) const COOKIE_ECHO: u8 = 10;
pub(crate) const COOKIE_ACK: u8 = 11;
pub(crate) const SHUTDOWN_COMPLETE: u8 = 14;

/// What an INIT ACK has the other side say back to it.
pub(crate) const COOKIE: &[u8] = b"a cookie";

/// A message with one chunk or more.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) source: u16,
    pub(crate) destination: u16,
    pub(crate) tag: u32,
    pub(crate) chunks: Vec<(u8, Vec<u8>)>,
}

impl Message {
    /// `None` where the bytes are no message, or their checksum is wrong.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (header, mut rest) = bytes.split_at_checked(12)?;
        let mut zeroed = bytes.to_vec();
        zeroed[8..12].fill(0);
        if header[8..12] != crc32c(&zeroed).to_le_bytes() {
            return None;
        }
        let mut chunks = Vec::new();
        while let [kind, _, high, low, ..] = *rest {
            let length = usize::from(u16::from_be_bytes([high, low]));
            chunks.push((kind, rest.get(4..length)?.to_vec()));
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Some(Self {
            source: u16::from_be_bytes([header[0], header[1]]),
            destination: u16::from_be_bytes([header[2], header[3]]),
            tag: word(header, 4)?,
            chunks,
        })
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.source.to_be_bytes());
        bytes.extend(self.destination.to_be_bytes());
        bytes.extend(self.tag.to_be_bytes());
        bytes.extend([0; 4]);
        for (kind, value) in &self.chunks {
            // Of DATA: the beginning and the end of a message (§3.3.1).
            bytes.extend([*kind, if *kind == DATA { 0x03 } else { 0 }]);
            bytes.extend((value.len() as u16 + 4).to_be_bytes());
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let checksum = crc32c(&bytes);
        bytes[8..12].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn chunk(&self, kind: u8) -> Option<&[u8]> {
        self.chunks.iter().find(|chunk| chunk.0 == kind).map(|chunk| &chunk.1[..])
    }
}

/// The value of an INIT or INIT ACK (§3.3.2): tag, window, streams each way, first TSN.
pub(crate) fn init(tag: u32, first: u32) -> Vec<u8> {
    [tag.to_be_bytes(), 65_536_u32.to_be_bytes(), [0, 1, 0, 1], first.to_be_bytes()].concat()
}

/// The state cookie as a parameter of an INIT ACK (§3.3.3.1).
pub(crate) fn cookie_parameter() -> Vec<u8> {
    [&[0, 7, 0, COOKIE.len() as u8 + 4], COOKIE].concat()
}

/// The value of a DATA chunk (§3.3.1): TSN, stream 0, its first message, no payload protocol.
pub(crate) fn data(tsn: u32, text: &str) -> Vec<u8> {
    [&tsn.to_be_bytes()[..], &[0; 8], text.as_bytes()].concat()
}

/// The value of a SACK (§3.3.4): all up to `tsn`, without gaps.
pub(crate) fn sack(tsn: u32) -> Vec<u8> {
    [tsn.to_be_bytes(), 65_536_u32.to_be_bytes(), [0; 4]].concat()
}

/// The big-endian word at `offset`.
pub(crate) fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?))
}

fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let chunks = vec![(SACK, sack(7)), (DATA, data(9, "odd"))];
        let message = Message { source: 40_001, destination: 38_412, tag: 0x1234_5678, chunks };
        let read = Message::read(&message.write()).unwrap();
        assert_eq!((read.source, read.destination, read.tag), (40_001, 38_412, 0x1234_5678));
        assert_eq!(read.chunks, message.chunks);
    }
}
