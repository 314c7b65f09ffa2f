//! `egret dump`: print packets.
//!
//! Captures are read here, several of them side by side, and printed by time. What goes on (interfaces, other commands' output) is taken
//! in by a [`Session`] and printed as it comes: to wait for what another source may still have would hold back what people wait for.

mod choice;
mod count;
mod places;
mod press;
mod read;

use std::path::Path;
use std::process::ExitCode;

use crate::cli::dump::{Arguments, Format};
use crate::cli::output;
use crate::cli::traffic::Asked;
use crate::cli::until::UntilVerdicts;
use crate::command::chooser::Chooser;
use crate::command::dump::choice::Choice;
use crate::command::dump::press::Press;
use crate::command::files::Files;
use crate::command::recorder::Recorder;
use crate::command::say;
use crate::command::session::{Plan, Session};
use crate::decode;
use crate::names::Hosts;

/// Something that was to be read was not, or not to its end: what was printed is not all there is.
const INCOMPLETE: u8 = 2;

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (frames, lines) = (&arguments.frames, &arguments.lines);
    let sources = frames.sources()?;
    let is_live = sources.iter().any(|source| source.input.is_live());
    let asked = arguments.traffic.asked(&frames.hosts)?;
    asked.warnings.iter().for_each(say);
    let plan = |is_stdout_used| Plan {
        command: "dump",
        frames,
        sources: &sources,
        snap_length: arguments.snap_length(),
        filter: None,
        here: None,
        decoding: None,
        marks: None,
        limit: None,
        is_merged: true,
        verdicts: UntilVerdicts::default(),
        is_stdout_used,
    };
    if let Some(path) = &arguments.write {
        return write(arguments, path, plan(path.as_os_str() == "-"), &asked);
    }
    let decoding =
        decode::Options::default().with_ports(frames.vxlan_port.clone(), frames.geneve_port.clone());
    let choice = Choice::new(&asked, decoding);
    if lines.count_only && !is_live {
        return count::run(&sources, &choice, frames.until.count);
    }
    let hosts = if lines.numeric == 0 { frames.hosts()? } else { Hosts::default() };
    let mut press = Press::new(lines, frames, &hosts, choice, &sources)?;
    if is_live {
        let filter = asked.expression.as_ref().map(|expression| expression.without_names().to_owned());
        if let Some(expression) = &asked.expression {
            expression.check_live()?;
        }
        let plan = Plan { filter: filter.as_deref(), ..plan(true) };
        Session::open(&mut press, plan)?.run(&mut press)?;
    } else {
        read::merged(&sources, &mut press)?;
    }
    let is_whole = press.end(is_live && lines.format == Format::Text)?;
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

/// `-w`: keeps frames as `egret record` does.
fn write(arguments: &Arguments, path: &Path, plan: Plan<'_>, asked: &Asked) -> anyhow::Result<ExitCode> {
    if choice::beside_expression(&asked.composition).is_some() {
        anyhow::bail!(
            "-w takes frames by an expression: write one instead of the options, like `host 10.0.0.1 and port 443`"
        );
    }
    output::spare("frames", "-w", path, plan.sources)?;
    let is_live = plan.sources.iter().any(|source| source.input.is_live());
    let filter = asked.expression.as_ref().map(|expression| expression.without_names().to_owned());
    if let (Some(expression), true) = (&asked.expression, is_live) {
        expression.check_live()?;
    }
    let frames = &arguments.frames;
    let decoding =
        decode::Options::default().with_ports(frames.vxlan_port.clone(), frames.geneve_port.clone());
    let chooser = Chooser::new(asked, decoding);
    let mut recorder = Recorder::new(Files::one(path), chooser, arguments.frames.until.count, is_live);
    let plan = Plan { filter: filter.as_deref(), ..plan };
    Session::open(&mut recorder, plan)?.run(&mut recorder)?;
    Ok(if recorder.end() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}
