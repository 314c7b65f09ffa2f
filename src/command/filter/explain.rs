//! `egret filter explain`: what is asked for, in words, and the capture filters that follow.

use std::fmt::Write as _;

use anyhow::Context as _;

use crate::capture::live::{Live, MAX_SNAP_LENGTH, Request};
use crate::capture::savefile::{Filled, Keep, Savefile};
use crate::cli::filter::Explain;
use crate::command::narrowing::Narrow;
use crate::command::page::table;
use crate::digest::Batch;
use crate::filter::admission::{Admission, Note, Question, Scope};
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
    kept(&mut page, &traffic.composition, links[0], asked);
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
    // Link types that have one expression are told together.
    let mut groups: Vec<(Admission, Vec<LinkType>)> = Vec::new();
    for link in links {
        let admission = tree.admission(&question(link));
        match groups.iter_mut().find(|(known, _)| *known == admission) {
            Some((_, links)) => links.push(link.link),
            None => groups.push((admission, vec![link.link])),
        }
    }
    for (admission, links) in &groups {
        group(page, admission, links, asked.instructions);
    }
    let rows: Vec<Vec<String>> = groups.first().map_or_else(Vec::new, |(admission, _)| {
        let row = |note: &Note| {
            vec![format!("{}:", Text::from(&*note.term)), format!("{}; {}", note.admits, note.why)]
        };
        admission.notes.iter().map(row).collect()
    });
    if !rows.is_empty() {
        page.push_str("  more is let through than is asked for:\n");
        page.push_str(&table(&rows, "    "));
    }
}

/// What link types with one expression are captured with.
fn group(page: &mut String, admission: &Admission, links: &[LinkType], has_listing: bool) {
    let names = links.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let narrow = links.iter().map(|link| (link, Narrow::of(admission, *link))).collect::<Vec<_>>();
    if let Some((_, narrow)) = narrow.iter().find(|(_, narrow)| !matches!(narrow, Narrow::To { .. })) {
        let _ = writeln!(page, "  {names}: everything; {}", Text::from(&*narrow.obstacle()));
        return;
    }
    let _ = writeln!(page, "  {names}:");
    expression(page, admission);
    for (link, narrow) in &narrow {
        if let (Narrow::To { program, .. }, true) = (narrow, has_listing) {
            let _ = writeln!(page, "  {link}, {} instructions:", program.instructions());
            for line in program.listing(MAX_SNAP_LENGTH).lines() {
                let _ = writeln!(page, "    {line}");
            }
        }
    }
}

/// What is let through whatever is asked for, and why.
fn kept(page: &mut String, tree: &Composition, link: Link, asked: &Explain) {
    let clauses = [Scope::Flows, Scope::Frames].map(|scope| {
        let question = Question {
            scope,
            link: link.link,
            is_live: link.is_live,
            vxlan: &asked.vxlan_port,
            geneve: &asked.geneve_port,
            unrewritten: &asked.unrewritten.unrewritten,
        };
        tree.admission(&question).clauses
    });
    let Some(clauses) = clauses.into_iter().find(|clauses| !clauses.is_empty()) else { return };
    page.push_str("\nLet through whatever is asked for\n");
    for clause in clauses.iter().filter(|clause| clause.is_kept) {
        let _ = writeln!(page, "  {}", clause.why);
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
