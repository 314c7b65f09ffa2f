//! `egret record`: keep frames, and judge nothing.

use std::process::ExitCode;

use crate::cli::output;
use crate::cli::record::Arguments;
use crate::cli::until::UntilVerdicts;
use crate::command::chooser::Chooser;
use crate::command::files::{Files, Rotation};
use crate::command::recorder::Recorder;
use crate::command::session::{Plan, Session};

/// Frames that were asked for are missing.
const INCOMPLETE: u8 = 3;

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    arguments.fit()?;
    let frames = &arguments.frames;
    let sources = frames.sources()?;
    let is_live = sources.iter().any(|source| source.input.is_live());
    let files = if arguments.is_rotated() {
        let (size, time, keep) = (arguments.rotate_size, arguments.rotate_time, arguments.keep);
        Files::several(&arguments.write, Rotation { size, time, keep })?
    } else {
        output::spare("frames", "-w", &arguments.write, &sources)?;
        Files::one(&arguments.write)
    };
    let mut recorder = Recorder::new(files, Chooser::default(), frames.until.count, is_live);
    let plan = Plan {
        command: "record",
        frames,
        sources: &sources,
        snap_length: arguments.snap_length(),
        filter: None,
        here: None,
        decoding: None,
        marks: None,
        limit: None,
        verdicts: UntilVerdicts::default(),
        is_stdout_used: arguments.write.as_os_str() == "-",
    };
    Session::open(&mut recorder, plan)?.run(&mut recorder)?;
    Ok(if recorder.end() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}
