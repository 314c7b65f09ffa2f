//! What happened on the wire, told as conversations that pass places, and what egret says of it.
//!
//! A [`Scene`] holds the frames of some points; a [`Flow`] walks one conversation past [`Sight`]s, each at most once a
//! packet, and writes what each of them shows. [`Scene::check`] turns the frames into capture files, reads these as
//! `egret check` does, and judges.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::net::{Ipv4Addr, SocketAddr};

use clap::Parser as _;
use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::cli::traffic::Traffic;
use egret::conntrack::Table;
use egret::conntrack::news::{Entry, News, When};
use egret::decode::{Digester, KeyHasher, Options};
use egret::digest::Batch;
use egret::engine::{Engine, Settings};
use egret::expect::Expectations;
use egret::expect::environment::Environment;
use egret::expect::flags::Flags;
use egret::expect::policy::Policy;
use egret::filter::composition::marks::{Marker, Marks};
use egret::frame::{PointIndex, Timestamp};
use egret::names::Hosts;
use egret::net::Block;
use egret::place::Declaration;
use egret::report;
use egret::snapshot::{Detail, Row, Snapshot, Snapshots as _, Window};
use egret::verdict::{Reason, Verdict};

use crate::frame::{self, ACK, Content, FIN, Mac, Packet, RST, SYN, end};

pub(crate) const MS: i64 = 1_000_000;
/// Every scene begins at this second; what is said of times counts from it.
pub(crate) const EPOCH: i64 = 1_795_392_000_000_000_000;
/// A node passes a packet on from one device to the next in about this time.
const STEP: i64 = 10_000;

/// Of the cluster in most scenes.
pub(crate) const CLUSTER: &str =
    "--pod-ip 10.128.0.0/14 --node-ip worker1=192.168.12.11 --node-ip worker2=192.168.12.12";

/// Where a conversation is seen: a point, and how the point shows its two directions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    point: &'static str,
    link: Link,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// `-i any`: interface index, packet types of the client's and of the server's packets.
    Any { index: u32, out: u8, back: u8 },
    /// `-i any` in the old format, which has packet types alone.
    Cooked { out: u8, back: u8, device: u8 },
    /// One interface without link-layer headers: a point-to-point line.
    Raw,
    /// One interface: link-layer addresses of the client's packets.
    Ethernet { source: Mac, destination: Mac },
}

const HOST: u8 = 0;
const OTHERHOST: u8 = 3;
const OUTGOING: u8 = 4;

pub(crate) fn device(point: &'static str, index: u32, out: u8, back: u8) -> Sight {
    Sight { point, link: Link::Any { index, out, back } }
}

/// The node's end of the pod's link.
pub(crate) fn veth(point: &'static str) -> Sight {
    device(point, 7, OTHERHOST, OUTGOING)
}

/// The node's end of another pod's link, that of a router pod, as packets go to it and come from it.
pub(crate) fn to_router(point: &'static str) -> Sight {
    device(point, 8, OUTGOING, OTHERHOST)
}

pub(crate) fn bridge(point: &'static str) -> Sight {
    device(point, 5, HOST, OUTGOING)
}

/// The VXLAN device of the node that sends into the tunnel, and of the one at its other end.
pub(crate) fn into_vxlan(point: &'static str) -> Sight {
    device(point, 6, OUTGOING, HOST)
}

pub(crate) fn from_vxlan(point: &'static str) -> Sight {
    device(point, 6, HOST, OUTGOING)
}

/// The uplink, as what leaves and what arrives passes it.
pub(crate) fn eth0(point: &'static str) -> Sight {
    device(point, 2, OUTGOING, HOST)
}

pub(crate) fn into_eth0(point: &'static str) -> Sight {
    device(point, 2, HOST, OUTGOING)
}

pub(crate) fn eth1(point: &'static str) -> Sight {
    device(point, 3, OUTGOING, HOST)
}

/// The old cooked format, by what the client's packets are to the machine.
pub(crate) fn cooked_out(point: &'static str) -> Sight {
    Sight { point, link: Link::Cooked { out: OUTGOING, back: HOST, device: 2 } }
}

/// The node's end of a router pod's link in the old format: another device, another address.
pub(crate) fn cooked_to_router(point: &'static str) -> Sight {
    Sight { point, link: Link::Cooked { out: OUTGOING, back: OTHERHOST, device: 8 } }
}

pub(crate) fn cooked_in(point: &'static str) -> Sight {
    Sight { point, link: Link::Cooked { out: HOST, back: OUTGOING, device: 7 } }
}

pub(crate) fn cooked_passing(point: &'static str) -> Sight {
    Sight { point, link: Link::Cooked { out: OTHERHOST, back: OUTGOING, device: 7 } }
}

pub(crate) const WORKER1: Mac = [2, 0, 0, 0, 12, 11];
pub(crate) const WORKER2: Mac = [2, 0, 0, 0, 12, 12];
pub(crate) const GATEWAY: Mac = [2, 0, 0, 0, 12, 1];
pub(crate) const FAR: Mac = [2, 0, 0, 0, 99, 25];

/// One interface captured alone.
pub(crate) fn ethernet(point: &'static str, source: Mac, destination: Mac) -> Sight {
    Sight { point, link: Link::Ethernet { source, destination } }
}

/// One interface that has no link-layer headers.
pub(crate) fn line(point: &'static str) -> Sight {
    Sight { point, link: Link::Raw }
}

/// The frames of some points.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    points: Vec<Point>,
    policy: Option<String>,
    is_abrupt: bool,
    reverses_points: bool,
    /// What conntrack printed, and when that was read, where it is known.
    tables: Vec<(String, Option<i64>)>,
    /// What the kernel told meanwhile, and the points that are not captured by its machine.
    news: Vec<News>,
    elsewhere: Vec<&'static str>,
    news_come_last: bool,
}

/// When each frame came, and its bytes.
pub(crate) type Frames = Vec<(i64, Vec<u8>)>;

#[derive(Debug)]
struct Point {
    name: &'static str,
    link: Link,
    frames: Frames,
    /// What this machine's clock is ahead of the first's.
    ahead: i64,
    snap_length: usize,
    dropped: u32,
    /// What its file says that it was captured with; empty is nothing.
    filter: &'static str,
    is_cut: bool,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A conversation that begins now; nothing of it is seen before a sight is named.
    pub(crate) fn tcp(&mut self, client: &str, server: &str) -> Flow<'_> {
        let client = end(client);
        Flow {
            scene: self,
            stops: Vec::new(),
            source: client,
            destination: end(server),
            ttl: 64,
            tunnel: None,
            hidden: BTreeSet::new(),
            now: 0,
            sequence: u32::from(client.port()).wrapping_mul(65_537),
            acknowledged: u32::from(client.port()).wrapping_mul(104_729),
            id: if client.is_ipv4() { client.port() | 1 } else { 0 },
            timestamp: Some(u32::from(client.port())),
            is_udp: false,
            said: Vec::new(),
        }
    }

    /// Datagrams instead of a connection.
    pub(crate) fn udp(&mut self, client: &str, server: &str) -> Flow<'_> {
        Flow { is_udp: true, ..self.tcp(client, server) }
    }

    /// One packet at one sight, `at` ns from the beginning.
    pub(crate) fn put(
        &mut self,
        at: i64,
        sight: Sight,
        packet: &Packet,
        tunnel: Option<(Ipv4Addr, Ipv4Addr)>,
        is_out: bool,
    ) {
        let ip = packet.ip();
        let ip = match tunnel {
            None => ip,
            Some((from, to)) if is_out => frame::vxlan(&ip, from, to),
            Some((from, to)) => frame::vxlan(&ip, to, from),
        };
        let bytes = match sight.link {
            Link::Any { index, out, back } => frame::sll2(&ip, index, if is_out { out } else { back }),
            Link::Cooked { out, back, device } => {
                frame::sll(&ip, if is_out { out } else { back }, if is_out { device } else { 1 })
            }
            Link::Raw => ip,
            Link::Ethernet { source, destination } if is_out => frame::ethernet(&ip, source, destination),
            Link::Ethernet { source, destination } => frame::ethernet(&ip, destination, source),
        };
        let point = self.point(sight);
        point.frames.push((EPOCH + point.ahead + at, bytes));
    }

    /// Somebody announces an address: a gratuitous ARP (RFC 5944 §4.6) at a device of an `any`.
    pub(crate) fn announce(&mut self, at: i64, point: &'static str, address: [u8; 4], mac: Mac) {
        let header =
            [8, 6, 0, 0, 0, 0, 0, 2, 0, 1, 1, 6, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], 0, 0];
        let ends = [&mac[..], &address, &[0; 6], &address].concat();
        let body = [[0, 1, 8, 0, 6, 4, 0, 1].as_slice(), &ends].concat();
        self.point(eth0(point)).frames.push((EPOCH + at, [header.as_slice(), &body].concat()));
    }

    /// The end of the last frame at a sight becomes this.
    fn say(&mut self, sight: Sight, said: &[u8]) {
        let (_, frame) = self.point(sight).frames.last_mut().expect("a frame was put just before");
        let end = frame.len() - said.len();
        frame[end..].copy_from_slice(said);
    }

    /// Another pod's flow, answered: it shows that the place is an uplink, and that replies are seen.
    pub(crate) fn neighbour(&mut self, point: &'static str) {
        self.tcp("10.128.0.9:50000", "203.0.113.80:443")
            .at(veth(point))
            .at(bridge(point))
            .routed()
            .snat("192.168.12.99:50000")
            .at(eth0(point))
            .handshake()
            .send(10)
            .receive(10)
            .close();
    }

    /// The clock of the machine is that much ahead of the first's, for frames from now on.
    pub(crate) fn clock_ahead(&mut self, sight: Sight, ns: i64) {
        self.point(sight).ahead = ns;
    }

    pub(crate) fn snap_length(&mut self, sight: Sight, bytes: usize) {
        self.point(sight).snap_length = bytes;
    }

    /// The point declares that it lost so many frames.
    pub(crate) fn dropped(&mut self, sight: Sight, frames: u32) {
        self.point(sight).dropped = frames;
    }

    /// The point's file says that it was captured with this filter.
    pub(crate) fn filtered(&mut self, sight: Sight, expression: &'static str) {
        self.point(sight).filter = expression;
    }

    /// The point's file ends within a record.
    pub(crate) fn cut(&mut self, sight: Sight) {
        self.point(sight).is_cut = true;
    }

    /// Nothing more is captured after the last frame. Otherwise capturing goes on for a second.
    pub(crate) fn ends_abruptly(&mut self) {
        self.is_abrupt = true;
    }

    /// Points are read in the other order.
    pub(crate) fn read_backwards(&mut self) {
        self.reverses_points = true;
    }

    pub(crate) fn policy(&mut self, text: &str) {
        self.policy = Some(text.to_owned());
    }

    /// A table of conntrack, as it prints it; `read` is when, in ms from the beginning.
    pub(crate) fn conntrack(&mut self, printed: &str, read: Option<i64>) {
        self.tables.push((printed.to_owned(), read));
    }

    /// The kernel tells of an entry, a line as conntrack prints it, between two times, in ms from the beginning.
    pub(crate) fn told(&mut self, told: fn(Entry, When) -> News, line: &str, (since, until): (i64, i64)) {
        let table = Table::parse(line.as_bytes());
        let entry = Entry { translation: table.translations[0], zone: 0 };
        self.news.push(told(entry, between(since, until)));
    }

    /// The kernel told more then than could be read.
    pub(crate) fn told_in_vain(&mut self, (since, until): (i64, i64)) {
        self.news.push(News::Lost(between(since, until)));
    }

    /// A point is captured by another machine than that whose kernel tells.
    pub(crate) fn is_elsewhere(&mut self, point: &'static str) {
        self.elsewhere.push(point);
    }

    /// What the kernel told is known only after all was captured, and judged for the first time.
    pub(crate) fn news_come_last(&mut self) {
        self.news_come_last = true;
    }

    fn point(&mut self, sight: Sight) -> &mut Point {
        let at = self.points.iter().position(|point| point.name == sight.point).unwrap_or_else(|| {
            self.points.push(Point {
                name: sight.point,
                link: sight.link,
                frames: Vec::new(),
                ahead: 0,
                snap_length: 65_535,
                dropped: 0,
                filter: "",
                is_cut: false,
            });
            self.points.len() - 1
        });
        &mut self.points[at]
    }

    /// What egret says with these options, of a cluster whose pods and nodes are known.
    pub(crate) fn check(&self, options: &str) -> Run {
        self.check_bare(&format!("{CLUSTER} {options}"))
    }

    /// What egret says with these options alone.
    pub(crate) fn check_bare(&self, options: &str) -> Run {
        let (settings, pods) = self.settings(options);
        let marks = Marks::of(&settings.selection).expect("so few that there are bits for them");
        let mut engine = Engine::new(settings);
        for (printed, read) in &self.tables {
            let table = Table::parse(printed.as_bytes());
            assert_eq!((table.skipped, table.untranslated), (0, 0), "{printed}");
            let read = read.map(|ms| Timestamp::from_nanos(EPOCH + ms * MS));
            engine.know_translations(table.translations, read);
        }
        let end = self.points.iter().flat_map(|p| &p.frames).map(|(time, _)| *time).max().unwrap_or(EPOCH);
        let order: Vec<&Point> = if self.reverses_points {
            self.points.iter().rev().collect()
        } else {
            self.points.iter().collect()
        };
        // As the command does: all points are known before the first is read.
        let indexes: Vec<_> = order.iter().map(|point| engine.add_point(point.name, point.name)).collect();
        let is_here = |(point, _): &(&&Point, &PointIndex)| !self.elsewhere.contains(&point.name);
        let here: Vec<PointIndex> =
            order.iter().zip(&indexes).filter(is_here).map(|(_, index)| *index).collect();
        engine.follow_at(&here);
        if !self.news_come_last {
            engine.take_news(&self.news);
        }
        for (point, index) in order.into_iter().zip(indexes) {
            let bytes = point.file(if self.is_abrupt { None } else { Some(end + 1000 * MS) });
            read(&mut engine, (point.name, index), bytes, &pods, marks.clone());
        }
        engine.end();
        engine.check_roles().expect("roles that fit");
        if self.news_come_last {
            Run::of(&mut engine);
            engine.take_news(&self.news);
        }
        Run::of(&mut engine)
    }

    /// What is asked with these options, and the blocks of pods.
    pub(crate) fn settings(&self, options: &str) -> (Settings, Vec<Block>) {
        let asked = Asked::parse_from(std::iter::once("check").chain(options.split_whitespace()));
        let policies =
            self.policy.iter().map(|text| Policy::read("policy.yaml", text.as_bytes()).expect("a policy"));
        let (expectations, warnings) =
            Expectations::from_parts(&asked.flags, Environment::default(), policies.collect())
                .expect("options");
        let pods: Vec<_> = expectations.cluster.pods.iter().map(|known| known.block).collect();
        let allowed = asked.allow.iter().map(|name| Reason::from_name(name).expect("a reason")).collect();
        let hosts = asked.host_names();
        let settings = Settings {
            expectations,
            selection: asked.traffic.asked(&[]).expect("addresses").composition,
            allowed,
            roles: asked.role,
            hosts,
            is_numeric: asked.numeric,
            warnings,
            ..Settings::default()
        };
        (settings, pods)
    }

    /// Each point's name, its link type, and its frames by time since the beginning, as they come.
    pub(crate) fn streams(&self) -> Vec<(&'static str, u16, Frames)> {
        let stream = |point: &Point| {
            let mut frames: Frames =
                point.frames.iter().map(|(time, bytes)| (time - EPOCH, bytes.clone())).collect();
            frames.sort_by_key(|(time, _)| *time);
            (point.name, point.link_type(), frames)
        };
        self.points.iter().map(stream).collect()
    }
}

#[derive(Debug, clap::Parser)]
struct Asked {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    traffic: Traffic,
    #[arg(long)]
    allow: Vec<String>,
    #[arg(long)]
    role: Vec<Declaration>,
    /// `ADDRESS=NAME`, a line of a hosts file each.
    #[arg(long)]
    named: Vec<String>,
    #[arg(short, long)]
    numeric: bool,
}

impl Asked {
    fn host_names(&self) -> Hosts {
        let mut hosts = Hosts::default();
        for named in &self.named {
            hosts.read(named.replace('=', " ").as_bytes()).expect("an address");
        }
        hosts
    }
}

fn between(since: i64, until: i64) -> When {
    let at = |ms: i64| Timestamp::from_nanos(EPOCH + ms * MS);
    When { since: at(since), until: at(until) }
}

fn read(
    engine: &mut Engine,
    (name, point): (&str, PointIndex),
    bytes: Vec<u8>,
    pods: &[Block],
    marks: Option<Marks>,
) {
    let mut file = Savefile::stream(name, Cursor::new(bytes), Keep::Nothing).expect("a capture");
    let options = Options::with_pods(pods.iter().copied());
    let mut digester = Digester::new(KeyHasher::new(7), options.clone());
    let mut marker = marks.map(|marks| Marker::new(marks, options));
    let mut batch = Batch::new(point);
    loop {
        let filled = file.fill(&mut batch);
        batch.point = point;
        digester.digest(&mut batch);
        if let Some(marker) = &mut marker {
            marker.mark(&mut batch);
        }
        engine.ingest(&batch);
        if filled == Filled::End {
            return;
        }
    }
}

impl Point {
    /// A capture file: pcapng where losses or a filter are declared, else pcap. `until`: two frames that are no conversation's, then.
    fn file(&self, until: Option<i64>) -> Vec<u8> {
        let mut frames = self.frames.clone();
        frames.sort_by_key(|(time, _)| *time);
        if let Some(until) = until {
            frames.extend([(until, self.arp()), (until + STEP, self.arp())]);
        }
        let mut bytes = if self.dropped > 0 || !self.filter.is_empty() {
            self.pcapng(&frames)
        } else {
            self.pcap(&frames)
        };
        if self.is_cut {
            bytes.truncate(bytes.len() - 5);
        }
        bytes
    }

    fn arp(&self) -> Vec<u8> {
        let body = [0; 28];
        match self.link {
            Link::Any { .. } => {
                [[8, 6, 0, 0, 0, 0, 0, 2, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0].as_slice(), &body].concat()
            }
            Link::Cooked { .. } => {
                [[0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 6].as_slice(), &body].concat()
            }
            Link::Raw => vec![0x60; 4],
            Link::Ethernet { .. } => [[2; 12].as_slice(), &[8, 6], &body].concat(),
        }
    }

    fn link_type(&self) -> u16 {
        match self.link {
            Link::Any { .. } => 276,
            Link::Cooked { .. } => 113,
            Link::Raw => 101,
            Link::Ethernet { .. } => 1,
        }
    }

    fn pcap(&self, frames: &[(i64, Vec<u8>)]) -> Vec<u8> {
        let mut file = Vec::new();
        for word in [0xa1b2_3c4d_u32, 0x0004_0002, 0, 0, 262_144, u32::from(self.link_type())] {
            file.extend(word.to_le_bytes());
        }
        for (time, bytes) in frames {
            let kept = bytes.len().min(self.snap_length);
            for word in [
                (time / 1_000_000_000) as u32,
                (time % 1_000_000_000) as u32,
                kept as u32,
                bytes.len() as u32,
            ] {
                file.extend(word.to_le_bytes());
            }
            file.extend(&bytes[..kept]);
        }
        file
    }

    fn pcapng(&self, frames: &[(i64, Vec<u8>)]) -> Vec<u8> {
        let mut file =
            block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
        // if_tsresol 9: nanoseconds.
        let mut options = vec![9, 0, 1, 0, 9, 0, 0, 0];
        if !self.filter.is_empty() {
            // if_filter, a string.
            options.extend([11, 0, self.filter.len() as u8 + 1, 0, 0]);
            options.extend(self.filter.as_bytes());
            options.resize(options.len().next_multiple_of(4), 0);
        }
        options.extend([0; 4]);
        file.extend(block(1, &[&self.link_type().to_le_bytes()[..], &[0; 6], &options].concat()));
        for (time, bytes) in frames {
            let kept = bytes.len().min(self.snap_length);
            let mut body = vec![0; 4];
            body.extend(((time >> 32) as u32).to_le_bytes());
            body.extend((*time as u32).to_le_bytes());
            body.extend((kept as u32).to_le_bytes());
            body.extend((bytes.len() as u32).to_le_bytes());
            body.extend(&bytes[..kept]);
            body.resize(body.len().next_multiple_of(4), 0);
            file.extend(block(6, &body));
        }
        // Interface statistics: isb_ifdrop.
        let mut body = vec![0; 12];
        body.extend([5, 0, 8, 0]);
        body.extend(u64::from(self.dropped).to_le_bytes());
        body.extend([0; 4]);
        file.extend(block(5, &body));
        file
    }
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32 + 12).to_le_bytes();
    [&kind.to_le_bytes(), &length, body, &length].concat()
}

/// A conversation on its way past some sights.
#[derive(Debug)]
pub(crate) struct Flow<'a> {
    scene: &'a mut Scene,
    stops: Vec<Stop>,
    source: SocketAddr,
    destination: SocketAddr,
    ttl: u8,
    tunnel: Option<(Ipv4Addr, Ipv4Addr)>,
    hidden: BTreeSet<usize>,
    now: i64,
    sequence: u32,
    acknowledged: u32,
    id: u16,
    timestamp: Option<u32>,
    is_udp: bool,
    /// The payload of the next packet, in place of what fills others.
    said: Vec<u8>,
}

/// A sight, and what the conversation looks like there.
#[derive(Debug, Clone)]
struct Stop {
    sight: Sight,
    source: SocketAddr,
    destination: SocketAddr,
    ttl: u8,
    tunnel: Option<(Ipv4Addr, Ipv4Addr)>,
}

impl Flow<'_> {
    /// The next place on its way.
    pub(crate) fn at(mut self, sight: Sight) -> Self {
        let (source, destination, ttl, tunnel) = (self.source, self.destination, self.ttl, self.tunnel);
        self.stops.push(Stop { sight, source, destination, ttl, tunnel });
        self
    }

    pub(crate) fn snat(mut self, source: &str) -> Self {
        self.source = end(source);
        self
    }

    pub(crate) fn dnat(mut self, destination: &str) -> Self {
        self.destination = end(destination);
        self
    }

    pub(crate) fn routed(mut self) -> Self {
        self.ttl -= 1;
        self
    }

    pub(crate) fn ttl(mut self, ttl: u8) -> Self {
        self.ttl = ttl;
        self
    }

    pub(crate) fn tunnel(mut self, from: [u8; 4], to: [u8; 4]) -> Self {
        self.tunnel = Some((from.into(), to.into()));
        self
    }

    pub(crate) fn out_of_tunnel(mut self) -> Self {
        self.tunnel = None;
        self
    }

    /// Its next packet comes so many ms after the scene's beginning.
    pub(crate) fn time(mut self, ms: i64) -> Self {
        self.now = ms * MS;
        self
    }

    pub(crate) fn wait(mut self, ms: i64) -> Self {
        self.now += ms * MS;
        self
    }

    /// Both initial sequence numbers.
    pub(crate) fn isn(mut self, client: u32, server: u32) -> Self {
        (self.sequence, self.acknowledged) = (client, server);
        self
    }

    pub(crate) fn ip_id(mut self, id: u16) -> Self {
        self.id = id;
        self
    }

    pub(crate) fn timestamp(mut self, value: Option<u32>) -> Self {
        self.timestamp = value;
        self
    }

    /// The n-th sight of the way, from 0, misses what follows.
    pub(crate) fn hide(mut self, n: usize) -> Self {
        assert!(n < self.stops.len(), "no such sight");
        self.hidden.insert(n);
        self
    }

    pub(crate) fn show(mut self, n: usize) -> Self {
        assert!(self.hidden.remove(&n), "the sight was not hidden");
        self
    }

    /// At the n-th sight of the way, what follows has this source.
    pub(crate) fn turns_into(mut self, n: usize, source: &str) -> Self {
        self.stops[n].source = end(source);
        self
    }

    /// A datagram of the client, of the server.
    pub(crate) fn ask(mut self) -> Self {
        self.client(0, 40);
        self
    }

    pub(crate) fn answer(mut self) -> Self {
        self.server(0, 80);
        self
    }

    /// One packet of the client, of the server, with this payload.
    pub(crate) fn says(mut self, payload: &[u8]) -> Self {
        self.said = payload.to_vec();
        self.client(if self.is_udp { 0 } else { ACK }, payload.len());
        self.said.clear();
        self
    }

    pub(crate) fn hears(mut self, payload: &[u8]) -> Self {
        self.said = payload.to_vec();
        self.server(if self.is_udp { 0 } else { ACK }, payload.len());
        self.said.clear();
        self
    }

    pub(crate) fn syn(mut self) -> Self {
        self.client(SYN, 0);
        self
    }

    /// A SYN that carries data (RFC 7413).
    pub(crate) fn syn_with(mut self, bytes: usize) -> Self {
        self.client(SYN, bytes);
        self
    }

    /// The same SYN again; the kernel gives it an identification of its own.
    pub(crate) fn syn_again(mut self) -> Self {
        self.sequence = self.sequence.wrapping_sub(1);
        self.syn()
    }

    pub(crate) fn syn_ack(mut self) -> Self {
        self.server(SYN | ACK, 0);
        self
    }

    /// An acknowledgement of another conversation's data instead of a SYN-ACK.
    pub(crate) fn challenge(mut self, acknowledged: u32) -> Self {
        let (sequence, next) = (self.sequence, self.acknowledged);
        (self.sequence, self.acknowledged) = (acknowledged, acknowledged ^ 0x5a5a_5a5a);
        self.server(ACK, 0);
        (self.sequence, self.acknowledged) = (sequence, next);
        self
    }

    /// The client's reset of that.
    pub(crate) fn refuse_challenge(mut self, acknowledged: u32) -> Self {
        let sequence = std::mem::replace(&mut self.sequence, acknowledged);
        self.client(RST, 0);
        self.sequence = sequence;
        self
    }

    pub(crate) fn syn_ack_again(mut self) -> Self {
        self.acknowledged = self.acknowledged.wrapping_sub(1);
        self.syn_ack()
    }

    pub(crate) fn ack(mut self) -> Self {
        self.client(ACK, 0);
        self
    }

    pub(crate) fn handshake(self) -> Self {
        self.syn().syn_ack().ack()
    }

    /// Data from the client, acknowledged.
    pub(crate) fn send(mut self, bytes: usize) -> Self {
        self.client(ACK, bytes);
        self.server(ACK, 0);
        self
    }

    /// An acknowledgement by the server.
    pub(crate) fn acknowledge(mut self) -> Self {
        self.server(ACK, 0);
        self
    }

    /// Data from the client that nobody acknowledges.
    pub(crate) fn send_in_vain(mut self, bytes: usize) -> Self {
        self.client(ACK, bytes);
        self
    }

    /// The last bytes again.
    pub(crate) fn send_again(mut self, bytes: usize) -> Self {
        self.sequence = self.sequence.wrapping_sub(bytes as u32);
        self.send_in_vain(bytes)
    }

    /// So many bytes back, to send them again; and on, past what was sent before.
    pub(crate) fn rewind(mut self, bytes: u32) -> Self {
        self.sequence = self.sequence.wrapping_sub(bytes);
        self
    }

    pub(crate) fn forward(mut self, bytes: u32) -> Self {
        self.sequence = self.sequence.wrapping_add(bytes);
        self
    }

    /// A second later, whether the server is still there, which it answers: a segment that repeats the number of the
    /// last byte and carries nothing (RFC 9293 §3.8.4).
    pub(crate) fn probe(self) -> Self {
        self.wait(1000).rewind(1).ack().forward(1).acknowledge()
    }

    /// Data from the server that the client never acknowledges.
    pub(crate) fn receive_in_vain(mut self, bytes: usize) -> Self {
        self.server(ACK, bytes);
        self
    }

    /// Data from the server, acknowledged.
    pub(crate) fn receive(mut self, bytes: usize) -> Self {
        self.server(ACK, bytes);
        self.client(ACK, 0);
        self
    }

    pub(crate) fn fin(mut self) -> Self {
        self.client(FIN | ACK, 0);
        self
    }

    /// The same FIN again.
    pub(crate) fn fin_again(mut self) -> Self {
        self.sequence = self.sequence.wrapping_sub(1);
        self.fin()
    }

    pub(crate) fn fin_back(mut self) -> Self {
        self.server(FIN | ACK, 0);
        self
    }

    pub(crate) fn close(self) -> Self {
        self.fin().fin_back().ack()
    }

    pub(crate) fn rst(mut self) -> Self {
        self.client(RST, 0);
        self
    }

    pub(crate) fn rst_back(mut self) -> Self {
        self.server(RST, 0);
        self
    }

    /// The answer to a SYN for which nobody listens.
    pub(crate) fn refuse(mut self) -> Self {
        self.acknowledged = 0;
        self.server(RST | ACK, 0);
        self
    }

    /// An ICMP error from `sender` about the last packet, back along the way.
    pub(crate) fn error(self, sender: &str, kind: u8, code: u8) -> Self {
        self.error_with_mtu(sender, kind, code, 0)
    }

    /// An ICMP error that says how large a packet may be.
    pub(crate) fn error_with_mtu(mut self, sender: &str, kind: u8, code: u8, mtu: u16) -> Self {
        let visible: Vec<_> = (0..self.stops.len()).rev().filter(|n| !self.hidden.contains(n)).collect();
        for (step, n) in (0i64..).zip(visible) {
            let stop = self.stops[n].clone();
            let about = self.packet(&stop, SYN, self.sequence.wrapping_sub(1), 0, 0);
            let packet = frame::icmp(sender, kind, code, mtu, about);
            self.scene.put(self.now + step * STEP, stop.sight, &packet, stop.tunnel, false);
        }
        self.now += MS / 5;
        self
    }

    /// The client's machine says that nobody waits for the server's last datagram.
    pub(crate) fn turned_away(mut self) -> Self {
        for (step, n) in (0i64..).zip((0..self.stops.len()).filter(|n| !self.hidden.contains(n))) {
            let stop = self.stops[n].clone();
            let back = Stop { source: stop.destination, destination: stop.source, ..stop.clone() };
            let about = self.packet(&back, 0, self.acknowledged, self.sequence, 0);
            let packet = frame::icmp(&stop.source.ip().to_string(), 3, 3, 0, about);
            self.scene.put(self.now + step * STEP, stop.sight, &packet, stop.tunnel, true);
        }
        self.now += MS / 5;
        self
    }

    fn packet(&self, stop: &Stop, flags: u8, seq: u32, ack: u32, payload: usize) -> Packet {
        let timestamp = self.timestamp.filter(|_| flags & RST == 0);
        let content = if self.is_udp {
            let number = if payload == 0 { Vec::new() } else { (seq ^ ack).to_be_bytes().to_vec() };
            Content::Udp { payload: number.into_iter().cycle().take(payload).collect() }
        } else {
            Content::Tcp { seq, ack, flags, payload, timestamp }
        };
        Packet { source: stop.source, destination: stop.destination, ttl: stop.ttl, id: self.id, content }
    }

    /// A segment of the client at every sight, on the way out.
    fn client(&mut self, flags: u8, payload: usize) {
        let ack = if flags & ACK == 0 { 0 } else { self.acknowledged };
        for (step, n) in (0i64..).zip((0..self.stops.len()).filter(|n| !self.hidden.contains(n))) {
            let stop = self.stops[n].clone();
            let packet = self.packet(&stop, flags, self.sequence, ack, payload);
            self.scene.put(self.now + step * STEP, stop.sight, &packet, stop.tunnel, true);
            self.scene.say(stop.sight, &self.said);
        }
        self.sequence = self.sequence.wrapping_add(payload as u32 + u32::from(flags & (SYN | FIN) != 0));
        if self.id != 0 {
            self.id = self.id.wrapping_add(1).max(1);
        }
        self.now += MS / 5;
    }

    /// A segment of the server at every sight, on the way back.
    fn server(&mut self, flags: u8, payload: usize) {
        let visible = (0..self.stops.len()).rev().filter(|n| !self.hidden.contains(n));
        for (step, n) in (0i64..).zip(visible.collect::<Vec<_>>()) {
            let stop = self.stops[n].clone();
            let back = Stop {
                source: stop.destination,
                destination: stop.source,
                ttl: 60 - n as u8,
                ..stop.clone()
            };
            let ack = if flags == RST { 0 } else { self.sequence };
            let packet = self.packet(&back, flags, self.acknowledged, ack, payload).id(0);
            self.scene.put(self.now + step * STEP, stop.sight, &packet, stop.tunnel, false);
            self.scene.say(stop.sight, &self.said);
        }
        self.acknowledged =
            self.acknowledged.wrapping_add(payload as u32 + u32::from(flags & (SYN | FIN) != 0));
        self.now += MS / 5;
    }
}

/// What egret said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) snapshot: Snapshot,
}

impl Run {
    /// All that an engine says.
    pub(crate) fn of(engine: &mut Engine) -> Self {
        let window = Window { count: 10_000, detail: Detail::Rows, ..Window::default() };
        let rows = engine.snapshot(&window).rows;
        let totals = engine.snapshot(&Window { detail: Detail::Totals, ..window });
        Self { snapshot: Snapshot { rows, ..totals } }
    }

    /// The flows of which some leg has this port at the client's end.
    pub(crate) fn rows(&self, port: u16) -> Vec<&Row> {
        let is_it = |row: &&Row| row.legs.iter().any(|leg| leg.source.port == port);
        self.snapshot.rows.iter().filter(is_it).collect()
    }

    /// The one flow of which some leg has this address at the client's end.
    pub(crate) fn row_from(&self, address: &str) -> &Row {
        let is_it = |row: &&Row| row.legs.iter().any(|leg| leg.source.address.to_string() == address);
        let rows: Vec<_> = self.snapshot.rows.iter().filter(is_it).collect();
        assert_eq!(rows.len(), 1, "flows from {address}: {:#?}", self.snapshot.rows);
        rows[0]
    }

    /// The one flow with this port at the client's end.
    pub(crate) fn row(&self, port: u16) -> &Row {
        let rows = self.rows(port);
        assert_eq!(rows.len(), 1, "flows with the client's port {port}: {:#?}", self.snapshot.rows);
        rows[0]
    }

    pub(crate) fn reason(&self, port: u16) -> &'static str {
        self.row(port).reason.name()
    }

    pub(crate) fn outcome(&self, port: u16) -> &'static str {
        self.row(port).outcome.name()
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.snapshot.verdict
    }

    pub(crate) fn exit_status(&self) -> u8 {
        report::exit_status(self.verdict(), false)
    }

    /// The role of a place, by its name.
    pub(crate) fn role(&self, place: &str) -> Option<&'static str> {
        let places = self.snapshot.points.iter().flat_map(|point| &point.places);
        let found = places.clone().find(|known| known.id == place);
        let known = || places.clone().map(|place| place.id.as_str()).collect::<Vec<_>>();
        found
            .unwrap_or_else(|| panic!("no place {place} among {:?}", known()))
            .role
            .map(egret::snapshot::Role::name)
    }
}
