//! `egret doctor`: looks around, and says what can be captured and concluded from here.
//!
//! It takes no right, sends nothing but questions to the kernel (netlink), and changes nothing. What cannot be seen is said;
//! it fails only where its answer cannot be written.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use crate::capture::live::{ANY, trial};
use crate::cli::doctor::{Arguments, Format};
use crate::command::{print, whereabouts};
use crate::doctor::{Diagnosis, Examined, Tried, text};
use crate::expect::environment::Environment;
use crate::machine::neighbours::Neighbours;
use crate::machine::{Machine, offloads, rules};
use crate::platform::{Clock, Kernel, Observed};
use crate::privilege::Rights;
use crate::report::Style;
use crate::sandbox;

/// Columns where no terminal tells.
const COLUMNS: usize = 80;
/// Interfaces that are opened to see whether they can be; a node has hundreds that are alike.
const MOST: usize = 16;

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let diagnosis = Diagnosis::of(&examine());
    match arguments.format {
        Format::Json => print(&diagnosis.json())?,
        Format::Text => {
            let is_terminal = io::stdout().is_terminal();
            let width = match terminal_size::terminal_size() {
                Some((width, _)) if is_terminal => usize::from(width.0),
                _ => COLUMNS,
            };
            let style = if arguments.color.is_wanted(is_terminal) { Style::Colour } else { Style::Plain };
            print(&text::page(&diagnosis, width, style))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn examine() -> Examined {
    let observed = Observed::here();
    let environment = Environment::read(|name| std::env::var(name).ok());
    let machine = Machine::read();
    let (platform, surroundings) = whereabouts::of(&observed, machine.as_ref().ok(), &environment.cluster);
    Examined {
        platform,
        rights: Rights::held(),
        kernel: Kernel::here(),
        landlock: sandbox::Kernel::look().landlock,
        tried: tried(machine.as_ref().ok()),
        neighbours: Neighbours::read().unwrap_or_default(),
        rules: rules::read(),
        conntrack: rules::conntrack(),
        entries: rules::entries(),
        offloads: offloads::read(),
        clock: Clock::below("/".as_ref()),
        hosts: fs::read("/etc/hosts").ok(),
        observed,
        environment,
        machine,
        surroundings,
    }
}

/// Opens what can be captured, one after the other.
fn tried(machine: Option<&Machine>) -> Tried {
    if let Err(error) = trial::may_capture() {
        return Tried { refused: Some(error.to_string()), ..Tried::default() };
    }
    let mut tried = Tried::default();
    let links = machine.map(|machine| machine.links.as_slice()).unwrap_or_default();
    let up = links.iter().filter(|link| link.is_up && !link.is_loopback);
    let open = |name: &str| match trial::open(name) {
        Ok(link) => Ok(link.to_string()),
        Err(error) => Err(error.to_string()),
    };
    tried.interfaces.push((ANY.to_owned(), open(ANY)));
    // What leads out matters most, and pods' interfaces are alike.
    let (pods, others): (Vec<_>, Vec<_>) = up.partition(|link| link.reaches_another_namespace());
    for (index, link) in others.into_iter().chain(pods).enumerate() {
        if index < MOST {
            tried.interfaces.push((link.shown(), open(&link.name)));
        } else {
            tried.untried.push(link.shown());
        }
    }
    tried
}
