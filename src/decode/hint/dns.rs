//! DNS messages (RFC 1035 §4.1): the name that was asked for, and the addresses that it leads to.
//!
//! ```text
//! header    id:2 | QR opcode:4 AA TC RD RA Z:3 code:4 | questions:2 | answers:2 | authorities:2 | additional:2
//! question  name | type:2 | class:2
//! record    name | type:2 | class:2 | time to live:4 | length:2 | data
//! name      labels of 1 + n bytes up to an empty one, or a pointer: 11 | offset:14            §4.1.4
//! ```
//!
//! Nothing is copied before somebody asks for it: names are offsets into the message. A pointer must point before
//! the labels that it continues, so that no name has a loop, and none is longer than 255 bytes.

use smallvec::SmallVec;

use super::{bytes_at, u16_at};
use crate::net::Address;
use crate::text::Text;

/// The port that servers listen on, for datagrams and streams.
pub const PORT: u16 = 53;

const HEADER: usize = 12;
const NAME: usize = 255;
/// Records looked at: an answer of 64 KiB may hold thousands, which nobody's name leads to.
const RECORDS: usize = 256;
/// Of these, records that a chain of aliases is followed over, and its links; resolvers give up earlier.
const ANSWERS: usize = 64;
const CHAIN: usize = 8;
/// Pointers within one name. Two or three are what servers write.
const POINTERS: usize = 16;
/// Addresses that are kept of one answer.
const ADDRESSES: usize = 32;

/// Types of records (IANA).
mod kind {
    pub(super) const A: u16 = 1;
    pub(super) const CNAME: u16 = 5;
    pub(super) const AAAA: u16 = 28;
}
const INTERNET: u16 = 1;
/// The response code in a header's flags.
const CODE: u16 = 0x000f;

/// A message whose header and first question can be read.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    bytes: &'a [u8],
    records_at: usize,
}

/// What a record says, as far as it concerns names and addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    Address(Address),
    /// The owner's name is another one for this; its offset.
    Alias(usize),
    Other(u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Offset of the owner's name.
    owner: usize,
    /// Stands among the answers, not in a later section.
    pub is_answer: bool,
    pub data: Data,
}

impl<'a> Message<'a> {
    /// A message as a datagram carries it.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
        let flags = u16_at(bytes, 2)?;
        let is_standard = flags & 0x7800 == 0;
        let name_end = end_of_name(bytes, HEADER)?;
        let class = u16_at(bytes, name_end + 2)?;
        (is_standard && u16_at(bytes, 4)? == 1 && class & 0x7fff == INTERNET)
            .then_some(Self { bytes, records_at: name_end + 4 })
    }

    /// The first message of a stream, where its length stands before it (RFC 1035 §4.2.2), if it is whole.
    pub fn parse_stream(stream: &'a [u8]) -> Option<Self> {
        let length = usize::from(u16_at(stream, 0)?);
        Self::parse(stream.get(2..2 + length)?)
    }

    fn flags(&self) -> u16 {
        u16_at(self.bytes, 2).unwrap_or(0)
    }

    pub fn is_response(&self) -> bool {
        self.flags() & 0x8000 != 0
    }

    /// Without an error.
    pub fn is_positive(&self) -> bool {
        self.is_response() && self.flags() & CODE == 0
    }

    /// The name that was asked for, in small letters; empty for the root.
    pub fn name(&self) -> Text {
        self.text(HEADER)
    }

    /// The records, as far as they can be read, at most 256.
    pub fn records(&self) -> impl Iterator<Item = Record> + '_ {
        let answers = usize::from(u16_at(self.bytes, 6).unwrap_or(0));
        let all = answers
            + usize::from(u16_at(self.bytes, 8).unwrap_or(0))
            + usize::from(u16_at(self.bytes, 10).unwrap_or(0));
        let mut at = self.records_at;
        (0..all.min(RECORDS)).map_while(move |n| {
            let (record, end) = self.record(at, n < answers)?;
            at = end;
            Some(record)
        })
    }

    fn record(&self, owner: usize, is_answer: bool) -> Option<(Record, usize)> {
        let at = end_of_name(self.bytes, owner)?;
        let (kind, class) = (u16_at(self.bytes, at)?, u16_at(self.bytes, at + 2)?);
        let length = usize::from(u16_at(self.bytes, at + 8)?);
        let data = at + 10;
        let end = data + length;
        self.bytes.get(data..end)?;
        let data = match (kind, length) {
            _ if class != INTERNET => Data::Other(kind),
            (kind::A, 4) => Data::Address(Address::v4(u32::from_be_bytes(bytes_at(self.bytes, data)?))),
            (kind::AAAA, 16) => Data::Address(Address::v6(bytes_at(self.bytes, data)?)),
            (kind::CNAME, 1..) => Data::Alias(data),
            _ => Data::Other(kind),
        };
        Some((Record { owner, is_answer, data }, end))
    }

    /// The addresses that the name asked for leads to, by itself or over its aliases; those of a positive answer alone.
    pub fn addresses(&self) -> SmallVec<[Address; 8]> {
        let mut found: SmallVec<[Address; 8]> = SmallVec::new();
        if !self.is_positive() {
            return found;
        }
        let mut names: SmallVec<[usize; CHAIN]> = SmallVec::from_slice(&[HEADER]);
        let records: SmallVec<[Record; 8]> =
            self.records().take_while(|record| record.is_answer).take(ANSWERS).collect();
        // Servers write a chain in its order; for those that do not, every link takes another look.
        let mut next = 0;
        while next < names.len() {
            let name = names[next];
            next += 1;
            for record in records.iter().filter(|record| self.is_same(record.owner, name)) {
                match record.data {
                    Data::Address(address) if found.len() < ADDRESSES && !found.contains(&address) => {
                        found.push(address);
                    }
                    Data::Alias(target)
                        if names.len() < CHAIN && !names.iter().any(|n| self.is_same(*n, target)) =>
                    {
                        names.push(target);
                    }
                    _ => {}
                }
            }
        }
        found
    }

    fn is_same(&self, one: usize, other: usize) -> bool {
        one == other || {
            let (mut one, mut other) = (labels(self.bytes, one), labels(self.bytes, other));
            loop {
                match (one.next(), other.next()) {
                    (None, None) => return true,
                    (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {}
                    _ => return false,
                }
            }
        }
    }

    fn text(&self, at: usize) -> Text {
        let mut name: SmallVec<[u8; 64]> = SmallVec::new();
        for label in labels(self.bytes, at) {
            if !name.is_empty() {
                name.push(b'.');
            }
            for byte in label {
                // A point within a label is none between labels.
                if *byte == b'.' {
                    name.push(b'\\');
                }
                name.push(byte.to_ascii_lowercase());
            }
        }
        Text::exact(&name)
    }
}

/// The name at an offset of a message, in small letters, and where it ends; pointers lead to anywhere before it.
pub fn name_at(message: &[u8], at: usize) -> Option<(Text, usize)> {
    let message = &message[..message.len().min(usize::from(u16::MAX))];
    let end = end_of_name(message, at)?;
    Some((Message { bytes: message, records_at: end }.text(at), end))
}

/// One step of a name.
enum Step {
    Label(usize, usize),
    Pointer(usize),
    End,
}

fn step(bytes: &[u8], at: usize) -> Option<Step> {
    let length = *bytes.get(at)?;
    match length >> 6 {
        0 if length == 0 => Some(Step::End),
        0 => Some(Step::Label(at + 1, usize::from(length))),
        3 => Some(Step::Pointer(usize::from(u16_at(bytes, at)? & 0x3fff))),
        // 01 and 10 are reserved.
        _ => None,
    }
}

/// Where a name ends that begins at `at`, if all of it can be read.
fn end_of_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    let (mut end, mut length, mut floor, mut pointers) = (None, 0, at, 0);
    loop {
        match step(bytes, at)? {
            Step::Label(from, size) => {
                bytes.get(from..from + size)?;
                length += size + 1;
                if length >= NAME {
                    return None;
                }
                at = from + size;
            }
            Step::Pointer(to) => {
                end = end.or(Some(at + 2));
                // Strictly backwards: no name comes to the same byte twice.
                if to >= floor || pointers == POINTERS {
                    return None;
                }
                pointers += 1;
                floor = to;
                at = to;
            }
            Step::End => return end.or(Some(at + 1)),
        }
    }
}

/// The labels of a name; none where it cannot be read.
fn labels(bytes: &[u8], at: usize) -> impl Iterator<Item = &[u8]> {
    let mut at = end_of_name(bytes, at).map(|_| at);
    std::iter::from_fn(move || {
        loop {
            match step(bytes, at?)? {
                Step::Label(from, size) => {
                    at = Some(from + size);
                    return bytes.get(from..from + size);
                }
                Step::Pointer(to) => at = Some(to),
                Step::End => return None,
            }
        }
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            text.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
        bytes.push(0);
        bytes
    }

    fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u16).to_be_bytes();
        [owner, &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 60], &length, data].concat()
    }

    fn message(flags: u16, asked: &str, answers: &[Vec<u8>]) -> Vec<u8> {
        let count = (answers.len() as u16).to_be_bytes();
        let head = [&[0x12, 0x34], &flags.to_be_bytes()[..], &[0, 1], &count, &[0; 4]].concat();
        [head, name(asked), vec![0, 1, 0, 1], answers.concat()].concat()
    }

    const QUERY: u16 = 0x0100;
    const ANSWER: u16 = 0x8180;
    /// A pointer to the question's name.
    const ASKED: &[u8] = &[0xc0, 12];

    fn chain() -> Vec<u8> {
        let answers = [
            record(ASKED, kind::CNAME, &name("edge.cdn.example")),
            record(&name("EDGE.cdn.example"), kind::A, &[203, 0, 113, 25]),
            record(&name("else.example"), kind::A, &[203, 0, 113, 66]),
        ];
        message(ANSWER, "api.partner.example", &answers)
    }

    fn told(bytes: &[u8]) -> (String, Vec<String>) {
        let message = Message::parse(bytes).expect("a message");
        (message.name().to_string(), message.addresses().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_name_leads_over_its_aliases_to_addresses() {
        assert_eq!(told(&chain()), ("api.partner.example".to_owned(), vec!["203.0.113.25".to_owned()]));
    }

    #[test]
    fn a_chain_in_any_order_is_followed() {
        let answers = [
            record(&name("c.example"), kind::AAAA, &[0x20; 16]),
            record(&name("b.example"), kind::CNAME, &name("c.example")),
            record(ASKED, kind::CNAME, &name("b.example")),
        ];
        assert_eq!(told(&message(ANSWER, "A.example", &answers)).1.len(), 1);
        assert_eq!(told(&message(ANSWER, "A.example", &answers)).0, "a.example");
    }

    #[test]
    fn questions_and_errors_lead_nowhere() {
        let answers = [record(ASKED, kind::A, &[203, 0, 113, 25])];
        for flags in [QUERY, ANSWER | 3] {
            assert!(told(&message(flags, "a.example", &answers)).1.is_empty());
        }
        assert!(!Message::parse(&message(QUERY, "a.example", &[])).unwrap().is_response());
    }

    #[test]
    fn a_chain_that_bites_its_tail_ends() {
        let answers = [
            record(ASKED, kind::CNAME, &name("b.example")),
            record(&name("b.example"), kind::CNAME, ASKED),
            record(ASKED, kind::A, &[203, 0, 113, 25]),
        ];
        assert_eq!(told(&message(ANSWER, "a.example", &answers)).1, ["203.0.113.25"]);
    }

    #[test]
    fn a_pointer_that_does_not_go_back_is_no_name() {
        for pointer in [[0xc0, 12], [0xc0, 14], [0xff, 0xff]] {
            let mut bytes = message(QUERY, "a.example", &[]);
            bytes.splice(12..23, pointer);
            assert!(Message::parse(&bytes).is_none(), "{pointer:?}");
        }
    }

    #[test]
    fn points_and_control_characters_in_labels_are_shown_escaped() {
        assert_eq!(told(&message(QUERY, "a\x1bb", &[])).0, "a\\u{1b}b");
        let mut bytes = message(QUERY, "a-b", &[]);
        bytes[14] = b'.';
        assert_eq!(told(&bytes).0, "a\\\\.b");
    }

    #[test]
    fn a_name_of_256_bytes_is_none() {
        let label = "a".repeat(63);
        let longest = [label.as_str(); 3].join(".") + "." + &"b".repeat(61);
        assert_eq!(told(&message(QUERY, &longest, &[])).0.len(), 253);
        assert!(Message::parse(&message(QUERY, &format!("{longest}c"), &[])).is_none());
    }

    #[test]
    fn in_a_stream_the_length_stands_before_the_message() {
        let bytes = chain();
        let stream = [&(bytes.len() as u16).to_be_bytes(), bytes.as_slice()].concat();
        assert_eq!(Message::parse_stream(&stream).unwrap().addresses().len(), 1);
        assert!(Message::parse_stream(&stream[..stream.len() - 1]).is_none());
    }

    proptest! {
        #[test]
        fn a_message_cut_anywhere_says_no_other_thing(cut in 0_usize..160) {
            let whole = chain();
            if let Some(message) = Message::parse(&whole[..cut.min(whole.len())]) {
                prop_assert_eq!(message.name().to_string(), "api.partner.example");
                prop_assert!(message.addresses().iter().all(|a| a.to_string() == "203.0.113.25"));
            }
        }

        #[test]
        fn damage_is_survived(at in 0_usize..160, byte in any::<u8>()) {
            let mut bytes = chain();
            let at = at.min(bytes.len() - 1);
            bytes[at] = byte;
            if let Some(message) = Message::parse(&bytes) {
                let _ = (message.name(), message.addresses(), message.records().count());
            }
        }
    }
}
