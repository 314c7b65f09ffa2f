//! `egret check`: judge flows, print a report, tell by the exit code.

use std::fs;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::check::Arguments;
use crate::command::feed;
use crate::decode;
use crate::engine::{Engine, Settings};
use crate::expect::Expectations;
use crate::expect::environment::Environment;
use crate::expect::policy::Policy;
use crate::report;
use crate::snapshot::{Detail, Snapshots as _, Sort, Window};

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let sources = arguments.frames.sources()?;
    let names = arguments.frames.interface_names()?;
    let settings = settings(arguments)?;
    let pods = settings.expectations.cluster.pods.iter().map(|known| known.block);
    let frames = &arguments.frames;
    let decoding =
        decode::Options::with_pods(pods).with_ports(frames.vxlan_port.clone(), frames.geneve_port.clone());
    let mut engine = Engine::new(settings);
    arguments.output.spare(&sources)?;
    let mut out = arguments.output.create()?;
    engine.name_interfaces(names);
    feed::feed(&mut engine, &sources, &decoding, arguments.frames.count)?;
    if let Some(frames) = arguments.frames.count.filter(|frames| *frames <= engine.frames()) {
        engine.note_limit(frames);
    }
    engine.end();
    engine.check_roles()?;

    let totals =
        Window { verdicts: Vec::new(), sort: Sort::First, first: 0, count: 0, detail: Detail::Totals };
    let verdict = engine.snapshot(&totals).verdict;
    let written =
        report::write(arguments.output.format(), &mut engine, &arguments.output.options(), &mut out)
            .and_then(|()| out.flush());
    match written {
        // Who reads has enough: that is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other.context("cannot write the report")?,
    }
    Ok(ExitCode::from(report::exit_status(verdict, arguments.allow_inconclusive)))
}

fn settings(arguments: &Arguments) -> anyhow::Result<Settings> {
    let environment = Environment::read(|name| std::env::var(name).ok());
    let mut policies = Vec::new();
    for path in &arguments.policy {
        let shown = path.display().to_string();
        let bytes = fs::read(path).with_context(|| format!("--policy: cannot read {shown}"))?;
        policies.push(Policy::read(&shown, &bytes)?);
    }
    let (expectations, warnings) = Expectations::from_parts(&arguments.flags, environment, policies)?;
    Ok(Settings {
        expectations,
        selection: arguments.selection.clone(),
        allowed: arguments.allow.clone(),
        roles: arguments.frames.roles.clone(),
        hosts: arguments.frames.hosts()?,
        is_numeric: arguments.output.numeric,
        warnings,
        ..Settings::default()
    })
}
