//! What the corpus says of a capture: one line of JSON, made by programs that share no code with egret.
//!
//! A corpus is a folder with `captures/` and `oracles.jsonl`. Its lines are made with tshark, with reassembly off,
//! and by a container reader of their own. What is counted:
//! 1. *outer*: the first IP header of a frame and the transport directly above it; *inner*: the last one that no
//!    ICMP error quotes. Link layers, VLAN tags and MPLS labels are not part of a conversation.
//! 2. A fragment of offset 0 counts with its ports; later ones, and whatever else has no ports, under addresses and
//!    the protocol number in the IP header (in IPv6 that of the first extension header).
//! 3. Bytes are original lengths of whole frames.
//! 4. A TCP connection is one incarnation of an inner 4-tuple, with an outcome of a closed list.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Oracle {
    pub(crate) container: Container,
    pub(crate) frames: Frames,
    pub(crate) outer: View,
    pub(crate) inner: View,
    #[serde(default)]
    pub(crate) tcp_connections: Vec<Connection>,
    #[serde(default)]
    pub(crate) names: Names,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Container {
    pub(crate) own: Own,
    pub(crate) tshark: Reader,
}

/// How another reader fared.
#[derive(Debug, Deserialize)]
pub(crate) struct Reader {
    pub(crate) error: Option<String>,
}

/// Counts of the oracle's own container reader.
#[derive(Debug, Deserialize)]
pub(crate) struct Own {
    pub(crate) packets: u64,
    pub(crate) cap_bytes: u64,
    pub(crate) wire_bytes: u64,
    pub(crate) problem: Option<String>,
}

/// What tshark saw.
#[derive(Debug, Deserialize)]
pub(crate) struct Frames {
    pub(crate) total: u64,
    pub(crate) wire_bytes: u64,
    pub(crate) cap_bytes: u64,
    /// Frames of whose layers tshark's fields do not tell enough: nothing is said of their conversations.
    pub(crate) desync: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct View {
    pub(crate) conversations: Vec<Conversation>,
    pub(crate) other_ip: Vec<OtherIp>,
    pub(crate) non_ip: NonIp,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Conversation {
    pub(crate) proto: String,
    pub(crate) a: String,
    pub(crate) a_port: u16,
    pub(crate) b: String,
    pub(crate) b_port: u16,
    pub(crate) ab_packets: u64,
    pub(crate) ab_bytes: u64,
    pub(crate) ba_packets: u64,
    pub(crate) ba_bytes: u64,
}

/// Packets of two addresses that have no ports.
#[derive(Debug, Deserialize)]
pub(crate) struct OtherIp {
    pub(crate) ip_proto: Option<u8>,
    pub(crate) frag: bool,
    pub(crate) a: String,
    pub(crate) b: String,
    pub(crate) ab_packets: u64,
    pub(crate) ab_bytes: u64,
    pub(crate) ba_packets: u64,
    pub(crate) ba_bytes: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct NonIp {
    #[serde(default)]
    pub(crate) frames: u64,
    #[serde(default)]
    pub(crate) bytes: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Connection {
    /// (address, port); `None` where neither SYN nor SYN-ACK was seen.
    pub(crate) client: Option<(String, u16)>,
    pub(crate) server: Option<(String, u16)>,
    /// Number of its first frame.
    pub(crate) first: u64,
    pub(crate) outcome: String,
}

/// Names, and how often each was seen.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Names {
    #[serde(default)]
    pub(crate) sni: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) http_host: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) dns_query: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) dns_answer_ips: BTreeMap<String, u64>,
}

/// A capture and the line about it.
#[derive(Debug)]
pub(crate) struct Case {
    /// The capture's path below `captures/`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) line: String,
}

/// All captures of the corpus in `folder`, by name.
pub(crate) fn cases(folder: &Path) -> io::Result<Vec<Case>> {
    #[derive(Deserialize)]
    struct Named {
        capture: String,
    }
    let lines = std::fs::read_to_string(folder.join("oracles.jsonl"))?;
    let mut cases = Vec::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let Named { capture } = serde_json::from_str(line)?;
        let path = folder.join("captures").join(&capture);
        cases.push(Case { name: capture, path, line: line.to_owned() });
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}
