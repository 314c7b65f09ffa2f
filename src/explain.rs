//! Verdicts and outcomes in words, for whoever runs the firewall as much as for whoever runs the cluster.
//!
//! All that egret says about a flow is said here, once: text, JUnit and screens show these sentences.

mod gone;

use crate::expect::Expectations;
use crate::facts::Facts;
use crate::findings::{Change, Contest};
use crate::flow::Leg;
use crate::flow::table::IcmpSeen;
use crate::frame::{FrameId, Timestamp};
use crate::judge::{Detail, Judgement, Stage};
use crate::kin::Link;
use crate::net::{Address, Endpoint};
use crate::number::{counted, thousands};
use crate::outcome;
use crate::snapshot::{Finding, ResetBy, Severity};
use crate::text::Text;
use crate::verdict::{Outcome, Reason};
use crate::view::View;
use crate::wire;

pub use gone::let_go;

/// What is said of a flow, or of several that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Without a full stop.
    pub sentence: String,
    pub next_step: Option<String>,
}

/// Whom a sentence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    One,
    /// So many of all flows from as many origins under one expectation; perhaps only those to one destination.
    Many {
        flows: u64,
        of: u64,
        origins: usize,
        is_of_destination: bool,
        is_one_outcome: bool,
        told: Told,
    },
}

/// Of which of several flows conntrack alone tells whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    None,
    Some,
    All,
}

impl Subject {
    fn is_counted(self) -> bool {
        matches!(self, Self::Many { flows: 2.., .. })
    }

    fn was(self) -> &'static str {
        if self.is_counted() { "were" } else { "was" }
    }

    fn is(self) -> &'static str {
        if self.is_counted() { "are" } else { "is" }
    }
}

/// Puts judgements into words.
#[derive(Debug, Clone, Copy)]
pub struct Explainer<'a> {
    pub facts: &'a Facts,
    pub expectations: &'a Expectations,
}

impl Explainer<'_> {
    /// `name` is what all of them call their destination.
    pub fn explain(&self, judgement: &Judgement<'_>, subject: Subject, name: Option<&Text>) -> Explanation {
        let who = who(judgement, subject);
        let (what, next_step) = self.reason(judgement, subject);
        let told = told(judgement, subject);
        if matches!(subject, Subject::Many { is_one_outcome: false, .. }) {
            return Explanation { sentence: format!("{who} {what}{told}"), next_step };
        }
        let (became, answer_step) =
            self.answered_elsewhere(judgement, subject).unwrap_or_else(|| outcome(judgement, subject, name));
        Explanation { sentence: format!("{who} {what}{became}{told}"), next_step: next_step.or(answer_step) }
    }

    /// What is said where an answer came, and not to the client.
    fn answered_elsewhere(
        &self,
        judgement: &Judgement<'_>,
        subject: Subject,
    ) -> Option<(String, Option<String>)> {
        if judgement.found.outcome != Outcome::NoReply {
            return None;
        }
        let answered = judgement.view.legs().filter(|(_, _, leg)| leg.back > 0);
        let place = answered.map(|(_, _, leg)| self.facts.place(leg.place).id.as_str()).min()?;
        let tries = tries(judgement, subject);
        let step = judgement.wire.sources.first().map(|source| {
            let address = source.endpoint.address;
            format!(
                "Find out which machines hold or announce {address}: answers go to the one that did last."
            )
        });
        Some((
            format!("; the answer{tries} came to {place} alone, where the client's packets do not pass"),
            step,
        ))
    }

    /// What is said of an address that more than one claimed; `frame` names a frame.
    pub fn contest(&self, contest: &Contest<'_>, frame: impl Fn(FrameId) -> String) -> Finding {
        let address = contest.address;
        let mut macs: Vec<String> = contest.changes.iter().map(|change| change.mac.to_string()).collect();
        macs.sort_unstable();
        macs.dedup();
        let claimants = macs.join(" and ");
        let at = &self.facts.place(contest.place).id;
        let first = contest.changes.first().map_or(Timestamp::MIN, |change| change.time);
        let claimed = |change: &Change| {
            let ms = (change.time - first) / 1_000_000;
            let after = format!("{}.{:03} s", ms / 1000, (ms % 1000).abs());
            format!("{} after {after}: {} claims it", frame(change.frame), change.mac)
        };
        let (id, severity, explanation, next_step) = if contest.is_duplicate {
            (
                "duplicate-egress-ip",
                Severity::Error,
                format!(
                    "{claimants} claim the egress address {address} by turns at {at}: two machines hold it, or one answers for it with two interfaces. Answers reach now one of them and now the other."
                ),
                format!("Find out on which nodes {address} is configured, and take it from all but one."),
            )
        } else {
            (
                "egress-ip-moved",
                Severity::Info,
                format!(
                    "The egress address {address} changed its holder at {at}, between {claimants}. Connections that were open then do not survive that."
                ),
                format!(
                    "If nothing should have failed over, look at the health of the nodes that hold {address}."
                ),
            )
        };
        Finding {
            id,
            severity,
            objects: vec![address.to_string()],
            evidence: contest.changes.iter().map(claimed).collect(),
            explanation,
            next_step,
        }
    }

    /// `node worker1's own address`, `an address nobody declared`, …
    pub fn whose(&self, address: Address) -> String {
        let cluster = &self.expectations.cluster;
        match cluster.is_node(address).map(|node| node.name.clone()) {
            Some(Some(name)) => format!("node {name}'s own address"),
            Some(None) => "the node's own address".to_owned(),
            None if cluster.is_pod(address) => "the pod's own address".to_owned(),
            None => cluster.owner(address).unwrap_or_else(|| "an address nobody declared".to_owned()),
        }
    }

    /// `10.128.0.5`, or `herasoo/web-0 (10.128.0.5)`, or `the workload`.
    fn origin_words(&self, judgement: &Judgement<'_>) -> String {
        let Some(origin) = judgement.origin else { return "the workload".to_owned() };
        match self.expectations.cluster.pod_name(origin.address) {
            Some(pod) => format!("{pod} ({})", origin.address),
            None => origin.address.to_string(),
        }
    }

    /// The origin's address, where it was seen and the cluster's objects name no pod there.
    fn nameless(&self, judgement: &Judgement<'_>) -> Option<Address> {
        let cluster = &self.expectations.cluster;
        let origin = judgement.origin.filter(|_| cluster.is_described)?.address;
        cluster.workload(origin).is_none().then_some(origin)
    }

    /// What was expected, as people wrote it.
    fn expected(&self, judgement: &Judgement<'_>) -> String {
        match judgement.expectation {
            Some(index) => self.expectations.list[index].source.to_string(),
            None => "what was expected".to_owned(),
        }
    }

    /// `node1` or `node1 and node2`: where it left. A point that nobody named is called after its device, and nothing leaves
    /// `any`.
    fn left_at(&self, judgement: &Judgement<'_>) -> String {
        let name = |leg: &Leg| match self.facts.point(self.facts.place(leg.place).point).name.as_str() {
            "any" => "the node",
            name => name,
        };
        let mut points: Vec<&str> = judgement.wire.legs.iter().map(|(_, leg)| name(leg)).collect();
        points.sort_unstable();
        points.dedup();
        points.join(" and ")
    }

    /// `as A (whose), N packets, and as B …`.
    fn sources(&self, judgement: &Judgement<'_>) -> String {
        let of_one = |source: &wire::Source| {
            let address = source.endpoint.address;
            format!("as {address} ({}, {})", self.whose(address), packets(source.packets))
        };
        judgement.wire.sources.iter().map(of_one).collect::<Vec<_>>().join(" and ")
    }

    fn reason(&self, judgement: &Judgement<'_>, subject: Subject) -> (String, Option<String>) {
        let at = self.left_at(judgement);
        let expected = self.expected(judgement);
        let source = judgement.wire.sources.first().map(|source| source.endpoint.address);
        let address = source.map_or_else(String::new, |address| address.to_string());
        let whose = source.map_or_else(String::new, |address| self.whose(address));
        match judgement.reason {
            Reason::ExpectedSource => match judgement.detail {
                Detail::Waived { packets: count } => {
                    (format!("left {at} as {address}, but for {} with the pod's address, which --allow waives", packets(count)), None)
                }
                _ => (format!("left {at} as {address}, as expected"), None),
            },
            Reason::DroppedAsExpected => ("did not leave, as expected".to_owned(), None),
            Reason::NodeIp => (
                format!("left {at} as {address} ({whose}) instead of {expected}"),
                Some(format!(
                    "The egress address was not applied, so the far side sees {address}. Check that the egress rule for {} is in place and assigned to a node, and since when: a connection keeps the source it began with.",
                    self.origin_words(judgement)
                )),
            ),
            Reason::PodIp => (
                format!("left {at} with the pod's own address {address}, untranslated, instead of {expected}"),
                Some(format!(
                    "No source NAT was applied on {at}; the far side cannot answer {address}. Check the masquerade and egress rules there, and whether connection tracking was flushed."
                )),
            ),
            Reason::OtherEgressIp => (
                format!("left {at} as {address} ({whose}) instead of {expected}"),
                Some(format!("{address} is somebody else's egress address. Check which rules select {} and which of them wins.", self.origin_words(judgement))),
            ),
            Reason::UnknownSource => unknown_source(judgement, &at, &address, &expected),
            Reason::MixedSources => (
                format!("left {at} with several sources, {}, instead of {expected} alone", self.sources(judgement)),
                Some("The source changed while the flow was open: look at when, and what changed the egress rules or connection tracking then. The far side resets or ignores such a connection.".to_owned()),
            ),
            Reason::StrayPodIp => {
                let count = if let Detail::Stray { packets } = judgement.detail { packets } else { 0 };
                (
                    format!("left {at} as {expected}, but {} followed late with the pod's own address, untranslated", packets(count)),
                    Some("Late closing packets that connection tracking no longer knows are not translated. The connection is not hurt; the far firewall logs a foreign address. Drop packets in state INVALID on the node, or waive this with --allow stray-pod-ip.".to_owned()),
                )
            }
            Reason::UnexpectedExit => (
                format!("left {at} as {address} ({whose}), though nothing should leave"),
                Some("Check the rule that should drop this traffic; whatever it lets through reaches the far side.".to_owned()),
            ),
            Reason::WireNotSeen => wire_not_seen(judgement, subject),
            Reason::NeverLeft => never_left(judgement),
            Reason::OriginUnknown => match self.nameless(judgement) {
                Some(origin) if !judgement.wire.is_empty() => (
                    format!("left {at} as {address}; which pod has {origin} no object tells, and it decides what is right"),
                    Some("Give the pods as they were then with --cluster: `oc get pods -A -o yaml`.".to_owned()),
                ),
                _ => origin_unknown(judgement, &at, &address),
            },
            Reason::Ambiguous => ambiguous(judgement, subject),
            Reason::CaptureIncomplete => incomplete(judgement, subject, &at),
            Reason::NoFlow => (format!("{} not seen", subject.was()), None),
            Reason::ClusterInternal => ("stayed inside the cluster".to_owned(), None),
            Reason::NoExpectation => match judgement.detail {
                Detail::NodesOwn => (format!("{} sent by the node itself: the inner side of {at} was captured and shows nothing of the kind", subject.was()), None),
                Detail::Incoming => ("came in from outside".to_owned(), None),
                Detail::Unasked => ("shows answers alone, and nobody here had asked for them".to_owned(), None),
                _ if judgement.wire.is_empty() => (format!("{} under no expectation", subject.is()), None),
                _ => (format!("left {at} as {address}; no expectation speaks of it"), None),
            },
        }
    }
}

fn unknown_source(
    judgement: &Judgement<'_>,
    at: &str,
    address: &str,
    expected: &str,
) -> (String, Option<String>) {
    if let Detail::FarSide { saw: Some(saw) } = judgement.detail {
        return (
            format!("left {at} as {address}, as expected, but the far side saw {saw}"),
            Some("Something between the node and the far side translates again (a cloud NAT, a firewall): check it, or what the far side is expected to see (--expect-remote).".to_owned()),
        );
    }
    (
        format!("left {at} as {address}, an address nobody declared, instead of {expected}"),
        Some(format!("Find out whose {address} is. If it is a node's, say so with --node-ip {address}.")),
    )
}

fn wire_not_seen(judgement: &Judgement<'_>, subject: Subject) -> (String, Option<String>) {
    match &judgement.detail {
        Detail::Tunnelled { to } => (
            format!("went through a tunnel to {to}, whose uplink was not captured"),
            Some(format!("Capture on the node {to} (`-i any`), or on its uplink, as well.")),
        ),
        Detail::Elsewhere => (
            format!("{} captured inside, but at no uplink of the machine that carried the traffic", subject.was()),
            Some("Capture `-i any` on the node that runs the workload, and on the node that holds the egress address.".to_owned()),
        ),
        Detail::Unmatched => (
            format!("{} captured without the beginning, and cannot be matched with what left", subject.was()),
            Some("Capture from before the connection opens, so that its handshake is seen at both ends.".to_owned()),
        ),
        Detail::FarSide { .. } => (
            "left as expected, but the far side was not captured".to_owned(),
            Some("Capture at the far side as well and declare it with --role NAME=remote, or leave out --expect-remote.".to_owned()),
        ),
        _ => (
            format!("{} captured only where nothing has left the cluster yet", subject.was()),
            Some("Capture on the node (`-i any`, or its uplink): inside a pod the source is always the pod's own. If one of the places captured is an uplink, say so with --role NAME=uplink.".to_owned()),
        ),
    }
}

fn never_left(judgement: &Judgement<'_>) -> (String, Option<String>) {
    match judgement.detail {
        Detail::Stuck { at: Stage::Gateway } => (
            "reached the gateway node through the tunnel, and nothing left its uplink".to_owned(),
            Some("Look on the gateway node: reverse-path filter, FORWARD rules, and whether it still holds the egress address.".to_owned()),
        ),
        _ => (
            "left the pod, and nothing left the node's uplink".to_owned(),
            Some("Look on the node: a network policy or egress firewall that drops it, or an egress address that no node holds.".to_owned()),
        ),
    }
}

fn origin_unknown(judgement: &Judgement<'_>, at: &str, address: &str) -> (String, Option<String>) {
    if judgement.wire.is_empty() {
        return (
            "was not seen to leave, and who opened it is not known".to_owned(),
            Some("Capture from before the connection opens, on the node too (`-i any`).".to_owned()),
        );
    }
    if matches!(judgement.detail, Detail::Unmatched) {
        return (
            format!("left {at} as {address}; the beginning was not captured, nor which workload sent it"),
            Some("Capture from before the connection opens.".to_owned()),
        );
    }
    (
        format!("left {at} as {address}; which workload sent that was not seen, and it decides what is right"),
        Some("Capture `-i any` on the node, or the pod as well, so that the flow is seen before its address is translated; or give what conntrack knows there (--conntrack).".to_owned()),
    )
}

/// What conntrack alone tells of a flow.
fn told(judgement: &Judgement<'_>, subject: Subject) -> &'static str {
    if let Subject::Many { flows: 2.., told, .. } = subject {
        return match told {
            Told::None => "",
            Told::Some => "; of some, conntrack's table tells whose they are, not their packets",
            Told::All => "; whose they are, conntrack's table tells, not their packets",
        };
    }
    let view = &judgement.view;
    if judgement.told.is_some() {
        "; where it began was not seen, conntrack's table tells it"
    } else if view.table.flow(view.flow).is_told {
        "; that what left is this flow shows in no packet, conntrack's table tells it"
    } else {
        ""
    }
}

/// What two linked flows have in common.
pub fn in_common(link: Link) -> Vec<&'static str> {
    let said = [(link.is_same_payload, "same payload"), (link.is_same_name, "same name")];
    said.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what).collect()
}

/// `A proxy probably carries it on as node1:40, from 10.128.0.9 to 203.0.113.25:443 (same name)`.
pub fn other_side(link: Link, other: &View<'_>, id: &str) -> String {
    let (from, to) = (other.first().client().address, other.destination());
    let says =
        if link.is_onward { "A proxy probably carries it on as" } else { "A proxy probably sent it for" };
    format!("{says} {id}, from {from} to {to} ({})", in_common(link).join(", "))
}

/// `api.partner.example (203.0.113.25:443)`; without a name that is too long for a sentence.
fn destination(end: Endpoint, name: Option<&Text>) -> String {
    const LONGEST: usize = 64;
    match name.map(ToString::to_string).filter(|name| name.chars().count() <= LONGEST) {
        Some(name) => format!("{name} ({end})"),
        None => end.to_string(),
    }
}

fn outcome(judgement: &Judgement<'_>, subject: Subject, name: Option<&Text>) -> (String, Option<String>) {
    let found = &judgement.found;
    let from = judgement.wire.sources.first().map(|source| source.endpoint.address);
    let to = destination(judgement.view.destination(), name);
    let evidence = found.icmp.map_or_else(String::new, |icmp| format!("; {}", said(&icmp)));
    let remedy = found.icmp.and_then(|icmp| remedy(&icmp));
    match found.outcome {
        Outcome::Established | Outcome::MidStream => (String::new(), None),
        Outcome::OneWay | Outcome::Pending => (evidence, remedy),
        Outcome::NoReply => {
            let ask = from.map(|from| {
                format!(
                    "The node let it go: ask whoever runs the firewall on the way whether {from} may reach {to}."
                )
            });
            (format!("; nobody answered{}{evidence}", tries(judgement, subject)), remedy.or(ask))
        }
        Outcome::Refused if judgement.view.first().is_tcp() => (
            "; the connection was refused".to_owned(),
            from.map(|_| format!("A reset answered: either nothing listens on {to}, or a firewall on the way rejects with resets.")),
        ),
        Outcome::Refused => match found.icmp {
            Some(icmp) => (
                format!("; it was refused: {}", said(&icmp)),
                from.map(|_| format!("Nothing listens on {to}.")),
            ),
            None => (
                "; the association was refused".to_owned(),
                from.map(|_| format!("An ABORT answered: either nothing listens on {to}, or a firewall on the way rejects.")),
            ),
        },
        Outcome::Prohibited | Outcome::Unreachable => match found.icmp {
            Some(icmp) => (
                format!("; {} answered: {}", icmp.error.sender, meaning(&icmp)),
                from.map(|from| format!("Ask whoever runs {} whether {from} may reach {to}.", icmp.error.sender)),
            ),
            None => (String::new(), None),
        },
        Outcome::Reset => match found.reset_by {
            Some(ResetBy::Client) => ("; the client reset it after it was established".to_owned(), None),
            Some(ResetBy::Node) => (
                "; the node reset it after it was established: the reset shows on one side of the NAT alone".to_owned(),
                Some("Look at connection tracking on the node: a packet that it takes for invalid or no longer knows is answered by the node itself.".to_owned()),
            ),
            _ => ("; the far side reset it after it was established".to_owned(), None),
        },
        Outcome::Stalled => (
            format!("; data was never acknowledged after the handshake{evidence}"),
            remedy.or_else(|| Some("Small packets pass and large ones do not: look at the MTU on the way, and at middleboxes.".to_owned())),
        ),
    }
}

/// `192.168.12.1 said: fragmentation needed (MTU 1400, ICMP type 3 code 4)`.
fn said(icmp: &IcmpSeen) -> String {
    let about = if icmp.about_client { "" } else { " of an answer" };
    format!("{} said{about}: {}", icmp.error.sender, meaning(icmp))
}

fn meaning(icmp: &IcmpSeen) -> String {
    let mtu = match icmp.mtu {
        0 => String::new(),
        mtu => format!("MTU {mtu}, "),
    };
    let family = if icmp.error.v6 { "v6" } else { "" };
    let (kind, code) = (icmp.error.kind, icmp.error.code);
    format!("{} ({mtu}ICMP{family} type {kind} code {code})", outcome::meaning(icmp.error))
}

/// What to do about an error that is evidence beside an outcome.
fn remedy(icmp: &IcmpSeen) -> Option<String> {
    let sender = icmp.error.sender;
    let who = if icmp.about_client { "the workload" } else { "the far side" };
    if outcome::is_too_large(icmp.error) {
        let large = match icmp.mtu {
            0 => "Large packets do not".to_owned(),
            mtu => format!("Packets of more than {mtu} bytes do not"),
        };
        return Some(format!(
            "{large} pass {sender}: see that its message reaches {who} (a filter that drops ICMP makes a black hole of it), or lower the MTU."
        ));
    }
    outcome::is_time_exceeded(icmp.error).then(|| {
        format!("Packets of {who} ran out of hops at {sender}: look for a routing loop from there on.")
    })
}

/// ` to 3 SYNs within 3.0 s`, of one flow.
fn tries(judgement: &Judgement<'_>, subject: Subject) -> String {
    let times = outcome::syn_times(&judgement.view);
    match (subject, &times[..]) {
        (Subject::One, [first, .., last]) => {
            let tenths = (*last - *first) / 100_000_000;
            format!(" to {} SYNs within {}.{} s", times.len(), tenths / 10, tenths % 10)
        }
        _ => String::new(),
    }
}

fn ambiguous(judgement: &Judgement<'_>, subject: Subject) -> (String, Option<String>) {
    match &judgement.detail {
        Detail::Missing { fact } => (
            format!("cannot be judged without {fact}"),
            Some("Say that on the command line or in the policy file, then run again.".to_owned()),
        ),
        Detail::Rivals { count } => (
            format!("cannot be told from {}, and the verdicts differ", counted(*count as u64, "other flow")),
            Some("Capture where both sides of the NAT share one clock (`-i any` on the node).".to_owned()),
        ),
        _ => (format!("{} ambiguous", subject.is()), None),
    }
}

fn incomplete(judgement: &Judgement<'_>, subject: Subject, at: &str) -> (String, Option<String>) {
    if judgement.detail == Detail::Filtered {
        return (
            format!("{} not seen to leave, but the capture was made with a filter, which may have left that out", subject.was()),
            Some("Capture again without a filter, or with one that keeps what left: packets behind the NAT do not carry the pod's address.".to_owned()),
        );
    }
    let Detail::Gap { bytes, is_known_loss } = judgement.detail else {
        return (format!("{} not captured completely", subject.was()), None);
    };
    let what = match (judgement.wire.is_empty(), bytes) {
        (true, _) => format!("{} not seen to leave, but the capture lost frames", subject.was()),
        (false, 0) => format!("{} seen to leave {at}, but not with every packet", subject.was()),
        (false, bytes) => {
            format!("{} seen to leave {at}, but for {}", subject.was(), counted(u64::from(bytes), "byte"))
        }
    };
    let next = if is_known_loss {
        "Capture again without losing frames: a shorter snap length (-s 128), a larger buffer, a narrower filter."
    } else {
        "Capture every uplink of the node: what is missing may have left elsewhere."
    };
    (what, Some(next.to_owned()))
}

fn who(judgement: &Judgement<'_>, subject: Subject) -> String {
    let from = |origins: usize| match judgement.origin {
        _ if origins > 1 => format!("from {} origins", thousands(origins as u64)),
        Some(origin) => format!("from {}", origin.address),
        None => "of unseen origin".to_owned(),
    };
    let to = judgement.view.destination();
    match subject {
        Subject::One => format!("The flow {} to {to}", from(1)),
        Subject::Many { flows, of, origins, is_of_destination, .. } => {
            let whole = if flows == of { String::new() } else { format!("{} of ", thousands(flows)) };
            let to = if is_of_destination { format!(" to {to}") } else { String::new() };
            format!("{whole}{} {}{to}", counted(of, "flow"), from(origins))
        }
    }
}

fn packets(count: u32) -> String {
    counted(u64::from(count), "packet")
}
