use std::fs::{self, File};
use std::io::{Cursor, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::capture::bytes::*;
use crate::capture::savefile::{Keep, Savefile};

use super::*;

/// A file that is removed with its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("egret-test-{}-{name}", std::process::id()));
        fs::write(&path, bytes).expect("room for a file");
        Self(path)
    }

    fn open(&self) -> Savefile {
        Savefile::open(&self.0, Keep::Frames).expect("a capture")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// 5,000 frames.
fn pcap_bytes() -> Vec<u8> {
    (0..5_000)
        .fold(pcap(Big, NANOS), |file, n: u32| file.record((n, n), &n.to_be_bytes().repeat(n as usize % 7)))
        .bytes
}

/// 6,000 frames in three sections, with interfaces that appear late, simple packets, and blocks in between.
fn pcapng_bytes() -> Vec<u8> {
    let mut file = pcapng();
    for (endian, link) in [(Little, 1), (Big, 276), (Little, 1)] {
        file = file.section(endian).interface(link, 0, &[]);
        for n in 0..2_000_u32 {
            file = match n {
                700 => file.interface(113, 96, &[Opt(9, vec![9])]).packet(1, 700, b"late"),
                n if n > 700 && n % 3 == 0 => file.packet(1, n.into(), &n.to_be_bytes()),
                n if n % 5 == 0 => file.block(0xbad, &[0; 77]).simple_packet(4, &n.to_be_bytes()),
                n => file.packet(0, n.into(), &n.to_le_bytes()),
            };
        }
    }
    file.bytes
}

/// Asserts that every frame that `savefile` gives is in its store, asked for from both ends and at random.
fn assert_keeps_all(mut savefile: Savefile, count: u64) {
    let told = read_all(&mut savefile);
    let store = savefile.store().expect("it was asked for");
    assert_eq!((told.frames.len() as u64, store.frames()), (count, count));
    let scattered = (0..count).map(|n| n * 2_654_435_761 % count + 1).take(40);
    for ordinal in (1..=count).chain((1..=count).rev().step_by(97)).chain(scattered) {
        let (head, data) = &told.frames[ordinal as usize - 1];
        let kept = store.frame(ordinal).expect("a frame");
        assert_eq!((kept.time, kept.original, kept.interface), (head.time, head.original, head.interface));
        assert_eq!(&kept.bytes, data);
        assert_eq!(kept.link, told.interfaces[usize::from(head.interface)].link);
    }
}

#[test]
fn every_frame_of_a_file_is_there_again() {
    assert_keeps_all(Scratch::new("plain", &pcap_bytes()).open(), 5_000);
    assert_keeps_all(Scratch::new("blocks", &pcapng_bytes()).open(), 6_000);
}

#[test]
fn every_frame_of_a_stream_is_there_again() {
    for (bytes, count) in [(pcap_bytes(), 5_000), (pcapng_bytes(), 6_000)] {
        let packed = zstd::encode_all(&bytes[..], 1).expect("memory");
        assert_keeps_all(Scratch::new(&format!("packed-{count}"), &packed).open(), count);
        let trickle = Trickle { bytes: Cursor::new(bytes), step: 997, fails: false };
        assert_keeps_all(Savefile::stream("pipe", trickle, Keep::Frames).expect("a capture"), count);
    }
}

#[test]
fn frames_can_be_asked_for_while_the_rest_is_still_read() {
    let mut savefile = Savefile::stream("pipe", Cursor::new(pcap_bytes()), Keep::Frames).expect("a capture");
    let store = savefile.store().expect("it was asked for");
    let mut batch = Batch::new(PointIndex(0));
    loop {
        let filled = savefile.fill(&mut batch);
        let last = store.frames();
        if let Some(head) = batch.heads.last() {
            assert_eq!(store.frame(last).expect("a frame").bytes, batch.bytes(head));
        }
        assert!(matches!(store.frame(last + 1), Err(Error::NoSuchFrame { .. })));
        if filled == Filled::End {
            return;
        }
    }
}

#[test]
fn a_frame_that_was_never_read_is_refused_with_how_many_were() {
    let mut savefile =
        Savefile::stream("x.pcap", Cursor::new(pcap_bytes()), Keep::Frames).expect("a capture");
    read_all(&mut savefile);
    let store = savefile.store().expect("it was asked for");
    let error = |ordinal| store.frame(ordinal).expect_err("no such frame").to_string();
    assert_eq!(error(0), "x.pcap has no frame 0: 5000 were read");
    assert_eq!(error(u64::MAX), format!("x.pcap has no frame {}: 5000 were read", u64::MAX));
}

#[test]
fn nothing_is_kept_unless_asked_for() {
    let savefile = Savefile::stream("x.pcap", Cursor::new(pcap_bytes()), Keep::Nothing).expect("a capture");
    assert!(savefile.store().is_none());
}

/// Reads the file, does `damage` to it, and asks for frame 4000.
fn after(name: &str, damage: impl FnOnce(&Path)) -> Result<Kept, Error> {
    let scratch = Scratch::new(name, &pcap_bytes());
    let mut savefile = scratch.open();
    read_all(&mut savefile);
    damage(&scratch.0);
    savefile.store().expect("it was asked for").frame(4_000)
}

#[test]
fn a_file_that_shrank_since_is_an_error() {
    let shrunk = after("shrunk", |path| {
        let file = File::options().write(true).open(path).expect("the file");
        file.set_len(100).expect("a shorter file");
    });
    let error = shrunk.expect_err("the frame is gone").to_string();
    assert!(error.starts_with("cannot show frame 4000 of"), "{error}");
    assert!(error.ends_with("the file has changed since it was read; open it anew"), "{error}");
}

#[test]
fn a_file_that_grew_with_other_contents_is_an_error() {
    let rewritten = after("rewritten", |path| fs::write(path, vec![0; 1_000_000]).expect("room for a file"));
    assert!(matches!(rewritten, Err(Error::Changed { .. })));
}

#[test]
fn a_file_that_grew_at_its_end_still_gives_its_frames() {
    let grown = after("grown", |path| {
        let mut file = File::options().write(true).open(path).expect("the file");
        file.seek(SeekFrom::End(0)).expect("a file");
        file.write_all(&[1, 2, 3]).expect("room for bytes");
    });
    assert_eq!(grown.expect("the frame").time.nanos(), 3_999_000_003_999);
}
