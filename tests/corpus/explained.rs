//! The disagreements that no rule covers: `explained.tsv`, a line for each.
//!
//! Columns: capture, comparison, who is wrong (`egret`, `oracle`, `neither`), why. The first line names the corpus
//! that the file was written for, by the number of its captures and a hash of its oracles' lines.

use std::collections::BTreeMap;
use std::io;

use crate::oracle::Case;
use crate::report::Comparison;

const FILE: &str = include_str!("explained.tsv");

#[derive(Debug)]
pub(crate) struct Explained {
    lines: BTreeMap<(String, Comparison), Line>,
    /// The run's corpus is the one that the lines were written for.
    pub(crate) is_known: bool,
    /// How the run's corpus would be named.
    pub(crate) corpus: String,
}

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) who: String,
    pub(crate) why: String,
}

impl Explained {
    pub(crate) fn read(cases: &[Case]) -> io::Result<Self> {
        let corpus = format!("{} captures, {:016x}", cases.len(), hash(cases));
        let mut lines = BTreeMap::new();
        let mut is_known = false;
        for line in FILE.lines().filter(|line| !line.is_empty()) {
            if let Some(written_for) = line.strip_prefix("# corpus: ") {
                is_known = written_for == corpus;
                continue;
            }
            let columns: Vec<&str> = line.split('\t').collect();
            let [capture, comparison, who @ ("egret" | "oracle" | "neither"), why] = columns[..] else {
                return Err(io::Error::other(format!("explained.tsv: not four columns: {line}")));
            };
            let comparison = Comparison::from_name(comparison)
                .ok_or_else(|| io::Error::other(format!("explained.tsv: no comparison: {line}")))?;
            let told = Line { who: who.to_owned(), why: why.to_owned() };
            lines.insert((capture.to_owned(), comparison), told);
        }
        Ok(Self { lines, is_known, corpus })
    }

    pub(crate) fn of(&self, capture: &str, comparison: Comparison) -> Option<&Line> {
        self.lines.get(&(capture.to_owned(), comparison))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &(String, Comparison)> {
        self.lines.keys()
    }
}

/// FNV-1a over all lines, in order of name.
fn hash(cases: &[Case]) -> u64 {
    let bytes = cases.iter().flat_map(|case| case.line.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
