//! Recognises compressed streams by their first bytes and decompresses them as they are read.
//!
//! Decompression holds one window of the stream and never its whole, so a small file that expands to a huge one
//! costs time, not memory. Streams of several members (`cat a.gz b.gz`, parallel compressors) read as one.

use std::io::{self, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// Compressed bytes taken from the stream at a time.
const INPUT: usize = 128 * 1024;

/// A compression that egret undoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878, also where a skippable frame stands first.
    Zstd,
}

impl Compression {
    /// The compression of a stream that begins with `prefix`, of which four bytes suffice.
    pub(super) fn of(prefix: &[u8]) -> Option<Self> {
        match prefix {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The decompressed stream of `input`.
    pub(super) fn undo(self, input: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
        let input = BufReader::with_capacity(INPUT, input);
        Ok(match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(input)),
            Self::Zstd => Box::new(zstd::Decoder::with_buffer(input)?),
        })
    }
}

/// What a stream is that egret cannot read, by its first bytes, and what to do about it.
pub(super) fn foreign(prefix: &[u8]) -> Option<&'static str> {
    Some(match prefix {
        [0xfd, b'7', b'z', b'X', ..] => "xz-compressed; pass it through `xz -dc` and read `-`",
        [b'B', b'Z', b'h', ..] => "bzip2-compressed; pass it through `bzip2 -dc` and read `-`",
        [0x04, 0x22, 0x4d, 0x18, ..] => "lz4-compressed; pass it through `lz4 -dc` and read `-`",
        [b'P', b'K', 3, 4, ..] => "a zip archive; extract the capture in it",
        [b's', b'n', b'o', b'o', ..] => "a snoop capture; convert it with `editcap -F pcapng`",
        [b'G', b'M', b'B', b'U', ..] | [b'R', b'T', b'S', b'S', ..] => {
            "a Network Monitor capture; convert it with `editcap -F pcapng`"
        }
        [0x1c, 0x00, 0x01, 0xab | 0xac] | [0xab | 0xac, 0x01, 0x00, 0x1c] => {
            "an Ixia capture; convert it with `editcap -F pcapng`"
        }
        _ => return None,
    })
}
