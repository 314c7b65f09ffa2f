//! `egret check`: judge flows, print a report, tell by the exit code.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::cli::frames::Frames;
use crate::cli::output::Output;
use crate::command::feed;
use crate::engine::{Engine, Settings};
use crate::expect::Expectations;
use crate::expect::environment::Environment;
use crate::expect::flags::Flags;
use crate::expect::policy::Policy;
use crate::filter::selection::Selection;
use crate::report;
use crate::snapshot::{Detail, Snapshots as _, Sort, Window};
use crate::verdict::Reason;

/// Judge flows: did each leave with the source it should have, and did the far side let it in?
///
/// Exit codes: 0 every judged flow passed; 1 some failed; 3 something could not be decided, or nothing was judged;
/// 2 nothing could be read, or the command line is wrong.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    frames: Frames,

    #[command(flatten)]
    selection: Selection,

    #[command(flatten)]
    flags: Flags,

    /// File of expectations and facts of the cluster (YAML; repeat)
    #[arg(long, value_name = "FILE", help_heading = "What is expected")]
    policy: Vec<PathBuf>,

    /// Let pass what fails for this reason alone: stray-pod-ip
    #[arg(long, value_name = "REASON", help_heading = "What is expected", value_parser = waivable)]
    allow: Vec<Reason>,

    #[command(flatten)]
    output: Output,

    /// Exit with 0 where something could not be decided
    #[arg(long, help_heading = "Output")]
    allow_inconclusive: bool,
}

/// Only what hurts nobody can be waived.
fn waivable(typed: &str) -> Result<Reason, String> {
    match Reason::from_name(typed) {
        Some(Reason::StrayPodIp) => Ok(Reason::StrayPodIp),
        Some(_) => Err(format!("`{typed}` cannot be waived; only stray-pod-ip can")),
        None => Err(format!("`{typed}` is not a reason; only stray-pod-ip can be waived")),
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let sources = arguments.frames.sources()?;
    let names = arguments.frames.interface_names()?;
    let settings = settings(arguments)?;
    let pods = settings.expectations.cluster.pods.iter().map(|known| known.block).collect();
    let mut engine = Engine::new(settings);
    let mut out = arguments.output.create()?;
    engine.name_interfaces(names);
    feed::feed(&mut engine, &sources, pods, arguments.frames.count)?;
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
        warnings,
    })
}
