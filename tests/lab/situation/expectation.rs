//! What must come out: classes of flows by what the witnesses say, and what egret must say about each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

/// Flows alike in the eyes of the witnesses.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Class {
    #[serde(rename = "class")]
    pub(crate) name: String,
    /// Of this batch.
    pub(crate) of: Option<String>,
    /// The address that the server saw, or `nobody`.
    pub(crate) seen: Option<Seen>,
    /// Every address with which packets came to the router, in order, once; empty where nothing came.
    pub(crate) left: Option<Vec<IpAddr>>,
    /// What the client met.
    pub(crate) client: Option<Met>,
    /// Whether the port that left is another than the client's.
    pub(crate) rewritten: Option<bool>,
    /// How many there must be.
    pub(crate) flows: Option<usize>,
    pub(crate) at_least: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    As(IpAddr),
    Nobody,
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == "nobody" { Ok(Self::Nobody) } else { word.parse().map(Self::As).map_err(D::Error::custom) }
    }
}

/// What became of a connection in the eyes of the client's socket, in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Met {
    /// Every line was answered.
    Answered,
    Refused,
    /// No answer to the first packet.
    Timeout,
    /// An ICMP error instead of an answer.
    Unreachable,
    /// Reset after the first answer.
    Reset,
    /// No answer to a later line.
    Silent,
}

/// What egret must say about some of the captures.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Judgement {
    pub(crate) name: String,
    pub(crate) read: Vec<String>,
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    /// The namespace whose table of conntrack is given, as it was printed; who captures reads and follows it there.
    pub(crate) conntrack: Option<String>,
    pub(crate) exit: i32,
    /// By class.
    pub(crate) expect: BTreeMap<String, Call>,
    /// Classes of which other uplinks than the captured ones carried a part: fewer packets are seen than left.
    #[serde(default)]
    pub(crate) partial: Vec<String>,
    /// Classes whose flows must be linked to what a proxy made of them.
    #[serde(default)]
    pub(crate) linked: Vec<String>,
    /// Whether the same must come out where egret captures by itself.
    #[serde(default)]
    pub(crate) live: Alive,
    /// What must be found beside the flows, by id, and nothing else; not looked at without.
    pub(crate) findings: Option<BTreeSet<String>>,
}

/// Whether a judgement is about captures, about an egret that captures, or about both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Alive {
    #[default]
    Too,
    /// The machine knows what the captures do not tell.
    Not,
    Only,
}

/// What a flow must be called: `VERDICT REASON OUTCOME`, each perhaps several words with `|` between
/// them; or `absent`, where the captures cannot show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    Absent,
    As { verdict: String, reasons: Vec<String>, outcomes: Vec<String> },
}

impl<'de> Deserialize<'de> for Call {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let line = String::deserialize(deserializer)?;
        let several = |words: &str| words.split('|').map(str::to_owned).collect();
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["absent"] => Ok(Self::Absent),
            [verdict, reasons, outcomes] => Ok(Self::As {
                verdict: verdict.to_owned(),
                reasons: several(reasons),
                outcomes: several(outcomes),
            }),
            _ => Err(D::Error::custom(format!("\"{line}\" is not VERDICT REASON OUTCOME, nor absent"))),
        }
    }
}
