//! Programs of libpcap's making, on frames small enough to write down.

use super::*;

/// An Ethernet header for IPv4, an IPv4 header without options, and UDP from port 53 to port 4242, to 10.0.0.1.
const DNS_REPLY: [u8; 42] = [
    0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 8, 0, //
    0x45, 0, 0, 100, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 10, 0, 0, 1, //
    0, 53, 0x10, 0x92, 0, 80, 0, 0,
];

fn matches(expression: &str, bytes: &[u8], original: u32) -> bool {
    let program = Program::compile(expression, LinkType::ETHERNET).expect(expression);
    program.matches(bytes, original)
}

#[test]
fn a_frame_matches_what_it_is() {
    for expression in ["", "udp", "src port 53", "dst host 10.0.0.1 and port domain", "ip[8] = 64", "not tcp"]
    {
        assert!(matches(expression, &DNS_REPLY, 114), "{expression}");
    }
    for expression in ["tcp", "dst port 53", "host 10.0.0.2", "ip6", "arp"] {
        assert!(!matches(expression, &DNS_REPLY, 114), "{expression}");
    }
}

#[test]
fn lengths_are_those_of_the_frame_however_short_it_was_cut() {
    assert!(matches("greater 114 and less 114 and len = 114", &DNS_REPLY, 114));
    assert!(!matches("less 42", &DNS_REPLY, 114));
    assert!(!matches("src port 53", &DNS_REPLY[..35], 114), "the port was cut");
}

#[test]
fn a_refusal_has_libpcaps_own_words() {
    let refused = |expression, link| Program::compile(expression, link).unwrap_err().to_string();
    assert_eq!(refused("host and", LinkType::ETHERNET), "syntax error");
    assert_eq!(refused("port 65536", LinkType::ETHERNET), "illegal port number 65536 > 65535");
    assert!(refused("vlan", LinkType::RAW).starts_with("no VLAN support for"));
}

#[test]
fn what_a_savefile_cannot_tell_is_refused_as_for_one() {
    let refused = |expression| Program::compile(expression, LinkType::ETHERNET).unwrap_err().to_string();
    assert_eq!(refused("inbound"), "inbound/outbound not supported on Ethernet when reading savefiles");
    assert_eq!(refused("ifindex 2"), "ifindex not supported on Ethernet when reading savefiles");
    assert!(Program::compile("inbound", LinkType::LINUX_SLL2).is_ok());
    assert!(Program::compile("ether[-4092:2] = 3", LinkType::ETHERNET).is_ok(), "an offset like another");
}

#[test]
fn a_loopback_header_is_read_in_the_order_of_whoever_wrote_it() {
    let ip = Program::compile("ip", LinkType::NULL).unwrap();
    let frame = |family: [u8; 4]| [&family[..], &DNS_REPLY[14..]].concat();
    assert!(ip.matches(&frame([2, 0, 0, 0]), 32));
    assert!(ip.matches(&frame([0, 0, 0, 2]), 32));
    assert!(!ip.matches(&frame([0, 0, 0, 30]), 32));
    let ip6 = Program::compile("ip6", LinkType::NULL).unwrap();
    assert!(ip6.matches(&frame([0, 0, 0, 30]), 32) && ip6.matches(&frame([24, 0, 0, 0]), 32));
}

#[test]
fn a_listing_is_the_one_that_tcpdump_prints() {
    let program = Program::compile("tcp port 80 and ip[6:2]&0x1fff=0", LinkType::LINUX_SLL2).unwrap();
    let expected = "\
(000) ldh      [0]
(001) jeq      #0x86dd          jt 15\tjf 2
(002) jeq      #0x800           jt 3\tjf 15
(003) ldb      [29]
(004) jeq      #0x6             jt 5\tjf 15
(005) ldh      [26]
(006) jset     #0x1fff          jt 15\tjf 7
(007) ldxb     4*([20]&0xf)
(008) ldh      [x + 20]
(009) jeq      #0x50            jt 12\tjf 10
(010) ldh      [x + 22]
(011) jeq      #0x50            jt 12\tjf 15
(012) ldh      [26]
(013) jset     #0x1fff          jt 15\tjf 14
(014) ret      #128
(015) ret      #0";
    assert_eq!(program.listing(128), expected);
}

mod judged_by_libpcap {
    //! Random expressions on random frames, beside libpcap itself reading the same frames from a savefile.

    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use pcap::{Capture, Offline};
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};

    use super::*;
    use crate::decode::build;

    /// What was captured of a frame, and its length.
    type Cut = (Vec<u8>, u32);

    #[test]
    fn libpcap_matches_the_same_frames_and_refuses_the_same_expressions() {
        let samples = build::samples();
        let links: Vec<LinkType> = samples.iter().map(|(link, _)| *link).collect();
        let folder = Folder::new();
        let expression = prop_oneof![30 => expression(), 1 => prop::sample::select(GENEVE.to_vec()).prop_map(str::to_owned)];
        let strategy = (prop::sample::select(links), expression).prop_flat_map(move |(link, expression)| {
            let of_link: Vec<Vec<u8>> =
                samples.iter().filter(|(of, _)| *of == link).map(|(_, bytes)| bytes.clone()).collect();
            (Just(link), Just(expression), prop::collection::vec(frame(of_link), 40))
        });
        let (mut some, mut none, mut all, mut refused) = (0, 0, 0, 0);
        let mut runner =
            TestRunner::new(Config { cases: 1500, failure_persistence: None, ..Config::default() });
        let tally = std::cell::RefCell::new((&mut some, &mut none, &mut all, &mut refused));
        runner
            .run(&strategy, |(link, expression, frames)| {
                let path = folder.0.join("frames.pcap");
                std::fs::write(&path, savefile(link, &frames)).expect("a temporary file");
                let mut tally = tally.borrow_mut();
                match (libpcap(&path, &expression), Program::compile(&expression, link)) {
                    (Ok(_), Ok(program)) if is_left_to_chance(&program) => {}
                    (Ok(theirs), Ok(program)) => {
                        let matches =
                            |(_, (bytes, original)): &(i64, &Cut)| program.matches(bytes, *original);
                        let ours: BTreeSet<i64> =
                            (0..).zip(&frames).filter(matches).map(|(number, _)| number).collect();
                        match ours.len() {
                            0 => *tally.1 += 1,
                            n if n == frames.len() => *tally.2 += 1,
                            _ => *tally.0 += 1,
                        }
                        prop_assert_eq!(ours, theirs, "`{}` on {}", expression, link);
                    }
                    (Err(theirs), Err(ours)) => {
                        *tally.3 += 1;
                        prop_assert_eq!(ours.to_string(), theirs);
                    }
                    (theirs, ours) => {
                        return Err(TestCaseError::fail(format!(
                            "`{expression}` on {link}: {theirs:?} by libpcap, {ours:?} here"
                        )));
                    }
                }
                Ok(())
            })
            .unwrap();
        // What is compared is worth comparing.
        assert!(some > 200 && none > 50 && all > 50 && refused > 20, "{some} {none} {all} {refused}");
    }

    /// Whether a program may read memory that it has not written: what libpcap finds there is anything. Some that it makes do,
    /// of `pppoes` behind a PPI header, or of what stands behind `geneve` in an *or*.
    fn is_left_to_chance(program: &Program) -> bool {
        // Which words are written on every way to each step, as far as ways were followed.
        let mut written: Vec<Option<u16>> = vec![None; program.steps.len()];
        let mut left = vec![(0, 0)];
        while let Some((at, had)) = left.pop() {
            let now = written[at].map_or(had, |before| before & had);
            if written[at] == Some(now) {
                continue;
            }
            written[at] = Some(now);
            let next = |skipped: i64| (at as i64 + 1 + skipped) as usize;
            match program.steps[at] {
                Step::RecallA(word) | Step::RecallX(word) if now & 1 << word == 0 => return true,
                Step::StoreA(word) | Step::StoreX(word) => left.push((next(0), now | 1 << word)),
                Step::Jump(by) => left.push((next(by.into()), now)),
                Step::Test { yes, no, .. } | Step::TestX { yes, no, .. } => {
                    left.extend([yes, no].map(|skipped| (next(skipped.into()), now)));
                }
                Step::Return(_) | Step::ReturnA => {}
                _ => left.push((next(0), now)),
            }
        }
        false
    }

    #[test]
    fn programs_that_read_what_they_did_not_write_are_known() {
        let of = |expression, link| is_left_to_chance(&Program::compile(expression, link).unwrap());
        assert!(of("not (multicast or pppoes)", LinkType(192)));
        assert!(!of("not multicast", LinkType(192)) && !of("ip6 protochain 6", LinkType::ETHERNET));
        assert!(!of("tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", LinkType::ETHERNET));
    }

    /// The numbers of the frames that match, or libpcap's words.
    fn libpcap(path: &Path, expression: &str) -> Result<BTreeSet<i64>, String> {
        let mut capture: Capture<Offline> = Capture::from_file(path).expect("a savefile");
        capture.filter(expression, true).map_err(|error| words_of(&error))?;
        let mut found = BTreeSet::new();
        while let Ok(packet) = capture.next_packet() {
            found.insert(packet.header.ts.tv_sec);
        }
        Ok(found)
    }

    /// A pcap file (draft-ietf-opsawg-pcap) in which a frame's number is its second.
    fn savefile(link: LinkType, frames: &[Cut]) -> Vec<u8> {
        let mut file = Vec::new();
        let header: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, link.0.into()];
        file.extend(header.iter().flat_map(|word| word.to_le_bytes()));
        for (number, (bytes, original)) in (0..).zip(frames) {
            let record: [u32; 4] = [number, 0, bytes.len() as u32, *original];
            file.extend(record.iter().flat_map(|word| word.to_le_bytes()));
            file.extend(bytes);
        }
        file
    }

    /// One of the samples, some bytes of it changed, cut somewhere, and perhaps longer than it was.
    fn frame(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Cut> {
        let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
        let cut = prop_oneof![3 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)];
        (prop::sample::select(samples), changes, cut, 0..2000_u32).prop_map(
            |(mut bytes, changes, cut, more)| {
                for (at, value) in changes {
                    let at = at.index(bytes.len());
                    bytes[at] = value;
                }
                let original = bytes.len() as u32 + if more < 1000 { 0 } else { more };
                if let Some(cut) = cut {
                    bytes.truncate(cut.index(bytes.len() + 1));
                }
                (bytes, original)
            },
        )
    }

    fn expression() -> impl Strategy<Value = String> {
        let whole = prop::sample::select(WHOLE.to_vec()).prop_map(str::to_owned);
        let relation = (number(), prop::sample::select(vec![">", "<", ">=", "<=", "=", "!="]), number())
            .prop_map(|(one, relation, other)| format!("{one} {relation} {other}"));
        let leaf = prop_oneof![2 => whole, 3 => relation];
        leaf.prop_recursive(3, 8, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|part| format!("not ({part})")),
                (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) and ({other})")),
                (inner.clone(), inner).prop_map(|(one, other)| format!("({one}) or ({other})")),
            ]
        })
    }

    /// An arithmetic expression.
    fn number() -> impl Strategy<Value = String> {
        let small = (0..70_u32).prop_map(|value| value.to_string());
        let large = any::<u32>().prop_map(|value| format!("{value:#x}"));
        let leaf = prop_oneof![4 => small, 1 => large, 1 => Just("len".to_owned())];
        leaf.prop_recursive(4, 12, 2, |inner| {
            let protocols = vec!["ether", "link", "ip", "ip6", "tcp", "udp", "icmp", "arp"];
            let sizes = vec!["", ":1", ":2", ":4"];
            prop_oneof![
                3 => (prop::sample::select(protocols), inner.clone(), prop::sample::select(sizes))
                    .prop_map(|(protocol, at, size)| format!("{protocol}[{at}{size}]")),
                2 => (inner.clone(), prop::sample::select("+ - * / % & | ^ << >>".split(' ').collect::<Vec<_>>()), inner.clone())
                    .prop_map(|(one, operation, other)| format!("({one} {operation} {other})")),
                1 => inner.prop_map(|value| format!("-{value}")),
            ]
        })
    }

    /// Not `geneve`: what stands behind it in an *or* reads memory that was not written, which libpcap leaves to chance.
    const WHOLE: [&str; 31] = [
        "ip",
        "ip6",
        "arp",
        "tcp",
        "udp",
        "icmp",
        "sctp",
        "vlan",
        "vlan and tcp",
        "mpls",
        "pppoes",
        "stp",
        "llc",
        "port 53",
        "tcp dst port 443",
        "udp portrange 1-5000",
        "host 10.0.0.1",
        "src net 10.0.0.0/8",
        "dst net 203.0.113.0/24",
        "net fd00::/8",
        "less 80",
        "greater 100",
        "ip6 protochain 6",
        "protochain 17",
        "ip6 protochain 58",
        "multicast",
        "ip broadcast",
        "ether host ff:ff:ff:ff:ff:ff",
        "inbound",
        "ifindex 2",
        "tcp[tcpflags] & (tcp-syn|tcp-rst) != 0",
    ];

    const GENEVE: [&str; 4] = ["geneve", "geneve 3", "geneve and tcp", "udp and geneve and host 10.128.0.5"];

    /// A folder of this test's own, which goes with it.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("egret-bpf-{}", std::process::id()));
            std::fs::create_dir_all(&path).expect("a temporary folder");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }
}
