//! `egret filter explain`: what is asked for, in words, and the capture filters that follow.

use std::fmt::Write as _;

use anyhow::Context as _;

use crate::capture::live::{Live, MAX_SNAP_LENGTH, Request};
use crate::capture::savefile::{Filled, Keep, Savefile};
use crate::cli::filter::Explain;
use crate::command::filter::page::table;
use crate::command::narrowing::{LONGEST, Narrow};
use crate::digest::Batch;
use crate::filter::admission::{Admission, Question, Scope};
use crate::filter::composition::Composition;
use crate::frame::{LinkType, PointIndex};
use crate::text::Text;

/// The link types that are explained where none is asked for: of interfaces, of `any`, of tunnels' devices.
const USUAL: [LinkType; 3] = [LinkType::ETHERNET, LinkType::LINUX_SLL2, LinkType::RAW];

/// A link type, and whether frames are captured, not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link {
    link: LinkType,
    is_live: bool,
}

/// The whole page.
pub(super) fn page(asked: &Explain) -> anyhow::Result<String> {
    let traffic = asked.traffic.asked(&asked.hosts)?;
    let links = links(asked)?;
    let mut page = String::from("Asked for\n");
    for (depth, words) in traffic.composition.outline() {
        let _ = writeln!(page, "  {}{}", "  ".repeat(depth), Text::from(&*words));
    }
    for line in traffic.assumptions.iter().chain(&traffic.warnings) {
        let _ = writeln!(page, "  ({})", Text::from(&**line));
    }
    for (scope, heading) in [
        (Scope::Flows, "Captured for whole flows (check)"),
        (Scope::Frames, "Captured for single frames (dump, record)"),
    ] {
        let _ = writeln!(page, "\n{heading}");
        section(&mut page, &traffic.composition, scope, &links, asked);
    }
    Ok(page)
}

fn section(page: &mut String, tree: &Composition, scope: Scope, links: &[Link], asked: &Explain) {
    let question = |link: &Link| Question {
        scope,
        link: link.link,
        is_live: link.is_live,
        vxlan: &asked.vxlan_port,
        geneve: &asked.geneve_port,
        unrewritten: &asked.unrewritten.unrewritten,
    };
    let mut reasons: Vec<Admission> = Vec::new();
    for link in links {
        let admission = tree.admission(&question(link));
        let _ = write!(page, "  {}: ", link.link);
        match Narrow::of(&admission, link.link) {
            Narrow::Nothing => page.push_str("everything\n"),
            Narrow::TooLong(length) => {
                let _ = writeln!(
                    page,
                    "everything: the filter has {length} instructions, and the kernel takes {LONGEST}"
                );
            }
            Narrow::Refused(why) => {
                let _ = writeln!(page, "everything: libpcap says: {}", Text::from(&*why));
            }
            Narrow::To { program, .. } => {
                let _ = writeln!(page, "{} instructions", program.instructions());
                expression(page, &admission);
                if asked.instructions {
                    for line in program.listing(MAX_SNAP_LENGTH).lines() {
                        let _ = writeln!(page, "    {line}");
                    }
                }
            }
        }
        reasons.push(admission);
    }
    let Some(first) = reasons.iter().max_by_key(|admission| admission.clauses.len()) else { return };
    let mut rows: Vec<Vec<String>> = first
        .notes
        .iter()
        .map(|note| vec![format!("{}:", Text::from(&*note.term)), format!("{}; {}", note.admits, note.why)])
        .collect();
    rows.dedup();
    if !rows.is_empty() {
        page.push_str("  More is let through than is asked for\n");
        page.push_str(&table(&rows, "    "));
    }
    if !first.clauses.is_empty() {
        page.push_str("  Let through whatever is asked for\n");
        for clause in first.clauses.iter().filter(|clause| clause.is_kept) {
            let _ = writeln!(page, "    {}", clause.why);
        }
    }
}

/// An expression as it can be copied, a clause a line.
fn expression(page: &mut String, admission: &Admission) {
    for (at, clause) in admission.clauses.iter().enumerate() {
        let (before, after) =
            (if at == 0 { "(" } else { " or " }, if at + 1 == admission.clauses.len() { ")" } else { "" });
        let _ = writeln!(page, "    {before}({}){after}", clause.expression);
    }
    if let Some(typed) = &admission.typed {
        let before = if admission.clauses.is_empty() { "" } else { "and " };
        let _ = writeln!(page, "    {before}({})", Text::from(&**typed));
    }
}

/// The link types of what was named, each once.
fn links(asked: &Explain) -> anyhow::Result<Vec<Link>> {
    let mut links = Vec::new();
    for interface in &asked.interface {
        let live = Live::open(&Request::of(interface))?;
        links.push(Link { link: live.link(), is_live: true });
    }
    for path in &asked.read {
        let mut savefile = Savefile::open(path, Keep::Nothing)?;
        let mut batch = Batch::new(PointIndex(0));
        while savefile.fill(&mut batch) == Filled::More {
            links.extend(
                batch.interfaces.iter().map(|interface| Link { link: interface.link, is_live: false }),
            );
        }
        links.extend(batch.interfaces.iter().map(|interface| Link { link: interface.link, is_live: false }));
        if links.is_empty() {
            Err(anyhow::anyhow!("it describes no interface"))
                .with_context(|| format!("cannot explain for {}", path.display()))?;
        }
    }
    if links.is_empty() {
        links.extend(USUAL.map(|link| Link { link, is_live: true }));
    }
    let mut seen: Vec<Link> = Vec::new();
    links.retain(|link| {
        !seen.contains(link) && {
            seen.push(*link);
            true
        }
    });
    Ok(links)
}
