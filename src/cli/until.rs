//! How long is captured: until a time, a number, a verdict or another command's end, whichever comes first.

use std::time::Duration;

use jiff::{SignedDuration, Span};

use crate::cli::frames::Source;

/// Without any of these, a capture ends by Ctrl-C, and a file at its end.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Until {
    /// Stop after N frames
    #[arg(short = 'c', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// Capture for this long: 30s, 5m, 1h30m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,

    /// Run COMMAND (by sh) once capturing has begun, and capture until it and its flows have ended. Its output goes to standard error
    #[arg(long = "while", value_name = "COMMAND")]
    pub command: Option<String>,
}

/// Ends that take verdicts into account.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[command(next_help_heading = "Frames")]
pub struct UntilVerdicts {
    /// Capture until N outgoing flows were judged and settled
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub until_flows: Option<u64>,

    /// Capture until the first flow fails
    #[arg(long)]
    pub fail_fast: bool,
}

impl UntilVerdicts {
    /// Whether the sources can be captured for so long: what is about time needs one that goes on.
    pub fn fits(self, sources: &[Source]) -> anyhow::Result<()> {
        fit(&[("--until-flows", self.until_flows.is_some()), ("--fail-fast", self.fail_fast)], sources)
    }
}

impl Until {
    /// Whether the sources can be captured for so long: what is about time needs one that goes on.
    pub fn fits(&self, sources: &[Source]) -> anyhow::Result<()> {
        fit(&[("--duration", self.duration.is_some()), ("--while", self.command.is_some())], sources)
    }
}

fn fit(options: &[(&str, bool)], sources: &[Source]) -> anyhow::Result<()> {
    match options.iter().find(|(_, is_asked)| *is_asked) {
        Some((option, _)) if !sources.iter().any(|source| source.input.is_live()) => {
            anyhow::bail!("{option} is about a capture that goes on: give -i or --from, not only files")
        }
        _ => Ok(()),
    }
}

/// `30s`, `5m`, `1h30m`, `2 days`; a bare number is seconds.
pub(super) fn duration(typed: &str) -> Result<Duration, String> {
    let wrong = || format!("`{typed}` is no length of time; write it like 30s, 5m or 1h30m");
    let seconds = typed.trim().parse::<u32>().map(|seconds| SignedDuration::from_secs(i64::from(seconds)));
    let length = seconds.or_else(|_| {
        let span: Span = typed.parse().map_err(|_| wrong())?;
        SignedDuration::try_from(span).map_err(|_| wrong())
    })?;
    Duration::try_from(length).ok().filter(|length| !length.is_zero()).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::frames::Input;

    #[test]
    fn times_are_typed_as_people_say_them() {
        let seconds = |typed| duration(typed).map(|time| time.as_secs());
        assert_eq!(seconds("30s"), Ok(30));
        assert_eq!(seconds("1h30m"), Ok(5400));
        assert_eq!(seconds("5 m"), Ok(300));
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "0", "0s", "soon", "-5s", "5 parsecs"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn files_are_not_captured_for_a_time() {
        let source = |input| [Source { name: "a".to_owned(), shown: "a".to_owned(), input }];
        let until = Until { duration: Some(Duration::from_secs(1)), ..Until::default() };
        assert!(until.fits(&source(Input::Stdin)).is_err());
        assert!(until.fits(&source(Input::Interface("any".into()))).is_ok());
        assert!(Until { count: Some(3), ..Until::default() }.fits(&source(Input::Stdin)).is_ok());
    }
}
