//! Live capture against the real kernel: nothing sent before the end is missing, what the kernel drops is counted, and
//! interfaces come and go.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use egret::capture::live::{self, Filled, Live, Request};
use egret::capture::savefile::{Keep, Savefile};
use egret::capture::writer::Writer;
use egret::digest::{Batch, Incident, IndexName};
use egret::frame::{LinkType, PointIndex};

use crate::cable::{Cable, send};
use crate::enclosure::{Watch, entered};
use crate::netns::run;

/// No test here takes longer.
const PATIENCE: Duration = Duration::from_mins(1);
/// Most fills that any of them needs, at up to a tenth of a second.
const FILLS: usize = 200;

/// The number of a datagram of [`send`]'s.
fn number(frame: &[u8]) -> Option<u32> {
    let (start, number) = frame.split_last_chunk::<4>()?;
    start.ends_with(b"live").then(|| u32::from_be_bytes(*number))
}

/// What a source told in some fills.
#[derive(Debug, Default)]
struct Told {
    links: Vec<LinkType>,
    names: Vec<IndexName>,
    /// Number and nanoseconds of each datagram.
    datagrams: Vec<(u32, i64)>,
    dropped: u64,
    words: Vec<String>,
    has_ended: bool,
}

impl Told {
    fn add(&mut self, batch: &Batch, filled: Filled) {
        self.links.extend(batch.interfaces.iter().map(|interface| interface.link));
        self.names.extend(batch.index_names.iter().cloned());
        let datagrams =
            batch.heads.iter().filter_map(|head| Some((number(batch.bytes(head))?, head.time.nanos())));
        self.datagrams.extend(datagrams);
        for incident in &batch.incidents {
            match incident {
                Incident::Dropped(count) => self.dropped += count,
                Incident::Truncated(why) => self.words.push(format!("truncated: {why}")),
                Incident::Interrupted(why) | Incident::Unread(why) | Incident::Unchanged(why) => {
                    self.words.push(why.clone());
                }
                Incident::Unfinished => self.words.push("unfinished".to_owned()),
            }
        }
        self.has_ended = filled == Filled::End;
    }

    fn numbers(&self) -> Vec<u32> {
        self.datagrams.iter().map(|(number, _)| *number).collect()
    }

    fn knows(&self, name: &str) -> bool {
        self.names.iter().any(|named| named.name.reads(name))
    }
}

/// Fills until the end.
fn drain(live: &mut Live) -> Told {
    let told = fill_until(live, |told| told.has_ended);
    assert!(told.has_ended);
    told
}

/// Fills until `enough`.
fn fill_until(live: &mut Live, enough: impl Fn(&Told) -> bool) -> Told {
    let (mut told, mut batch) = (Told::default(), Batch::new(PointIndex(0)));
    for _ in 0..FILLS {
        let filled = live.fill(&mut batch);
        told.add(&batch, filled);
        if enough(&told) {
            return told;
        }
    }
    panic!("{FILLS} fills were not enough: {told:?}");
}

fn open(interface: &str) -> Live {
    let filter = Some("udp port 9".to_owned());
    Live::open(&Request { filter, ..Request::of(interface) }).expect("the right to capture")
}

fn nanos_now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time after 1970").as_nanos() as i64
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_was_sent_right_before_the_end_is_captured() {
    if !entered("live::what_was_sent_right_before_the_end_is_captured") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("live", PATIENCE);
    let cable = Cable::lay();
    for (interface, link) in [("any", LinkType::LINUX_SLL2), ("veth0", LinkType::ETHERNET)] {
        let (told, from, to) = cable.here.within(|| {
            let mut live = open(interface);
            let from = nanos_now();
            send("10.7.0.2", 100);
            let to = nanos_now();
            live.finish();
            (drain(&mut live), from, to)
        });
        assert_eq!(told.numbers(), (0..100).collect::<Vec<_>>(), "{interface}");
        assert_eq!((told.links, told.dropped, told.words), (vec![link], 0, vec![]), "{interface}");
        let times: Vec<i64> = told.datagrams.iter().map(|(_, time)| *time).collect();
        assert!(times.iter().all(|time| (from..=to).contains(time)), "{from} {times:?} {to}");
        assert!(times.iter().any(|time| time % 1_000 != 0), "nanoseconds: {times:?}");
    }
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_a_small_ring_has_no_room_for_is_counted_as_dropped() {
    if !entered("live::what_a_small_ring_has_no_room_for_is_counted_as_dropped") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("live", PATIENCE);
    let cable = Cable::lay();
    let told = cable.here.within(|| {
        let filter = Some("udp port 9".to_owned());
        let mut live =
            Live::open(&Request { buffer: 256 << 10, filter, ..Request::of("veth0") }).expect("the right");
        send("10.7.0.2", 20_000);
        live.finish();
        drain(&mut live)
    });
    assert!(told.dropped > 0 && !told.datagrams.is_empty(), "{} dropped", told.dropped);
    assert_eq!(told.dropped + told.datagrams.len() as u64, 20_000);
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn the_end_comes_though_traffic_does_not_end() {
    if !entered("live::the_end_comes_though_traffic_does_not_end") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("live", PATIENCE);
    let cable = Cable::lay();
    cable.here.within(|| {
        let mut live = open("veth0");
        let has_ended = AtomicBool::new(false);
        let told = thread::scope(|scope| {
            scope.spawn(|| {
                // A thread is in its parent's namespace.
                while !has_ended.load(Ordering::Relaxed) {
                    send("10.7.0.2", 1_000);
                }
            });
            fill_until(&mut live, |told| told.datagrams.len() > 1_000);
            live.finish();
            let told = drain(&mut live);
            has_ended.store(true, Ordering::Relaxed);
            told
        });
        assert!(!told.datagrams.is_empty());
        assert_eq!(live.fill(&mut Batch::new(PointIndex(0))), Filled::End);
    });
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn frames_cost_no_allocation_once_their_interfaces_are_known() {
    if !entered("live::frames_cost_no_allocation_once_their_interfaces_are_known") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("live", PATIENCE);
    let cable = Cable::lay();
    cable.here.within(|| {
        let mut live = open(live::ANY);
        let mut batch = Batch::new(PointIndex(0));
        live.fill(&mut batch);
        batch.incidents.reserve(1);
        send("10.7.0.2", 1_000);
        live.finish();
        let mut frames = 0;
        for _ in 0..FILLS {
            let mut filled = Filled::More;
            let asked = allocation_counter::measure(|| filled = live.fill(&mut batch));
            assert_eq!(asked.count_total, 0, "{} frames, {asked:?}", batch.heads.len());
            frames += batch.heads.len();
            if filled == Filled::End {
                break;
            }
        }
        assert_eq!(frames, 1_000);
    });
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn an_interface_that_is_deleted_ends_its_own_capture_alone() {
    if !entered("live::an_interface_that_is_deleted_ends_its_own_capture_alone") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("live", PATIENCE);
    let cable = Cable::lay();
    cable.here.within(|| {
        let (mut all, mut one) = (open("any"), open("veth0"));
        send("10.7.0.2", 100);
        cable.here.ip("link del veth0");
        let told = drain(&mut one);
        assert_eq!(
            told.words,
            ["veth0 is gone: nothing of it is captured from then on, should it come back, too"]
        );
        assert_eq!(told.numbers().len(), 100, "what had passed before is not lost");
        send("127.0.0.1", 100);
        let told = fill_until(&mut all, |told| told.datagrams.len() == 200);
        assert!(told.words.is_empty() && !told.has_ended, "{told:?}");
        all.finish();
        assert!(drain(&mut all).datagrams.is_empty());
    });
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn an_interface_that_comes_up_again_is_captured_again() {
    if !entered("live::an_interface_that_comes_up_again_is_captured_again") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("live", PATIENCE);
    let cable = Cable::lay();
    cable.here.within(|| {
        let mut live = open("veth0");
        cable.here.ip("link set veth0 down");
        let told = fill_until(&mut live, |told| !told.words.is_empty());
        assert_eq!(told.words, ["veth0 went down; it is captured again when it comes up"]);
        cable.connect();
        send("10.7.0.2", 10);
        live.finish();
        let told = drain(&mut live);
        assert_eq!((told.numbers().len(), told.words.len()), (10, 0));
    });
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn interfaces_are_named_also_those_that_appear_later() {
    if !entered("live::interfaces_are_named_also_those_that_appear_later") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("live", PATIENCE);
    let cable = Cable::lay();
    cable.here.within(|| {
        let mut live = open("any");
        let told = fill_until(&mut live, |_| true);
        assert!(told.knows("lo") && told.knows("veth0") && !told.knows("late0"), "{told:?}");
        cable.here.ip("link add late0 type veth peer name late1
            addr add 10.8.0.1/24 dev late0
            link set late1 up
            link set late0 up
            neigh replace 10.8.0.2 lladdr 02:00:00:00:00:03 dev late0 nud permanent");
        send("10.8.0.2", 1);
        let told = fill_until(&mut live, |told| !told.datagrams.is_empty());
        assert!(told.knows("late0"), "{told:?}");
    });
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_is_written_while_capturing_is_read_by_tcpdump_and_by_egret_with_names() {
    if !entered("live::what_is_written_while_capturing_is_read_by_tcpdump_and_by_egret_with_names") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("live", PATIENCE);
    let cable = Cable::lay();
    let path = std::env::temp_dir().join(format!("egret-lab-live-{}.pcapng", std::process::id()));
    cable.here.within(|| {
        let file = std::fs::File::create(&path).expect("a file");
        let mut writer = Writer::new(file, ["node1"]).expect("room");
        let filter = Some("udp port 9".to_owned());
        let mut live =
            Live::open(&Request { filter, ..Request::of(live::ANY) }).expect("the right to capture");
        send("10.7.0.2", 100);
        live.finish();
        let mut batch = Batch::new(PointIndex(0));
        let deadline = Instant::now() + PATIENCE;
        while live.fill(&mut batch) != Filled::End {
            writer.write(&batch).expect("room");
            assert!(Instant::now() < deadline, "no end");
        }
        writer.write(&batch).expect("room");
        writer.finish().expect("room");
    });
    let printed = run(Command::new("tcpdump").args(["-n", "-r"]).arg(&path), "");
    let ours = printed.lines().filter(|line| line.contains("> 10.7.0.2.9: UDP, length 8")).count();
    assert_eq!((ours, printed.lines().count()), (100, 100), "{printed}");
    let mut told = Told::default();
    let mut batch = Batch::new(PointIndex(0));
    let mut savefile = Savefile::open(&path, Keep::Nothing).expect("a capture");
    while !told.has_ended {
        let filled = savefile.fill(&mut batch);
        told.add(&batch, filled);
    }
    std::fs::remove_file(&path).expect("our own file");
    assert_eq!((told.datagrams.len(), told.words.len()), (100, 0));
    assert!(told.knows("veth0") && told.knows("lo"), "{told:?}");
}

#[test]
#[ignore = "needs network namespaces: make lab"]
fn what_cannot_be_captured_is_refused_with_the_reason() {
    if !entered("live::what_cannot_be_captured_is_refused_with_the_reason") {
        return; // The same test passed inside.
    }
    let _watch = Watch::set("live", PATIENCE);
    let cable = Cable::lay();
    cable.here.within(|| {
        let refused = |interface: &str, filter: Option<&str>| {
            let filter = filter.map(str::to_owned);
            Live::open(&Request { filter, ..Request::of(interface) }).expect_err("no capture").to_string()
        };
        assert_eq!(
            refused("eth9", None),
            "cannot capture on eth9: there is no such interface here; there are lo, veth0, any"
        );
        assert_eq!(
            refused("any", Some("vlan 5")),
            "cannot compile filter \"vlan 5\" for LINUX_SLL2 (any): no VLAN support for Linux cooked v2; capture the \
             interfaces by name instead of any, or leave that term out"
        );
        assert!(refused("veth0", Some("prot tcp")).contains("for ETHERNET (veth0): syntax error; "));
        cable.here.ip("link set veth0 down");
        assert!(refused("veth0", None).starts_with("cannot capture on veth0: it is down; bring it up"));
        let empty = rustix::thread::CapabilitySet::empty();
        let sets = rustix::thread::CapabilitySets { effective: empty, permitted: empty, inheritable: empty };
        // For this thread alone, which ends here.
        rustix::thread::set_capabilities(None, sets).expect("to give up what one has");
        let told = refused("lo", None);
        assert!(told.starts_with("cannot capture on lo: not permitted; it takes CAP_NET_RAW"), "{told}");
        assert!(told.ends_with("has no capability"), "{told}");
    });
}
