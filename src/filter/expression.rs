//! A pcap-filter(7) expression, as somebody typed it behind the options.
//!
//! It means what tcpdump makes of it, for libpcap compiles it. Around that, three things are seen to:
//! 1. Names. libpcap asks a resolver for them while it compiles, and egret must not cause traffic in what it diagnoses. So libpcap never
//!    sees a name of a host: what is [known](Names) is put in as addresses, and what is not is refused. Services and protocols
//!    are found in files, and left to libpcap.
//! 2. Mistakes. They are found before any source is opened, and shown at their place, where that can be found.
//! 3. What is valid and hardly meant (`host 10.1`, which is a network) is warned about.
//!
//! Some expressions exist for some link types alone. One is valid if there is a link type that it exists for; what it is to the frames of
//! others, [`Expression::program`] says once such frames are there.

mod names;
mod place;
mod short;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use crate::filter::bpf::{self, Program};
use crate::filter::words::{Kind, Word, words};
use crate::frame::{Frame, LinkType};
use crate::net::Block;

/// Link types that most captures have, and all interfaces that egret captures; tried before all others.
const COMMON: [LinkType; 5] = [
    LinkType::ETHERNET,
    LinkType::LINUX_SLL2,
    LinkType::LINUX_SLL,
    LinkType::RAW,
    LinkType::IEEE802_11_RADIOTAP,
];
/// The registry ends before this.
const LAST: u16 = 300;

/// A checked expression.
#[derive(Clone)]
pub struct Expression {
    typed: String,
    /// With addresses in the place of names.
    compiled: String,
    warnings: Vec<String>,
    programs: Arc<Programs>,
}

/// Programs by link type, in a chain that only grows: who asks frame after frame waits for nobody.
#[derive(Default)]
struct Programs(OnceLock<Box<Compiled>>);

struct Compiled {
    link: LinkType,
    program: Result<Program, bpf::Error>,
    others: Programs,
}

/// What names of hosts stand for.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// The addresses of a name, from files or from whoever was asked; none if it is not known.
    pub known: &'a dyn Fn(&str) -> Vec<IpAddr>,
    /// Whether name servers were asked, so that a name that is not known is unknown to them, too.
    pub are_asked: bool,
}

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("are_asked", &self.are_asked).finish_non_exhaustive()
    }
}

impl Names<'_> {
    /// No name is known.
    pub const NONE: Names<'static> = Names { known: &|_| Vec::new(), are_asked: false };
}

/// What is wrong with an expression: libpcap's words, the place, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    typed: String,
    why: String,
    /// Offset and length of what is wrong, in bytes.
    place: Option<(usize, usize)>,
    next: &'static str,
}

/// An expression cannot be used for the frames of a link type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot filter {link} frames by `{typed}`: {why}")]
pub struct NotForLink {
    pub typed: String,
    pub link: LinkType,
    pub why: bpf::Error,
}

impl Expression {
    /// Checks what was typed: words, joined by a space as tcpdump joins them. No words are no expression.
    pub fn of_words(typed: &[String], names: &Names<'_>) -> Result<Option<Self>, Error> {
        if typed.is_empty() { Ok(None) } else { Self::parse(&typed.join(" "), names).map(Some) }
    }

    pub fn parse(typed: &str, names: &Names<'_>) -> Result<Self, Error> {
        let words = words(typed);
        let named = names::replace(typed, &words, names);
        if let Some(error) = named.impossible() {
            return Err(error);
        }
        let compiled = named.text();
        if let Err(error) = compile_for_any(&compiled) {
            let why = error.to_string();
            let place = place::find(&named, &why);
            let word = place.and_then(|(at, _)| words.iter().find(|word| word.at == at));
            return Err(Error { typed: typed.to_owned(), next: next_step(&why, word), why, place });
        }
        if let Some(unknown) = named.unknown() {
            return Err(unknown);
        }
        let warnings = short::warnings(&words);
        Ok(Self { typed: typed.to_owned(), compiled, warnings, programs: Arc::default() })
    }

    /// What was typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The same, with addresses in the place of names of hosts: what libpcap may be given, on a live handle, too.
    pub fn without_names(&self) -> &str {
        &self.compiled
    }

    /// What is likely not meant, a sentence each.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The single addresses in it, where all of it must hold: not beside an *or* or a *not*.
    pub fn needed_addresses(&self) -> Vec<Block> {
        let words = words(&self.compiled);
        if words.iter().any(|word| ["or", "||", "not", "!"].iter().any(|joint| word.is(joint))) {
            return Vec::new();
        }
        let address =
            |word: &Word<'_>| word.text.parse().ok().map(|ip: IpAddr| Block::from(ip.to_canonical()));
        words.iter().filter_map(address).collect()
    }

    /// The program for frames of a link type; compiled once.
    pub fn program(&self, link: LinkType) -> Result<&Program, NotForLink> {
        let refused = |why: &bpf::Error| NotForLink { typed: self.typed.clone(), link, why: why.clone() };
        self.programs.of(link, &self.compiled).map_err(refused)
    }

    /// Whether a frame matches. Frames of a link type that this does not exist for do not: [`Expression::program`] tells of that.
    #[inline]
    pub fn matches(&self, frame: &Frame<'_>) -> bool {
        self.programs
            .of(frame.link, &self.compiled)
            .is_ok_and(|program| program.matches(frame.bytes, frame.original))
    }

    /// Whether an interface can have frames that this exists for; else why Ethernet's cannot. Asked before any is opened.
    pub fn check_live(&self) -> Result<(), NotForLink> {
        match self.program(COMMON[0]) {
            Err(refused) if !COMMON[1..].iter().any(|link| self.program(*link).is_ok()) => Err(refused),
            _ => Ok(()),
        }
    }
}

impl Programs {
    #[inline]
    fn of(&self, link: LinkType, expression: &str) -> Result<&Program, &bpf::Error> {
        let mut programs = self;
        loop {
            let compiled = programs.0.get_or_init(|| Box::new(Compiled::new(link, expression)));
            if compiled.link == link {
                return compiled.program.as_ref();
            }
            programs = &compiled.others;
        }
    }
}

impl Compiled {
    fn new(link: LinkType, expression: &str) -> Self {
        Self { link, program: Program::compile(expression, link), others: Programs::default() }
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.typed == other.typed && self.compiled == other.compiled
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expression").field("typed", &self.typed).finish_non_exhaustive()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

/// Compiles for the first link type that there is a program for; else what libpcap says for Ethernet.
fn compile_for_any(expression: &str) -> Result<(), bpf::Error> {
    let Err(first) = Program::compile(expression, COMMON[0]) else { return Ok(()) };
    let is_for = |link| Program::compile(expression, link).is_ok();
    // No link type mends the grammar.
    let is_there = first.to_string() != SYNTAX_ERROR
        && COMMON[1..].iter().copied().chain((0..LAST).map(LinkType)).any(is_for);
    if is_there { Ok(()) } else { Err(first) }
}

const SYNTAX_ERROR: &str = "syntax error";

/// What to do about `why`, which was said of a word.
fn next_step(why: &str, word: Option<&Word<'_>>) -> &'static str {
    let is_address = word.is_some_and(|word| matches!(word.kind, Kind::Ipv4 | Kind::Ipv6));
    if why == SYNTAX_ERROR && is_address {
        "an address stands behind a word that says what it is of: host 10.0.0.1, src 10.0.0.1, net 10.0.0.0/8"
    } else if why.contains("rejects all packets") {
        "no frame can match it; look for terms that exclude each other"
    } else if why.contains("ip host") || why.contains("modifier applied") {
        "leave out the protocol before the address, or say it as a term of its own: tcp and host …"
    } else {
        "pcap-filter(7) has the grammar"
    }
}

impl Error {
    /// What is wrong, in libpcap's words or egret's.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// Where, in bytes from the start of what was typed; `None` if it is said of the expression as a whole.
    pub fn place(&self) -> Option<usize> {
        self.place.map(|(at, _)| at)
    }
}

impl std::error::Error for Error {}

impl Error {
    /// What is wrong on one line, for a file that has expressions among other things, and in which no names are looked up.
    pub fn in_a_line(&self) -> String {
        let word =
            self.place.map(|(at, length)| &self.typed[at..at + length]).filter(|word| !word.is_empty());
        let at = word.map_or_else(String::new, |word| format!(" at `{}`", word.escape_debug()));
        let is_name = self.why.starts_with("unknown host");
        let next = if is_name { "no names are looked up in it: give its address" } else { self.next };
        format!("cannot compile the filter: {}{at}; {next}", self.why)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot compile the filter: {}", self.why)?;
        let (at, length) = self.place.unwrap_or((self.typed.len(), 0));
        let (line, marks) = place::shown(&self.typed, at, length);
        write!(f, "\n  {line}")?;
        if self.place.is_some() {
            write!(f, "\n  {marks}")?;
        }
        write!(f, "\n{}", self.next)
    }
}

#[cfg(test)]
mod tests;
