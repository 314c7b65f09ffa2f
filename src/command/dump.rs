//! `egret dump`: print packets.
//!
//! Captures are read here, several of them side by side, and printed by time. What goes on (interfaces, other commands' output) is taken
//! in by a session (`command/session.rs`) and printed as it comes: to wait for what another source may still have would hold back what people wait for.

mod count;
mod places;
mod press;
mod read;

use std::path::Path;
use std::process::ExitCode;

use crate::cli::dump::{Arguments, Format};
use crate::cli::output;
use crate::command::chooser::Chooser;
use crate::command::dump::press::Press;
use crate::command::files::Files;
use crate::command::namespaces::Namespaces;
use crate::command::recorder::Recorder;
use crate::command::session::{Plan, Session};
use crate::command::{decoding, say};
use crate::names::Hosts;

/// Something that was to be read was not, or not to its end: what was printed is not all there is.
const INCOMPLETE: u8 = 2;

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (frames, lines) = (&arguments.frames, &arguments.lines);
    let (namespaces, sources) = Namespaces::open(frames, "dump")?;
    arguments.capturing.fits(&sources)?;
    let asked = arguments.traffic.asked(&frames.hosts)?;
    for told in asked.warnings.iter().chain(&asked.assumptions) {
        say(told);
    }
    asked.fits(&sources)?;
    // What the cluster's pods are is not known.
    let chooser = Chooser::new(&asked, decoding(frames, []));
    let filter = chooser.typed().map(str::to_owned);
    let plan = Plan {
        snap_length: arguments.snap_length(),
        filter: filter.as_deref(),
        direction: arguments.capturing.direction(),
        is_stdout_used: true,
        ..Plan::of("dump", frames, &sources, &namespaces)
    };
    let is_live = sources.iter().any(|source| source.input.is_live());
    if let Some(path) = &arguments.write {
        return write(path, arguments, plan, chooser);
    }
    if lines.count_only && !is_live {
        return count::run(&sources, !frames.no_sandbox, &chooser, frames.until.count);
    }
    let hosts = if lines.numeric == 0 { frames.hosts()? } else { Hosts::default() };
    let mut press = Press::new(lines, frames, &hosts, chooser, &sources)?;
    press.is_prompt |= arguments.capturing.is_prompt;
    if is_live {
        Session::open(&mut press, plan)?.run(&mut press)?;
    } else {
        read::merged(&sources, !frames.no_sandbox, &mut press)?;
    }
    let is_whole = press.end(is_live && lines.format == Format::Text)?;
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

/// `-w`: keeps frames as `egret record` does.
fn write(path: &Path, arguments: &Arguments, plan: Plan<'_>, chooser: Chooser) -> anyhow::Result<ExitCode> {
    output::spare("frames", "-w", path, plan.sources)?;
    let is_live = plan.sources.iter().any(|source| source.input.is_live());
    let mut recorder = Recorder::new(Files::one(path), chooser, plan.frames.until.count, is_live);
    recorder.names = plan.frames.interface_names()?;
    recorder.is_prompt = arguments.capturing.is_prompt;
    let plan = Plan { is_stdout_used: path.as_os_str() == "-", ..plan };
    Session::open(&mut recorder, plan)?.run(&mut recorder)?;
    Ok(if recorder.end() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}
