//! Network namespaces whose interfaces are captured from outside: `--netns`, `--pid`, `--container`.
//!
//! Each is `[NAME=]WHICH[:IF]`. Without `:IF`, the interfaces of `-i` are meant in there, as with nsenter(1); with it, that one
//! interface is captured beside those of `-i`, so that one run has a pod's own leg and the node's uplink:
//!
//! ```text
//!   egret dump -i eth0 --netns /run/netns/web          eth0 of web
//!   egret check -i br-ex --pid web=4711:eth0           br-ex of the node, and eth0 of the pod that process 4711 is in
//! ```

use std::path::{Path, PathBuf};

/// A namespace as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entered {
    pub name: Option<String>,
    pub which: Which,
    /// Captured besides what `-i` names.
    pub interface: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The file that stands for it.
    Netns(PathBuf),
    /// A process in it.
    Pid(u32),
    /// A container in it, by the beginning of its id.
    Container(String),
}

impl Entered {
    /// What `--netns` was given. A file of that literal name wins.
    pub(super) fn netns(typed: &str) -> anyhow::Result<Self> {
        if Path::new(typed).exists() {
            return Ok(Self { name: None, which: Which::Netns(typed.into()), interface: None });
        }
        let (name, rest) = named(typed);
        let (path, interface) = if Path::new(rest).exists() { (rest, None) } else { with_interface(rest) };
        if path.is_empty() {
            anyhow::bail!("--netns {typed}: no file is named; `ip netns` lists those of /run/netns");
        }
        Ok(Self::of(name, Which::Netns(path.into()), interface))
    }

    /// What `--pid` was given.
    pub(super) fn pid(typed: &str) -> anyhow::Result<Self> {
        let (name, rest) = named(typed);
        let (pid, interface) = with_interface(rest);
        match pid.parse() {
            Ok(pid) if pid > 0 => Ok(Self::of(name, Which::Pid(pid), interface)),
            _ => anyhow::bail!("--pid {typed}: write a process's number, like 4711, or web=4711:eth0"),
        }
    }

    /// What `--container` was given; whether it is an id is seen when it is looked for.
    pub(super) fn container(typed: &str) -> anyhow::Result<Self> {
        let (name, rest) = named(typed);
        // `cri-o://ID` is how Kubernetes prints it.
        let (scheme, rest) = rest.split_once("://").map_or((None, rest), |(scheme, id)| (Some(scheme), id));
        let (id, interface) = with_interface(rest);
        if id.is_empty() {
            anyhow::bail!(
                "--container {typed}: write the beginning of a container's id, as `crictl ps` prints it"
            );
        }
        let id = scheme.map_or_else(|| id.to_owned(), |scheme| format!("{scheme}://{id}"));
        Ok(Self::of(name, Which::Container(id), interface))
    }

    fn of(name: Option<&str>, which: Which, interface: Option<&str>) -> Self {
        Self { name: name.map(str::to_owned), which, interface: interface.map(str::to_owned) }
    }
}

impl Which {
    /// What it is called where nobody says: the file's name, or the number.
    pub fn default_name(&self) -> String {
        let of_file = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        match self {
            Self::Netns(path) => match process_of(path) {
                Some(pid) => format!("pid-{pid}"),
                None => of_file(path).unwrap_or_else(|| "netns".to_owned()),
            },
            Self::Pid(pid) => format!("pid-{pid}"),
            Self::Container(id) => {
                let id = id.rsplit("://").next().unwrap_or(id);
                id.chars().take(12).collect()
            }
        }
    }

    /// As it was typed, with its option.
    pub fn shown(&self) -> String {
        match self {
            Self::Netns(path) => format!("--netns {}", path.display()),
            Self::Pid(pid) => format!("--pid {pid}"),
            Self::Container(id) => format!("--container {id}"),
        }
    }
}

/// The process in `/proc/PID/ns/net`.
fn process_of(path: &Path) -> Option<u32> {
    let path = path.to_str()?;
    path.strip_prefix("/proc/")?.strip_suffix("/ns/net")?.parse().ok()
}

/// `NAME=REST` in its parts; what holds a `/` is no name.
fn named(typed: &str) -> (Option<&str>, &str) {
    match typed.split_once('=') {
        Some((name, rest)) if !name.is_empty() && !name.contains('/') => (Some(name), rest),
        _ => (None, typed),
    }
}

/// `REST:IF` in its parts: interfaces have neither `/` nor `:` in their names.
fn with_interface(typed: &str) -> (&str, Option<&str>) {
    match typed.rsplit_once(':') {
        Some((rest, interface)) if !interface.is_empty() && !interface.contains('/') => {
            (rest, Some(interface))
        }
        _ => (typed, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(entered: &anyhow::Result<Entered>) -> (Option<&str>, &Which, Option<&str>) {
        let entered = entered.as_ref().unwrap();
        (entered.name.as_deref(), &entered.which, entered.interface.as_deref())
    }

    #[test]
    fn name_and_interface_stand_around_what_is_entered() {
        let netns = |path: &str| Which::Netns(path.into());
        assert_eq!(parts(&Entered::netns("/run/netns/web")), (None, &netns("/run/netns/web"), None));
        let both = Entered::netns("web=/run/netns/cni-1:eth0");
        assert_eq!(parts(&both), (Some("web"), &netns("/run/netns/cni-1"), Some("eth0")));
        assert_eq!(parts(&Entered::pid("4711")), (None, &Which::Pid(4711), None));
        assert_eq!(parts(&Entered::pid("web=4711:any")), (Some("web"), &Which::Pid(4711), Some("any")));
        let id = |id: &str| Which::Container(id.to_owned());
        assert_eq!(parts(&Entered::container("cri-o://3f2a")), (None, &id("cri-o://3f2a"), None));
        assert_eq!(parts(&Entered::container("w=3f2a:eth0")), (Some("w"), &id("3f2a"), Some("eth0")));
    }

    #[test]
    fn a_file_of_that_literal_name_wins() {
        let path = std::env::temp_dir().join(format!("egret-test-a=b:{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        let typed = path.to_str().unwrap();
        let entered = Entered::netns(typed);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(parts(&entered), (None, &Which::Netns(typed.into()), None));
    }

    #[test]
    fn what_is_no_number_is_refused_with_an_example() {
        for wrong in ["", "web", "0", "-1", "web=", "1x:eth0"] {
            let said = Entered::pid(wrong).unwrap_err().to_string();
            assert!(said.starts_with(&format!("--pid {wrong}: write a process's number")), "{said}");
        }
        assert!(Entered::container("web=").is_err());
        assert!(Entered::netns("web=").is_err());
    }

    #[test]
    fn what_has_no_name_is_called_by_what_was_typed() {
        let named = |which: Which| which.default_name();
        assert_eq!(named(Which::Netns("/run/netns/web".into())), "web");
        assert_eq!(named(Which::Netns("/proc/4711/ns/net".into())), "pid-4711");
        assert_eq!(named(Which::Pid(4711)), "pid-4711");
        assert_eq!(named(Which::Container("cri-o://3f2a51b0c7de3f2a51b0".to_owned())), "3f2a51b0c7de");
    }
}
