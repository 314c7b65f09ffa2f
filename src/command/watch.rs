//! `egret watch`: flows and packets on screens, live or over captures.
//!
//! The run is `egret check`'s: a `session` gives frames to the engine on this thread. Beside it, a thread of its own has the terminal
//! (`watch/screen.rs`); what these two want of each other goes through channels (`watch/desk.rs`). When all was read or the capture is over, the
//! screens stay until somebody leaves them.

mod aside;
mod chosen;
mod clipboard;
mod desk;
mod filtering;
mod keys;
mod lender;
mod printing;
mod recapture;
mod reel;
mod screen;
mod shelf;
mod stage;
pub mod terminal;
mod texts;
mod watching;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::{self, ExitCode};
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp as Now;
use jiff::tz::TimeZone;

use crate::answer::answer;
use crate::cli::frames::{Input, Source};
use crate::cli::traffic::Library;
use crate::cli::watch::Arguments;
use crate::command::here::Here;
use crate::command::judging::Judging;
use crate::command::namespaces::Namespaces;
use crate::command::narrowing::{Narrowing, obstacle};
use crate::command::objects::{self, Described};
use crate::command::opener::Opener;
use crate::command::question::Question;
use crate::command::session::{Plan, Session};
use crate::command::tables;
use crate::command::{NOTHING_TO_NARROW, decoding, say};
use crate::decode::Options;
use crate::engine::Engine;
use crate::filter::composition::Composition;
use crate::filter::composition::marks::Marks;
use crate::report;
use crate::tui::{Colours, Setup};
use crate::verdict::Verdict;
use aside::Aside;
use filtering::Filtering;
use lender::PREFIX;
use stage::End;
use watching::{Closed, Up, Watching};

/// Columns of a report that is saved.
const REPORT_WIDTH: usize = 100;

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if let Some(obstacle) = terminal::obstacle() {
        anyhow::bail!(texts::no_screen(obstacle));
    }
    let described = objects::described(&arguments.cluster)?;
    let frames =
        &described.as_ref().map_or_else(|| arguments.frames.clone(), |one| one.frames(&arguments.frames));
    let named = described.as_ref().map(Described::named).unwrap_or_default();
    let (namespaces, sources) = Namespaces::open(frames, "watch")?;
    if sources.iter().any(|source| source.input == Input::Stdin) {
        anyhow::bail!(
            "keys come from standard input, so no capture can: give -r a file, or use `egret check`"
        );
    }
    let asked = arguments.traffic.asked_among(&frames.hosts, &named)?;
    for warning in &asked.warnings {
        say(warning);
    }
    asked.fits(&sources)?;
    if arguments.narrow && !sources.iter().any(|source| source.input.is_here()) {
        anyhow::bail!(NOTHING_TO_NARROW);
    }
    arguments.verdicts.fits(&sources)?;
    arguments.known.check_roles(&sources)?;
    let names = frames.interface_names()?;
    let marks = Marks::of(&asked.composition)?;
    if let Some(term) = asked.composition.flowless_term() {
        anyhow::bail!(
            "{term}: that belongs to no flow, and watch shows flows; `egret dump` shows such frames"
        );
    }
    let expression = asked.expression.clone();
    let selection = asked.composition.clone();
    let question = Question {
        frames,
        flags: &arguments.flags,
        policy: &arguments.policy,
        described: described.as_ref(),
        allow: &arguments.allow,
        roles: &arguments.known.roles,
        is_numeric: arguments.numeric,
    };
    let (settings, here) = question.settings(&sources, asked, &namespaces)?;
    let pods = settings.expectations.cluster.pods.iter().map(|known| known.block);
    let decoding = decoding(frames, pods);
    let narrowing = Narrowing {
        composition: if arguments.narrow { selection.clone() } else { Composition::default() },
        unrewritten: arguments.unrewritten.unrewritten.clone(),
        decoding: decoding.clone(),
        obstacle: here.as_ref().and_then(|here| obstacle(here, &sources, &arguments.known.roles)),
        interfaces: here.as_ref().map(Here::interfaces).unwrap_or_default(),
    };
    let mut engine = Engine::new(settings);
    let is_live = sources.iter().any(|source| source.input.is_live());
    engine.name_interfaces(names);
    tables::know_files(&mut engine, &arguments.known.conntrack, here.is_some().then(Now::now))?;
    let judging = Judging {
        conntrack: &arguments.known.conntrack,
        count: frames.until.count,
        expression: expression.as_ref(),
        narrowing: arguments.narrow.then(|| narrowing.clone()),
        ..Judging::new(engine, is_live, &namespaces)
    };
    let setup = setup(arguments, &sources, &decoding, is_live)?;
    let reports = report::Options {
        only: Vec::new(),
        zone: setup.zone.clone(),
        width: REPORT_WIDTH,
        style: report::Style::Plain,
    };
    let opener = Opener::of(Path::new("."), PREFIX, !frames.no_sandbox).map_err(|error| format!("{error:#}"));
    let filtering =
        Filtering { hosts: frames.hosts.clone(), named, presets: arguments.traffic.presets.clone() };
    let mut watching = Watching {
        judging,
        setup,
        filtering,
        selection,
        decoding: decoding.clone(),
        narrowing,
        reports,
        opener: Some(opener),
        is_saved: !is_live,
        up: Up::default(),
    };
    let plan = Plan {
        snap_length: arguments.snap_length(),
        here,
        decoding: Some(&decoding),
        marks,
        limit: frames.until.count,
        speed: arguments.speed.times(),
        verdicts: arguments.verdicts,
        ..Plan::of("watch", frames, &sources, &namespaces)
    };
    let has_commands = frames.until.command.is_some()
        || sources.iter().any(|source| matches!(source.input, Input::Command(_)));
    let aside = has_commands.then(|| Aside::begin(&std::env::temp_dir())).transpose();
    let aside = aside.context("cannot lay aside what commands say on standard error")?;
    let ran = Session::open(&mut watching, plan).and_then(|session| session.run(&mut watching));
    let Watching { mut judging, mut up, .. } = watching;
    let refused = judging.refused.take();
    if let Some(why) = ran.err().or(refused.map(anyhow::Error::msg)) {
        if let Closed::Stalled = up.close() {
            terminal::let_go();
            process::exit(2);
        }
        drop(aside);
        return Err(why);
    }
    let mut engine = judging.end();
    let roles = engine.check_roles();
    if let Err(error) = &roles {
        engine.warn(error.to_string());
    }
    let mut stage = up.stage.take().expect("a run that could begin has a stage");
    stage.linger(&mut engine);
    up.stage = Some(stage);
    let closed = up.close();
    let stage = up.stage.take().expect("it was put there just before");
    let problem = match closed {
        Closed::Gone(problem) => problem,
        // Nothing can be said there, and what waits to be said would be waited for.
        Closed::Stalled => {
            terminal::let_go();
            let verdict = stage.verdict(&mut engine);
            process::exit(report::exit_status(verdict, arguments.allow_inconclusive).into());
        }
    };
    drop(aside);
    if let Some(problem) = problem {
        say(problem);
    }
    if !is_live {
        roles?;
    }
    let End { run, verdict, saved } = stage.into_end(&mut engine);
    let said = answer(&run);
    // The shell keeps a trace of what was on the screen; a terminal that is gone keeps none.
    let mut out = io::stdout();
    match verdict {
        _ if verdict == run.verdict => writeln!(out, "{}  {}", said.word, said.sentence).ok(),
        Verdict::Fail => writeln!(out, "{}", texts::HAD_FAILED).ok(),
        _ => writeln!(out, "{}", texts::WAS_NARROWED).ok(),
    };
    for file in saved {
        writeln!(out, "saved {file}").ok();
    }
    Ok(ExitCode::from(report::exit_status(verdict, arguments.allow_inconclusive)))
}

fn setup(
    arguments: &Arguments,
    sources: &[Source],
    decoding: &Options,
    is_live: bool,
) -> anyhow::Result<Setup> {
    let shown: Vec<&str> = sources.iter().map(|source| source.shown.as_str()).collect();
    let library = Library::read(arguments.traffic.presets.as_deref())?;
    Ok(Setup {
        is_live,
        speed: arguments.speed.times().filter(|_| !is_live),
        sources: shown.join(", "),
        filter: arguments.traffic.typed(),
        captured: String::new(),
        is_here: false,
        decoding: Arc::new(decoding.clone()),
        presets: library.entries.into_iter().map(|entry| entry.preset.name).collect(),
        zone: arguments.tz.clone().unwrap_or_else(TimeZone::system),
        colours: if arguments.color.is_wanted(true) { Colours::Sixteen } else { Colours::None },
        size: (80, 24),
    })
}
