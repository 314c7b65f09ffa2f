//! The process of a container, found by the container's id without asking whoever runs it.
//!
//! Every runtime puts a container's processes into a control group that is named after its id, of 64 hexadecimal digits, and
//! `/proc/PID/cgroup` (cgroups(7)) tells the group of each process. The names differ:
//!
//! ```text
//!   0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID.slice/crio-ID.scope            CRI-O
//!   0::/kubepods.slice/…-podUID.slice/cri-containerd-ID.scope    4:memory:/kubepods/burstable/podUID/ID  containerd
//!   0::/kubelet.slice/…-podUID.slice:cri-containerd:ID                                                   containerd, by groups' own names
//!   0::/system.slice/docker-ID.scope    0::/machine.slice/libpod-ID.scope    0::/libpod_parent/libpod-ID Docker, Podman
//! ```
//! What looks after a container (`crio-conmon-ID.scope`) is none of its processes. Of groups within groups, as on a node that is a
//! container itself, the innermost counts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::machine::namespace::hint;
use crate::text::Text;

/// Digits of a whole id.
const DIGITS: usize = 64;
/// Digits that runtimes print.
const SHORT: usize = 12;
/// Containers that an error names.
const NAMED: usize = 8;

/// Why there is no process of a container.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "`{typed}` is no container's id: that is of hexadecimal digits, as `crictl ps` or `kubectl get pod -o yaml` print it"
    )]
    NoId { typed: String },
    #[error("{typed} is the beginning of several containers' ids; write more of it: {candidates}")]
    Ambiguous { typed: String, candidates: String },
    #[error(
        "no process here is of a container {typed}: the control groups of {looked_at} processes were looked at; {known}{hint}"
    )]
    NotFound { typed: String, looked_at: usize, known: String, hint: &'static str },
}

/// A container that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    /// The first of its processes.
    pub pid: u32,
}

impl Container {
    /// The container whose id is this, or begins so; `cri-o://` and the like before it are what Kubernetes prints.
    pub fn find(typed: &str) -> Result<Self, Error> {
        Self::find_in(Path::new("/proc"), typed)
    }

    /// The first digits of its id, as runtimes print them.
    pub fn short(&self) -> &str {
        &self.id[..SHORT]
    }

    fn find_in(proc: &Path, typed: &str) -> Result<Self, Error> {
        let wanted = typed.rsplit("://").next().unwrap_or(typed).to_ascii_lowercase();
        if wanted.is_empty() || wanted.len() > DIGITS || !is_hexadecimal(&wanted) {
            return Err(Error::NoId { typed: Text::from(typed).to_string() });
        }
        let (looked_at, all) = all(proc);
        let mut found: Vec<&Container> = all.values().filter(|its| its.id.starts_with(&wanted)).collect();
        match found.len() {
            1 => Ok(found.remove(0).clone()),
            0 => Err(Error::NotFound { typed: wanted, looked_at, known: known(proc, &all), hint: hint() }),
            _ => Err(Error::Ambiguous { typed: wanted, candidates: list(proc, &found) }),
        }
    }
}

/// How many processes there are, and the containers of them by id.
fn all(proc: &Path) -> (usize, BTreeMap<String, Container>) {
    let mut looked_at = 0;
    let mut first: BTreeMap<String, (u64, Container)> = BTreeMap::new();
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    for pid in entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let process = proc.join(pid.to_string());
        let Ok(groups) = fs::read_to_string(process.join("cgroup")) else { continue };
        looked_at += 1;
        let Some(id) = groups.lines().find_map(id_of) else { continue };
        let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
        let began = began(&stat).unwrap_or(u64::MAX);
        let container = Container { id: id.to_owned(), pid };
        let its = first.entry(id.to_owned()).or_insert((began, container.clone()));
        if (began, pid) < (its.0, its.1.pid) {
            *its = (began, container);
        }
    }
    (looked_at, first.into_iter().map(|(id, (_, container))| (id, container)).collect())
}

/// The id in a line of `/proc/PID/cgroup`: number, controllers and path, separated by colons.
fn id_of(line: &str) -> Option<&str> {
    let path = line.splitn(3, ':').nth(2)?;
    let of = |part: &'_ str| -> Option<(usize, usize)> {
        let name = part.strip_suffix(".scope").unwrap_or(part);
        let begin = name.rfind(['-', ':']).map_or(0, |at| at + 1);
        (name.len() - begin == DIGITS && is_hexadecimal(&name[begin..])).then_some((begin, name.len()))
    };
    let innermost = path.split('/').rev().find(|part| of(part).is_some())?;
    let (begin, end) = of(innermost)?;
    (!innermost.contains("conmon")).then_some(&innermost[begin..end])
}

fn is_hexadecimal(digits: &str) -> bool {
    digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// When a process began, in ticks since the machine did: the 22nd field of its `stat`. The second is a name in parentheses, which
/// may hold any of them.
fn began(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}

fn known(proc: &Path, all: &BTreeMap<String, Container>) -> String {
    if all.is_empty() {
        return "none of them is in a container".to_owned();
    }
    let all: Vec<&Container> = all.values().collect();
    format!("those in containers are of {}", list(proc, &all))
}

/// `3f2a51b0c7de (nginx), …`
fn list(proc: &Path, containers: &[&Container]) -> String {
    let one = |container: &&Container| {
        let name = fs::read_to_string(proc.join(container.pid.to_string()).join("comm")).unwrap_or_default();
        format!("{} ({})", container.short(), Text::from(name.trim_end()))
    };
    let mut words: Vec<String> = containers.iter().take(NAMED).map(one).collect();
    if containers.len() > NAMED {
        words.push(format!("and {} more", containers.len() - NAMED));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "3f2a51b0c7de3f2a51b0c7de3f2a51b0c7de3f2a51b0c7de3f2a51b0c7de3f2a";
    const B: &str = "3f2b51b0c7de3f2a51b0c7de3f2a51b0c7de3f2a51b0c7de3f2a51b0c7de3f2a";

    #[test]
    fn the_id_is_read_from_the_groups_of_every_runtime() {
        for line in [
            "0::/kubepods.slice/kubepods-pod1.slice/crio-ID.scope",
            "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-ID.scope",
            "4:memory:/kubepods/burstable/pod1/ID",
            "0::/kubelet.slice/kubelet-kubepods-pod1.slice:cri-containerd:ID",
            "0::/system.slice/docker-ID.scope",
            "0::/machine.slice/libpod-ID.scope/container",
            "0::/../../libpod_parent/libpod-ID",
        ] {
            assert_eq!(id_of(&line.replace("ID", A)), Some(A), "{line}");
        }
    }

    #[test]
    fn what_looks_after_a_container_is_none_and_the_innermost_counts() {
        assert_eq!(id_of(&format!("0::/machine.slice/libpod-conmon-{A}.scope")), None);
        assert_eq!(id_of(&format!("0::/docker-{B}.scope/kubelet/cri-containerd-{A}.scope")), Some(A));
        for line in ["0::/", "", "0::/user.slice/user-0.slice", "1:name=systemd:/init.scope", "::"] {
            assert_eq!(id_of(line), None, "{line}");
        }
    }

    /// `/proc` of (process, its control group, when it began).
    fn proc(name: &str, processes: &[(u32, String, u64)]) -> std::path::PathBuf {
        let root = std::env::temp_dir().join(format!("egret-test-container-{}-{name}", std::process::id()));
        for (pid, group, began) in processes {
            let process = root.join(pid.to_string());
            fs::create_dir_all(&process).unwrap();
            fs::write(process.join("cgroup"), format!("0::{group}\n")).unwrap();
            fs::write(process.join("comm"), "ngi\u{1b}nx\n").unwrap();
            let fields = "0 ".repeat(18);
            fs::write(process.join("stat"), format!("{pid} (a) b) S {fields}{began} 0")).unwrap();
        }
        root
    }

    #[test]
    fn a_beginning_that_one_id_has_is_enough_and_its_first_process_is_taken() {
        let own = |id: &str| format!("/x/crio-{id}.scope");
        let root = proc("one", &[(9, own(A), 5), (7, own(A), 6), (11, own(B), 1), (1, "/".to_owned(), 0)]);
        let found = Container::find_in(&root, "cri-o://3F2A").unwrap();
        assert_eq!((found.pid, found.short()), (9, "3f2a51b0c7de"));
        let said = Container::find_in(&root, "3f2").unwrap_err().to_string();
        assert_eq!(
            said,
            "3f2 is the beginning of several containers' ids; write more of it: 3f2a51b0c7de (ngi\\u{1b}nx), \
             3f2b51b0c7de (ngi\\u{1b}nx)"
        );
        let said = Container::find_in(&root, "77").unwrap_err().to_string();
        let begin = "no process here is of a container 77: the control groups of 4 processes were looked at; those in containers are of ";
        assert!(said.starts_with(begin), "{said}");
        for wrong in ["", "web-0", "../1", "cri-o://"] {
            assert!(matches!(Container::find_in(&root, wrong), Err(Error::NoId { .. })), "{wrong}");
        }
        fs::remove_dir_all(&root).unwrap();
    }
}
