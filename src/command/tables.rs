//! The tables of conntrack that `--conntrack` names: files that it was printed to, and the kernel's own.
//!
//! Where interfaces of this machine are captured, the kernel's own is followed from then on (`follower`). The report says of each what
//! it is and how much it holds, for verdicts may rest on it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::{Timestamp as Now, Unit};

use crate::command::namespaces::{Ground, Namespaces};
use crate::command::opened::Captured;
use crate::command::refused::untold;
use crate::conntrack::Table;
use crate::engine::{Engine, Followed};
use crate::frame::{PointIndex, Timestamp};
use crate::machine::{self, Follow, namespace};
use crate::number::{counted, thousands};

/// The word for the kernel's own; a file of that name is `./live`.
const LIVE: &str = "live";

/// Reads the files among them; `now` where what is captured comes later.
pub(super) fn know_files(engine: &mut Engine, named: &[PathBuf], now: Option<Now>) -> anyhow::Result<()> {
    for path in named.iter().filter(|path| path.as_os_str() != OsStr::new(LIVE)) {
        let shown = path.display().to_string();
        let table = read(path).with_context(|| format!("--conntrack: cannot read {shown}"))?;
        if table.translations.is_empty() && table.untranslated == 0 {
            anyhow::bail!(
                "--conntrack: {shown} holds no entry: store there what `conntrack -L -o extended` prints on the node"
            );
        }
        if let Some(line) = table.first_skipped {
            let skipped = counted(table.skipped, "line");
            engine
                .warn(format!("--conntrack {shown}: {skipped} could not be read, the first is line {line}"));
        }
        know(engine, table, &shown, now);
    }
    Ok(())
}

/// Reads the kernel's own, if it is among them, and begins to follow it if `here` has points that this machine captures. That it cannot
/// be read is told, and hinders nothing.
pub(super) fn know_live(
    engine: &mut Engine,
    named: &[PathBuf],
    live: &[Captured],
    namespaces: &Namespaces,
) -> Option<Follow> {
    if !named.iter().any(|path| path.as_os_str() == OsStr::new(LIVE)) {
        return None;
    }
    // Before it is asked: what comes in between may be in the table or not.
    let now = Now::now();
    let ground = translating(live);
    let within = |error: namespace::Error| format!("--conntrack {LIVE}: {error}");
    if !live.is_empty() {
        let followed = match namespaces.within(ground, Follow::begin) {
            Ok(followed) => followed,
            Err(error) => {
                engine.warn(within(error));
                return None;
            }
        };
        match followed {
            Ok((follow, beyond, stood)) => {
                warn_of_beyond(engine, beyond, LIVE);
                // Whoever translates for them all, or for those who are there with it.
                let is_told = |its: &&Captured| ground.is_none() || its.ground == ground;
                let here: Vec<PointIndex> = live.iter().filter(is_told).map(|its| its.point).collect();
                if let Some(name) = namespaces.name(ground) {
                    engine.assume(format!("conntrack: {LIVE} is the table of {name}'s network namespace"));
                }
                engine.follow_at(&here);
                engine.take_news(&stood);
                return Some(follow);
            }
            Err(error @ machine::Error::NoNews) => engine.warn(format!("--conntrack {LIVE}: {error}")),
            Err(error) => {
                engine.warn(format!("--conntrack {LIVE}: {}", untold(&error)));
                return None;
            }
        }
    }
    match namespaces.within(ground, machine::conntrack::read) {
        Ok(Ok(table)) => know(engine, table, LIVE, Some(now)),
        Ok(Err(error)) => engine.warn(format!("--conntrack {LIVE}: {}", untold(&error))),
        Err(error) => engine.warn(within(error)),
    }
    None
}

/// The namespace whose table is meant: egret's own, if anything is captured there (a node's, which translates for all of its pods),
/// or nothing is; else the first that is captured in.
fn translating(live: &[Captured]) -> Ground {
    let grounds = || live.iter().map(|its| its.ground);
    grounds().min().flatten()
}

fn read(path: &Path) -> std::io::Result<Table> {
    let mut table = Table::default();
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        table.line(&line?);
    }
    Ok(table)
}

fn know(engine: &mut Engine, table: Table, shown: &str, read: Option<Now>) {
    warn_of_beyond(engine, table.beyond, shown);
    let translations = counted(table.translations.len() as u64, "translation");
    let when = match read {
        Some(now) => {
            format!("as of {}; origins of flows that began later are not known from it", rounded(now))
        }
        None => "of unknown time: it must be of the node and the time of the capture".to_owned(),
    };
    engine.assume(format!("conntrack: {translations} ({shown}), {when}"));
    engine.know_translations(table.translations, read.map(Timestamp::from));
}

fn rounded(time: Now) -> Now {
    time.round(Unit::Microsecond).unwrap_or(time)
}

/// Says what a table came to that was followed since then.
pub(super) fn sum_up(engine: &mut Engine, since: Timestamp) {
    let Followed { stood, begun, beyond, losses, lost, let_go } = engine.followed();
    let at = |time: Timestamp| rounded(time.into());
    let go = match let_go {
        0 => String::new(),
        _ => format!("; {} that had been over for long {} let go of", thousands(let_go), was(let_go)),
    };
    let stood = counted(stood, "translation");
    engine.assume(format!(
        "conntrack: {stood} ({LIVE}), as of {}, and {} that began later{go}",
        at(since),
        thousands(begun)
    ));
    warn_of_beyond(engine, beyond, LIVE);
    if let Some(lost) = lost {
        let times = if losses == 1 { String::new() } else { format!(" {} times", thousands(losses)) };
        engine.warn(format!(
            "--conntrack {LIVE}: the kernel told more than could be read{times} between {} and {}: it tells no origin of flows \
             that began then, nor of older ones whose beginning was not captured",
            at(lost.since),
            at(lost.until)
        ));
    }
}

fn warn_of_beyond(engine: &mut Engine, beyond: u64, shown: &str) {
    if beyond > 0 {
        let translations = counted(beyond, "translation");
        engine.warn(format!("--conntrack {shown}: {translations} did not fit and {} left out", was(beyond)));
    }
}

fn was(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Settings;
    use crate::snapshot::{Snapshots as _, Window};

    const ENTRY: &str = "ipv4 2 tcp 6 9 ESTABLISHED src=10.128.0.5 dst=203.0.113.25 sport=40001 dport=443 \
                         src=203.0.113.25 dst=192.168.12.99 sport=443 dport=40001 [ASSURED] mark=0 use=1";

    /// What a report says of a file: assumptions, warnings; or why it cannot be used.
    fn said(name: &str, holds: &str) -> Result<(Vec<String>, Vec<String>), String> {
        let path = std::env::temp_dir().join(format!("egret-test-{}-{name}", std::process::id()));
        std::fs::write(&path, holds).unwrap();
        let mut engine = Engine::new(Settings::default());
        let known = know_files(&mut engine, std::slice::from_ref(&path), None);
        std::fs::remove_file(&path).unwrap();
        let window = Window::default();
        let snapshot = engine.snapshot(&window);
        let unnamed = |line: &String| line.replace(&path.display().to_string(), "FILE");
        known.map_err(|error| unnamed(&format!("{error:#}")))?;
        Ok((
            snapshot.assumptions.iter().map(unnamed).collect(),
            snapshot.warnings.iter().map(unnamed).collect(),
        ))
    }

    #[test]
    fn what_a_file_tells_is_an_assumption_and_what_cannot_be_read_a_warning() {
        let assumed = "conntrack: 1 translation (FILE), of unknown time: it must be of the node and the time of the capture";
        assert_eq!(said("whole", ENTRY), Ok((vec![assumed.to_owned()], Vec::new())));
        let warned = "--conntrack FILE: 1 line could not be read, the first is line 2";
        assert_eq!(
            said("partly", &format!("{ENTRY}\nnonsense\n")),
            Ok((vec![assumed.to_owned()], vec![warned.to_owned()]))
        );
    }

    #[test]
    fn a_file_that_holds_no_entry_is_refused_with_the_next_step() {
        for holds in
            ["", "nonsense\n", "conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.\n"]
        {
            assert_eq!(
                said("none", holds),
                Err("--conntrack: FILE holds no entry: store there what `conntrack -L -o extended` prints on the node"
                    .to_owned())
            );
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let mut engine = Engine::new(Settings::default());
        let error = know_files(&mut engine, &["/nowhere/table".into()], None).unwrap_err();
        assert!(format!("{error:#}").starts_with("--conntrack: cannot read /nowhere/table: "), "{error:#}");
    }
}
