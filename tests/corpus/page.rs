//! Adds up what came of all captures, and writes it down as a page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::explained::Explained;
use crate::oracle::Case;
use crate::report::{Comparison, Report};
use crate::rules;

/// Sums of one comparison.
#[derive(Debug, Default)]
struct Sums {
    files: u64,
    things: u64,
    equal: u64,
    by_rule: u64,
    by_line: u64,
    open: u64,
}

#[derive(Debug)]
pub(crate) struct Tally {
    corpus: String,
    is_known: bool,
    sums: BTreeMap<Comparison, Sums>,
    /// Captures and comparisons that a rule explains.
    rules: BTreeMap<&'static str, BTreeMap<Comparison, u64>>,
    /// (capture, comparison, who is wrong, why).
    lines: Vec<(String, Comparison, String, String)>,
    open: Vec<(String, Comparison, String)>,
    idle: Vec<String>,
}

impl Tally {
    /// `filters` are the reports about expressions, by capture or list.
    pub(crate) fn of(
        cases: &[Case],
        reports: &[&Report],
        filters: &[(String, Report)],
        explained: &Explained,
    ) -> Self {
        let mut tally = Self {
            corpus: explained.corpus.clone(),
            is_known: explained.is_known,
            sums: BTreeMap::new(),
            rules: BTreeMap::new(),
            lines: Vec::new(),
            open: Vec::new(),
            idle: Vec::new(),
        };
        let mut used = BTreeSet::new();
        for (case, report) in cases.iter().zip(reports) {
            tally.add(&case.name, report, explained, &mut used);
        }
        for (name, report) in filters {
            tally.add(name, report, explained, &mut used);
        }
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        for key in explained.keys().filter(|key| names.contains(key.0.as_str()) && !used.contains(*key)) {
            tally.idle.push(format!("{} {}", key.1, key.0));
        }
        tally
    }

    fn add(
        &mut self,
        capture: &str,
        report: &Report,
        explained: &Explained,
        used: &mut BTreeSet<(String, Comparison)>,
    ) {
        let mut things: BTreeMap<Comparison, u64> = report.compared.iter().copied().collect();
        for difference in &report.differences {
            things.entry(difference.comparison).or_insert(1);
        }
        for (comparison, things) in things {
            let of: Vec<_> = report.differences.iter().filter(|d| d.comparison == comparison).collect();
            let sums = self.sums.entry(comparison).or_default();
            sums.files += 1;
            sums.things += things;
            let names: BTreeSet<&str> =
                of.iter().filter_map(|difference| difference.rule.as_deref()).collect();
            for rule in names.iter().filter_map(|name| rules::by_name(name)) {
                *self.rules.entry(rule.name).or_default().entry(comparison).or_default() += 1;
            }
            let open: Vec<_> = of.iter().filter(|difference| difference.rule.is_none()).collect();
            match (of.is_empty(), open.is_empty(), explained.of(capture, comparison)) {
                (true, _, _) => sums.equal += 1,
                (_, true, _) => sums.by_rule += 1,
                (_, _, Some(line)) => {
                    sums.by_line += 1;
                    used.insert((capture.to_owned(), comparison));
                    self.lines.push((capture.to_owned(), comparison, line.who.clone(), line.why.clone()));
                }
                (_, _, None) => {
                    sums.open += 1;
                    let open = open.iter().map(|open| (capture.to_owned(), comparison, open.what.clone()));
                    self.open.extend(open);
                }
            }
        }
    }

    /// Outcomes and names of a corpus that nobody has gone through may differ: the oracles guess there.
    fn may_differ(&self, comparison: Comparison) -> bool {
        !self.is_known
            && matches!(
                comparison,
                Comparison::Outcomes
                    | Comparison::Sni
                    | Comparison::HttpHost
                    | Comparison::DnsQuery
                    | Comparison::DnsAnswer
            )
    }

    pub(crate) fn holds(&self) -> bool {
        self.idle.is_empty() && self.open.iter().all(|(_, comparison, _)| self.may_differ(*comparison))
    }

    pub(crate) fn unexplained(&self) -> impl Iterator<Item = String> {
        self.open.iter().map(|(capture, comparison, what)| {
            let weight = if self.may_differ(*comparison) { " (does not fail this corpus)" } else { "" };
            format!("{comparison} {capture}: {what}{weight}")
        })
    }

    pub(crate) fn idle(&self) -> &[String] {
        &self.idle
    }

    /// A table of all comparisons.
    pub(crate) fn summary(&self) -> String {
        let mut out = String::from(
            "| comparison | things | files | equal | by rule | by line | unexplained |\n\
             |---|---:|---:|---:|---:|---:|---:|\n",
        );
        for (comparison, sums) in &self.sums {
            let Sums { files, things, equal, by_rule, by_line, open } = sums;
            let row = writeln!(
                out,
                "| {comparison} | {things} | {files} | {equal} | {by_rule} | {by_line} | {open} |"
            );
            row.expect(TAKES);
        }
        out
    }

    pub(crate) fn page(&self) -> String {
        let mut out = format!("{HEAD}\nCorpus: {}.\n\n{}\n{COLUMNS}", self.corpus, self.summary());
        out.push_str("## Explained by rule\n\n| rule | files | why |\n|---|---|---|\n");
        for rule in rules::ALL.iter().filter(|rule| self.rules.contains_key(rule.name)) {
            let files: Vec<String> = self.rules[rule.name]
                .iter()
                .map(|(comparison, files)| format!("{comparison} {files}"))
                .collect();
            writeln!(out, "| `{}` | {} | {} |", rule.name, files.join(", "), rule.why).expect(TAKES);
        }
        out.push_str("\n## Explained one by one\n\n");
        if self.lines.is_empty() {
            out.push_str("None.\n");
        } else {
            out.push_str("| capture | comparison | wrong is | why |\n|---|---|---|---|\n");
        }
        for (capture, comparison, who, why) in &self.lines {
            writeln!(out, "| `{capture}` | {comparison} | {who} | {why} |").expect(TAKES);
        }
        out.push_str("\n## Unexplained\n\n");
        if self.open.is_empty() {
            out.push_str("None.\n");
        }
        for (capture, comparison, what) in &self.open {
            writeln!(out, "- {comparison}, `{capture}`: {}", what.replace('|', "\\|")).expect(TAKES);
        }
        out
    }
}

/// Why writing cannot fail.
const TAKES: &str = "a string takes all";

const HEAD: &str = "\
<!-- Written by `make corpus`; edits are lost. -->

# egret beside other programs

`make corpus CORPUS=DIR` reads every capture of a corpus and compares what egret sees with what tshark, capinfos and
a container reader of the corpus's own say. This page is what came of it the last time. A corpus is data that lies
outside the repository: captures of public projects, many made to break parsers, with the oracles' lines beside them.
How it is compared is in `tests/corpus/`.
";

const COLUMNS: &str = "\
- *things*: frames, conversations in either view, connections, names or expressions that were compared; *files* with any of them.
- *by rule*: the bytes of the capture themselves show why the two differ (below). A rule names single frames: all
  others must agree exactly, and those named must make up the rest, to the frame and to the byte.
- *by line*: explained for this one capture.

What is compared: `limits` (library and program end well, within 5 s and 512 MiB), `program` (`egret check` ends with
a known code and writes JSON by the schema), `frames` (number, captured and original bytes), `digests` (what the fast
path says of a frame is what its layers say), `outer` and `inner` (conversations by first and last IP header: frames
and bytes each way), `outcomes` (of TCP connections), names: each that tshark shows must be among egret's; `filters`
(how many frames an expression of pcap-filter(7) matches, by tcpdump's count and by libpcap's own tests; a refusal must
hold libpcap's words) and `expressions` (which are refused, and in which words; the files are the lists of them).

";
