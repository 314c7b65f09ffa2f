//! Whether the machine's clock is kept, as far as files tell.
//!
//! The kernel knows (adjtimex(2)), and no file of it says so. systemd's service leaves a file once the clock was set; of
//! others it is seen that they run, no more.

use std::fs;
use std::path::Path;

/// What keeps the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// It was set by systemd-timesyncd since the machine started.
    Set,
    /// A program runs that keeps it; whether it succeeds is not seen.
    Kept(&'static str),
    Unknown,
}

impl Clock {
    /// What the files below a folder tell.
    pub fn below(root: &Path) -> Self {
        // In a debug pod of a node the node's files are at `/host`.
        let exists = |path: &str| ["", "host"].iter().any(|at| root.join(at).join(path).exists());
        if exists("run/systemd/timesync/synchronized") {
            return Self::Set;
        }
        if exists("run/chrony/chronyd.sock") || exists("run/chrony/chronyd.pid") {
            return Self::Kept("chronyd");
        }
        if exists("run/ntpd.pid") || exists("run/ntpd.sock") {
            return Self::Kept("ntpd");
        }
        program(&root.join("proc")).map_or(Self::Unknown, Self::Kept)
    }
}

/// A program that keeps clocks, among the processes that are seen.
fn program(proc: &Path) -> Option<&'static str> {
    let processes = fs::read_dir(proc).ok()?.flatten();
    processes.into_iter().find_map(|entry| match fs::read(entry.path().join("comm")).ok()?.trim_ascii_end() {
        b"chronyd" => Some("chronyd"),
        b"ntpd" => Some("ntpd"),
        b"ptp4l" | b"phc2sys" => Some("ptp4l"),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_told_by_what_its_keepers_leave() {
        let root = std::env::temp_dir().join(format!("egret-test-clock-{}", std::process::id()));
        let put = |path: &str, holds: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, holds).unwrap();
        };
        fs::create_dir_all(&root).unwrap();
        let mut told = vec![Clock::below(&root)];
        put("proc/411/comm", "chronyd\n");
        told.push(Clock::below(&root));
        put("host/run/systemd/timesync/synchronized", "");
        told.push(Clock::below(&root));
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(told, [Clock::Unknown, Clock::Kept("chronyd"), Clock::Set]);
    }
}
