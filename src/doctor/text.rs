//! A diagnosis for people: the answer first, then a section each for what it rests on.

use super::around::some;
use super::network::{Interface, Network};
use super::{Capture, Diagnosis};
use crate::report::Style;
use crate::report::text::page::{Page, Tone};
use crate::verdict::Verdict;

/// Column where text beside a label at the line's start begins.
const LABELS: usize = 13;
/// Column where text beside an interface's name begins: names of Linux have 15 characters.
const NAMES: usize = 19;
/// Interfaces of pods that are shown, at most; a node has one for each of its pods.
const PODS: usize = 6;
const ROUTES: usize = 6;

/// The page, as wide as the terminal.
pub fn page(diagnosis: &Diagnosis, width: usize, style: Style) -> String {
    let mut page = Page::new(width, style);
    answer(&mut page, diagnosis);
    section(&mut page, "Here", &here(diagnosis));
    for because in &diagnosis.platform.because {
        page.paragraph("", Tone::Plain, LABELS, &format!("- {because}"));
    }
    section(&mut page, "Rights", &diagnosis.rights.words());
    section(&mut page, "Kernel", &diagnosis.sandbox.words());
    page.gap();
    network(&mut page, diagnosis.network.as_ref());
    page.gap();
    capture(&mut page, &diagnosis.capture);
    verify(&mut page, diagnosis);
    page.gap();
    section(&mut page, "Translation", &diagnosis.translation.words_of_rules());
    page.paragraph("", Tone::Plain, LABELS, &diagnosis.translation.words_of_conntrack());
    section(&mut page, "Clock", &clock(diagnosis));
    hosts(&mut page, diagnosis);
    environment(&mut page, diagnosis);
    list(&mut page, "Checksums", Tone::Heading, &diagnosis.checksums.words());
    if !(diagnosis.warnings.is_empty() && diagnosis.unseen.is_empty()) {
        page.gap();
    }
    list(&mut page, "Warning", Tone::Warning, &diagnosis.warnings);
    list(&mut page, "Not seen", Tone::Warning, &diagnosis.unseen);
    page.text().to_owned()
}

fn answer(page: &mut Page, diagnosis: &Diagnosis) {
    let answer = &diagnosis.answer;
    page.prose(Tone::Heading, &answer.can);
    if let Some(cannot) = &answer.cannot {
        page.prose(Tone::Plain, cannot);
    }
    for go in &answer.go {
        let colon = if go.command.is_some() { ":" } else { "" };
        page.paragraph("  →", Tone::Heading, 4, &format!("{}{colon}", go.what));
        if let Some(command) = &go.command {
            // To be copied, whatever the width.
            page.verbatim(6, command);
        }
    }
    page.gap();
}

fn section(page: &mut Page, label: &str, words: &str) {
    page.paragraph(label, Tone::Heading, LABELS, words);
}

fn list(page: &mut Page, label: &str, tone: Tone, lines: &[String]) {
    let mut label = label;
    for line in lines {
        page.paragraph(label, tone, LABELS, line);
        label = "";
    }
}

fn here(diagnosis: &Diagnosis) -> String {
    let platform = &diagnosis.platform;
    match &platform.host {
        // Where the name is said already, it is the same.
        Some(host) if !platform.words.contains(host.as_str()) => {
            format!("{} (called {host})", platform.words)
        }
        _ => platform.words.clone(),
    }
}

fn network(page: &mut Page, network: Option<&Network>) {
    let Some(network) = network else {
        section(page, "Interfaces", "could not be read");
        return;
    };
    let is_shown = |interface: &&Interface| {
        interface.name != "lo" && (interface.is_up || !interface.addresses.is_empty())
    };
    let (pods, others): (Vec<&Interface>, Vec<&Interface>) =
        network.interfaces.iter().filter(is_shown).partition(|interface| interface.role == Some("pod"));
    page.paragraph("Interfaces", Tone::Heading, 2, "");
    for interface in others.iter().chain(pods.iter().take(PODS)) {
        page.paragraph(&format!("  {}", interface.name), Tone::Plain, NAMES, &interface.words());
    }
    if pods.len() > PODS {
        let more = pods.len() - PODS;
        page.paragraph("", Tone::Quiet, 2, &format!("and {more} more of pods (--format json has them)"));
    }
    let down =
        network.interfaces.iter().filter(|interface| !is_shown(interface) && interface.name != "lo").count();
    if down > 0 {
        let what = if down == 1 { "1 that is" } else { &format!("{down} that are") };
        page.paragraph("", Tone::Quiet, 2, &format!("and {what} down, without an address"));
    }
    // Default routes first, then those to networks: single addresses are neighbours.
    let mut routes: Vec<&super::network::Route> =
        network.routes.iter().filter(|route| route.table == 254).collect();
    routes.sort_by_key(|route| {
        (route.to != "default", route.to.ends_with("/32") || route.to.ends_with("/128"))
    });
    let mut shown: Vec<String> = routes.iter().take(ROUTES).map(|route| route.words()).collect();
    let more = network.routes.len() - shown.len();
    if more > 0 {
        shown.push(format!("and {more} more (--format json has them)"));
    }
    if network.routes.is_empty() {
        shown.push("none".to_owned());
    }
    list(page, "Routes", Tone::Heading, &shown);
}

fn capture(page: &mut Page, capture: &Capture) {
    if !capture.is_permitted {
        let because = capture.because.as_deref().unwrap_or("not permitted");
        section(page, "Capture", &format!("no: {because}"));
        if let Some(see) = capture.see {
            page.paragraph("", Tone::Plain, LABELS, &format!("see what it has: {see}"));
        }
        if let Some(without) = &capture.without {
            page.paragraph("", Tone::Plain, LABELS, &format!("without it: {without}"));
        }
        return;
    }
    let works: Vec<String> = capture.names("works").into_iter().map(str::to_owned).collect();
    let words = if works.is_empty() {
        "a raw socket can be opened; no interface was".to_owned()
    } else {
        format!("yes: {} could be opened (and was closed again; no frame was read)", works.join(", "))
    };
    section(page, "Capture", &words);
    for interface in capture.interfaces.iter().filter(|interface| interface.state == "refused") {
        page.paragraph("", Tone::Plain, LABELS, interface.because.as_deref().unwrap_or("refused"));
    }
    let untried: Vec<String> = capture.names("untried").into_iter().map(str::to_owned).collect();
    if !untried.is_empty() {
        page.paragraph("", Tone::Plain, LABELS, &format!("not tried, like others: {}", some(&untried)));
    }
}

fn verify(page: &mut Page, diagnosis: &Diagnosis) {
    page.paragraph("Can be told", Tone::Heading, 2, "");
    for verify in &diagnosis.verify {
        let tone = match verify.can {
            "yes" => Tone::Verdict(Verdict::Pass),
            "no" => Tone::Verdict(Verdict::Fail),
            _ => Tone::Verdict(Verdict::Inconclusive),
        };
        page.paragraph(
            &format!("  {:7}", verify.can),
            tone,
            LABELS,
            &format!("{}: {}", verify.what, verify.because),
        );
        if let Some(instead) = &verify.instead {
            page.paragraph("", Tone::Plain, LABELS, &format!("→ {instead}"));
        }
    }
}

fn clock(diagnosis: &Diagnosis) -> String {
    let same = "captures of several machines are compared all the same, by what NAT keeps";
    match (diagnosis.clock.state, diagnosis.clock.by) {
        ("set", Some(by)) => format!("{by} has set it since the machine started"),
        ("kept", Some(by)) => format!("{by} runs, which keeps it; whether it is right is not seen"),
        _ => format!(
            "whether it is kept is not seen from here (timedatectl or chronyc tracking on the node says); {same}"
        ),
    }
}

fn hosts(page: &mut Page, diagnosis: &Diagnosis) {
    section(page, "Hosts", &diagnosis.hosts.words());
    for passing in &diagnosis.hosts.passing {
        page.paragraph(
            "",
            Tone::Plain,
            LABELS,
            &format!(
                "`{}` is lost when the pod's containers start anew; in the pod's hostAliases it stays:",
                passing.entry
            ),
        );
        if let Some(yaml) = &passing.yaml {
            page.verbatim(LABELS, yaml);
        }
    }
}

fn environment(page: &mut Page, diagnosis: &Diagnosis) {
    let mut lines = Vec::new();
    for variable in &diagnosis.environment {
        if let Some(value) = &variable.value {
            lines.push(format!("{}={value}", variable.name));
        }
    }
    let missing: Vec<_> = diagnosis.environment.iter().filter(|variable| variable.value.is_none()).collect();
    if !missing.is_empty() {
        let names: Vec<&str> = missing.iter().map(|variable| variable.name).collect();
        let is_pods = missing.iter().any(|variable| variable.yaml.is_some());
        let why = if is_pods {
            "the container's env would have"
        } else {
            "pods have them, where their env says so"
        };
        lines.push(format!("not set: {}; {why}", names.join(", ")) + if is_pods { ":" } else { "" });
    }
    list(page, "Variables", Tone::Heading, &lines);
    for yaml in missing.iter().filter_map(|variable| variable.yaml.as_deref()) {
        // A line of YAML is copied as it stands, whatever the width.
        page.verbatim(2, yaml);
    }
}
