//! Whether a capture can be narrowed to what is asked for, and to what.
//!
//! Flows that are not asked for teach what places are: who leaves where, and with which address. A place of which the
//! machine does not know what it is may be a way out that only they would show, and what left there untranslated would
//! pass unseen. So nothing is left out where such a place is captured.

use std::collections::BTreeSet;

use crate::capture::live::ANY;
use crate::cli::frames::{Input, Source};
use crate::command::here::Here;
use crate::decode::Options;
use crate::filter::admission::{Admission, Question, Scope};
use crate::filter::bpf::Program;
use crate::filter::composition::Composition;
use crate::frame::LinkType;
use crate::net::Block;
use crate::place::Declaration;

/// Instructions that the kernel takes (`BPF_MAXINSNS`), less those that libpcap may add for a live handle.
const LONGEST: usize = 4_000;

/// What a capture is narrowed to.
#[derive(Debug)]
pub(super) enum Narrow {
    /// Everything must be captured.
    Nothing,
    To {
        expression: String,
        program: Program,
    },
    /// So many instructions.
    TooLong(usize),
    /// libpcap has no program for frames of this link type.
    Refused(String),
}

impl Narrow {
    pub(super) fn of(admission: &Admission, link: LinkType) -> Self {
        let Some(expression) = admission.expression() else { return Self::Nothing };
        // What was typed alone is compiled as tcpdump does.
        let compile = if admission.clauses.is_empty() { Program::compile } else { Program::unoptimized };
        match compile(&expression, link) {
            Ok(program) if program.instructions() > LONGEST => Self::TooLong(program.instructions()),
            Ok(program) => Self::To { expression, program },
            Err(error) => Self::Refused(error.to_string()),
        }
    }
}

/// What captures of whole flows are narrowed to.
#[derive(Debug, Clone)]
pub(super) struct Narrowing {
    pub(super) composition: Composition,
    pub(super) unrewritten: Vec<Block>,
    pub(super) decoding: Options,
    /// Why nothing may be left out.
    pub(super) obstacle: Option<String>,
    /// What the machine has, by index, as the obstacle was looked for.
    pub(super) interfaces: BTreeSet<u32>,
}

impl Narrowing {
    /// The filter for frames of a link type that are captured, if there is one; and what is to be told of it.
    pub(super) fn filter(&self, link: LinkType) -> (Option<String>, String) {
        match self.expression(link) {
            Ok(expression) => {
                let asked = &self.composition;
                (
                    Some(expression),
                    format!("capturing was narrowed to what flows of these may need: {asked} (--narrow)"),
                )
            }
            Err(obstacle) => (None, format!("everything was captured, in spite of --narrow: {obstacle}")),
        }
    }

    /// The filter for frames of a link type that are captured; or why everything must be.
    pub(super) fn expression(&self, link: LinkType) -> Result<String, String> {
        if let Some(obstacle) = &self.obstacle {
            return Err(obstacle.clone());
        }
        let (vxlan, geneve) = self.decoding.ports();
        let unrewritten = &self.unrewritten;
        let question = Question { scope: Scope::Flows, link, is_live: true, vxlan, geneve, unrewritten };
        match Narrow::of(&self.composition.admission(&question), link) {
            Narrow::To { expression, .. } => Ok(expression),
            narrow => Err(narrow.obstacle()),
        }
    }
}

impl Narrow {
    /// Why everything must be captured.
    pub(super) fn obstacle(&self) -> String {
        match self {
            Self::Nothing | Self::To { .. } => {
                "nothing that is asked for can be told from single frames".to_owned()
            }
            Self::TooLong(length) => {
                format!("the filter has {length} instructions, and the kernel takes {LONGEST}")
            }
            Self::Refused(why) => format!("libpcap says: {why}"),
        }
    }
}

/// The first captured place that neither the machine nor a declaration says the role of.
pub(super) fn obstacle(here: &Here, sources: &[Source], roles: &[Declaration]) -> Option<String> {
    if here.is_of_several() {
        return Some("interfaces of several network namespaces are captured".to_owned());
    }
    let captured = sources.iter().filter_map(|source| match &source.input {
        Input::Interface(interface) => Some((source.name.as_str(), interface.name.as_str())),
        _ => None,
    });
    captured.into_iter().find_map(|(point, interface)| {
        let is_declared = |name: &str, index: u32| {
            roles.iter().any(|role| {
                let is_of_place = role.within == format!("/{name}")
                    || role.within.trim_start_matches('/') == format!("#{index}");
                let is_of_point = role.within.is_empty() && interface != ANY;
                role.point == point && (is_of_place || is_of_point)
            })
        };
        let mut unknown = here.unknown().filter(|known| interface == ANY || known.name == interface);
        let found = unknown.find(|known| !is_declared(&known.name, known.index))?;
        let name = &found.name;
        Some(format!(
            "what {name} is to the question is not known ({}); declare it: --role {point}/{name}=ROLE",
            found.because
        ))
    })
}
