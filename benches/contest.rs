//! Runs programs in turns and keeps their times.
//!
//! Wall time is taken here; processor time and peak memory come from GNU time, which starts the program. A
//! contender that cannot do the task (missing, or does not understand the file) stands with its failure instead
//! of a time; one whose answer is wrong ends the contest.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const ROUNDS: usize = 7;

type Check = Box<dyn Fn(&[u8]) -> Result<()>>;

/// A program with its arguments, and what is asked of it.
pub(crate) struct Contender {
    name: String,
    program: String,
    arguments: Vec<OsString>,
    /// The exit code of success.
    code: i32,
    rounds: usize,
    output: Option<PathBuf>,
    check: Option<Check>,
}

impl Contender {
    pub(crate) fn new(name: &str, program: &str, arguments: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            arguments: Vec::new(),
            code: 0,
            rounds: ROUNDS,
            output: None,
            check: None,
        }
        .arguments(arguments)
    }

    pub(crate) fn argument(mut self, path: &Path) -> Self {
        self.arguments.push(path.into());
        self
    }

    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(OsString::from));
        self
    }

    pub(crate) fn ends_with(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    /// For the slow: fewer rounds.
    pub(crate) fn at_most(mut self, rounds: usize) -> Self {
        self.rounds = rounds;
        self
    }

    /// Where standard output goes; else nowhere.
    pub(crate) fn output(mut self, path: &Path) -> Self {
        self.output = Some(path.to_owned());
        self
    }

    /// What must hold of the output after every round.
    pub(crate) fn checked(mut self, check: impl Fn(&[u8]) -> Result<()> + 'static) -> Self {
        self.check = Some(Box::new(check));
        self
    }
}

/// How a contender did.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    pub(crate) name: String,
    /// Wall times in seconds, ascending.
    pub(crate) times: Vec<f64>,
    /// Least processor time of a round, in seconds: user and system, all threads.
    pub(crate) cpu: f64,
    /// Most memory resident at a time in any round, in bytes.
    pub(crate) peak: f64,
    /// Why there are no times.
    pub(crate) failure: Option<String>,
}

impl Standing {
    pub(crate) fn median(&self) -> f64 {
        self.times.get(self.times.len() / 2).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn fastest(&self) -> f64 {
        self.times.first().copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn slowest(&self) -> f64 {
        self.times.last().copied().unwrap_or(f64::NAN)
    }
}

/// Lets all take turns, round by round; standings in the order of the contenders.
pub(crate) fn run(contenders: &[Contender]) -> Result<Vec<Standing>> {
    let mut standings: Vec<Standing> = contenders
        .iter()
        .map(|contender| Standing { name: contender.name.clone(), cpu: f64::INFINITY, ..Standing::default() })
        .collect();
    // One round that counts for nothing brings the file into the page cache.
    if let Some(first) = contenders.first() {
        first.round()?.map_err(|failure| format!("{}: {failure}", first.name))?;
    }
    for round in 0..ROUNDS {
        for (contender, standing) in contenders.iter().zip(&mut standings) {
            if round >= contender.rounds || standing.failure.is_some() {
                continue;
            }
            match contender.round()? {
                Ok(Round { seconds, cpu, peak }) => {
                    standing.times.push(seconds);
                    standing.cpu = standing.cpu.min(cpu);
                    standing.peak = standing.peak.max(peak);
                }
                Err(failure) if contender.check.is_some() => {
                    return Err(format!("{}: {failure}", contender.name).into());
                }
                Err(failure) => standing.failure = Some(failure),
            }
        }
    }
    for standing in &mut standings {
        standing.times.sort_by(f64::total_cmp);
    }
    Ok(standings)
}

struct Round {
    seconds: f64,
    cpu: f64,
    peak: f64,
}

impl Contender {
    /// One run: an error if the contest cannot go on, a failure in words if this contender cannot.
    fn round(&self) -> Result<std::result::Result<Round, String>> {
        let resources = std::env::temp_dir().join(format!("egret-bench-{}", std::process::id()));
        let output = match &self.output {
            Some(path) => Stdio::from(File::create(path)?),
            None => Stdio::null(),
        };
        let mut command = Command::new("/usr/bin/time");
        command.args(["--quiet", "-f", "%U %S %M", "-o"]).arg(&resources).arg(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(output);
        let began = Instant::now();
        let done = command.stderr(Stdio::piped()).spawn().and_then(std::process::Child::wait_with_output);
        let seconds = began.elapsed().as_secs_f64();
        let done =
            done.map_err(|error| format!("cannot run /usr/bin/time: {error}; make bench installs it"))?;
        let measured = fs::read_to_string(&resources)?;
        fs::remove_file(&resources)?;
        if done.status.code() != Some(self.code) {
            let said = String::from_utf8_lossy(&done.stderr);
            let first = said.lines().next().unwrap_or("and said nothing");
            return Ok(Err(format!("{}: {first}", done.status)));
        }
        if let (Some(path), Some(check)) = (&self.output, &self.check) {
            check(&fs::read(path)?)?;
        }
        let figures: Vec<f64> = measured.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [user, system, kibibytes] = figures[..] else {
            return Err(format!("GNU time wrote {measured:?}, not three figures").into());
        };
        Ok(Ok(Round { seconds, cpu: user + system, peak: kibibytes * 1024.0 }))
    }
}
