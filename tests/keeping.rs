//! What `egret record` and `egret check -w` keep of captures, read by an independent reader, pcap-parser.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::digest::Batch;
use egret::frame::PointIndex;
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};

/// A frame: nanoseconds, length on the wire, bytes; and what is said of it.
type Frame = (i64, u32, Vec<u8>);

/// A folder of the test's own, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("egret-keeping-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("text").to_owned()
    }

    /// The names of the files in it, in order.
    fn names(&self) -> Vec<String> {
        let entries =
            fs::read_dir(&self.0).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = entries.map(|name| name.to_str().expect("text").to_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn testdata(name: &str) -> String {
    format!("{}/testdata/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn egret(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egret"));
    for variable in ["POD_IP", "NODE_IP", "POD_NAME", "POD_NAMESPACE"] {
        command.env_remove(variable);
    }
    command.args(arguments).output().expect("egret")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All frames of any capture, as egret reads it.
fn all(path: &str) -> Vec<Frame> {
    let mut savefile = Savefile::open(Path::new(path), Keep::Nothing).expect("a capture");
    let (mut batch, mut frames) = (Batch::new(PointIndex(0)), Vec::new());
    loop {
        let filled = savefile.fill(&mut batch);
        let frame = |head| (head, batch.bytes(head).to_vec());
        frames.extend(
            batch.heads.iter().map(frame).map(|(head, bytes)| (head.time.nanos(), head.original, bytes)),
        );
        if filled == Filled::End {
            return frames;
        }
    }
}

/// What a capture that egret wrote holds, as pcap-parser reads it.
#[derive(Debug, Default)]
struct Judged {
    frames: Vec<Frame>,
    /// By frame.
    comments: Vec<Option<String>>,
    /// Descriptions of interfaces, and frames that their statistics count.
    interfaces: Vec<String>,
    delivered: Vec<u64>,
}

fn judged(path: &str) -> Judged {
    let mut reader = create_reader(1 << 20, File::open(path).expect("a file")).expect("a capture");
    let mut judged = Judged::default();
    loop {
        match reader.next() {
            Ok((taken, block)) => {
                match block {
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        let nanos = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                        let bytes = packet.data[..packet.caplen as usize].to_vec();
                        judged.frames.push((nanos as i64, packet.origlen, bytes));
                        let comment = packet.options.iter().rfind(|option| option.code.0 == 1);
                        let text = comment.map(|it| &it.value[..usize::from(it.len)]);
                        judged.comments.push(text.map(|text| String::from_utf8_lossy(text).into_owned()));
                    }
                    PcapBlockOwned::NG(Block::InterfaceDescription(it)) => {
                        let described = it.options.iter().find(|option| option.code.0 == 3).expect("a point");
                        let text = &described.value[..usize::from(described.len)];
                        judged.interfaces.push(String::from_utf8_lossy(text).into_owned());
                    }
                    PcapBlockOwned::NG(Block::InterfaceStatistics(it)) => {
                        let delivered = it.options.iter().find(|option| option.code.0 == 8).expect("a count");
                        let count = delivered.value.first_chunk().expect("eight bytes");
                        judged.delivered.push(u64::from_le_bytes(*count));
                    }
                    _ => {}
                }
                reader.consume(taken);
            }
            Err(PcapError::Eof) => return judged,
            Err(PcapError::Incomplete(_)) => reader.refill().expect("a file"),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// The addresses of the IPv4 packet in a cooked frame (version 2), and its protocol; `None` where there is none.
fn ipv4(frame: &Frame) -> Option<(Ipv4Addr, Ipv4Addr, u8)> {
    let (kind, packet) = (frame.2.get(..2)?, frame.2.get(20..)?);
    let address = |at: usize| packet.get(at..at + 4)?.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes));
    (kind == [0x08, 0x00]).then_some((address(12)?, address(16)?, *packet.get(9)?))
}

/// The ports in it, if it is a TCP segment without IP options.
fn ports(frame: &Frame) -> Option<[u16; 2]> {
    let (.., 6) = ipv4(frame)? else { return None };
    let port =
        |at: usize| frame.2.get(at..at + 2)?.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes));
    Some([port(40)?, port(42)?])
}

const IGMP: u8 = 2;

#[test]
fn without_a_selection_every_frame_of_a_conversation_is_kept_and_nothing_else() {
    for name in
        ["udp/node1-any.pcap", "icmp/node1-any.pcap.gz", "firewall/node1-any.pcap", "stray/node1-any.pcap"]
    {
        let folder = Folder::new(&name.replace('/', "-"));
        let kept = folder.at("kept.pcapng");
        egret(&["check", "-r", &testdata(name), "-w", &kept]);
        // Fragments, and ICMP errors with what they are about, are among them.
        let wanted = |frame: &Frame| ipv4(frame).is_some_and(|(.., protocol)| protocol != IGMP);
        let expected: Vec<Frame> = all(&testdata(name)).into_iter().filter(wanted).collect();
        assert!(expected.len() > 100, "{name}");
        assert!(judged(&kept).frames == expected, "{name}: {} frames", expected.len());
        assert_eq!(folder.names(), ["kept.pcapng"], "what held all frames is gone");
    }
}

#[test]
fn frames_of_the_flows_that_failed_are_kept_on_all_their_legs() {
    let folder = Folder::new("failed");
    let (kept, capture) = (folder.at("kept.pcapng"), testdata("leak/node1-any.pcap.gz"));
    let asked = ["--expect", "192.168.12.99", "--node-ip", "192.168.12.11", "--only", "fail", "--annotate"];
    let output = egret(&[&["check", "-r", &capture, "-w", &kept], &asked[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    // By the witnesses: the clients' ports of flows that the server saw with the node's address.
    let truth = fs::read_to_string(testdata("leak/truth.jsonl")).expect("a truth");
    let flows = truth.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let port = |end: &serde_json::Value| -> u16 {
        end.as_str().and_then(|end| end.rsplit_once(':')).expect("an end").1.parse().expect("a port")
    };
    let failed: BTreeSet<u16> = flows
        .filter(|flow| flow["seen"].as_str().is_some_and(|seen| seen.starts_with("192.168.12.11:")))
        .flat_map(|flow| [port(&flow["client"]), port(&flow["seen"])])
        .collect();
    let wanted =
        |frame: &Frame| ports(frame).is_some_and(|ports| ports.iter().any(|port| failed.contains(port)));
    let expected: Vec<Frame> = all(&capture).into_iter().filter(wanted).collect();
    let judged = judged(&kept);
    assert_eq!(expected.len(), 600);
    assert!(judged.frames == expected);
    assert_eq!((judged.interfaces, judged.delivered), (vec!["node1-any".to_owned()], vec![600]));

    // Each says what became of its flow, the first of each as what it left.
    let comments: Vec<String> =
        judged.comments.into_iter().map(|comment| comment.expect("a comment")).collect();
    let whole: Vec<&String> = comments.iter().filter(|comment| comment.contains(", left as ")).collect();
    assert_eq!(whole.len(), 20);
    assert_eq!(
        comments[0],
        "egret: fail node-ip, flow node1-any:1533, left as 192.168.12.11 instead of 192.168.12.99"
    );
    assert!(comments.contains(&"egret: fail node-ip, flow node1-any:1533".to_owned()));
}

#[test]
fn fragments_that_have_no_ports_go_with_their_flow() {
    let folder = Folder::new("fragments");
    let (kept, capture) = (folder.at("kept.pcapng"), testdata("udp/node1-any.pcap"));
    egret(&["check", "-r", &capture, "-w", &kept, "--port", "5353", "--dst", "203.0.113.26"]);
    let far: Ipv4Addr = "203.0.113.26".parse().expect("an address");
    let is_later = |frame: &Frame| u16::from_be_bytes([frame.2[26] & 0x1f, frame.2[27]]) != 0;
    let is_of_others = |frame: &Frame| !is_later(frame) && frame.2[42..44] == 8080_u16.to_be_bytes();
    let is_far = |frame: &Frame| ipv4(frame).is_some_and(|(from, to, _)| from == far || to == far);
    let wanted = |frame: &Frame| is_far(frame) && !is_of_others(frame);
    let expected: Vec<Frame> = all(&capture).into_iter().filter(wanted).collect();
    assert_eq!(expected.iter().filter(|frame| is_later(frame)).count(), 16);
    assert!(judged(&kept).frames == expected);
}

#[test]
fn a_run_that_could_read_nothing_leaves_nothing_beside_the_file() {
    let folder = Folder::new("nothing");
    fs::write(folder.at("no-capture"), "text").expect("a file");
    let output = egret(&["check", "-r", &folder.at("no-capture"), "-w", &folder.at("kept.pcapng")]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(!folder.names().iter().any(|name| name.contains("-all")), "{:?}", folder.names());
}

#[test]
fn frames_of_reported_flows_go_to_standard_output_once_all_is_judged() {
    let folder = Folder::new("stdout");
    let capture = testdata("leak/node1-any.pcap.gz");
    let arguments = ["check", "-r", &capture, "--only", "pass", "--expect", "192.168.12.99", "-w"];
    egret(&[&arguments[..], &[&folder.at("kept.pcapng")]].concat());
    let output = egret(&[&arguments[..], &["-", "-o", &folder.at("report")]].concat());
    let mut file = Vec::new();
    File::open(folder.at("kept.pcapng")).expect("a file").read_to_end(&mut file).expect("a file");
    assert!(output.stdout == file && file.len() > 10_000, "{}", said(&output));
}

#[test]
fn captures_are_merged_by_time_under_the_names_of_their_points() {
    let folder = Folder::new("merged");
    let kept = folder.at("merged.pcapng");
    let (node, wire) = (testdata("leak/node1-any.pcap.gz"), testdata("leak/node1-eth0.pcap"));
    let sources = ["-r", &format!("node={node}"), "-r", &format!("wire={wire}")];
    let output = egret(&[&["record", "-w", &kept], &sources[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let judged = judged(&kept);
    assert_eq!(judged.interfaces, ["node", "wire"]);
    let expected = [all(&node), all(&wire)];
    assert_eq!(judged.delivered, [expected[0].len() as u64, expected[1].len() as u64]);
    let mut by_time = expected.concat();
    by_time.sort_by_key(|frame| frame.0);
    assert!(judged.frames == by_time);
    let size = fs::metadata(&kept).expect("a file").len();
    let told =
        format!("egret: {} frames kept: {kept}, ", egret::number::thousands(judged.frames.len() as u64));
    assert!(said(&output).starts_with(&told), "{} of {size} bytes", said(&output));
}

#[test]
fn what_is_recorded_meets_the_options_and_the_expression() {
    let folder = Folder::new("chosen");
    let (kept, capture) = (folder.at("chosen.pcapng"), testdata("leak/node1-any.pcap.gz"));
    let output = egret(&[
        "record",
        "-r",
        &capture,
        "-w",
        &kept,
        "--host",
        "10.128.0.5",
        "tcp[13]",
        "&",
        "2",
        "!=",
        "0",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let pod: Ipv4Addr = "10.128.0.5".parse().expect("an address");
    let is_syn = |frame: &Frame| ports(frame).is_some() && frame.2[53] & 2 != 0;
    let is_its = |frame: &Frame| ipv4(frame).is_some_and(|(from, to, _)| from == pod || to == pod);
    let expected: Vec<Frame> =
        all(&capture).into_iter().filter(|frame| is_syn(frame) && is_its(frame)).collect();
    assert!(!expected.is_empty());
    assert!(judged(&kept).frames == expected);
    assert!(
        said(&output).contains(&format!("egret: {} of 2,194 frames kept", expected.len())),
        "{}",
        said(&output)
    );
}

#[test]
fn files_that_follow_one_another_are_each_a_capture_and_the_newest_stay() {
    let folder = Folder::new("ring");
    let capture = testdata("leak/node1-any.pcap.gz");
    let arguments = ["record", "-r", &capture, "-w", &folder.at("ring.pcapng"), "--rotate-size", "20kB"];
    let output = egret(&[&arguments[..], &["--keep", "4"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let names = folder.names();
    assert_eq!(names.len(), 4, "{names:?}");
    let files: Vec<Judged> = names.iter().map(|name| judged(&folder.at(name))).collect();
    for (file, name) in files.iter().zip(&names) {
        assert!(fs::metadata(folder.at(name)).expect("a file").len() <= 20_000);
        assert_eq!(
            (&file.interfaces, &file.delivered),
            (&vec!["node1-any".to_owned()], &vec![file.frames.len() as u64])
        );
    }
    let last: Vec<Frame> = files.into_iter().flat_map(|file| file.frames).collect();
    assert!(all(&capture).ends_with(&last));
    let told =
        format!("egret: {} of 2,194 frames kept: 4 files, ", egret::number::thousands(last.len() as u64));
    assert!(said(&output).starts_with(&told), "{}", said(&output));

    // Another run goes on behind them, and removes none that is not its own.
    let output = egret(&[&arguments[..], &["-c", "10"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let again = folder.names();
    assert_eq!((&again[..4], again.len()), (&names[..], 5));
    assert_eq!(judged(&folder.at(&again[4])).frames.len(), 10);
}

#[test]
fn a_file_spans_the_time_that_was_asked_for_by_the_times_of_its_frames() {
    let folder = Folder::new("time");
    let capture = testdata("leak/node1-any.pcap.gz");
    let output = egret(&["record", "-r", &capture, "-w", &folder.at("t.pcapng"), "--rotate-time", "10ms"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(folder.names(), ["t-00001.pcapng", "t-00002.pcapng", "t-00003.pcapng"]);
    let files: Vec<Vec<Frame>> = folder.names().iter().map(|name| judged(&folder.at(name)).frames).collect();
    for (file, next) in files.iter().zip(&files[1..]) {
        let since = |frame: &Frame| frame.0 - file[0].0;
        assert!(since(file.last().expect("a frame")) < 10_000_000 && since(&next[0]) >= 10_000_000);
    }
    assert!(files.concat() == all(&capture));
}

#[test]
fn what_makes_no_sense_together_is_refused_before_anything_is_written() {
    let folder = Folder::new("refused");
    let capture = testdata("leak/node1-eth0.pcap");
    let kept = folder.at("kept.pcapng");
    let refused = |more: &[&str]| {
        let output = egret(&[&["record", "-r", &capture], more].concat());
        assert_eq!(output.status.code(), Some(2));
        said(&output).lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(
        [
            refused(&["-w", &kept, "--keep", "3"]),
            refused(&["-w", "-", "-C", "1"]),
            refused(&["-w", &capture]),
            refused(&["-w", &kept, "prot", "tcp"]),
        ],
        [
            "egret: --keep is about files that follow one another: give --rotate-size or --rotate-time, too"
                .to_owned(),
            "egret: -w -: standard output is one file; give -w a file where there are to be several"
                .to_owned(),
            format!(
                "egret: frames would be written over {capture}, a capture to be read; give -w another file"
            ),
            "egret: cannot compile the filter: syntax error".to_owned(),
        ]
    );
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn what_was_recorded_with_a_filter_is_no_proof_that_nothing_left() {
    let folder = Folder::new("filtered");
    let (capture, kept) = (testdata("firewall/node1-any.pcap"), folder.at("kept.pcapng"));
    let verdict = |arguments: &[&str]| {
        let drop = "10.128.0.6 dst-port=443=>drop";
        let asked =
            ["--node-ip", "192.168.12.11", "--inside", "10.128.0.0/14", "--expect", drop, "--format", "json"];
        let output = egret(&[&["check"], arguments, &asked].concat());
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let filter = report["points"][0]["filter"].as_str().map(str::to_owned);
        (output.status.code(), filter, report["assumptions"].to_string().contains("made with a filter"))
    };
    // It did leave, as the node: an address that these leave out.
    assert_eq!(verdict(&["-r", &capture]), (Some(1), None, false));
    let expression = "host 10.128.0.6 or host 192.168.12.99 or host 10.128.0.5";
    let options = ["--host", "10.128.0.6,192.168.12.99,10.128.0.5"];
    let in_words = "host 10.128.0.6 or 192.168.12.99 or 10.128.0.5";
    for (asked, told) in [(&[expression][..], expression), (&options[..], in_words)] {
        let output = egret(&[&["record", "-r", &capture, "-w", &kept], asked].concat());
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert_eq!(verdict(&["-r", &kept]), (Some(3), Some(told.to_owned()), true));
    }
}
