//! The two duals of a tree, over frames in plain sight.

use crate::digest::protocol;
use crate::filter::admission::{Note, Question, Scope};
use crate::filter::composition::Composition;
use crate::filter::port::Range;
use crate::filter::sign::Sign;
use crate::filter::term::{Side, Term};
use crate::net::Block;

/// Which frames in plain sight pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pass {
    Everything,
    Nothing,
    Text(String),
}

use Pass::{Everything, Nothing, Text};

/// A walk over a tree, which notes on the way where more is let through than is selected.
pub(super) struct Over<'a> {
    question: &'a Question<'a>,
    pub(super) notes: Vec<Note>,
    /// The typed expression that can be asked as it is.
    pub(super) typed: Option<String>,
}

impl<'a> Over<'a> {
    pub(super) fn new(question: &'a Question<'a>) -> Self {
        Self { question, notes: Vec::new(), typed: None }
    }

    /// The whole tree: an expression that every frame must match is kept apart from it, to be asked as it was typed.
    ///
    /// Only the last, which is the one that was typed behind the options: it may move the place where headers are looked for
    /// (`vlan`) for all that follows it. And only where it cannot be denied: a program that looks beyond a frame's end says *no*
    /// to more than the expression.
    pub(super) fn root(&mut self, tree: &Composition) -> Pass {
        let parts = match tree {
            Composition::All(parts) => parts.as_slice(),
            tree => std::slice::from_ref(tree),
        };
        let last = parts.iter().rposition(|part| matches!(part, Composition::Term(Term::Matches(_))));
        let apart = last.filter(|_| self.question.scope == Scope::Frames);
        let mut rest = parts.to_vec();
        if let Some(Composition::Term(Term::Matches(expression))) = apart.map(|at| rest.remove(at)) {
            self.typed = Some(expression.without_names().to_owned());
        }
        self.over(&Composition::All(rest))
    }

    /// All that is wanted, and perhaps more.
    fn over(&mut self, tree: &Composition) -> Pass {
        match tree {
            Composition::Term(term) => self.term(term, None),
            Composition::Any(parts) => any(parts.iter().map(|part| self.over(part)).collect()),
            Composition::All(parts) => {
                let fixed = self.fixed_side(parts);
                let each = parts.iter().map(|part| match part {
                    Composition::Term(term) => self.term(term, fixed),
                    part => self.over(part),
                });
                all(each.collect())
            }
            Composition::Not(part) => negated(self.under(part)),
        }
    }

    /// Nothing but what is wanted, and perhaps not all of it.
    fn under(&mut self, tree: &Composition) -> Pass {
        match tree {
            Composition::Term(term) => self.exact(term).unwrap_or_else(|| {
                self.note_excluded(term);
                Nothing
            }),
            Composition::Any(parts) => any(parts.iter().map(|part| self.under(part)).collect()),
            Composition::All(parts) => all(parts.iter().map(|part| self.under(part)).collect()),
            Composition::Not(part) => negated(self.over(part)),
        }
    }

    /// The side of which both address and port are known to stay, by an address term among `parts`.
    fn fixed_side(&self, parts: &[Composition]) -> Option<Side> {
        parts.iter().find_map(|part| match part {
            Composition::Term(Term::Address(side, blocks)) if *side != Side::Either && self.stay(blocks) => {
                Some(*side)
            }
            _ => None,
        })
    }

    /// Whether nothing rewrites these addresses.
    fn stay(&self, blocks: &[Block]) -> bool {
        let fixed = self.question.unrewritten;
        blocks.iter().all(|block| fixed.iter().any(|fixed| fixed.covers(*block)))
    }

    /// What a term lets through; `fixed` is the side whose address and port stay.
    fn term(&mut self, term: &Term, fixed: Option<Side>) -> Pass {
        if let Some(exact) = self.exact(term) {
            return exact;
        }
        let (pass, admits, why) = match (term, self.question.scope) {
            (Term::Shows(signs), scope) => match self.carriers(signs) {
                Everything => (Everything, "everything", "a flow is selected by any of its frames"),
                pass if scope == Scope::Flows => {
                    (pass, "all of that protocol", "a flow is selected by any of its frames")
                }
                pass => (pass, "all of that protocol", "how a payload begins is not looked at"),
            },
            (Term::Address(_, blocks), _) if self.stay(blocks) => {
                (addresses(Side::Either, blocks), "both directions", "answers belong to a flow, too")
            }
            (Term::Port(side, ranges), _) if fixed == Some(*side) => {
                (ports(Side::Either, ranges), "both directions", "answers belong to a flow, too")
            }
            (Term::Address(Side::Source, _) | Term::Port(Side::Source, _), _) => {
                (Everything, "everything", "source NAT rewrites it: the leg behind does not carry it")
            }
            (Term::Address(..) | Term::Port(..), _) => (
                Everything,
                "everything",
                "a Service or an egress router may rewrite it; --unrewritten says of addresses that none does",
            ),
            (Term::Outside(..), _) => (Everything, "everything", "NAT may rewrite it"),
            (Term::Neighbour(_), _) => (Everything, "everything", "it belongs to no flow"),
            (Term::Matches(_), Scope::Flows) => {
                (Everything, "everything", "a flow is selected by any of its frames")
            }
            (Term::Matches(_), Scope::Frames) => (
                Everything,
                "everything",
                "an expression is asked as it is only where every frame must match it",
            ),
            (Term::Protocol(_), _) => (Everything, "everything", ""),
        };
        self.notes.push(Note { term: term.to_string(), admits, why });
        pass
    }

    fn note_excluded(&mut self, term: &Term) {
        let why = match self.question.scope {
            Scope::Flows => {
                "a flow is excluded by any of its legs, and whole: one leg's frames cannot be left out"
            }
            Scope::Frames => "a filter cannot tell for certain what must be left out",
        };
        self.notes.push(Note { term: format!("not {term}"), admits: "everything", why });
    }

    /// Exactly what a term selects of the frames in plain sight, where that can be said.
    fn exact(&self, term: &Term) -> Option<Pass> {
        match (term, self.question.scope) {
            (Term::Protocol(numbers), _) => Some(protocols(numbers.iter().map(|protocol| protocol.0))),
            (_, Scope::Flows) | (Term::Outside(Side::Either, _) | Term::Matches(_), _) => None,
            (Term::Address(side, blocks), _) => Some(addresses(*side, blocks)),
            (Term::Outside(side, blocks), _) => Some(negated(addresses(*side, blocks))),
            (Term::Port(side, ranges), _) => Some(ports(*side, ranges)),
            // These are frames in which something may be hidden: all of them are kept.
            (Term::Neighbour(_), _) => Some(Nothing),
            (Term::Shows(signs), _) => {
                signs.iter().map(|sign| plain(*sign)).collect::<Option<Vec<_>>>().map(any)
            }
        }
    }

    /// The frames that may show one of these, or that belong to a flow of which a frame may.
    fn carriers(&self, signs: &[Sign]) -> Pass {
        let scope = self.question.scope;
        any(signs
            .iter()
            .map(|sign| match sign {
                Sign::TlsHello | Sign::Http => protocols([protocol::TCP]),
                Sign::Dns => protocols([protocol::TCP, protocol::UDP]),
                Sign::Syn | Sign::Fin | Sign::Rst if scope == Scope::Flows => protocols([protocol::TCP]),
                sign => match (scope, plain(*sign)) {
                    (Scope::Frames, Some(pass)) => pass,
                    _ => Everything,
                },
            })
            .collect())
    }
}

/// What shows a sign in plain sight; `None` where a filter cannot tell.
fn plain(sign: Sign) -> Option<Pass> {
    let flag = |bit: u8| {
        Text(format!("((ip[9] = 6 and ip[33] & {bit} != 0) or (ip6[6] = 6 and ip6[53] & {bit} != 0))"))
    };
    Some(match sign {
        Sign::Syn => flag(crate::digest::tcp::SYN),
        Sign::Fin => flag(crate::digest::tcp::FIN),
        Sign::Rst => flag(crate::digest::tcp::RST),
        Sign::Fragment => Text("(ip[6:2] & 0x2000 != 0)".to_owned()),
        Sign::IcmpError
        | Sign::Tunnel
        | Sign::Vxlan
        | Sign::Geneve
        | Sign::Gre
        | Sign::Ipip
        | Sign::Arp
        | Sign::Nd => Nothing,
        Sign::TlsHello | Sign::Http | Sign::Dns => return None,
    })
}

fn addresses(side: Side, blocks: &[Block]) -> Pass {
    let direction = words(side);
    any(blocks
        .iter()
        .map(|block| {
            let family = if block.network().is_v4() { "ip" } else { "ip6" };
            Text(match (block.single(), block.prefix()) {
                (Some(address), _) => format!("{family} {direction}host {address}"),
                (None, 0) => family.to_owned(),
                (None, _) => format!("{family} {direction}net {block}"),
            })
        })
        .collect())
}

fn ports(side: Side, ranges: &[Range]) -> Pass {
    let direction = words(side);
    any(ranges
        .iter()
        .map(|range| {
            Text(match range.single() {
                Some(port) => format!("{direction}port {port}"),
                None => format!("{direction}portrange {range}"),
            })
        })
        .collect())
}

fn protocols(numbers: impl IntoIterator<Item = u8>) -> Pass {
    any(numbers.into_iter().map(|number| Text(format!("ip[9] = {number} or ip6[6] = {number}"))).collect())
}

const fn words(side: Side) -> &'static str {
    match side {
        Side::Either => "",
        Side::Source => "src ",
        Side::Destination => "dst ",
    }
}

fn negated(pass: Pass) -> Pass {
    match pass {
        Everything => Nothing,
        Nothing => Everything,
        Text(text) => Text(format!("not {}", grouped(text))),
    }
}

fn any(parts: Vec<Pass>) -> Pass {
    if parts.contains(&Everything) { Everything } else { joined(parts, " or ", Nothing) }
}

fn all(parts: Vec<Pass>) -> Pass {
    if parts.contains(&Nothing) { Nothing } else { joined(parts, " and ", Everything) }
}

/// `and` and `or` bind equally in an expression, from left to right: whatever has either is put in brackets.
fn joined(parts: Vec<Pass>, word: &str, none: Pass) -> Pass {
    let mut texts: Vec<String> =
        parts.into_iter().filter_map(|part| if let Text(text) = part { Some(text) } else { None }).collect();
    let mut seen = Vec::new();
    texts.retain(|text| {
        !seen.contains(text) && {
            seen.push(text.clone());
            true
        }
    });
    match texts.len() {
        0 => none,
        1 => Text(texts.swap_remove(0)),
        _ => Text(texts.into_iter().map(grouped).collect::<Vec<_>>().join(word)),
    }
}

fn grouped(text: String) -> String {
    let is_one = !text.contains(" or ") && !text.contains(" and ") && !text.starts_with("not ");
    if is_one { text } else { format!("({text})") }
}
