//! The words of a pcap-filter(7) expression, told apart as libpcap's own scanner does: the longest one counts, and of equally long
//! ones a keyword comes before an address, and that before a name.
//!
//! What they mean together is libpcap's business. Here it is only found out where a word stands, and which words are names, because a name
//! makes libpcap ask a resolver.

use std::net::Ipv6Addr;

/// A word, and where it begins in the expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    pub(crate) at: usize,
    pub(crate) text: &'a str,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of the language; constants such as `tcp-syn` are numbers.
    Keyword,
    Number,
    /// Two to four numbers with points between them, as libpcap has IPv4 addresses and networks.
    Ipv4,
    Ipv6,
    /// Of a network card, or of an ARCNET's.
    Hardware,
    /// A host, a service, a protocol: whatever it stands behind. A backslash before it makes a name of a keyword.
    Name,
    Sign,
    /// No word of the language.
    Unknown,
}

impl<'a> Word<'a> {
    pub(crate) fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// A name without the backslash that keeps it from being a keyword.
    pub(crate) fn name(&self) -> &'a str {
        self.text.strip_prefix('\\').unwrap_or(self.text)
    }

    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.kind == Kind::Keyword && self.text == keyword
    }
}

/// All words, in order.
pub(crate) fn words(expression: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = expression[at..].chars().next() {
        if matches!(first, ' ' | '\r' | '\n' | '\t') {
            at += 1;
            continue;
        }
        let (length, kind) = longest(&expression[at..], first);
        found.push(Word { at, text: &expression[at..at + length], kind });
        at += length;
    }
    found
}

/// The longest word that `rest` begins with, and what it is.
fn longest(rest: &str, first: char) -> (usize, Kind) {
    if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        let kind = if KEYWORDS.contains(sign) { Kind::Keyword } else { Kind::Sign };
        // `::1` begins with a colon, and `!` and others are no part of anything longer.
        return match ipv6(rest) {
            Some(length) if first == ':' => (length, Kind::Ipv6),
            _ => (sign.len(), kind),
        };
    }
    if first == '\\' {
        let end = rest[1..].find([' ', '!', '(', ')', '\n', '\t']).map_or(rest.len(), |end| end + 1);
        return if end > 1 { (end, Kind::Name) } else { (1, Kind::Unknown) };
    }
    if let Some(digits) = rest.strip_prefix('$') {
        let digits = run(digits, |c| c.is_ascii_hexdigit()).min(2);
        return if digits > 0 { (1 + digits, Kind::Hardware) } else { (1, Kind::Unknown) };
    }
    let name = name(rest);
    let addresses = [
        (hardware(rest), Kind::Hardware),
        (Some(number(rest)), Kind::Number),
        (ipv4(rest), Kind::Ipv4),
        (ipv6(rest), Kind::Ipv6),
        (bogus_hardware(rest), Kind::Hardware),
    ];
    let mut best = (0, Kind::Unknown);
    for (length, kind) in addresses {
        if length.unwrap_or(0) > best.0 {
            best = (length.unwrap_or(0), kind);
        }
    }
    let word = &rest[..name];
    if name >= best.0 && KEYWORDS.contains(&word) {
        (name, Kind::Keyword)
    } else if best.0 > 0 && best.0 >= name {
        best
    } else if name > 0 {
        (name, if is_constant(word) { Kind::Number } else { Kind::Name })
    } else {
        (first.len_utf8(), Kind::Unknown)
    }
}

/// How many bytes at the beginning are of a kind; it is all ASCII.
fn run(text: &str, is_of: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_of(c)).unwrap_or(text.len())
}

/// `[A-Za-z0-9]([-_.A-Za-z0-9]*[.A-Za-z0-9])?`
fn name(rest: &str) -> usize {
    if !rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return 0;
    }
    let whole = run(rest, |c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    rest[..whole].trim_end_matches(['-', '_']).len()
}

/// `[0-9]+|0[xX][0-9A-Fa-f]+`
fn number(rest: &str) -> usize {
    if let Some(digits) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
        let digits = run(digits, |c| c.is_ascii_hexdigit());
        if digits > 0 {
            return 2 + digits;
        }
    }
    run(rest, |c| c.is_ascii_digit())
}

/// Two to four numbers.
fn ipv4(rest: &str) -> Option<usize> {
    let mut end = number(rest);
    let mut numbers = u32::from(end > 0);
    while (1..4).contains(&numbers) && rest[end..].starts_with('.') {
        match number(&rest[end + 1..]) {
            0 => break,
            length => end += 1 + length,
        }
        numbers += 1;
    }
    (numbers > 1).then_some(end)
}

fn ipv6(rest: &str) -> Option<usize> {
    let whole = run(rest, |c| c.is_ascii_hexdigit() || c == ':' || c == '.').min(LONGEST_IPV6);
    (2..=whole).rev().find(|end| rest[..*end].parse::<Ipv6Addr>().is_ok())
}

/// `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`
const LONGEST_IPV6: usize = 45;

/// Six bytes of one or two digits with the same sign between them, three of four digits with points, or twelve digits.
fn hardware(rest: &str) -> Option<usize> {
    let parts = |sign: char, count: usize, digits: std::ops::RangeInclusive<usize>| {
        let mut end = 0;
        for part in 0..count {
            if part > 0 {
                end += rest[end..].starts_with(sign).then_some(1)?;
            }
            let length = run(&rest[end..], |c| c.is_ascii_hexdigit()).min(*digits.end());
            end += Some(length).filter(|length| digits.contains(length))?;
        }
        Some(end)
    };
    let plain = || Some(12).filter(|_| run(rest, |c| c.is_ascii_hexdigit()) >= 12);
    parts(':', 6, 1..=2)
        .or_else(|| parts('-', 6, 1..=2))
        .or_else(|| parts('.', 6, 1..=2))
        .or_else(|| parts('.', 3, 4..=4))
        .or_else(plain)
}

/// `B:+(B:+)+`, where B is one or two digits: libpcap has an error of its own for it.
fn bogus_hardware(rest: &str) -> Option<usize> {
    let (mut end, mut parts) = (0, 0);
    loop {
        let digits = run(&rest[end..], |c| c.is_ascii_hexdigit());
        let colons = run(&rest[(end + digits).min(rest.len())..], |c| c == ':');
        if !(1..=2).contains(&digits) || colons == 0 {
            return (parts > 1).then_some(end);
        }
        end += digits + colons;
        parts += 1;
    }
}

/// The longer ones first.
const SIGNS: &[&str] = &[
    "&&", "||", ">=", "<=", "!=", "==", "<<", ">>", "+", "-", "*", "/", "%", ":", "[", "]", "!", "<", ">",
    "(", ")", "&", "|", "^", "=",
];

/// Offsets into headers, and the values that stand there.
fn is_constant(word: &str) -> bool {
    CONSTANTS.split_whitespace().any(|constant| constant == word)
}

const CONSTANTS: &str = "icmptype icmpcode icmp-echoreply icmp-unreach icmp-sourcequench icmp-redirect icmp-echo \
    icmp-routeradvert icmp-routersolicit icmp-timxceed icmp-paramprob icmp-tstamp icmp-tstampreply icmp-ireq \
    icmp-ireqreply icmp-maskreq icmp-maskreply icmp6type icmp6code icmp6-destinationunreach icmp6-packettoobig \
    icmp6-timeexceeded icmp6-parameterproblem icmp6-echo icmp6-echoreply icmp6-multicastlistenerquery \
    icmp6-multicastlistenerreportv1 icmp6-multicastlistenerdone icmp6-routersolicit icmp6-routeradvert \
    icmp6-neighborsolicit icmp6-neighboradvert icmp6-redirect icmp6-routerrenum icmp6-nodeinformationquery \
    icmp6-nodeinformationresponse icmp6-ineighbordiscoverysolicit icmp6-ineighbordiscoveryadvert \
    icmp6-multicastlistenerreportv2 icmp6-homeagentdiscoveryrequest icmp6-homeagentdiscoveryreply \
    icmp6-mobileprefixsolicit icmp6-mobileprefixadvert icmp6-certpathsolicit icmp6-certpathadvert \
    icmp6-multicastrouteradvert icmp6-multicastroutersolicit icmp6-multicastrouterterm tcpflags tcp-fin tcp-syn \
    tcp-rst tcp-push tcp-ack tcp-urg tcp-ece tcp-cwr";

/// Source: scanner.l of libpcap 1.10.
const KEYWORDS: &[&str] = &[
    "&&",
    "||",
    "!",
    "dst",
    "src",
    "link",
    "ether",
    "ppp",
    "slip",
    "fddi",
    "tr",
    "wlan",
    "arp",
    "rarp",
    "ip",
    "sctp",
    "tcp",
    "udp",
    "icmp",
    "igmp",
    "igrp",
    "pim",
    "vrrp",
    "carp",
    "radio",
    "ip6",
    "icmp6",
    "ah",
    "esp",
    "atalk",
    "aarp",
    "decnet",
    "lat",
    "sca",
    "moprc",
    "mopdl",
    "iso",
    "esis",
    "es-is",
    "isis",
    "is-is",
    "l1",
    "l2",
    "iih",
    "lsp",
    "snp",
    "csnp",
    "psnp",
    "clnp",
    "stp",
    "ipx",
    "netbeui",
    "host",
    "net",
    "mask",
    "port",
    "portrange",
    "proto",
    "protochain",
    "gateway",
    "type",
    "subtype",
    "direction",
    "dir",
    "address1",
    "addr1",
    "address2",
    "addr2",
    "address3",
    "addr3",
    "address4",
    "addr4",
    "ra",
    "ta",
    "less",
    "greater",
    "byte",
    "broadcast",
    "multicast",
    "and",
    "or",
    "not",
    "len",
    "length",
    "inbound",
    "outbound",
    "ifindex",
    "vlan",
    "mpls",
    "pppoed",
    "pppoes",
    "geneve",
    "lane",
    "llc",
    "metac",
    "bcc",
    "oam",
    "oamf4",
    "oamf4ec",
    "oamf4sc",
    "sc",
    "ilmic",
    "vpi",
    "vci",
    "connectmsg",
    "metaconnect",
    "on",
    "ifname",
    "rset",
    "ruleset",
    "rnr",
    "rulenum",
    "srnr",
    "subrulenum",
    "reason",
    "action",
    "fisu",
    "lssu",
    "lsu",
    "msu",
    "hfisu",
    "hlssu",
    "hmsu",
    "sio",
    "opc",
    "dpc",
    "sls",
    "hsio",
    "hopc",
    "hdpc",
    "hsls",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(expression: &str) -> Vec<(&str, Kind)> {
        words(expression).iter().map(|word| (word.text, word.kind)).collect()
    }

    #[test]
    fn names_are_told_from_what_the_language_knows() {
        use Kind::{Keyword, Name, Number, Sign};
        assert_eq!(
            kinds("host web-0.example and tcp[tcpflags]&tcp-syn!=0"),
            [
                ("host", Keyword),
                ("web-0.example", Name),
                ("and", Keyword),
                ("tcp", Keyword),
                ("[", Sign),
                ("tcpflags", Number),
                ("]", Sign),
                ("&", Sign),
                ("tcp-syn", Number),
                ("!=", Sign),
                ("0", Number)
            ]
        );
        assert_eq!(kinds("ip proto \\tcp"), [("ip", Keyword), ("proto", Keyword), ("\\tcp", Name)]);
        assert_eq!(words("ip proto \\tcp")[2].name(), "tcp");
        assert_eq!(kinds("hosts"), [("hosts", Name)], "longer than the keyword");
    }

    #[test]
    fn addresses_are_no_names_and_longer_words_that_begin_with_one_are() {
        use Kind::{Hardware, Ipv4, Ipv6, Keyword, Name, Number, Sign};
        assert_eq!(kinds("10.1 10.1.2.3 10"), [("10.1", Ipv4), ("10.1.2.3", Ipv4), ("10", Number)]);
        assert_eq!(kinds("10.1.2.3.4"), [("10.1.2.3.4", Name)]);
        assert_eq!(kinds("10.1.2.3-4"), [("10.1.2.3-4", Name)]);
        assert_eq!(kinds("fd00::1/64"), [("fd00::1", Ipv6), ("/", Sign), ("64", Number)]);
        assert_eq!(kinds("::1"), [("::1", Ipv6)]);
        assert_eq!(kinds("::ffff:10.0.0.1"), [("::ffff:10.0.0.1", Ipv6)]);
        assert_eq!(
            kinds("0:1:2:3:4:5 00-11-22-33-44-55"),
            [("0:1:2:3:4:5", Hardware), ("00-11-22-33-44-55", Hardware)]
        );
        assert_eq!(kinds("ether[12:2]").last(), Some(&("]", Sign)));
        assert_eq!(kinds("!tcp"), [("!", Keyword), ("tcp", Keyword)]);
    }

    #[test]
    fn anything_typed_is_cut_into_words_without_loss() {
        for typed in [
            "",
            "\\",
            "$",
            "tcp\u{e9}",
            "a\u{0}b",
            "\u{1b}[31m",
            "host 1.2.3.",
            "((((",
            "x:::::y",
            "1:2:",
            "::::",
        ] {
            let whole: String = words(typed).iter().map(|word| word.text).collect();
            let without_blanks: String = typed.chars().filter(|c| !" \r\n\t".contains(*c)).collect();
            assert_eq!(whole, without_blanks, "{typed:?}");
        }
    }
}
