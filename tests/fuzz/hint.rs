//! Payloads that may tell names: TLS hellos, HTTP requests, DNS messages.
//!
//! A stream is known bit by bit. Whatever its beginning has told must stay true when more of it is known.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use egret::decode::hint::{self, Hint, STREAM, dns, http, tls};
use egret::names::Hosts;

use crate::dice::Dice;
use crate::harness::{Target, fuzz};
use crate::mutate;

struct Hints;

const HTTP: &[u8] = b"POST http://partner.example:8080/a?b HTTP/1.1\r\nAccept: */*\r\nHost: Partner.Example.:8080\r\n\r\nbody";

/// What means something to one of the parsers.
const WORDS: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b"Host:",
    b"host: ",
    b"GET ",
    b"CONNECT ",
    b" HTTP/1.1\r\n",
    b" HTTP/2.0",
    b"http://",
    b"[fd00::1]:80",
    b"@",
    b":",
    b".",
    b"\0",
    b"\xff",
    b"\xc0\x0c",
    b"\xc0\x00",
    b"\xc0",
    b"\x3f",
    b"\x40",
    b"\x16\x03\x01",
    b"\x00\x00",
    b"\x00\x10",
    b"\x1b[31m",
];

impl Target for Hints {
    const NAME: &'static str = "hint";
    const INPUTS: u64 = 8_000;

    fn seeds(&self) -> Vec<Vec<u8>> {
        let hello = hello(&[(0, &server_name(b"partner.example")), (16, b"\0\x0c\x02h2\x08http/1.1")]);
        let message = [&[1, 0, (hello.len() >> 8) as u8, hello.len() as u8][..], &hello].concat();
        let record =
            |part: &[u8]| [&[22, 3, 1, (part.len() >> 8) as u8, part.len() as u8][..], part].concat();
        let (first, second) = message.split_at(30);
        let answer = [
            &b"\x12\x34\x81\x80\0\x01\0\x02\0\0\0\0\x07partner\x07example\0\0\x01\0\x01"[..],
            b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03www\xc0\x0c",
            b"\xc0\x2d\0\x01\0\x01\0\0\0\x3c\0\x04\xcb\0\x71\x1a",
        ]
        .concat();
        vec![
            record(&message),
            [record(first), record(second)].concat(),
            HTTP.to_vec(),
            b"CONNECT partner.example:443 HTTP/1.1\r\n\r\n".to_vec(),
            [&[0, answer.len() as u8][..], &answer].concat(),
            answer,
            b"203.0.113.26 partner.example www # c\nfe80::1%eth0 link\n".to_vec(),
        ]
    }

    fn mutated(&self, input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len() + 1);
            match dice.below(8) {
                0 | 1 => mutate::cut_and_paste(&mut bytes, other, dice),
                2 | 3 => {
                    let word = WORDS[dice.below(WORDS.len())].repeat(if dice.one_in(20) { 3000 } else { 1 });
                    bytes.splice(at..at, word);
                }
                _ => mutate::spoil(&mut bytes, dice),
            }
        }
        bytes.truncate(STREAM + 100);
        bytes
    }

    fn run(&self, input: &[u8]) -> u64 {
        let mut came_to = DefaultHasher::new();
        let whole = hint::client_name(input);
        match &whole {
            Hint::Told((kind, name)) => (kind, plain(&name.to_string())).hash(&mut came_to),
            Hint::Nothing => 1.hash(&mut came_to),
            Hint::More => 2.hash(&mut came_to),
        }
        if whole != Hint::Nothing {
            assert!(input.is_empty() || hint::may_tell(input), "a name in what cannot tell one");
        }
        input.hash(&mut came_to);
        let mut dice = Dice::new(came_to.finish());
        let mut came_to = DefaultHasher::new();
        for _ in 0..8 {
            let length = dice.below(input.len() + 1);
            let known = hint::client_name(&input[..length]);
            // All that is longer than a stream may be is given up, and an empty one tells nothing yet.
            let stays = matches!(known, Hint::More) || length == 0 || known == whole;
            assert!(stays, "{length} of {} bytes told {known:?}, all of them {whole:?}", input.len());
        }
        let tls = match tls::hello(input) {
            Hint::Told(hello) => {
                10 + 2 * hello.protocols.len().min(9) + usize::from(hello.server_name.is_some())
            }
            Hint::Nothing => 0,
            Hint::More => 1,
        };
        let http = match http::request(input) {
            Hint::Told(request) => {
                let target = request.target.map(<[u8]>::len);
                3 + usize::from(target.is_some()) + 2 * usize::from(request.authority().is_some())
            }
            Hint::Nothing => 0,
            Hint::More => 1,
        };
        (tls, http, whole == Hint::More, input.len().checked_ilog2()).hash(&mut came_to);
        for message in [dns::Message::parse(input), dns::Message::parse_stream(input)].into_iter().flatten() {
            let records: Vec<_> = message.records().collect();
            // A record has ten bytes beside its name.
            assert!(records.len() * 10 <= input.len(), "{} records in {} bytes", records.len(), input.len());
            let kinds = records.iter().take(4).map(|record| std::mem::discriminant(&record.data));
            kinds.for_each(|kind| kind.hash(&mut came_to));
            (message.is_positive(), message.is_response(), plain(&message.name().to_string()))
                .hash(&mut came_to);
            message.addresses().len().min(4).hash(&mut came_to);
        }
        let mut hosts = Hosts::default();
        if let Err(why) = hosts.read(input) {
            assert!(!why.to_string().chars().any(char::is_control), "{why:?}");
        }
        came_to.finish()
    }

    fn memory(&self, input: &[u8]) -> u64 {
        (1 << 20) + 100 * input.len() as u64
    }
}

/// How a name looks that was shown: no terminal must obey it.
fn plain(name: &str) -> usize {
    assert!(!name.chars().any(char::is_control), "{name:?}");
    name.len().min(3)
}

/// A hello's body with these extensions.
fn hello(extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    let mut list = Vec::new();
    for (kind, content) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend((content.len() as u16).to_be_bytes());
        list.extend(*content);
    }
    body.extend((list.len() as u16).to_be_bytes());
    body.extend(list);
    body
}

fn server_name(name: &[u8]) -> Vec<u8> {
    let length = name.len() as u16;
    [&(length + 3).to_be_bytes()[..], &[0], &length.to_be_bytes(), name].concat()
}

#[test]
fn hint() {
    fuzz(&Hints);
}
