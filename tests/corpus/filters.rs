//! Filter expressions beside tcpdump's counts and libpcap's own tests, where the corpus has them.
//!
//! - `filters.json`: expressions with what `tcpdump -n --count -r FILE -- EXPRESSION` says of each capture, and what libpcap
//!   says to invalid ones. A refusal must be one of egret's, too, and hold libpcap's words.
//! - `libpcap_tests.json`: libpcap's tests, from a version later than the one that is installed. Where the two differ, what the installed
//!   one says must be what egret says; it is counted as explained, not as equal.
//!
//! egret says what its library says, frame by frame, which is all that `egret dump --count` does.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::digest::Batch;
use egret::filter::expression::{Expression, Names};
use egret::frame::{Frame, LinkType, PointIndex};
use pcap::{Capture, Linktype};
use serde::Deserialize;

use crate::report::{Comparison, Report};
use crate::rules::{self, Rule};

const COUNTS: &str = "filters.json";
const TESTS: &str = "libpcap_tests.json";

#[derive(Debug, Deserialize)]
struct Counts {
    captures: Vec<Counted>,
    invalid: Vec<Odd>,
    accepted_though_odd: Vec<Odd>,
}

/// What tcpdump says of a capture, by expression.
#[derive(Debug, Deserialize)]
struct Counted {
    file: String,
    linktype: String,
    matched: BTreeMap<String, Said>,
    #[serde(default)]
    specific: BTreeMap<String, Said>,
}

/// What it says of the first capture of either link type.
#[derive(Debug, Deserialize)]
struct Odd {
    expr: String,
    #[serde(rename = "EN10MB")]
    ethernet: Said,
    #[serde(rename = "RAW")]
    raw: Said,
}

#[derive(Debug, Deserialize)]
struct Tests {
    apply: Vec<Applied>,
    reject: Vec<Rejected>,
    accept_expressions: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Applied {
    expr: String,
    file: String,
    matched: u64,
    tcpdump_4_99_3: Said,
}

#[derive(Debug, Deserialize)]
struct Rejected {
    #[serde(rename = "DLT")]
    link: Option<String>,
    expr: Option<String>,
}

/// A count of frames, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Said {
    Count(u64),
    Refused { error: Words },
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Several(Vec<String>),
}

impl Words {
    /// Without the program's name and what libpcap puts before a broken grammar.
    fn bare(&self) -> &str {
        let words = match self {
            Self::One(words) => words,
            Self::Several(lines) => lines.last().map_or("", String::as_str),
        };
        let words = words.strip_prefix("tcpdump: ").unwrap_or(words);
        words.strip_prefix("can't parse filter expression: ").unwrap_or(words)
    }
}

impl Said {
    fn agrees(&self, with: &Self) -> bool {
        match (self, with) {
            (Self::Count(ours), Self::Count(theirs)) => ours == theirs,
            (Self::Refused { error: ours }, Self::Refused { error: theirs }) => {
                ours.bare().contains(theirs.bare())
            }
            _ => false,
        }
    }
}

/// The frames of a capture, each with its link type.
struct Frames {
    frames: Vec<(LinkType, Vec<u8>, u32)>,
    links: Vec<LinkType>,
}

/// What comes of the comparison, by capture, or by the list that an expression stands in.
pub(crate) fn compare(folder: &Path) -> io::Result<Vec<(String, Report)>> {
    let mut reports: BTreeMap<String, Report> = BTreeMap::new();
    if let Some(counts) = read::<Counts>(&folder.join(COUNTS))? {
        compare_counts(folder, &counts, &mut reports)?;
    }
    if let Some(tests) = read::<Tests>(&folder.join(TESTS))? {
        compare_tests(folder, &tests, &mut reports)?;
    }
    Ok(reports.into_iter().collect())
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn compare_counts(folder: &Path, counts: &Counts, reports: &mut BTreeMap<String, Report>) -> io::Result<()> {
    for counted in &counts.captures {
        let frames = Frames::read(&folder.join(&counted.file))?;
        let report = reports.entry(name(&counted.file).to_owned()).or_default();
        for (expression, theirs) in counted.matched.iter().chain(&counted.specific) {
            hold(report, Comparison::Filters, expression, &frames.said(expression), theirs);
        }
        count(report, Comparison::Filters, counted.matched.len() + counted.specific.len());
    }
    let first = |link: &str| {
        let counted = counts.captures.iter().find(|counted| counted.linktype == link);
        counted.map(|counted| Frames::read(&folder.join(&counted.file))).transpose()
    };
    let (Some(ethernet), Some(raw)) = (first("EN10MB")?, first("RAW")?) else { return Ok(()) };
    let report = reports.entry(COUNTS.to_owned()).or_default();
    for odd in counts.invalid.iter().chain(&counts.accepted_though_odd) {
        let said = ethernet.said(&odd.expr);
        hold(report, Comparison::Expressions, &odd.expr, &said, &odd.ethernet);
        // What no link type has is refused in the words for Ethernet.
        if Expression::parse(&odd.expr, &Names::NONE).is_ok() {
            hold(report, Comparison::Expressions, &odd.expr, &raw.said(&odd.expr), &odd.raw);
        } else if matches!(odd.raw, Said::Count(_)) {
            hold(report, Comparison::Expressions, &odd.expr, &said, &odd.raw);
        }
    }
    count(report, Comparison::Expressions, 2 * (counts.invalid.len() + counts.accepted_though_odd.len()));
    Ok(())
}

fn compare_tests(folder: &Path, tests: &Tests, reports: &mut BTreeMap<String, Report>) -> io::Result<()> {
    for applied in &tests.apply {
        let name = applied.file.split_once('/').map_or(applied.file.as_str(), |(_, name)| name);
        let frames = Frames::read(&folder.join("captures").join(name))?;
        let report = reports.entry(name.to_owned()).or_default();
        let ours = frames.said(&applied.expr);
        let is_later = ours.agrees(&applied.tcpdump_4_99_3) && ours != Said::Count(applied.matched);
        if is_later {
            let what = format!("`{}`: {} in a later libpcap, {ours:?} here", applied.expr, applied.matched);
            report.differ(Comparison::Filters, what, Some(rules::LATER_LIBPCAP.name));
        } else {
            hold(report, Comparison::Filters, &applied.expr, &ours, &applied.tcpdump_4_99_3);
        }
        count(report, Comparison::Filters, 1);
    }
    let report = reports.entry(TESTS.to_owned()).or_default();
    for rejected in &tests.reject {
        let (Some(expression), Some(link)) = (&rejected.expr, &rejected.link) else { continue };
        count(report, Comparison::Expressions, 1);
        let Some(link) = link_by_name(link) else {
            report.differ(Comparison::Expressions, format!("no number is known for {link}"), None);
            continue;
        };
        let is_accepted = Expression::parse(expression, &Names::NONE)
            .is_ok_and(|expression| expression.program(link).is_ok());
        if is_accepted {
            let rule = is_accepted_by_libpcap(expression, link).then_some(rules::LATER_LIBPCAP);
            differ(report, format!("`{expression}` is accepted for {link}"), rule);
        }
    }
    for expression in &tests.accept_expressions {
        count(report, Comparison::Expressions, 1);
        if let Err(refused) = Expression::parse(expression, &Names::NONE) {
            let rule = why_refused(expression, &refused.to_string());
            differ(report, format!("`{expression}` is refused: {refused}").replace('\n', " "), rule);
        }
    }
    Ok(())
}

fn why_refused(expression: &str, refused: &str) -> Option<Rule> {
    let is_name = ["unknown host '", "unknown network '", "unknown ether host '", "'gateway' not supported"]
        .iter()
        .any(|words| refused.contains(words));
    if is_name {
        // The names of libpcap's tests are known to its tests alone.
        return expression.to_ascii_lowercase().contains("libpcap.test").then_some(rules::NOT_ASKED);
    }
    let is_refused = !(0..300).map(LinkType).any(|link| is_accepted_by_libpcap(expression, link));
    is_refused.then_some(rules::LATER_LIBPCAP)
}

/// Whether the libpcap that is installed compiles it, by itself.
fn is_accepted_by_libpcap(expression: &str, link: LinkType) -> bool {
    let number = match link.0 {
        100 => 11,
        101 => 12,
        103 => 16,
        other => other.into(),
    };
    Capture::dead(Linktype(number)).and_then(|capture| capture.compile(expression, true)).is_ok()
}

fn hold(report: &mut Report, comparison: Comparison, expression: &str, ours: &Said, theirs: &Said) {
    if !ours.agrees(theirs) {
        let what = format!("`{expression}`: {ours:?} here, {theirs:?} by tcpdump").replace('\n', " ");
        report.differ(comparison, what, None);
    }
}

fn differ(report: &mut Report, what: String, rule: Option<Rule>) {
    report.differ(Comparison::Expressions, what, rule.map(|rule| rule.name));
}

fn count(report: &mut Report, comparison: Comparison, things: usize) {
    match report.compared.iter_mut().find(|(of, _)| *of == comparison) {
        Some((_, sum)) => *sum += things as u64,
        None => report.compared(comparison, things as u64),
    }
}

fn name(file: &str) -> &str {
    file.strip_prefix("captures/").unwrap_or(file)
}

impl Frames {
    fn read(path: &Path) -> io::Result<Self> {
        let mut savefile = Savefile::open(path, Keep::Nothing).map_err(io::Error::other)?;
        let (mut frames, mut links) = (Vec::new(), Vec::new());
        let mut batch = Batch::new(PointIndex(0));
        loop {
            let filled = savefile.fill(&mut batch);
            links.extend(batch.interfaces.iter().map(|interface| interface.link));
            for head in &batch.heads {
                let link = links[usize::from(head.interface)];
                frames.push((link, batch.bytes(head).to_vec(), head.original));
            }
            if filled == Filled::End {
                return Ok(Self { frames, links });
            }
        }
    }

    /// How many frames match, or why none can be asked.
    fn said(&self, expression: &str) -> Said {
        let refused = |error: String| Said::Refused { error: Words::One(error) };
        let expression = match Expression::parse(expression, &Names::NONE) {
            Ok(expression) => expression,
            Err(error) => return refused(error.to_string()),
        };
        if let Some(error) = self.links.iter().find_map(|link| expression.program(*link).err()) {
            return refused(error.to_string());
        }
        let matches = |(link, bytes, original): &&(LinkType, Vec<u8>, u32)| {
            let (link, original) = (*link, *original);
            expression.matches(&Frame { time: egret::frame::Timestamp::MIN, link, bytes, original })
        };
        Said::Count(self.frames.iter().filter(matches).count() as u64)
    }
}

/// The number in files of the link types that libpcap's tests name.
fn link_by_name(name: &str) -> Option<LinkType> {
    Some(LinkType(match name {
        "NULL" => 0,
        "EN10MB" => 1,
        "ARCNET" => 7,
        "PPP" => 9,
        "FDDI" => 10,
        "RAW" => 101,
        "PPP_BSDOS" => 103,
        "C_HDLC" => 104,
        "IEEE802_11" => 105,
        "FRELAY" => 107,
        "LINUX_SLL" => 113,
        "LTALK" => 114,
        "PFLOG" => 117,
        "IP_OVER_FC" => 122,
        "SUNATM" => 123,
        "APPLE_IP_OVER_IEEE1394" => 138,
        "MTP2" => 140,
        "IPNET" => 226,
        "IPV4" => 228,
        "IPV6" => 229,
        _ => return None,
    }))
}
