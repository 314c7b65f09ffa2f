//! `egret record`: keep frames, and judge nothing.

use std::process::ExitCode;

use crate::cli::output;
use crate::cli::record::Arguments;
use crate::command::chooser::Chooser;
use crate::command::files::{Files, Rotation};
use crate::command::namespaces::Namespaces;
use crate::command::recorder::Recorder;
use crate::command::session::{Plan, Session};
use crate::command::{decoding, say};

/// Frames that were asked for are missing.
const INCOMPLETE: u8 = 3;

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    arguments.fit()?;
    let frames = &arguments.frames;
    let (namespaces, sources) = Namespaces::open(frames, "record")?;
    arguments.capturing.fits(&sources)?;
    let asked = arguments.traffic.asked(&frames.hosts)?;
    for told in asked.warnings.iter().chain(&asked.assumptions) {
        say(told);
    }
    asked.fits(&sources)?;
    // What the cluster's pods are is not known.
    let chooser = Chooser::new(&asked, decoding(frames, []));
    let filter = chooser.typed().map(str::to_owned);
    let is_live = sources.iter().any(|source| source.input.is_live());
    let files = if arguments.is_rotated() {
        let (size, time, keep) = (arguments.rotate_size, arguments.rotate_time, arguments.keep);
        Files::several(&arguments.write, Rotation { size, time, keep }, !frames.no_sandbox)?
    } else {
        output::spare("frames", "-w", &arguments.write, &sources)?;
        Files::one(&arguments.write)
    };
    let mut recorder = Recorder::new(files, chooser, frames.until.count, is_live);
    recorder.names = frames.interface_names()?;
    recorder.is_prompt = arguments.capturing.is_prompt;
    let plan = Plan {
        snap_length: arguments.snap_length(),
        filter: filter.as_deref(),
        direction: arguments.capturing.direction(),
        is_stdout_used: arguments.write.as_os_str() == "-",
        ..Plan::of("record", frames, &sources, &namespaces)
    };
    Session::open(&mut recorder, plan)?.run(&mut recorder)?;
    Ok(if recorder.end() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}
