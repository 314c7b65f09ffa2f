use std::io::Write;

use flate2::write::GzEncoder;

use super::*;
use crate::capture::bytes::*;
use crate::digest::Incident;
use crate::frame::LinkType;

fn open(bytes: &[u8]) -> Result<Savefile, Error> {
    Savefile::stream("x.pcap", Cursor::new(bytes.to_vec()), Keep::Nothing)
}

fn read_bytes(bytes: &[u8]) -> Told {
    read_all(&mut open(bytes).expect("a capture"))
}

fn refusal(bytes: &[u8]) -> String {
    open(bytes).expect_err("no capture").to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}

/// A pcap of `frames` frames of growing length, and one of pcapng with the same.
fn small() -> [Vec<u8>; 2] {
    let file = pcap(Little, MICROS).record((1, 1), b"a").record((2, 2), b"bc").record((3, 3), b"def");
    let blocks = pcapng().section(Big).ethernet("eth0").packet(0, 1, b"a").packet(0, 2, b"bc");
    [file.bytes, blocks.simple_packet(3, b"def").bytes]
}

// What is recognised.

#[test]
fn both_byte_orders_and_both_units_of_pcap_mean_the_same_instant() {
    for endian in [Little, Big] {
        let micros = pcap(endian, MICROS).record((1_700_000_000, 5), b"frame").bytes;
        let nanos = pcap(endian, NANOS).record((1_700_000_000, 5_000), b"frame").bytes;
        let old = pcap(endian, KUZNETZOV).record((1_700_000_000, 5), b"frame").bytes;
        for bytes in [micros, nanos, old] {
            let told = read_bytes(&bytes);
            assert_eq!(told.times(), [1_700_000_000_000_005_000]);
            assert_eq!(told.data(), [b"frame"]);
            assert!(told.incidents.is_empty());
        }
    }
}

#[test]
fn the_latest_time_that_pcap_can_state_is_no_overflow() {
    let told = read_bytes(&pcap(Little, MICROS).record((u32::MAX, u32::MAX), b"").bytes);
    assert_eq!(told.times(), [4_294_967_295_000_000_000 + 4_294_967_295_000]);
}

#[test]
fn a_pcap_file_has_one_interface_with_its_link_type_without_the_flags_above() {
    let told = read_bytes(&pcap(Big, MICROS).link(0x2400_0071).snap_length(96).bytes);
    assert_eq!(told.interfaces.len(), 1);
    assert_eq!(told.interfaces[0].link, LinkType::LINUX_SLL);
    assert_eq!(told.interfaces[0].snap_length, 96);
    let raw = read_bytes(&pcap(Big, MICROS).link(12).bytes);
    assert_eq!(raw.interfaces[0].link, LinkType::RAW);
}

#[test]
fn early_versions_of_pcap_store_the_original_length_first() {
    for (major, minor) in [(2, 0), (2, 2), (543, 0)] {
        let file = pcap(Little, MICROS).version(major, minor).fields((1, 0), 60, 3, b"abc").bytes;
        let told = read_bytes(&file);
        assert_eq!((told.frames[0].0.captured, told.frames[0].0.original), (3, 60), "{major}.{minor}");
    }
}

#[test]
fn version_2_3_of_pcap_stores_the_lengths_either_way() {
    let file = pcap(Little, MICROS).version(2, 3);
    let file = file.fields((1, 0), 60, 3, b"abc").fields((1, 0), 3, 60, b"abc").bytes;
    for (head, data) in read_bytes(&file).frames {
        assert_eq!((head.captured, head.original, &data[..]), (3, 60, &b"abc"[..]));
    }
}

#[test]
fn an_original_length_below_the_captured_one_costs_nothing() {
    let file = pcap(Little, MICROS).fields((1, 0), 3, 0, b"abc").fields((1, 0), 3, 2, b"def").bytes;
    let told = read_bytes(&file);
    assert_eq!(told.data(), [b"abc", b"def"]);
    assert_eq!(told.frames[1].0.original, 2);
}

#[test]
fn compressed_captures_are_read_up_to_three_layers_deep() {
    for plain in small() {
        let expected = read_bytes(&plain);
        assert_eq!(expected.frames.len(), 3);
        for packed in [gzip(&plain), zstd(&plain), gzip(&zstd(&gzip(&plain)))] {
            assert_eq!(read_bytes(&packed), expected);
        }
        assert!(refusal(&gzip(&gzip(&gzip(&gzip(&plain))))).contains("more than 3 times over"));
    }
}

#[test]
fn compressed_streams_of_several_members_read_as_one() {
    let [plain, _] = small();
    let (head, tail) = plain.split_at(30);
    assert_eq!(read_bytes(&[gzip(head), gzip(tail)].concat()), read_bytes(&plain));
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3].to_vec();
    assert_eq!(read_bytes(&[skippable, zstd(head), zstd(tail)].concat()), read_bytes(&plain));
}

#[test]
fn what_is_no_capture_is_refused_with_what_it_is() {
    assert_eq!(refusal(b""), "x.pcap is empty: not even the header of a capture was written");
    let text = refusal(b"apiVersion: v1\n\x1b[31m");
    assert!(text.contains("begins with 61 70 69 56"), "{text}");
    assert!(text.contains("pcap and pcapng, plain or compressed with gzip or zstd"), "{text}");
    assert!(refusal(b"\x1b[2J").contains("(\"\\x1b[2J\")"));
    assert!(refusal(b"\xfd7zXZ\0").contains("xz -dc"));
    assert!(refusal(b"\xd4\xc3\xb2\xa1\x02\0\x04\0").contains("8 of 24 bytes"));
    assert!(refusal(&gzip(b"")).contains("is empty"));
    assert!(refusal(b"\x1f\x8bnonsense").contains("cannot read x.pcap"));
}

#[test]
fn versions_of_the_future_and_the_deep_past_are_refused() {
    assert!(refusal(&pcap(Little, MICROS).version(1, 4).bytes).contains("version 1.4; egret reads 2.x"));
    let mut section = pcapng().section(Little).bytes;
    section[12] = 7;
    assert!(refusal(&section).contains("version 7.0"));
    section[8] = 0;
    assert!(refusal(&section).contains("byte-order magic is 00 3c 2b 1a"));
}

#[test]
fn a_header_without_frames_is_a_capture_of_none() {
    for bytes in [pcap(Little, MICROS).bytes, pcapng().section(Big).bytes] {
        let told = read_bytes(&bytes);
        assert!(told.frames.is_empty() && told.incidents.is_empty());
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Savefile::open("/nonexistent/x.pcap".as_ref(), Keep::Nothing).expect_err("no such file");
    assert!(error.to_string().starts_with("cannot open /nonexistent/x.pcap: No such file"));
}

// pcapng.

#[test]
fn sections_have_their_own_byte_order_interfaces_and_clocks() {
    let nanos = [Opt(9, vec![9])];
    let file = pcapng().section(Little).ethernet("eth0").packet(0, 1, b"one");
    let file = file.section(Big).interface(276, 96, &nanos).packet(0, 2, b"two").bytes;
    let told = read_bytes(&file);
    assert_eq!(told.times(), [1_000, 2]);
    assert_eq!(told.data(), [b"one", b"two"]);
    let of: Vec<u16> = told.frames.iter().map(|(head, _)| head.interface).collect();
    assert_eq!(of, [0, 1]);
    assert_eq!(told.interfaces[0].name.as_ref().expect("a name").to_string(), "eth0");
    assert_eq!((told.interfaces[1].link, told.interfaces[1].snap_length), (LinkType::LINUX_SLL2, 96));
}

#[test]
fn an_interface_declared_alike_in_a_later_section_keeps_its_number() {
    let file = pcapng().section(Little).ethernet("eth0").ethernet("eth1").packet(1, 1, b"a");
    let file = file.section(Big).ethernet("eth0").ethernet("eth2").ethernet("eth1");
    let told = read_bytes(&file.packet(0, 1, b"b").packet(1, 1, b"c").packet(2, 1, b"d").bytes);
    let of: Vec<u16> = told.frames.iter().map(|(head, _)| head.interface).collect();
    assert_eq!(of, [1, 0, 2, 3]);
    assert_eq!(told.interfaces.len(), 4);
}

#[test]
fn interfaces_that_appear_late_are_told_before_their_frames() {
    let file = pcapng().section(Little).ethernet("a").packet(0, 1, b"1").ethernet("b").packet(1, 1, b"2");
    let told = read_bytes(&file.bytes);
    assert_eq!(told.interfaces.len(), 2);
    assert_eq!(told.frames[1].0.interface, 1);
}

#[test]
fn a_simple_packet_is_cut_to_the_snap_length_and_takes_the_time_before_it() {
    let file = pcapng().section(Little).interface(1, 4, &[]).simple_packet(60, b"abcd");
    let file = file.packet(0, 7, b"x").simple_packet(2, b"ef").section(Little).interface(1, 0, &[]);
    let told = read_bytes(&file.simple_packet(3, b"ghi").bytes);
    assert_eq!(told.data(), [&b"abcd"[..], b"x", b"ef", b"ghi"]);
    assert_eq!(told.times(), [0, 7_000, 7_000, 0]);
    assert_eq!(told.frames[0].0.original, 60);
}

#[test]
fn the_obsolete_packet_tells_its_losses() {
    let file = pcapng().section(Big).ethernet("eth0").obsolete_packet(0, 3, 1, b"abc");
    let told = read_bytes(&file.obsolete_packet(0, 0xffff, 2, b"d").obsolete_packet(0, 4, 3, b"").bytes);
    assert_eq!(told.data(), [&b"abc"[..], b"d", b""]);
    assert_eq!(told.dropped(), 7);
}

#[test]
fn statistics_are_cumulative_and_told_as_increases_per_interface() {
    let file = pcapng().section(Little).ethernet("a").ethernet("b");
    let lost = |interface: u32, n: u64| [file.counter(5, n), file.counter(7, 1)].map(|o| (interface, o));
    let [first, second, other] = [lost(0, 10), lost(0, 25), lost(1, 2)].map(|pair| pair.map(|(_, o)| o));
    let file = file.statistics(0, &first).statistics(0, &second).statistics(1, &other).statistics(9, &second);
    assert_eq!(read_bytes(&file.bytes).dropped(), 26 + 3);
}

#[test]
fn losses_told_by_packets_are_not_told_again_by_statistics() {
    let file = pcapng().section(Little).ethernet("a");
    let (by_packet, in_all) = (file.counter(4, 6), file.counter(5, 10));
    let file = file.packet_with(0, 1, b"abc", &[by_packet]).statistics(0, &[in_all]);
    assert_eq!(read_bytes(&file.bytes).dropped(), 10);
}

#[test]
fn counters_that_would_overflow_saturate() {
    let file = pcapng().section(Little).ethernet("a").ethernet("b");
    let huge = [file.counter(5, u64::MAX), file.counter(7, u64::MAX)];
    let same = [file.counter(5, u64::MAX), file.counter(7, u64::MAX)];
    let told = read_bytes(&file.statistics(0, &huge).statistics(1, &same).bytes);
    assert_eq!(told.incidents, [Incident::Dropped(u64::MAX)]);
}

#[test]
fn options_that_make_no_sense_cost_no_frame() {
    // A length beyond the block, a resolution of no byte, an offset of one.
    let odd = [Opt(9, vec![]), Opt(14, vec![1]), Opt(2, b"eth\x1b0".to_vec())];
    let file = pcapng().section(Little).interface(1, 0, &odd).packet(0, 1, b"a");
    let mut body = vec![1, 0, 0, 0, 0, 0, 0, 0];
    body.extend([2, 0, 0xff, 0xff]);
    let told = read_bytes(&file.block(1, &body).packet(1, 2, b"b").bytes);
    assert_eq!(told.times(), [1_000, 2_000]);
    assert_eq!(told.interfaces[0].name.as_ref().expect("a name").to_string(), "eth\\u{1b}0");
    assert_eq!(told.interfaces[1].name, None);
}

#[test]
fn the_offset_and_resolution_of_an_interface_make_its_time() {
    let file = pcapng().section(Big);
    let offset = file.counter(14, 100);
    let told = read_bytes(&file.interface(1, 0, &[Opt(9, vec![3]), offset]).packet(0, 5, b"").bytes);
    assert_eq!(told.times(), [100_005_000_000]);
}

#[test]
fn unknown_blocks_are_passed_over_however_long() {
    let huge = vec![7; 3_000_000];
    let file = pcapng().section(Little).block(0xbad, &huge).ethernet("a").packet(0, 1, b"a");
    let file = file.block(0x4_0000, b"").packet(0, 2, b"b").block(4, b"names").bytes;
    let mut savefile = open(&file).expect("a capture");
    let mut batch = Batch::new(crate::frame::PointIndex(0));
    let mut frames = 0;
    while savefile.fill(&mut batch) == Filled::More {
        frames += batch.heads.len();
        assert!(batch.slab.len() < huge.len() / 2, "the block is not held");
    }
    assert_eq!(frames + batch.heads.len(), 2);
    assert!(batch.incidents.is_empty(), "{:?}", batch.incidents);
}

#[test]
fn a_frame_of_no_declared_interface_ends_reading_and_says_so() {
    let file =
        pcapng().section(Little).ethernet("a").packet(0, 1, b"a").packet(1, 1, b"b").packet(0, 1, b"c");
    let told = read_bytes(&file.bytes);
    assert_eq!(told.data(), [b"a"]);
    let expected = "x.pcap: a packet names interface 1, and its section declares 1, at offset 96, after frame 1; \
                    the rest is lost";
    assert_eq!(told.truncated(), expected);
    let simple = read_bytes(&pcapng().section(Little).simple_packet(1, b"a").bytes);
    assert!(simple.truncated().contains("declares 0"));
}

#[test]
fn a_block_whose_lengths_disagree_ends_reading_with_its_offset() {
    for kind in [6, 0xbad] {
        let mut file = pcapng().section(Little).ethernet("a").packet(0, 1, b"a");
        let start = file.bytes.len();
        file = file.block(kind, &[0; 20]);
        let last = file.bytes.len() - 4;
        file.bytes[last] ^= 4;
        let told = read_bytes(&file.packet(0, 2, b"b").bytes);
        assert_eq!(told.data(), [b"a"]);
        assert!(told.truncated().contains("length is 32 at its start and 36 at its end"));
        let at: usize =
            told.truncated().split("offset ").nth(1).and_then(|s| s.split(',').next()?.parse().ok()).unwrap();
        assert!((start..=last).contains(&at), "{}", told.truncated());
    }
}

#[test]
fn absurd_lengths_end_reading_before_they_are_believed() {
    for (length, says) in [(8_u32, "claims 8 bytes"), (33, "claims 33 bytes"), (0xffff_fff0, "of at most")] {
        let mut file = pcapng().section(Little).ethernet("a").packet(0, 1, b"a");
        file.bytes.extend(6_u32.to_le_bytes());
        file.bytes.extend(length.to_le_bytes());
        file.bytes.extend([0; 40]);
        let told = read_bytes(&file.bytes);
        assert_eq!(told.data(), [b"a"]);
        assert!(told.truncated().contains(says), "{}", told.truncated());
    }
    let packet = pcapng().section(Little).ethernet("a").packet(0, 1, b"abcd");
    let mut bytes = packet.bytes;
    let captured = bytes.len() - 4 - 4 - 8;
    bytes[captured] = 5;
    assert!(read_bytes(&bytes).truncated().contains("claims 5 captured bytes in a block with room for 4"));
}

#[test]
fn a_pcap_record_may_claim_256_kib_or_the_snap_length_but_never_over_16_mib() {
    let claims = |snap_length: u32, captured: u32| {
        let data = vec![0; captured as usize];
        let file = pcap(Little, MICROS).snap_length(snap_length).record((1, 0), b"a").record((2, 0), &data);
        let told = read_bytes(&file.bytes);
        if let [_, second] = told.data()[..] {
            assert_eq!(second.len(), data.len());
            return true;
        }
        assert!(told.truncated().contains(&format!("claims {captured} bytes")));
        assert!(told.truncated().contains("at offset 41, after frame 1"), "{}", told.truncated());
        false
    };
    assert!(claims(96, 262_144) && !claims(96, 262_145));
    assert!(claims(400_000, 400_000) && !claims(400_000, 400_001));
    assert!(claims(u32::MAX, 16 << 20) && !claims(u32::MAX, (16 << 20) + 1));
}

// The end, and how bytes arrive.

#[test]
fn a_cut_anywhere_leaves_the_whole_frames_before_it_and_one_incident() {
    for whole in small() {
        let expected = read_bytes(&whole).frames;
        let mut ends = 0;
        for cut in 0..whole.len() {
            let Ok(mut savefile) = open(&whole[..cut]) else {
                assert!(cut < pcapng::FILE_HEADER, "only a header that is cut is an error");
                continue;
            };
            let told = read_all(&mut savefile);
            assert_eq!(told.frames[..], expected[..told.frames.len()]);
            match told.incidents.len() {
                0 => ends += 1,
                _ => assert!(told.truncated().contains(&format!("after frame {}", told.frames.len()))),
            }
        }
        // Between header and frames, and between frames; pcapng has its interface besides.
        assert_eq!(ends, if whole[0] == 0x0a { 4 } else { 3 });
    }
}

#[test]
fn a_cut_within_a_record_says_how_much_of_it_is_there() {
    let [pcap, _] = small();
    let told = read_bytes(&pcap[..pcap.len() - 1]);
    let expected = "x.pcap: the file ends within a record: 18 of 19 bytes are there, at offset 59, after frame 2; \
                    the rest is lost";
    assert_eq!(told.truncated(), expected);
}

#[test]
fn corrupt_and_cut_archives_give_the_frames_before_the_damage() {
    let mut file = pcap(Little, MICROS);
    for n in 0..20_000_u32 {
        let noise = n.wrapping_mul(2_654_435_761).to_le_bytes();
        file = file.record((n, 0), &[noise, noise].concat());
    }
    for packed in [gzip(&file.bytes), zstd(&file.bytes)] {
        let cut = read_bytes(&packed[..packed.len() / 2]);
        assert!(cut.frames.len() > 1_000 && cut.frames.len() < 20_000);
        assert!(cut.truncated().contains(&format!("after frame {}", cut.frames.len())));
    }
    let mut packed = gzip(&file.bytes);
    let middle = packed.len() / 2;
    packed[middle..middle + 64].fill(0xff);
    let damaged = read_bytes(&packed);
    assert!(damaged.frames.len() > 1_000 && damaged.frames.len() < 20_000);
    assert_eq!(damaged.incidents.len(), 1);
}

#[test]
fn a_failing_disk_is_an_incident_after_the_frames_that_were_read() {
    for bytes in small() {
        let whole = read_bytes(&bytes);
        let trickle = Trickle { bytes: Cursor::new(bytes), step: 7, fails: true };
        let told = read_all(&mut Savefile::stream("x.pcap", trickle, Keep::Nothing).expect("a capture"));
        assert_eq!(told.frames, whole.frames);
        assert!(told.truncated().contains("cannot read on: the disk is gone"));
        assert!(told.truncated().contains("after frame 3"));
    }
}

#[test]
fn bytes_that_trickle_in_give_the_same_frames() {
    let [pcap, blocks] = small();
    let blocks =
        [&blocks[..], &pcapng().section(Little).block(9, &[1; 99]).ethernet("b").packet(0, 4, b"g").bytes]
            .concat();
    for bytes in [gzip(&blocks), zstd(&pcap), pcap, blocks] {
        let whole = read_bytes(&bytes);
        for step in 1..40 {
            let trickle = Trickle { bytes: Cursor::new(bytes.clone()), step, fails: false };
            let mut savefile = Savefile::stream("x.pcap", trickle, Keep::Nothing).expect("a capture");
            assert_eq!(read_all(&mut savefile), whole, "{step} bytes at a time");
            assert_eq!(savefile.position(), Position { read: bytes.len() as u64, total: None });
        }
    }
}

#[test]
fn a_pipe_gives_its_frame_before_the_next_is_written() {
    let (reader, mut writer) = io::pipe().expect("a pipe");
    let [bytes, _] = small();
    let (first, rest) = bytes.split_at(24 + 17);
    writer.write_all(first).expect("a reader");
    let mut savefile = Savefile::stream("pipe", reader, Keep::Nothing).expect("a capture");
    let mut batch = Batch::new(crate::frame::PointIndex(0));
    let mut seen = Vec::new();
    while seen.is_empty() {
        assert_eq!(savefile.fill(&mut batch), Filled::More);
        seen.extend(batch.heads.iter().map(|head| batch.bytes(head).to_vec()));
    }
    assert_eq!(seen, [b"a"]);
    writer.write_all(rest).expect("a reader");
    drop(writer);
    assert_eq!(read_all(&mut savefile).data(), [&b"bc"[..], b"def"]);
}

#[test]
fn more_frames_than_a_batch_holds_come_in_several() {
    let mut file = pcap(Little, NANOS);
    for n in 0..10_000 {
        file = file.record((0, n), &n.to_be_bytes()[..n as usize % 5]);
    }
    let told = read_bytes(&file.bytes);
    assert_eq!(told.times(), (0..10_000).collect::<Vec<i64>>());
    let mut savefile = open(&file.bytes).expect("a capture");
    let mut batch = Batch::new(crate::frame::PointIndex(0));
    while savefile.fill(&mut batch) == Filled::More {
        assert!(batch.heads.len() <= Batch::FRAMES);
        assert!(batch.digests.is_empty());
    }
}

#[test]
fn what_ended_stays_ended() {
    let [bytes, _] = small();
    let mut savefile = open(&bytes[..bytes.len() - 1]).expect("a capture");
    read_all(&mut savefile);
    assert_eq!(read_all(&mut savefile), Told::default());
}

#[test]
fn the_position_in_an_archive_is_that_of_the_file_itself() {
    let path = env::temp_dir().join(format!("egret-test-position-{}", std::process::id()));
    let packed = gzip(&small()[0]);
    std::fs::write(&path, &packed).expect("room for a file");
    let mut savefile = Savefile::open(&path, Keep::Nothing).expect("a capture");
    let meter = savefile.meter();
    read_all(&mut savefile);
    std::fs::remove_file(&path).expect("the file");
    let size = packed.len() as u64;
    assert_eq!(meter.position(), Position { read: size, total: Some(size) });
}
