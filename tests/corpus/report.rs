//! What came of comparing one capture: per comparison, what was compared, and every disagreement.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Comparison {
    /// The library and the program end well, in time, within memory.
    Limits,
    /// What `egret check` says is JSON by the schema, with a known exit code and the same frames.
    Program,
    /// `egret dump` prints every frame, in every way, and ends well.
    Dump,
    /// Frames, captured bytes and original bytes.
    Frames,
    /// A frame's digest and its layers name one conversation.
    Digests,
    Outer,
    Inner,
    /// TCP connections.
    Outcomes,
    Sni,
    HttpHost,
    DnsQuery,
    DnsAnswer,
    /// What expressions match, frame by frame.
    Filters,
    /// Which expressions are refused, and in which words.
    Expressions,
}

impl Comparison {
    pub(crate) const ALL: [Self; 14] = [
        Self::Limits,
        Self::Program,
        Self::Dump,
        Self::Frames,
        Self::Digests,
        Self::Outer,
        Self::Inner,
        Self::Outcomes,
        Self::Sni,
        Self::HttpHost,
        Self::DnsQuery,
        Self::DnsAnswer,
        Self::Filters,
        Self::Expressions,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Limits => "limits",
            Self::Program => "program",
            Self::Dump => "dump",
            Self::Frames => "frames",
            Self::Digests => "digests",
            Self::Outer => "outer",
            Self::Inner => "inner",
            Self::Outcomes => "outcomes",
            Self::Sni => "sni",
            Self::HttpHost => "http-host",
            Self::DnsQuery => "dns-query",
            Self::DnsAnswer => "dns-answer",
            Self::Filters => "filters",
            Self::Expressions => "expressions",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|comparison| comparison.name() == name)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that egret and the oracle do not say alike.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Difference {
    pub(crate) comparison: Comparison,
    /// Both sides, in a line.
    pub(crate) what: String,
    /// The name of the rule that explains it from the capture's own bytes.
    pub(crate) rule: Option<String>,
}

/// What a worker has to say of its capture.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) frames: u64,
    pub(crate) opened: bool,
    /// How many things were compared; a comparison with nothing to compare is left out.
    pub(crate) compared: Vec<(Comparison, u64)>,
    pub(crate) differences: Vec<Difference>,
}

impl Report {
    pub(crate) fn compared(&mut self, comparison: Comparison, things: u64) {
        if things > 0 {
            self.compared.push((comparison, things));
        }
    }

    pub(crate) fn differ(&mut self, comparison: Comparison, what: String, rule: Option<&str>) {
        self.differences.push(Difference { comparison, what, rule: rule.map(str::to_owned) });
    }
}
