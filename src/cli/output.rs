//! How results are given: format, file, colour, time zone.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use jiff::tz::TimeZone;

use crate::cli::frames::{Input, Source};
use crate::report;
use crate::verdict::Verdict;

/// Columns where no terminal tells.
const COLUMNS: usize = 100;

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Text for people; json (egret.check/1) and ndjson (a flow a line) for programs; junit for CI
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,

    /// Write the report to FILE; `-` is standard output
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,

    /// Show addresses without their names
    #[arg(short = 'n', long)]
    pub numeric: bool,

    /// Only flows with these verdicts (totals stay those of all)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "VERDICT")]
    pub only: Vec<Only>,

    /// Time zone of the text: a name like Asia/Seoul, or UTC [default: the machine's]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    pub tz: Option<TimeZone>,

    /// Whether text is coloured; auto is on a terminal, unless `NO_COLOR` is set
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Ndjson,
    Junit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Only {
    Fail,
    Inconclusive,
    Pass,
    Exempt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Whether text is coloured that goes to a terminal, or elsewhere.
    pub fn is_wanted(self, is_terminal: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }
}

pub(super) fn zone(typed: &str) -> Result<TimeZone, String> {
    TimeZone::get(typed).map_err(|_| format!("no time zone `{typed}` on this machine; UTC always is there"))
}

impl Output {
    pub fn format(&self) -> report::Format {
        match self.format {
            Format::Text => report::Format::Text,
            Format::Json => report::Format::Json,
            Format::Ndjson => report::Format::Ndjson,
            Format::Junit => report::Format::Junit,
        }
    }

    pub fn options(&self) -> report::Options {
        let is_terminal = self.is_stdout() && io::stdout().is_terminal();
        let width = match terminal_size::terminal_size() {
            Some((width, _)) if is_terminal => usize::from(width.0),
            _ => COLUMNS,
        };
        let is_colourful = self.color.is_wanted(is_terminal);
        report::Options {
            only: self.only.iter().copied().map(Only::verdict).collect(),
            zone: self.tz.clone().unwrap_or_else(TimeZone::system),
            width,
            style: if is_colourful { report::Style::Colour } else { report::Style::Plain },
        }
    }

    /// Whether the report goes to standard output.
    pub fn is_stdout(&self) -> bool {
        self.output.as_os_str() == "-"
    }

    /// Refuses to write the report over a capture that is to be read, or among the frames that are `kept`.
    pub fn spare(&self, sources: &[Source], kept: Option<&Path>) -> anyhow::Result<()> {
        if kept.is_some_and(|kept| kept.as_os_str() == "-") && self.is_stdout() {
            anyhow::bail!(
                "frames (-w -) and report would both go to standard output; give the report a file: -o FILE"
            );
        }
        let report = Some(self.output.as_path()).filter(|_| !self.is_stdout());
        let kept = kept.filter(|kept| kept.as_os_str() != "-");
        if kept.is_some() && (kept == report || kept.zip(report).is_some_and(|(a, b)| is_one_file(a, b))) {
            anyhow::bail!("frames (-w) and report (-o) would be written into one file; give them one each");
        }
        for (what, option, path) in [("the report", "-o", report), ("frames", "-w", kept)] {
            if let Some(path) = path {
                spare(what, option, path, sources)?;
            }
        }
        Ok(())
    }

    /// Opens the place for the report, before the work is done that it is to hold.
    pub fn create(&self) -> anyhow::Result<Box<dyn io::Write>> {
        if self.is_stdout() {
            return Ok(Box::new(io::BufWriter::new(io::stdout().lock())));
        }
        let path = self.output.display();
        let file =
            File::create(&self.output).with_context(|| format!("cannot write the report to {path}"))?;
        Ok(Box::new(io::BufWriter::new(file)))
    }
}

/// Refuses to write what `option` names over a capture that is to be read.
pub fn spare(what: &str, option: &str, path: &Path, sources: &[Source]) -> anyhow::Result<()> {
    let is_it = |source: &&Source| match &source.input {
        Input::File(read) => is_one_file(read, path),
        Input::Stdin | Input::Interface(_) | Input::Command(_) => false,
    };
    match sources.iter().find(is_it) {
        Some(source) => anyhow::bail!(
            "{what} would be written over {}, a capture to be read; give {option} another file",
            source.shown
        ),
        None => Ok(()),
    }
}

/// Whether two paths lead to one file. Devices take reports and captures alike: they are none.
fn is_one_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    one.is_file() && identity(one).is_some() && identity(one) == identity(other)
}

impl Only {
    fn verdict(self) -> Verdict {
        match self {
            Self::Fail => Verdict::Fail,
            Self::Inconclusive => Verdict::Inconclusive,
            Self::Pass => Verdict::Pass,
            Self::Exempt => Verdict::Exempt,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Typed {
        #[command(flatten)]
        output: Output,
    }

    /// Whether the report may go to `report` and frames to `kept` while `read` is read.
    fn is_spared(read: &Path, report: &Path, kept: &Path) -> Result<(), String> {
        let typed = Typed::parse_from(["check".into(), "-o".into(), report.as_os_str().to_owned()]);
        let shown = "node1.pcap".to_owned();
        let source = Source { name: "node1".to_owned(), shown, input: Input::File(read.to_owned()) };
        typed.output.spare(&[source], Some(kept)).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_written_over_what_is_read_nor_two_things_into_one_file() {
        let folder = std::env::temp_dir().join(format!("egret-test-output-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let at = |name: &str| folder.join(name);
        fs::write(at("node1.pcap"), "a capture").unwrap();
        std::os::unix::fs::symlink(at("node1.pcap"), at("link.pcap")).unwrap();
        let said = |report: &str, kept: &str| is_spared(&at("node1.pcap"), &at(report), &at(kept));
        let told = [
            said("new.json", "link.pcap"),
            said("link.pcap", "new.pcap"),
            said("same", "same"),
            said("new.json", "new.pcap"),
        ];
        let to_devices = is_spared(Path::new("/dev/null"), Path::new("/dev/null"), Path::new("/dev/stdout"));
        fs::remove_dir_all(&folder).unwrap();
        let over = |what: &str, option: &str| {
            Err(format!(
                "{what} would be written over node1.pcap, a capture to be read; give {option} another file"
            ))
        };
        assert_eq!(
            told,
            [
                over("frames", "-w"),
                over("the report", "-o"),
                Err("frames (-w) and report (-o) would be written into one file; give them one each"
                    .to_owned()),
                Ok(()),
            ]
        );
        assert_eq!(to_devices, Ok(()));
    }
}
