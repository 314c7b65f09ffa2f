//! Writes captures and reads them again, as egret does and as an independent reader, pcap-parser, does.

use std::fs::{File, OpenOptions};
use std::io::{self, Cursor, Write};
use std::path::Path;
use std::process::Command;

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::capture::writer::{About, AboutPoint, Writer};
use egret::digest::{Batch, CaptureFilter, Head, Incident, IndexName, Interface};
use egret::frame::{LinkType, PointIndex, Timestamp};
use egret::text::Text;
use pcap_parser::{Block, PcapBlockOwned, PcapError, PcapNGOption, create_reader};
use proptest::collection::vec;
use proptest::prelude::*;

/// A frame: its interface in the file, nanoseconds, length on the wire, bytes.
type Seen = (u32, i64, u32, Vec<u8>);

fn interface(link: LinkType, name: &str) -> Interface {
    Interface { link, name: Some(name.into()), snap_length: 128 }
}

fn named(index: u32, name: &str) -> IndexName {
    IndexName { interface: 0, index, name: name.into() }
}

fn batch(point: u16, interfaces: Vec<Interface>, frames: &[(u16, i64, &[u8])]) -> Batch {
    let mut batch = Batch::new(PointIndex(point));
    batch.interfaces = interfaces;
    for (interface, nanos, bytes) in frames {
        let (start, captured) = (batch.slab.len() as u32, bytes.len() as u32);
        batch.slab.extend_from_slice(bytes);
        let time = Timestamp::from_nanos(*nanos);
        batch.heads.push(Head { time, start, captured, original: captured + 5, interface: *interface });
    }
    batch
}

fn written(points: &[&str], batches: &[Batch]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), points.iter().copied()).expect("memory");
    for batch in batches {
        writer.write(batch).expect("memory");
    }
    writer.finish().expect("memory")
}

/// What egret reads.
#[derive(Debug, Default)]
struct Read {
    frames: Vec<Seen>,
    interfaces: Vec<Interface>,
    names: Vec<IndexName>,
    filters: Vec<CaptureFilter>,
    incidents: Vec<Incident>,
}

fn read(bytes: &[u8]) -> Read {
    let mut savefile =
        Savefile::stream("written", Cursor::new(bytes.to_vec()), Keep::Nothing).expect("a capture");
    let (mut batch, mut read) = (Batch::new(PointIndex(0)), Read::default());
    loop {
        let filled = savefile.fill(&mut batch);
        read.frames.extend(batch.heads.iter().map(|head| {
            (u32::from(head.interface), head.time.nanos(), head.original, batch.bytes(head).to_vec())
        }));
        read.interfaces.append(&mut batch.interfaces);
        read.names.append(&mut batch.index_names);
        read.filters.append(&mut batch.filters);
        read.incidents.append(&mut batch.incidents);
        if filled == Filled::End {
            return read;
        }
    }
}

/// What pcap-parser reads: frames, and the rest of the blocks in words.
fn judged(bytes: &[u8]) -> (Vec<Seen>, Vec<String>) {
    let mut reader = create_reader(1 << 20, Cursor::new(bytes.to_vec())).expect("a capture");
    let (mut frames, mut rest) = (Vec::new(), Vec::new());
    loop {
        match reader.next() {
            Ok((taken, block)) => {
                match block {
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        let nanos = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                        let data = packet.data[..packet.caplen as usize].to_vec();
                        frames.push((packet.if_id, nanos as i64, packet.origlen, data));
                    }
                    PcapBlockOwned::NG(Block::SectionHeader(it)) => {
                        rest.push(format!("section {}", options(&it.options)));
                    }
                    PcapBlockOwned::NG(Block::InterfaceDescription(it)) => {
                        let (link, snap, unit) = (it.linktype.0, it.snaplen, it.if_tsresol);
                        rest.push(format!("interface {link} {snap} {unit} {}", options(&it.options)));
                    }
                    PcapBlockOwned::NG(Block::InterfaceStatistics(it)) => {
                        rest.push(format!("statistics {} {}", it.if_id, options(&it.options)));
                    }
                    _ => rest.push("another block".to_owned()),
                }
                reader.consume(taken);
            }
            Err(PcapError::Eof) => return (frames, rest),
            Err(PcapError::Incomplete(_)) => reader.refill().expect("memory"),
            Err(error) => panic!("{error:?}"),
        }
    }
}

fn options(options: &[PcapNGOption<'_>]) -> String {
    let shown = options.iter().filter(|option| option.code.0 != 0).map(|option| {
        let value = &option.value[..usize::from(option.len)];
        format!("{}={}", option.code.0, value.escape_ascii())
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_capture_of_two_points_says_who_wrote_it_what_it_captured_and_what_was_lost() {
    let mut first = batch(0, vec![interface(LinkType::ETHERNET, "eth0")], &[(0, 1, b"one"), (0, 2, b"two2")]);
    first.incidents = vec![Incident::Dropped(3), Incident::Interrupted("it went down".to_owned())];
    let mut second = batch(1, vec![interface(LinkType::LINUX_SLL2, "any")], &[(0, 3, b"three")]);
    second.index_names = vec![named(1, "lo"), named(2, "eth0")];
    let mut third = batch(0, vec![], &[(0, 4, b"")]);
    third.incidents = vec![Incident::Dropped(4)];
    let bytes = written(&["node1", "node2"], &[first, second, third]);
    let (frames, rest) = judged(&bytes);
    let expected: [Seen; 4] = [
        (0, 1, 8, b"one".to_vec()),
        (0, 2, 9, b"two2".to_vec()),
        (1, 3, 10, b"three".to_vec()),
        (0, 4, 5, vec![]),
    ];
    assert_eq!(frames, expected);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        rest,
        [
            &format!("section 4=egret {version}"),
            "interface 1 128 9 2=eth0 3=node1 9=\\t",
            "interface 276 128 9 2=any 3=node2 9=\\t 1=1: lo:\\n2: eth0:",
            "statistics 0 7=\\x07\\x00\\x00\\x00\\x00\\x00\\x00\\x00 8=\\x03\\x00\\x00\\x00\\x00\\x00\\x00\\x00",
            "statistics 1 7=\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00 8=\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00",
        ]
    );
    let read = read(&bytes);
    assert_eq!(read.frames, expected);
    assert_eq!(read.incidents, [Incident::Dropped(7)]);
    assert_eq!(
        read.interfaces,
        [interface(LinkType::ETHERNET, "eth0"), interface(LinkType::LINUX_SLL2, "any")]
    );
    assert_eq!(read.names, [named(1, "lo"), named(2, "eth0")].map(|name| IndexName { interface: 1, ..name }));
}

#[test]
fn a_name_that_is_told_later_is_read_no_later_than_the_first_frame_that_needs_it() {
    let first = batch(0, vec![interface(LinkType::LINUX_SLL2, "any")], &[(0, 1, b"one")]);
    let mut second = batch(0, vec![], &[]);
    second.index_names = vec![named(7, "veth7")];
    let mut third = batch(0, vec![], &[(0, 2, b"two"), (0, 3, b"three")]);
    third.index_names = vec![named(8, "veth8")];
    let bytes = written(&[""], &[first, second, third]);
    assert_eq!(judged(&bytes).0.len(), 3);
    // As a pipe would bring it: up to the end of the second packet.
    let second_ends = bytes.windows(5).position(|window| window == b"three").expect("it was written") - 28;
    let read = read(&bytes[..second_ends]);
    assert_eq!(read.frames.len(), 2);
    assert_eq!(read.names, [named(7, "veth7"), named(8, "veth8")]);
}

#[test]
fn names_for_which_one_comment_has_no_room_take_several() {
    let mut all = batch(0, vec![interface(LinkType::LINUX_SLL2, "any")], &[(0, 1, b"one")]);
    all.index_names = (1..20_000).map(|index| named(index, &format!("veth{index}"))).collect();
    let expected = all.index_names.clone();
    assert_eq!(read(&written(&["node1"], &[all])).names, expected);
}

#[test]
fn comments_of_others_and_on_other_links_are_no_names() {
    let mut ethernet = batch(0, vec![interface(LinkType::ETHERNET, "eth0")], &[]);
    ethernet.index_names = vec![named(1, "lo")];
    assert_eq!(read(&written(&[""], &[ethernet])).names, []);
    let mut cooked = batch(0, vec![interface(LinkType::LINUX_SLL2, "any")], &[]);
    cooked.index_names = vec![named(1, "a b"), named(2, ""), named(3, "c"), named(4, "d\n5: e")];
    assert_eq!(read(&written(&[""], &[cooked])).names, [named(3, "c")]);
}

#[test]
fn a_time_that_the_format_cannot_say_is_the_nearest_that_it_can() {
    let frames: [(u16, i64, &[u8]); 2] = [(0, -5, b""), (0, i64::MAX, b"")];
    let bytes = written(&[""], &[batch(0, vec![interface(LinkType::RAW, "tun0")], &frames)]);
    let times: Vec<i64> = read(&bytes).frames.iter().map(|frame| frame.1).collect();
    assert_eq!(times, [0, i64::MAX]);
}

#[test]
fn a_full_disk_is_an_error() {
    let full = || OpenOptions::new().write(true).open("/dev/full").expect("a device of Linux");
    let frames: [(u16, i64, &[u8]); 1] = [(0, 1, b"frame")];
    let small = batch(0, vec![interface(LinkType::ETHERNET, "eth0")], &frames);
    let mut writer = Writer::new(full(), [""]).expect("nothing is written yet");
    writer.write(&small).expect("nothing is written yet");
    assert_eq!(writer.flush().expect_err("a full disk").kind(), io::ErrorKind::StorageFull);
    let mut writer = Writer::new(full(), [""]).expect("nothing is written yet");
    writer.write(&small).expect("nothing is written yet");
    assert_eq!(writer.finish().expect_err("a full disk").kind(), io::ErrorKind::StorageFull);
    let large = vec![0; 1 << 20];
    let frames: [(u16, i64, &[u8]); 1] = [(0, 1, &large)];
    let mut writer = Writer::new(full(), [""]).expect("nothing is written yet");
    let large = batch(0, vec![interface(LinkType::ETHERNET, "eth0")], &frames);
    assert_eq!(writer.write(&large).expect_err("a full disk").kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_disk_that_has_failed_once_is_not_written_to_as_if_it_had_not() {
    /// Takes some bytes, then fails once, then takes all.
    #[derive(Debug)]
    struct Fails(usize, bool);
    impl Write for Fails {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.0.checked_sub(bytes.len()) {
                Some(left) => self.0 = left,
                None if !std::mem::replace(&mut self.1, true) => {
                    return Err(io::Error::other("a bad sector"));
                }
                None => {}
            }
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let large = vec![0; 1 << 20];
    let frames: [(u16, i64, &[u8]); 1] = [(0, 1, &large)];
    let mut writer = Writer::new(Fails(1 << 10, false), [""]).expect("nothing is written yet");
    let batch = batch(0, vec![interface(LinkType::ETHERNET, "eth0")], &frames);
    writer.write(&batch).expect_err("a bad sector");
    assert!(writer.write(&batch).is_err(), "the file has a hole by now");
    assert!(writer.finish().is_err());
}

#[test]
fn what_was_never_told_of_is_refused() {
    let mut writer = Writer::new(Vec::new(), ["node1"]).expect("memory");
    let stranger = batch(1, vec![], &[]);
    assert_eq!(
        writer.write(&stranger).expect_err("a stranger").to_string(),
        "a batch of point 1, and 1 were named"
    );
    let mut writer = Writer::new(Vec::new(), ["node1"]).expect("memory");
    let frame: [(u16, i64, &[u8]); 1] = [(2, 1, b"")];
    let undeclared = batch(0, vec![], &frame);
    assert!(writer.write(&undeclared).expect_err("undeclared").to_string().contains("interface 2"));
}

#[test]
fn a_hostile_name_is_written_as_it_is_shown() {
    let hostile = Interface { link: LinkType::ETHERNET, name: Some(Text::from("e\x1b[31m")), snap_length: 0 };
    let bytes = written(&[""], &[batch(0, vec![hostile], &[])]);
    assert!(!bytes.windows(2).any(|window| window == b"\x1b["));
}

#[test]
fn egret_calls_the_interfaces_of_a_capture_of_its_own_by_their_names() {
    let leak = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/leak");
    let mut savefile = Savefile::open(&leak.join("node1-any.pcap.gz"), Keep::Nothing).expect("a capture");
    let path = std::env::temp_dir().join(format!("egret-writer-{}.pcapng", std::process::id()));
    let mut writer = Writer::new(File::create(&path).expect("a file"), [""]).expect("room");
    let mut batch = Batch::new(PointIndex(0));
    let mut names = vec![named(2, "eth0"), named(3, "veth-a")];
    loop {
        let filled = savefile.fill(&mut batch);
        batch.index_names.append(&mut names);
        writer.write(&batch).expect("room");
        if filled == Filled::End {
            break;
        }
    }
    writer.finish().expect("room");
    let egret = Command::new(env!("CARGO_BIN_EXE_egret"))
        .args(["check", "--format", "json", "--expect", "192.168.12.99", "-r"])
        .arg(&path)
        .output()
        .expect("egret");
    std::fs::remove_file(&path).expect("our own file");
    let report: serde_json::Value = serde_json::from_slice(&egret.stdout).expect("a report");
    let places = report["points"][0]["places"].as_array().expect("places");
    let name = |index| &places.iter().find(|place| place["index"] == index).expect("a place")["interface"];
    assert_eq!((name(2), name(3)), (&"eth0".into(), &"veth-a".into()));
    assert!(name(6).is_null(), "nobody has named that one");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_frames_are_read_as_they_were_written(
        frames in vec((0..3_u16, any::<u32>(), vec(any::<u8>(), 0..300)), 0..60),
        at in any::<prop::sample::Index>(),
    ) {
        let links = [LinkType::ETHERNET, LinkType::LINUX_SLL2, LinkType::RAW];
        let interfaces = links.map(|link| interface(link, "it")).to_vec();
        let shown: Vec<(u16, i64, &[u8])> =
            frames.iter().map(|(interface, time, data)| (*interface, i64::from(*time), &data[..])).collect();
        let (head, tail) = shown.split_at(at.index(shown.len() + 1));
        let bytes = written(&["node1"], &[batch(0, interfaces, head), batch(0, vec![], tail)]);
        let expected: Vec<Seen> = shown
            .iter()
            .map(|(interface, time, data)| (u32::from(*interface), *time, data.len() as u32 + 5, data.to_vec()))
            .collect();
        prop_assert_eq!(&read(&bytes).frames, &expected);
        prop_assert_eq!(judged(&bytes).0, expected);
    }
}

#[test]
fn what_an_interface_was_captured_with_stays_with_it_and_what_is_chosen_now_is_added() {
    let chosen = |filter: Option<&str>| {
        let mut first = batch(
            0,
            vec![interface(LinkType::ETHERNET, "eth0"), interface(LinkType::ETHERNET, "eth1")],
            &[(0, 1, b"one")],
        );
        first.filters = vec![CaptureFilter { interface: 1, expression: "tcp".into() }];
        let point = AboutPoint { name: "node1".to_owned(), filter: filter.map(str::to_owned) };
        let about = About { points: vec![point], ..About::default() };
        let mut writer = Writer::about(Vec::new(), about).expect("memory");
        writer.write(&first).expect("memory");
        let bytes = writer.finish().expect("memory");
        let words: Vec<String> =
            judged(&bytes).1.into_iter().filter(|it| it.starts_with("interface")).collect();
        let judged: Vec<String> =
            words.iter().map(|it| it.split_once(" 11=").map_or("", |(_, it)| it).to_owned()).collect();
        (judged, read(&bytes).filters)
    };
    let is = |interface, expression: &str| CaptureFilter { interface, expression: expression.into() };
    assert_eq!(chosen(None), (vec![String::new(), "\\x00tcp".to_owned()], vec![is(1, "tcp")]));
    let both = ["\\x00port 80", "\\x00(tcp) and (port 80)"].map(str::to_owned).to_vec();
    assert_eq!(chosen(Some("port 80")), (both, vec![is(0, "port 80"), is(1, "(tcp) and (port 80)")]));
}
