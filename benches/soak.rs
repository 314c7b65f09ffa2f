//! A run that does not end: ten million packets of two million short flows, over a hundred minutes of their own time.
//!
//! Each packet passes a pod's link and the uplink, so there are twice as many frames. Nine flows in ten are connections that
//! open and close; of the others half ask and are answered by datagrams, and half are SYNs that nobody answers. One
//! flow in a hundred leaves with the node's address. The engine is told the time after each batch and asked for its totals
//! now and then, as a live run does it.
//!
//! What is printed is the curve: memory in use, flows held, flows let go of, at each tenth. It must be flat from the second tenth
//! on, and in the end every flow must have been counted once, each leak as a fail and all others as a pass.
//!
//! `cargo bench --bench soak [-- FLOWS]`.

#[expect(dead_code, reason = "no packet of the soak passes a bridge or is sent as an Ethernet frame")]
mod wire;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::io::{self, Read};
use std::time::Instant;
use std::{env, fs};

use clap::Parser as _;
use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::decode::{Digester, KeyHasher, Options};
use egret::digest::Batch;
use egret::engine::{Engine, Lifetime, Settings};
use egret::expect::Expectations;
use egret::expect::environment::Environment;
use egret::expect::flags::Flags;
use egret::snapshot::{Snapshots as _, Window};
use wire::{ACK, FIN, Link, Packet, Place, SYN, Writer};

/// Packets of every flow.
const PACKETS: u32 = 5;
/// From one flow's beginning to the next one's, in ns: 333 flows a second.
const APART: u64 = 3_000_000;
/// 2026-11-23T00:00:00Z.
const START: u64 = 1_795_392_000_000_000_000;
const MILLISECOND: u64 = 1_000_000;
/// What may be in use at the end, in what was at the second tenth: a list that grows by doubling may do so once more late.
const FLAT: f64 = 1.25;

fn main() -> Result<(), Box<dyn Error>> {
    let flows = env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(2_000_000);
    let packets = u64::from(flows) * u64::from(PACKETS);
    println!("## Soak\n\n{flows} flows, {packets} packets, each at two places.\n");
    println!(
        "| of the packets | MiB in use | flows held | let go of | evicted | s |\n|---:|---:|---:|---:|---:|---:|"
    );
    let mut engine = Engine::new(Settings {
        expectations: expectations()?,
        lifetime: Lifetime::LIVE,
        ..Settings::default()
    });
    let mut file = Savefile::stream("soak", Traffic::new(flows)?, Keep::Nothing)?;
    let mut digester = Digester::new(KeyHasher::new(1), Options::default());
    let mut batch = Batch::new(engine.add_point("node1", "soak"));
    let began = Instant::now();
    let (mut frames, mut told, mut in_use) = (0, 0, Vec::new());
    loop {
        let filled = file.fill(&mut batch);
        digester.digest(&mut batch);
        frames += batch.heads.len() as u64;
        engine.ingest(&batch);
        if let Some(last) = batch.heads.last() {
            engine.tick(last.time);
        }
        // A look for each tenth of a tenth.
        if frames * 50 / packets > told || filled == Filled::End {
            told = frames * 50 / packets;
            let status = engine.status();
            if told % 10 == 0 {
                in_use.push(memory()?);
                println!(
                    "| {told} % | {:.0} | {} | {} | {} | {:.1} |",
                    in_use[in_use.len() - 1],
                    status.held,
                    status.summary.expired,
                    status.summary.evicted,
                    began.elapsed().as_secs_f64(),
                );
            }
        }
        if filled == Filled::End {
            break;
        }
    }
    engine.end();
    let totals = Window::default();
    let summary = engine.snapshot(&totals).summary;
    let leaks = (0..flows).filter(|flow| leaks(*flow)).count() as u64;
    let found = [summary.flows, summary.fail, summary.pass, summary.evicted];
    let truth = [u64::from(flows), leaks, u64::from(flows) - leaks, 0];
    if found != truth {
        return Err(format!("flows, fail, pass, evicted are {found:?}; the truth is {truth:?}").into());
    }
    let steady = in_use.get(1).copied().unwrap_or(f64::NAN);
    let most = in_use.iter().skip(1).fold(0.0, |most: f64, mib| most.max(*mib));
    let word = if most / steady <= FLAT { "held" } else { "MISSED" };
    println!(
        "\nTarget: memory, in that of the second tenth: {:.2} of at most {FLAT:.2}: **{word}**.",
        most / steady
    );
    Ok(())
}

fn expectations() -> Result<Expectations, Box<dyn Error>> {
    #[derive(clap::Parser)]
    struct Asked {
        #[command(flatten)]
        flags: Flags,
    }
    let options = "soak --expect 192.168.12.99 --inside 10.128.0.0/14 --node-ip 192.168.12.11";
    let asked = Asked::try_parse_from(options.split(' '))?;
    Ok(Expectations::from_parts(&asked.flags, Environment::default(), Vec::new())?.0)
}

/// Resident memory of this process, in MiB.
fn memory() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

fn leaks(flow: u32) -> bool {
    flow % 100 == 57
}

/// A capture file that is made as it is read.
struct Traffic {
    flows: u32,
    born: u32,
    /// (when, flow, which of its packets), soonest first.
    planned: BinaryHeap<Reverse<(u64, u32, u32)>>,
    writer: Writer<Vec<u8>>,
    read: usize,
}

impl Traffic {
    fn new(flows: u32) -> io::Result<Self> {
        let writer = Writer::new(Vec::new(), 128, Link::Cooked)?;
        Ok(Self { flows, born: 0, planned: BinaryHeap::new(), writer, read: 0 })
    }

    /// Writes the next packet at both places; `false` if there are no more.
    fn next(&mut self) -> io::Result<bool> {
        if self.born < self.flows {
            let birth = START + u64::from(self.born) * APART;
            if self.planned.peek().is_none_or(|Reverse((time, ..))| *time >= birth) {
                self.planned.push(Reverse((birth, self.born, 0)));
                self.born += 1;
            }
        }
        let Some(Reverse((time, flow, step))) = self.planned.pop() else { return Ok(false) };
        let packet = packet(flow, step);
        let (inner, outer) = if packet.from_client { (0, 10_000) } else { (10_000, 0) };
        let mut places = [(time + inner, Place::Veth), (time + outer, Place::Uplink)];
        places.sort_by_key(|(time, _)| *time);
        for (time, place) in places {
            self.writer.write(time, &packet, place)?;
        }
        if step + 1 < PACKETS {
            self.planned.push(Reverse((time + pause(flow, step), flow, step + 1)));
        }
        Ok(true)
    }
}

impl Read for Traffic {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.read == self.writer.inner().len() {
            self.writer.inner().clear();
            self.read = 0;
            while self.writer.inner().len() < 1 << 16 && self.next()? {}
        }
        let rest = &self.writer.inner()[self.read..];
        let size = rest.len().min(into.len());
        into[..size].copy_from_slice(&rest[..size]);
        self.read += size;
        Ok(size)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Connection,
    Datagrams,
    Unanswered,
}

fn manner(flow: u32) -> Manner {
    match flow % 20 {
        3 => Manner::Datagrams,
        11 => Manner::Unanswered,
        _ => Manner::Connection,
    }
}

/// How long after a packet the next one comes, in ns.
fn pause(flow: u32, step: u32) -> u64 {
    match manner(flow) {
        // Clients wait for 1 s, then for twice as long each time.
        Manner::Unanswered => (1000 << step) * MILLISECOND,
        Manner::Connection | Manner::Datagrams => (20 + u64::from(flow % 7)) * MILLISECOND,
    }
}

fn packet(flow: u32, step: u32) -> Packet {
    let (from_client, flags) = match (manner(flow), step) {
        (Manner::Datagrams, step) => (step % 2 == 0, 0),
        (Manner::Unanswered, _) | (Manner::Connection, 0) => (true, SYN),
        (Manner::Connection, 1) => (false, SYN | ACK),
        (Manner::Connection, 2) => (true, FIN | ACK),
        (Manner::Connection, 3) => (false, FIN | ACK),
        (Manner::Connection, _) => (true, ACK),
    };
    let mixed = |salt: u32| (flow ^ salt).wrapping_mul(0x9e37_79b1).rotate_left(15).wrapping_mul(0x85eb_ca77);
    let (client, server) = (mixed(0), mixed(0x5bd1_e995));
    let (seq, ack) = match (manner(flow), step) {
        (Manner::Connection, 1) => (server, client.wrapping_add(1)),
        (Manner::Connection, 2) => (client.wrapping_add(1), server.wrapping_add(1)),
        (Manner::Connection, 3) => (server.wrapping_add(1), client.wrapping_add(2)),
        (Manner::Connection, 4) => (client.wrapping_add(2), server.wrapping_add(2)),
        _ => (client, 0),
    };
    let server_number = flow % 64;
    let port = (32_768 + (flow / 64 * 7_919) % 28_232) as u16;
    Packet {
        is_datagram: manner(flow) == Manner::Datagrams,
        from_client,
        client: [10, 128, 0, 5 + (flow % 24) as u8],
        client_port: port,
        wire: if leaks(flow) { [192, 168, 12, 11] } else { [192, 168, 12, 99] },
        wire_port: port,
        server: (
            [203, 0, 113, 20 + (server_number / 4) as u8],
            [443, 8_443, 7_443, 9_443][server_number as usize % 4],
        ),
        pod: flow % 24,
        flags,
        seq,
        ack,
        stamps: (client.wrapping_add(step), 0),
        ip_id: (mixed(0x27d4_eb2f) as u16).wrapping_add(step as u16) | 1,
        length: if manner(flow) == Manner::Datagrams { 40 } else { 0 },
    }
}
