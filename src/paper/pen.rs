//! Writes into memory, with colour where it is wanted.

use std::fmt::Display;
use std::io::{self, Write};
use std::net::IpAddr;

use crate::net::Address;

/// What a part of a line means, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Beside the point: times, the outer headers of a tunnel, offsets.
    Quiet,
    /// Where it was seen.
    Place,
    /// Somebody refuses: resets, errors.
    Refusal,
    /// Something is missing or contradicts itself.
    Warning,
    /// What a part is called.
    Heading,
}

impl Tone {
    fn code(self) -> &'static [u8] {
        match self {
            Self::Quiet => b"\x1b[2m",
            Self::Place => b"\x1b[36m",
            Self::Refusal => b"\x1b[31m",
            Self::Warning => b"\x1b[33m",
            Self::Heading => b"\x1b[1m",
        }
    }
}

const PLAIN: &[u8] = b"\x1b[0m";

/// What was written so far.
#[derive(Debug, Clone, Default)]
pub struct Pen {
    out: Vec<u8>,
    is_colourful: bool,
}

impl Pen {
    pub fn new(is_colourful: bool) -> Self {
        Self { out: Vec::new(), is_colourful }
    }

    pub fn written(&self) -> &[u8] {
        &self.out
    }

    pub fn clear(&mut self) {
        self.out.clear();
    }

    #[inline]
    pub fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    pub fn show(&mut self, what: impl Display) {
        write!(self.out, "{what}").expect("memory takes everything");
    }

    /// A number in decimal digits.
    #[inline]
    pub fn number(&mut self, number: impl Into<u64>) {
        let mut number = number.into();
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[at..]);
    }

    /// A number in decimal digits, with zeros before it.
    #[inline]
    pub fn padded(&mut self, number: u64, width: usize) {
        let mut digits = [b'0'; 20];
        let (mut rest, mut at) = (number, digits.len());
        while rest > 0 {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.out.extend_from_slice(&digits[at.min(digits.len() - width)..]);
    }

    #[inline]
    pub fn address(&mut self, address: Address) {
        match address.ip() {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                for (index, octet) in [a, b, c, d].into_iter().enumerate() {
                    if index > 0 {
                        self.out.push(b'.');
                    }
                    self.number(octet);
                }
            }
            IpAddr::V6(address) => self.show(address),
        }
    }

    /// What `write` writes, in a tone. Tones do not nest: the outer one ends with the inner.
    #[inline]
    pub fn toned(&mut self, tone: Tone, write: impl FnOnce(&mut Self)) {
        self.begin(tone);
        write(self);
        self.end();
    }

    #[inline]
    /// What follows has this tone, up to the end of it.
    pub fn begin(&mut self, tone: Tone) {
        if self.is_colourful {
            self.out.extend_from_slice(tone.code());
        }
    }

    #[inline]
    pub fn end(&mut self) {
        if self.is_colourful {
            self.out.extend_from_slice(PLAIN);
        }
    }

    /// Blanks up to a width of `columns` of what was written since `from`, which is plain.
    pub fn fill(&mut self, from: usize, columns: usize) {
        let written = self.out.len() - from;
        self.out.resize(self.out.len() + columns.saturating_sub(written), b' ');
    }

    /// Takes back what was written since the length was `from`.
    pub fn back_to(&mut self, from: usize) {
        self.out.truncate(from);
    }

    pub fn len(&self) -> usize {
        self.out.len()
    }

    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }
}

impl Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Pen)) -> String {
        let mut pen = Pen::new(false);
        write(&mut pen);
        String::from_utf8(pen.written().to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_written_as_they_are() {
        for number in [0, 7, 10, 65_535, u64::MAX] {
            assert_eq!(written(|pen| pen.number(number)), number.to_string());
        }
        assert_eq!(written(|pen| pen.padded(42, 6)), "000042");
        assert_eq!(written(|pen| pen.padded(0, 2)), "00");
        assert_eq!(written(|pen| pen.padded(1_234, 2)), "1234");
    }

    #[test]
    fn addresses_are_written_as_they_are() {
        for address in ["10.128.0.5", "255.255.255.255", "fd00::5", "::"] {
            let parsed: IpAddr = address.parse().unwrap();
            assert_eq!(written(|pen| pen.address(parsed.into())), address);
        }
    }
}
