//! What `egret check` says about captures, against the truth.
//!
//! A row of the report belongs to the flow of the truth that has the row's tuple: the origin's, where the
//! captures show the origin, else the one on the wire. Flows that had a tuple one after the other are
//! told apart by their order. Rows that belong to no flow are disagreements, too, unless they are exempt.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use jiff::Timestamp;
use serde::Deserialize;

use crate::situation::{Call, Class, Judgement};
use crate::truth::{Flow, classify, rfc3339};

/// As many disagreements of one kind are told, at most.
const TOLD: usize = 3;

/// The part of `egret.check/1` that is judged.
#[derive(Debug, Deserialize)]
struct Report {
    summary: Summary,
    flows: Vec<Row>,
    #[serde(default)]
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    id: String,
}

#[derive(Debug, Deserialize)]
struct Summary {
    pass: usize,
    fail: usize,
    inconclusive: usize,
}

#[derive(Debug, Clone, Deserialize)]
struct Row {
    id: String,
    protocol: String,
    origin: Option<Endpoint>,
    origin_destination: Option<Endpoint>,
    wire: Option<Endpoint>,
    destination: Endpoint,
    verdict: String,
    reason: String,
    outcome: String,
    explanation: String,
    wire_sources: Vec<WireSource>,
    link: Option<Link>,
    #[serde(with = "rfc3339")]
    first_seen: Timestamp,
}

/// The other flow of two that a proxy made of one.
#[derive(Debug, Clone, Deserialize)]
struct Link {
    flow: String,
    confidence: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Endpoint {
    ip: IpAddr,
    /// Null where the protocol has none; that is 0 in the truth.
    port: Option<u16>,
}

#[derive(Debug, Clone, Deserialize)]
struct WireSource {
    ip: IpAddr,
    boundary: String,
    packets: u64,
}

/// Protocol, source, destination.
type Key = (String, SocketAddr, SocketAddr);

/// Runs `egret check` as `judgement` says, over captures by name, with tables of conntrack by namespace; all that is not as it should be.
pub(crate) fn judge(
    judgement: &Judgement,
    happens: &[Class],
    captures: &BTreeMap<String, PathBuf>,
    tables: &BTreeMap<String, PathBuf>,
    truth: &[Flow],
) -> Vec<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egret"));
    command.arg("check");
    for name in &judgement.read {
        command.arg("-r").arg(format!("{name}={}", captures[name].display()));
    }
    if let Some(at) = &judgement.conntrack {
        command.arg("--conntrack").arg(&tables[at]);
    }
    command.args(&judgement.flags).args(["--format", "json"]).stdin(Stdio::null());
    for variable in ["POD_IP", "NODE_IP", "HOST_IP", "POD_NAME", "POD_NAMESPACE", "NODE_NAME"] {
        command.env_remove(variable);
    }
    let output = command.output().expect("egret");
    let mut wrong = judge_output(judgement, happens, truth, &output);
    if !wrong.is_empty() {
        wrong.push(format!("so said {command:?}"));
    }
    wrong
}

/// All that is not as `judgement` says in what an egret printed.
pub(crate) fn judge_output(
    judgement: &Judgement,
    happens: &[Class],
    truth: &[Flow],
    output: &Output,
) -> Vec<String> {
    match serde_json::from_slice(&output.stdout) {
        Ok(report) => compare(judgement, happens, truth, &report, output.status.code()),
        Err(error) => {
            let talk = String::from_utf8_lossy(&output.stderr);
            let first = talk.lines().next().unwrap_or("silence");
            vec![format!("no report ({error}), {}: {first}", output.status)]
        }
    }
}

fn compare(
    judgement: &Judgement,
    happens: &[Class],
    truth: &[Flow],
    report: &Report,
    exit: Option<i32>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    if exit != Some(judgement.exit) {
        wrong.push(format!("exit code {exit:?}, not {}", judgement.exit));
    }
    let (classes, _) = classify(truth, happens);
    let mut rows = Rows::new(&report.flows);
    let mut differ = Told::default();
    let mut expected: HashMap<&str, usize> = HashMap::new();
    let mut taken: HashMap<&str, (&str, &Row)> = HashMap::new();
    for (flow, class) in truth.iter().zip(&classes) {
        let Some(class) = class else { continue };
        let class = &happens[*class].name;
        let Call::As { verdict, reasons, outcomes } = &judgement.expect[class] else { continue };
        *expected.entry(verdict).or_default() += 1;
        let Some(row) = rows.take(flow) else {
            differ.tell(class, "no row", format!("{} {} -> {}", flow.name, flow.client, flow.to));
            continue;
        };
        taken.insert(&flow.name, (class, row));
        let got = format!("{} {} {}", row.verdict, row.reason, row.outcome);
        if row.verdict != *verdict || !reasons.contains(&row.reason) || !outcomes.contains(&row.outcome) {
            let wanted = format!("{verdict} {} {}", reasons.join("|"), outcomes.join("|"));
            differ.tell(
                class,
                &format!("{got}, not {wanted}"),
                format!("{} = {}: {}", flow.name, row.id, row.explanation),
            );
        } else if let Some(why) = wire_differs(flow, row, judgement.partial.contains(class)) {
            differ.tell(class, "another wire", format!("{} = {}: {why}", flow.name, row.id));
        }
    }
    for (name, (class, row)) in
        taken.iter().filter(|(_, (class, _))| judgement.linked.iter().any(|one| one == class))
    {
        let other = taken.get(&*format!("{name}-relayed")).map(|(_, row)| (row.id.as_str(), "probable"));
        let link = row.link.as_ref().map(|link| (link.flow.as_str(), link.confidence.as_str()));
        if link.is_none() || link != other {
            differ.tell(class, "another link", format!("{name} = {}: {link:?}, not {other:?}", row.id));
        }
    }
    for row in rows.left_over() {
        let kind = format!("{} {} {}", row.verdict, row.reason, row.outcome);
        let source = row.origin.or(row.wire).map_or_else(|| "?".to_owned(), |end| end.to_string());
        differ.tell("a row too many", &kind, format!("{} {source} -> {}", row.id, row.destination));
    }
    wrong.extend(differ.lines());
    let found: BTreeSet<String> = report.findings.iter().map(|finding| finding.id.clone()).collect();
    if let Some(wanted) = judgement.findings.as_ref().filter(|wanted| **wanted != found) {
        wrong.push(format!("findings {found:?}, not {wanted:?}"));
    }
    let Summary { pass, fail, inconclusive } = report.summary;
    for (verdict, got) in [("pass", pass), ("fail", fail), ("inconclusive", inconclusive)] {
        let wanted = expected.get(verdict).copied().unwrap_or(0);
        if got != wanted {
            wrong.push(format!("the summary counts {got} {verdict}, not {wanted}"));
        }
    }
    wrong
}

/// How the row's wire differs from what came to the router, where the row has to say it.
fn wire_differs(flow: &Flow, row: &Row, partial: bool) -> Option<String> {
    if matches!(row.verdict.as_str(), "exempt")
        || matches!(row.reason.as_str(), "wire-not-seen" | "never-left" | "dropped-as-expected")
    {
        return None;
    }
    let wire = row.wire.map(|end| end.to_string());
    if !flow.left.iter().any(|exit| Some(exit.source.to_string()) == wire) {
        return Some(format!("wire {wire:?}, but {:?} came to the router", flow.left));
    }
    let mut packets: BTreeMap<IpAddr, u64> = BTreeMap::new();
    for source in row.wire_sources.iter().filter(|source| source.boundary == "uplink") {
        *packets.entry(source.ip).or_default() += source.packets;
    }
    let mut came: BTreeMap<IpAddr, Option<u64>> = BTreeMap::new();
    for exit in &flow.left {
        let sum = came.entry(exit.source.ip()).or_insert(Some(0));
        *sum = sum.zip(exit.packets).map(|(sum, more)| sum + more);
    }
    let equal = packets.len() == came.len()
        && came.iter().all(|(ip, count)| {
            packets.get(ip).is_some_and(|packets| {
                count.is_none_or(|count| count == *packets || partial && *packets < count)
            })
        });
    (!equal).then(|| format!("packets {packets:?}, but {came:?} came to the router"))
}

/// The report's rows by tuple, each in order of time, until a flow takes it.
struct Rows<'a> {
    by_key: HashMap<Key, Vec<&'a Row>>,
}

impl<'a> Rows<'a> {
    fn new(rows: &'a [Row]) -> Self {
        let mut sorted: Vec<&Row> = rows.iter().collect();
        // The last is taken first.
        sorted.sort_by_key(|row| std::cmp::Reverse(row.first_seen));
        let mut by_key: HashMap<Key, Vec<&Row>> = HashMap::new();
        for row in sorted {
            by_key.entry(row.key()).or_default().push(row);
        }
        Self { by_key }
    }

    fn take(&mut self, flow: &Flow) -> Option<&'a Row> {
        let key = |source, destination| (flow.protocol.name().to_owned(), source, destination);
        let origin = std::iter::once(key(flow.client, flow.to));
        let mut keys = origin.chain(flow.left.iter().map(|exit| key(exit.source, exit.destination)));
        keys.find_map(|key| self.by_key.get_mut(&key)?.pop())
    }

    /// Rows that say something about a flow that nobody opened.
    fn left_over(self) -> Vec<&'a Row> {
        let mut rows: Vec<&Row> =
            self.by_key.into_values().flatten().filter(|row| row.verdict != "exempt").collect();
        rows.sort_by_key(|row| row.first_seen);
        rows
    }
}

impl Row {
    fn key(&self) -> Key {
        let ends = match (self.origin, self.wire) {
            (Some(origin), _) => (origin, self.origin_destination.unwrap_or(self.destination)),
            (None, Some(wire)) => (wire, self.destination),
            (None, None) => (Endpoint { ip: IpAddr::from([0; 4]), port: None }, self.destination),
        };
        (self.protocol.clone(), ends.0.socket(), ends.1.socket())
    }
}

impl Endpoint {
    fn socket(self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port.unwrap_or_default())
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.socket().fmt(f)
    }
}

/// Disagreements by kind, each with how often and some examples.
#[derive(Default)]
struct Told {
    kinds: BTreeMap<String, Vec<String>>,
}

impl Told {
    fn tell(&mut self, class: &str, kind: &str, example: String) {
        self.kinds.entry(format!("{class}: {kind}")).or_default().push(example);
    }

    fn lines(self) -> impl Iterator<Item = String> {
        self.kinds.into_iter().map(|(kind, examples)| {
            let shown: Vec<_> = examples.iter().take(TOLD).map(String::as_str).collect();
            format!("{}x {kind}\n      {}", examples.len(), shown.join("\n      "))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::situation::{Alive, Met, Protocol};
    use crate::truth::Exit;

    /// A flow of pod 10.128.0.5 that left as 192.168.12.99 in 6 packets; opened `at` seconds after the epoch.
    fn flow(name: &str, at: i64) -> Flow {
        Flow {
            name: name.to_owned(),
            batch: "herasoo".to_owned(),
            from: "pod-a".to_owned(),
            protocol: Protocol::Tcp,
            client: "10.128.0.5:40001".parse().unwrap(),
            to: "203.0.113.25:443".parse().unwrap(),
            seen: Some("192.168.12.99:40001".parse().unwrap()),
            server: Some("203.0.113.25:443".parse().unwrap()),
            left: vec![Exit {
                source: "192.168.12.99:40001".parse().unwrap(),
                destination: "203.0.113.25:443".parse().unwrap(),
                packets: Some(6),
            }],
            met: Met::Answered,
            started: Timestamp::from_second(at).unwrap(),
            ended: Timestamp::from_second(at).unwrap(),
        }
    }

    /// What egret should say about it.
    fn row(at: i64) -> Value {
        json!({
            "id": format!("node1:{at}"), "protocol": "tcp",
            "origin": { "ip": "10.128.0.5", "port": 40001 }, "origin_destination": null,
            "wire": { "ip": "192.168.12.99", "port": 40001 },
            "destination": { "ip": "203.0.113.25", "port": 443 },
            "verdict": "pass", "reason": "expected-source", "outcome": "established",
            "explanation": "It left as it should.",
            "wire_sources": [ { "ip": "192.168.12.99", "boundary": "uplink", "packets": 6 } ],
            "first_seen": Timestamp::from_second(at).unwrap().to_string(),
        })
    }

    /// What the judge tells about `rows`, where two passes are expected; a line each, without examples.
    fn told(rows: &[Value]) -> Vec<String> {
        let truth = [flow("herasoo-000", 1), flow("herasoo-001", 2)];
        let happens = [Class { name: "right".to_owned(), ..Class::default() }];
        let call = Call::As {
            verdict: "pass".to_owned(),
            reasons: vec!["expected-source".to_owned()],
            outcomes: vec!["established".to_owned()],
        };
        let judgement = Judgement {
            name: "node1".to_owned(),
            read: Vec::new(),
            flags: Vec::new(),
            conntrack: None,
            exit: 0,
            expect: BTreeMap::from([("right".to_owned(), call)]),
            partial: Vec::new(),
            linked: Vec::new(),
            live: Alive::default(),
            findings: Some(BTreeSet::new()),
        };
        let count = |verdict| rows.iter().filter(|row| row["verdict"] == verdict).count();
        let summary =
            json!({ "pass": count("pass"), "fail": count("fail"), "inconclusive": count("inconclusive") });
        let report = serde_json::from_value(json!({ "summary": summary, "flows": rows })).unwrap();
        let told = compare(&judgement, &happens, &truth, &report, Some(0));
        told.iter().map(|told| told.lines().next().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_report_that_says_the_truth_is_agreed_with() {
        assert_eq!(told(&[row(2), row(1)]), Vec::<String>::new());
    }

    #[test]
    fn a_row_is_found_by_its_wire_where_the_origin_was_not_seen() {
        let mut unseen = row(1);
        unseen["origin"] = Value::Null;
        assert_eq!(told(&[unseen, row(2)]), Vec::<String>::new());
    }

    #[test]
    fn a_false_pass_and_a_false_fail_are_told() {
        let mut fails = row(1);
        fails["verdict"] = "fail".into();
        fails["reason"] = "node-ip".into();
        assert_eq!(
            told(&[fails, row(2)]),
            [
                "1x right: fail node-ip established, not pass expected-source established",
                "the summary counts 1 pass, not 2",
                "the summary counts 1 fail, not 0",
            ]
        );
    }

    #[test]
    fn a_missing_row_is_told() {
        assert_eq!(told(&[row(1)]), ["1x right: no row", "the summary counts 1 pass, not 2"]);
    }

    #[test]
    fn a_row_too_many_is_told_unless_it_is_exempt() {
        let mut more = row(3);
        assert_eq!(
            told(&[row(1), row(2), more.clone()]),
            ["1x a row too many: pass expected-source established", "the summary counts 3 pass, not 2"]
        );
        more["verdict"] = "exempt".into();
        assert_eq!(told(&[row(1), row(2), more]), Vec::<String>::new());
    }

    #[test]
    fn another_port_on_the_wire_is_told() {
        let mut other = row(1);
        other["wire"]["port"] = 40002.into();
        assert_eq!(told(&[other, row(2)]), ["1x right: another wire"]);
    }

    #[test]
    fn another_count_of_packets_is_told() {
        let mut other = row(1);
        other["wire_sources"][0]["packets"] = 5.into();
        assert_eq!(told(&[other, row(2)]), ["1x right: another wire"]);
    }
}
