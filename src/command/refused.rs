//! What to do where something is not permitted: what is missing, how to see it, the command for this platform, and what
//! works without. The one place for these words: `check`, `record`, `dump` and `watch` end with them.

use std::fmt::Display;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::anyhow;

use crate::capture::savefile;
use crate::command::whereabouts::platform;
use crate::machine;
use crate::privilege::{Capability, Rights};
use crate::text::plain;

/// The error of a capture that is not permitted, with the ways out for that subcommand.
pub(super) fn explained(error: &impl Display, command: &str) -> anyhow::Error {
    explained_of(Capability::NetRaw, error, command)
}

/// The error of something that takes a right, with the ways out for that subcommand.
pub(super) fn explained_of(capability: Capability, error: &impl Display, command: &str) -> anyhow::Error {
    let platform = platform();
    let ways = platform.ways(capability, command, &Rights::held());
    anyhow!("{error}\negret runs {}\n{}", plain(&platform.words()), ways.lines())
}

/// Why conntrack's table is not read, in a line: what is missing is told with what to do here.
pub(super) fn untold(error: &machine::Error) -> String {
    match error {
        machine::Error::NoPermission => {
            let way = platform().way(Capability::NetAdmin, "check", &Rights::held());
            format!(
                "{error}; {way}; or give what `conntrack -L -o extended` prints on the node: --conntrack FILE"
            )
        }
        other => other.to_string(),
    }
}

/// Why a capture is not read: of a file that this user may not read, whose it is and what to do.
pub(super) fn unreadable(error: &savefile::Error, command: &str) -> String {
    match error {
        savefile::Error::Open { name, error: why } if why.kind() == ErrorKind::PermissionDenied => {
            let user = rustix::process::geteuid().as_raw();
            let path = Path::new(name);
            let whose = fs::metadata(path).map_or_else(
                |_| "a folder on the way to it may not be entered".to_owned(),
                |found| format!("it belongs to user {}, mode {:04o}", found.uid(), found.mode() & 0o7777),
            );
            format!(
                "{error}; this is user {user}, and {whose} (`ls -l {name}` shows it). Let somebody read it who may: \
                 `sudo cat {name} | egret {command} -r -`"
            )
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_that_is_refused_is_told_with_a_way_and_what_works_without() {
        let said = explained(&"cannot capture on eth0: not permitted", "check").to_string();
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines[0], "cannot capture on eth0: not permitted");
        assert!(lines[1].starts_with("egret runs "), "{said}");
        assert!(lines.iter().any(|line| line.starts_with("  ") && line.contains("egret check …")), "{said}");
        assert!(said.ends_with("without any right: egret check -r FILE"), "{said}");
    }

    #[test]
    fn a_table_that_may_not_be_read_is_told_in_a_line() {
        let said = untold(&machine::Error::NoPermission);
        assert!(said.contains("CAP_NET_ADMIN is missing") && !said.contains('\n'), "{said}");
    }

    #[test]
    fn a_file_that_may_not_be_read_is_told_with_whose_it_is() {
        let name = std::env::temp_dir().join(format!("egret-test-refused-{}", std::process::id()));
        fs::write(&name, "").unwrap();
        let shown = name.display().to_string();
        let error = ErrorKind::PermissionDenied.into();
        let said = unreadable(&savefile::Error::Open { name: shown.clone(), error }, "dump");
        fs::remove_file(&name).unwrap();
        assert!(
            said.starts_with(&format!("cannot open {shown}: permission denied; this is user ")),
            "{said}"
        );
        assert!(said.contains("it belongs to user ") && said.contains("mode 0"), "{said}");
        assert!(said.ends_with(&format!("`sudo cat {shown} | egret dump -r -`")), "{said}");
    }
}
