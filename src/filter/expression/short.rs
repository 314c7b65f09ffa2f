//! Addresses that were left short, and are something else than they look like.
//!
//! `host 10.1` is no host: libpcap fills the missing numbers up with a mask, and matches 10.1.0.0/16. A lone number is taken for all 32 bits
//! of an address: `host 10` is 0.0.0.10. Behind `net` that is what shortness is for, and nothing is said.

use crate::filter::words::{Kind, Word};

/// A sentence for each.
pub(super) fn warnings(words: &[Word<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    // What the last qualifier asks for.
    let mut kind = "";
    for (at, word) in words.iter().enumerate() {
        match word.kind {
            Kind::Keyword => match word.text {
                "host" | "net" | "port" | "portrange" | "proto" | "protochain" => kind = word.text,
                "src" | "dst" => kind = "host",
                "and" | "or" | "not" | "&&" | "||" | "!" => {}
                _ => kind = "",
            },
            Kind::Ipv4 if kind == "host" => found.extend(of_points(word, words.get(at + 1))),
            Kind::Number if kind == "host" => found.extend(of_number(word)),
            _ => {}
        }
    }
    found
}

fn of_points(word: &Word<'_>, next: Option<&Word<'_>>) -> Option<String> {
    // With a length or a mask it says itself what it is.
    if next.is_some_and(|next| next.text == "/" || next.is("mask")) {
        return None;
    }
    let numbers: Vec<&str> = word.text.split('.').collect();
    let missing = 4 - numbers.len().min(4);
    let network =
        numbers.iter().copied().chain(std::iter::repeat_n("0", missing)).collect::<Vec<_>>().join(".");
    (missing > 0)
        .then(|| format!("`{}` is no host: it matches the network {network}/{}", word.text, 32 - 8 * missing))
}

fn of_number(word: &Word<'_>) -> Option<String> {
    let number: u32 = word.text.parse().ok()?;
    let address = std::net::Ipv4Addr::from(number);
    Some(format!("`{}` behind `host` is the address {address}", word.text))
}
