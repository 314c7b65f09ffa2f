//! `egret check`: judge flows, print a report, tell by the exit code.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use jiff::Timestamp as Now;

use crate::cli::check::Arguments;
use crate::command::here::Here;
use crate::command::judging::Judging;
use crate::command::keeper::Keeping;
use crate::command::namespaces::Namespaces;
use crate::command::narrowing::{Narrowing, obstacle};
use crate::command::objects::{self, Described};
use crate::command::question::Question;
use crate::command::session::{Plan, Session};
use crate::command::tables;
use crate::command::{NOTHING_TO_NARROW, decoding, is_gone, say};
use crate::engine::Engine;
use crate::filter::composition::marks::Marks;
use crate::report;
use crate::snapshot::{Snapshots as _, Window};

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let described = objects::described(&arguments.cluster)?;
    let frames =
        &described.as_ref().map_or_else(|| arguments.frames.clone(), |one| one.frames(&arguments.frames));
    let named = described.as_ref().map(Described::named).unwrap_or_default();
    let (namespaces, sources) = Namespaces::open(frames, "check")?;
    // What was typed is checked before anything is opened.
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
            "{term}: that belongs to no flow, and check judges flows; `egret dump` shows such frames"
        );
    }
    let composition = asked.composition.clone();
    let expression = asked.expression.clone();
    let question = Question {
        frames,
        flags: &arguments.flags,
        policy: &arguments.policy,
        described: described.as_ref(),
        allow: &arguments.allow,
        roles: &arguments.known.roles,
        is_numeric: arguments.output.numeric,
    };
    let (settings, here) = question.settings(&sources, asked, &namespaces)?;
    let pods = settings.expectations.cluster.pods.iter().map(|known| known.block);
    let decoding = decoding(frames, pods);
    let narrowing = arguments.narrow.then(|| Narrowing {
        composition,
        unrewritten: arguments.unrewritten.unrewritten.clone(),
        decoding: decoding.clone(),
        obstacle: here.as_ref().and_then(|here| obstacle(here, &sources, &arguments.known.roles)),
        interfaces: here.as_ref().map(Here::interfaces).unwrap_or_default(),
    });
    let mut engine = Engine::new(settings);
    let is_live = sources.iter().any(|source| source.input.is_live());
    arguments.output.spare(&sources, arguments.write.as_deref())?;
    let mut out = arguments.output.create()?;
    // The time zone is read from files, which are out of reach later.
    let options = arguments.output.options();
    engine.name_interfaces(names);
    tables::know_files(&mut engine, &arguments.known.conntrack, here.is_some().then(Now::now))?;
    let is_stdout_used = arguments.output.is_stdout() || arguments.write.as_deref() == Some(Path::new("-"));
    let keep =
        |path: &PathBuf| Keeping::new(path, arguments.annotate, options.only.clone(), !frames.no_sandbox);
    let keeping = arguments.write.as_ref().map(keep).transpose()?;
    let mut judging = Judging {
        keeping,
        conntrack: &arguments.known.conntrack,
        count: frames.until.count,
        expression: expression.as_ref(),
        narrowing,
        ..Judging::new(engine, is_live, &namespaces)
    };
    let plan = Plan {
        snap_length: arguments.snap_length(),
        here,
        decoding: Some(&decoding),
        marks,
        limit: frames.until.count,
        is_merged: false,
        verdicts: arguments.verdicts,
        is_stdout_used,
        ..Plan::of("check", frames, &sources, &namespaces)
    };
    Session::open(&mut judging, plan)?.run(&mut judging)?;
    if let Some(refused) = judging.refused.take() {
        anyhow::bail!(refused);
    }
    let mut engine = judging.end();
    match engine.check_roles() {
        // A place that showed nothing is not known; what was captured is judged all the same.
        Err(error) if is_live => engine.warn(error.to_string()),
        checked => checked?,
    }

    let totals = Window::default();
    let verdict = engine.snapshot(&totals).verdict;
    let written =
        report::write(arguments.output.format(), &mut engine, &options, &mut out).and_then(|()| out.flush());
    match written {
        Err(error) if is_gone(&error) => {}
        other => other.context("cannot write the report")?,
    }
    Ok(ExitCode::from(report::exit_status(verdict, arguments.allow_inconclusive)))
}
