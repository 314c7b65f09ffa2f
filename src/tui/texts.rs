//! Every word of the screens. To translate them, translate this file; what a verdict means is worded in `explain`.

use crate::number::{counted, thousands};
use crate::prose::columns;
use crate::snapshot::{Column, Direction, Left, Method, Role};
use crate::verdict::{Outcome, Verdict};

pub(super) const NAME: &str = "egret";

/// Tabs, in order.
pub(super) const TABS: [&str; 6] = ["Flows", "Sources", "Packets", "Expectations", "Findings", "Points"];
pub(super) const TABS_SHORT: [&str; 6] = ["Flows", "Sources", "Packets", "Expect", "Findings", "Points"];
pub(super) const FLOW: &str = "Flow";
pub(super) const HELP: &str = "Help";

/// Keys: what they do, and a word or two for the foot of the screen.
pub(super) mod keys {
    type Words = (&'static str, Option<&'static str>);

    pub(in super::super) const OPEN: Words = ("open what is selected", Some("open"));
    pub(in super::super) const RIGHT: Words = ("show the flows of the group", Some("expand"));
    pub(in super::super) const ENTER: Words = ("on to the layers, and to the bytes", Some("layers, bytes"));
    pub(in super::super) const LEAVE: Words = ("back from the bytes, and from the layers", None);
    pub(in super::super) const LEFT: Words = ("close the group", Some("close"));
    pub(in super::super) const BACK: Words = ("go back; show all flows again", Some("back"));
    pub(in super::super) const PACKETS: Words = ("show the packets of the flow", Some("packets"));
    pub(in super::super) const NEXT_COPY: Words =
        ("go to the next copy of this packet, at another place", Some("next copy"));
    pub(in super::super) const PREVIOUS_COPY: Words = ("go to the copy of this packet before", None);
    pub(in super::super) const SORT: Words = ("order by the next column", Some("sort"));
    pub(in super::super) const TURN: Words = ("turn the order round", None);
    pub(in super::super) const ONLY: Words =
        ("one verdict alone: fail, inconclusive, … or all", Some("verdict"));
    pub(in super::super) const TOGETHER: Words =
        ("one line for equal flows, or one for each", Some("together"));
    pub(in super::super) const FOLLOW: Words = ("follow what is new again", Some("follow"));
    pub(in super::super) const FILTER: Words = ("narrow what is shown", Some("filter"));
    pub(in super::super) const SEARCH: Words = ("search the keys", Some("search"));
    pub(in super::super) const RECAPTURE: Words =
        ("capture only what the filter admits; asks before", Some("capture so"));
    pub(in super::super) const CONFIRM: Words = ("do it", Some("yes"));
    pub(in super::super) const DECLINE: Words = ("leave it as it is", Some("no"));
    pub(in super::super) const PAUSE: Words = ("hold the screen still; nothing is missed", Some("pause"));
    pub(in super::super) const SAVE: Words = ("save frames or the report", Some("save"));
    pub(in super::super) const COPY: Words = ("copy the address", Some("copy"));
    pub(in super::super) const COPY_LINE: Words = ("copy the whole line", None);
    pub(in super::super) const UP: Words = ("up", None);
    pub(in super::super) const DOWN: Words = ("down", None);
    pub(in super::super) const PAGE_UP: Words = ("a page up", None);
    pub(in super::super) const PAGE_DOWN: Words = ("a page down", None);
    pub(in super::super) const FIRST: Words = ("to the first", None);
    pub(in super::super) const LAST: Words = ("to the last", None);
    pub(in super::super) const NEXT_TAB: Words = ("the next screen", None);
    pub(in super::super) const PREVIOUS_TAB: Words = ("the screen before", None);
    pub(in super::super) const TABS: [&str; 6] = [
        "flows: what left, with which address",
        "sources: the addresses flows left with, over time",
        "packets: all frames",
        "expectations: what should leave, and if it does",
        "findings: what is wrong with the network itself",
        "points: where frames were seen",
    ];
    pub(in super::super) const HELP: Words = ("all keys of this screen", Some("help"));
    pub(in super::super) const QUIT: Words = ("leave; the exit code is that of `egret check`", Some("quit"));
    pub(in super::super) const SUSPEND: Words = ("stop for now, as other programs do", None);
    pub(in super::super) const ACCEPT: Words = ("apply", Some("apply"));
    pub(in super::super) const CANCEL: Words = ("leave it as it was", Some("cancel"));
    pub(in super::super) const EARLIER: Words = ("what was typed before", Some("history"));
    pub(in super::super) const LATER: Words = ("what was typed after", None);
    pub(in super::super) const COMPLETE: Words = ("the next preset that begins so", Some("presets"));
    pub(in super::super) const RUB: Words = ("delete the character before", None);
    pub(in super::super) const RUB_NEXT: Words = ("delete the character here", None);
    pub(in super::super) const RUB_WORD: Words = ("delete the word before", None);
    pub(in super::super) const RUB_ALL: Words = ("delete all", None);
    pub(in super::super) const CARET_LEFT: Words = ("left", None);
    pub(in super::super) const CARET_RIGHT: Words = ("right", None);
    pub(in super::super) const CARET_HOME: Words = ("to the start", None);
    pub(in super::super) const CARET_END: Words = ("to the end", None);
    pub(in super::super) const SAVE_FRAMES: Words =
        ("the frames of what is shown, as pcapng", Some("frames shown"));
    pub(in super::super) const SAVE_TEXT: Words = ("the report as text", Some("report"));
    pub(in super::super) const SAVE_JSON: Words = ("the report as JSON", Some("JSON"));
    pub(in super::super) const SAVE_ALL: Words = ("all frames, as pcapng", Some("all frames"));
}

// The head.

pub(super) const LIVE: &str = "live";
pub(super) const PAUSED: &str = "PAUSED";
pub(super) const WAITING: &str = "waiting for the first frame";

pub(super) fn loading(percent: Option<u64>) -> String {
    percent.map_or_else(|| "reading".to_owned(), |percent| format!("reading {percent} %"))
}

/// A file that is read by its clock is no nearer its end for being read ahead.
pub(super) fn replaying(times: f64) -> String {
    format!("replaying {times}×")
}

pub(super) fn lost(frames: u64, is_whole: bool) -> String {
    let frames = counted(frames, "frame").to_uppercase();
    if is_whole { format!(" {frames} LOST BY THE KERNEL ") } else { format!(" {frames} LOST ") }
}

pub(super) fn filter(typed: &str) -> String {
    format!("filter: {typed}")
}

pub(super) fn packet_rate(rate: &str) -> String {
    format!("{rate} pkt/s")
}

/// `✗ 20 fail  ? 0 inconclusive …`: the words of the counts.
pub(super) fn count(number: u64, verdict: Verdict) -> String {
    format!("{} {}", thousands(number), verdict.name())
}

/// Whether traffic leaves with the right address, where there is no room for the whole sentence.
pub(super) mod address {
    use super::{counted, thousands};

    pub(in super::super) fn wrong(flows: u64, of: u64) -> String {
        format!("{} of {} left with a wrong address.", thousands(flows), counted(of, "flow"))
    }

    pub(in super::super) fn open(flows: u64, of: u64) -> String {
        format!("{} of {} cannot be settled.", thousands(flows), counted(of, "flow"))
    }

    pub(in super::super) fn right(flows: u64) -> String {
        match flows {
            1 => "The flow left as expected.".to_owned(),
            _ => format!("All {} left as expected.", counted(flows, "flow")),
        }
    }
}

/// Whether the far side answers, in one word and one sentence.
pub(super) mod partner {
    use super::{Outcome, counted, thousands};

    pub(in super::super) const ANSWERS: &str = "ANSWERED";
    pub(in super::super) const PARTLY: &str = "PARTLY";
    pub(in super::super) const SILENT: &str = "UNANSWERED";
    pub(in super::super) const UNKNOWN: &str = "UNKNOWN";
    pub(in super::super) const NOTHING_YET: &str = "No outgoing flow yet.";

    pub(in super::super) fn all(flows: u64) -> String {
        match flows {
            1 => "The far side answers.".to_owned(),
            _ => format!("The far side answers all {}.", counted(flows, "flow")),
        }
    }

    pub(in super::super) fn not_seen(flows: u64) -> String {
        match flows {
            1 => "Whether the far side answers is not to be seen here, or not yet.".to_owned(),
            _ => format!(
                "Whether the far side answers any of {} is not to be seen here, or not yet.",
                counted(flows, "flow")
            ),
        }
    }

    pub(in super::super) fn some(answered: u64, flows: u64, wrong: &[(Outcome, u64)]) -> String {
        let told: Vec<String> = wrong.iter().map(|(outcome, flows)| wrong_word(*outcome, *flows)).collect();
        let rest = if told.is_empty() { String::new() } else { format!("; {}", told.join(", ")) };
        format!("The far side answers {} of {}{rest}.", thousands(answered), counted(flows, "flow"))
    }

    pub(in super::super) fn some_short(answered: u64, flows: u64, wrong: &[(Outcome, u64)]) -> String {
        let told: Vec<String> = wrong.iter().map(|(outcome, flows)| wrong_word(*outcome, *flows)).collect();
        format!("{} of {} answered; {}", thousands(answered), thousands(flows), told.join(", "))
    }

    fn wrong_word(outcome: Outcome, flows: u64) -> String {
        let number = thousands(flows);
        match outcome {
            Outcome::NoReply => format!("{number} no reply"),
            Outcome::Refused => format!("{number} refused"),
            Outcome::Prohibited => format!("{number} prohibited"),
            Outcome::Unreachable => format!("{number} unreachable"),
            Outcome::Stalled => format!("{number} stalled"),
            Outcome::Reset => format!("{number} reset"),
            Outcome::OneWay | Outcome::Pending => format!("{number} open"),
            Outcome::Established | Outcome::MidStream => format!("{number} answered"),
        }
    }
}

// Flows.

pub(super) fn column(column: Column) -> &'static str {
    match column {
        Column::Verdict => "VERDICT",
        Column::Workload => "WORKLOAD",
        Column::Destination => "DESTINATION",
        Column::LeftAs => "LEFT AS",
        Column::Expected => "EXPECTED",
        Column::Outcome => "OUTCOME",
        Column::Flows => "FLOWS",
        Column::Packets => "PACKETS",
        Column::Bytes => "BYTES",
        Column::Age => "AGE",
    }
}

pub(super) const NOT_SEEN: &str = "not seen";
pub(super) const ANY: &str = "any";
pub(super) const NOTHING: &str = "–";
pub(super) const NO_FLOWS: &str = "No flows yet.";
pub(super) const NO_SUCH_FLOWS: &str = "No flow is like that. esc shows all again.";
pub(super) const LOADING: &str = "…";

pub(super) fn lines(first: usize, last: usize, total: usize) -> String {
    format!("{}–{} of {}", thousands(first as u64), thousands(last as u64), thousands(total as u64))
}

pub(super) fn only(verdicts: &[Verdict]) -> String {
    verdicts.iter().map(|verdict| verdict.name()).collect::<Vec<_>>().join(", ")
}

pub(super) fn shown_only(what: &str) -> String {
    format!("only {what}")
}

pub(super) fn only_expectation(name: &str) -> String {
    format!("expectation “{name}”")
}

pub(super) fn only_left(left: Left) -> String {
    match left {
        Left::As(address) => format!("left as {address}"),
        Left::AsOther => "left as other addresses".to_owned(),
        Left::Unseen => "not seen to leave".to_owned(),
    }
}

// One flow.

pub(super) const FLOW_GONE: &str =
    "This flow is no longer held: it settled long ago, or there was no room. Its numbers still count.";
pub(super) const WHY: &str = "Why";
pub(super) const NEXT: &str = "Next";
pub(super) const EXPECTED: &str = "Expected";
pub(super) const BECAUSE: &str = "because";
pub(super) const OUTCOME: &str = "Outcome";
pub(super) const JOINED: &str = "Joined";
pub(super) const TIMES: &str = "Times";
pub(super) const LEFT_AS: &str = "Left as";
pub(super) const LINKED: &str = "Other side";
pub(super) const NOTHING_EXPECTED: &str = "nothing: no expectation speaks about this flow";
pub(super) const PROVISIONAL: &str = "not settled yet: more may come";
pub(super) const WORKLOAD: &str = "workload";
pub(super) fn pod(namespace: Option<&str>, pod: Option<&str>) -> Option<String> {
    match (namespace, pod) {
        (Some(namespace), Some(pod)) => Some(format!("{namespace}/{pod}")),
        (Some(namespace), None) => Some(format!("a pod of {namespace}")),
        (None, pod) => pod.map(str::to_owned),
    }
}

pub(super) fn changed_at(kind: &str, point: &str) -> String {
    format!("{kind} at {point}")
}

/// What was done, and what to say of it.
pub(super) fn and(what: &str, said: &str) -> String {
    if said.is_empty() { what.to_owned() } else { format!("{what}: {said}") }
}

pub(super) const SNAT: &str = "SNAT";
pub(super) const DNAT: &str = "DNAT";
pub(super) const BOTH_NAT: &str = "SNAT+DNAT";
pub(super) const UNSEEN_ORIGIN: &str = "origin not seen";
pub(super) const RIGHT_ADDRESS: &str = "the expected address";
pub(super) const WRONG_ADDRESS: &str = "not the expected address";

pub(super) fn role(role: Option<Role>) -> &'static str {
    role.map_or("?", Role::name)
}

pub(super) fn joined(method: Method) -> &'static str {
    match method {
        Method::SameTuple => "nothing had to be joined: one address pair all the way",
        Method::TcpIsn => "by the handshake's sequence numbers, which NAT keeps",
        Method::TcpSegment => "by sequence and acknowledgement numbers of segments",
        Method::Datagram => "by identification, length and payload of datagrams",
        Method::IcmpEcho => "by sequence number and payload of the echo",
        Method::SctpTag => "by the association's tags",
        Method::Conntrack => "by the kernel's own table of translations",
    }
}

pub(super) fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Outgoing => "outgoing",
        Direction::Incoming => "incoming",
        Direction::Internal => "inside the cluster",
        Direction::Unknown => "of unknown direction",
    }
}

pub(super) fn began(clock: &str, lasted: &str) -> String {
    format!("began {clock}, lasted {lasted}")
}

pub(super) fn handshake(rtt: &str) -> String {
    format!("answered after {rtt}")
}

pub(super) fn tries(first: &str, again: &[String]) -> String {
    match again {
        [] => format!("first tried {first}"),
        again => format!("first tried {first}, again after {}", again.join(", ")),
    }
}

pub(super) fn packets(packets: u64, bytes: u64) -> String {
    format!("{}, {}", counted(packets, "packet"), counted(bytes, "byte"))
}

// Packets.

pub(super) const NO_PACKETS: &str = "No frames to show.";
pub(super) const ALL_PACKETS: &str = "all frames";
pub(super) const PACKET_COLUMNS: [&str; 5] = ["TIME", "PLACE", "FROM", "TO", "WHAT"];

pub(super) fn packets_of(flow: &str) -> String {
    format!("frames of {flow}")
}

pub(super) fn cut_short(captured: usize, original: u32) -> String {
    format!("{} of {} captured", thousands(captured as u64), counted(u64::from(original), "byte"))
}

pub(super) fn copies(count: usize) -> String {
    match count {
        1 => "seen at this place alone".to_owned(),
        _ => format!("seen at {count} places"),
    }
}

// Sources.

pub(super) const SOURCE_COLUMNS: [&str; 5] = ["LEFT AS", "WHOSE", "FLOWS", "PASS", "FAIL"];
pub(super) const SOURCE_UNSEEN: &str = "not seen to leave";
pub(super) const SOURCE_OTHER: &str = "other addresses";
pub(super) const NOBODYS: &str = "declared by nobody";
pub(super) const NO_SOURCES: &str = "Nothing has left yet.";

pub(super) fn bars(step: &str) -> String {
    format!("Flows that began in each {step}, by the address they left with")
}

pub(super) fn claimed_by(macs: &str) -> String {
    format!("claimed by {macs}")
}

// Expectations, findings, points.

pub(super) const NO_EXPECTATIONS: &str =
    "No expectation was given. Say which source is right: `--expect 192.0.2.10`, or `--policy FILE`.";
pub(super) const NO_FLOW_MET: &str = "no flow met it";
pub(super) const NO_FINDINGS: &str = "Nothing wrong was found with the network itself.";
pub(super) const NO_POINTS: &str = "Nothing is captured.";
pub(super) const ASSUMED: &str = "Assumed";
pub(super) const WARNING: &str = "Warning";
pub(super) const ROLE_UNKNOWN: &str = "nothing speaks for a role";
pub(super) const TRUNCATED: &str = "cut short";

pub(super) fn met(flows: u64, pass: u64, fail: u64, inconclusive: u64) -> String {
    let mut told = vec![format!("{} pass", thousands(pass))];
    told.extend((fail > 0).then(|| format!("{} fail", thousands(fail))));
    told.extend((inconclusive > 0).then(|| format!("{} inconclusive", thousands(inconclusive))));
    format!("{}: {}", counted(flows, "flow"), told.join(", "))
}

pub(super) fn point(source: &str, frames: u64) -> String {
    format!("{source} – {}", counted(frames, "frame"))
}

pub(super) fn dropped(frames: u64) -> String {
    format!("the kernel lost {}", counted(frames, "frame"))
}

pub(super) fn undecoded(frames: u64) -> String {
    format!("{} not understood", counted(frames, "frame"))
}

pub(super) fn clock_offset(offset: &str) -> String {
    format!("its clock is {offset} off the first point's")
}

pub(super) fn captured_with(filter: &str) -> String {
    format!("captured with the filter `{filter}`")
}

// Help, the line, the menu.

pub(super) const HELP_OF: &str = "Keys";
pub(super) const HELP_MARKS: &str = "Marks";
pub(super) const HELP_NOTHING: &str = "No key is about that.";
pub(super) const MARKS: [&str; 4] = [
    "pass: every packet left with an expected address",
    "fail: some left with another",
    "inconclusive: the capture cannot tell; the flow says which would",
    "exempt: not judged: it stays inside, or nothing is expected of it",
];
pub(super) const SEARCH_PROMPT: &str = "search: ";
pub(super) const FILTER_PROMPT: &str = "filter: ";
pub(super) const FILTER_EMPTY: &str = "--host, --dst-port … or a pcap expression; empty shows all";
pub(super) const SAVE_PROMPT: &str = "save:";

pub(super) fn recapture(filter: &str) -> String {
    if filter.is_empty() { "capture everything again?".to_owned() } else { format!("capture only {filter}?") }
}

pub(super) fn captured(filter: &str) -> String {
    format!("captured: {filter}")
}

pub(super) fn copied(what: &str) -> String {
    format!("copied {what}")
}

pub(super) fn too_small(width: u16, height: u16) -> String {
    format!("egret needs {width} × {height} characters. Make the window larger.")
}

/// The widest of words.
pub(super) fn widest<'a>(words: impl IntoIterator<Item = &'a str>) -> usize {
    words.into_iter().map(columns).max().unwrap_or(0)
}
