//! Signs of containers: control groups, mounts, files that engines leave.
//!
//! Strong signs, in this order: the control group of the process is a pod's or a container's; a file system is mounted
//! from where engines keep containers, or from kubelet's folder of a pod; the process is not in the machine's own
//! namespace of processes, and a file or variable names an engine. Where control groups have a namespace of their own
//! (`0::/`) mounts still tell.

use super::Observed;

/// What runs containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    CriO,
    Containerd,
    Docker,
    Podman,
    Lxc,
}

impl Runtime {
    pub fn name(self) -> &'static str {
        match self {
            Self::CriO => "CRI-O",
            Self::Containerd => "containerd",
            Self::Docker => "Docker",
            Self::Podman => "podman",
            Self::Lxc => "LXC",
        }
    }
}

/// What was found out about the files that the process sees.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) is_container: bool,
    /// Of Kubernetes.
    pub(super) is_pods: bool,
    pub(super) runtime: Option<Runtime>,
    pub(super) because: Vec<String>,
    /// Signs that were seen and not believed.
    pub(super) doubts: Vec<String>,
}

pub(super) fn found(observed: &Observed) -> Found {
    let mut found = Found::default();
    let group = observed.cgroup.as_deref().and_then(of_cgroup);
    let mount = observed.mounts.as_deref().and_then(of_mounts);
    if let Some((is_pods, runtime)) = group {
        found.is_container = true;
        found.is_pods |= is_pods;
        found.runtime = runtime;
        let whose = if is_pods { "a pod's" } else { "a container's" };
        found.because.push(format!("its control group is {whose}"));
    }
    if let Some((is_pods, runtime)) = mount {
        found.is_container = true;
        found.is_pods |= is_pods;
        found.runtime = found.runtime.or(runtime);
        let from = if is_pods { "kubelet's folder of a pod" } else { "a container engine's store" };
        found.because.push(format!("files are mounted from {from}"));
    }
    if observed.account.is_some() {
        found.is_container = true;
        found.is_pods = true;
        found.because.push("a service account of Kubernetes is mounted".to_owned());
    } else if observed.variable("KUBERNETES_SERVICE_HOST").is_some() {
        found.is_container = true;
        found.is_pods = true;
        found.because.push("KUBERNETES_SERVICE_HOST is set".to_owned());
    }
    weak(observed, &mut found);
    if found.is_container && found.runtime.is_none() {
        found.runtime = named(observed);
    }
    // The two share storage and the file; Kubernetes has the one, people the other.
    if found.runtime == Some(Runtime::Podman) && found.is_pods {
        found.runtime = Some(Runtime::CriO);
    }
    found
}

fn weak(observed: &Observed, found: &mut Found) {
    let engine = observed.variable("container").filter(|name| *name != "oci");
    let signs = [
        observed.has_dockerenv.then(|| "/.dockerenv is there".to_owned()),
        observed.has_containerenv.then(|| "/run/.containerenv is there".to_owned()),
        engine.map(|name| format!("the variable container is {}", crate::text::Text::from(name))),
    ];
    let signs: Vec<String> = signs.into_iter().flatten().collect();
    if found.is_container || signs.is_empty() {
        return;
    }
    if observed.is_in_first_pid_namespace == Some(true) {
        let signs = signs.join(", ");
        found.doubts.push(format!("{signs}, but nothing else speaks for a container"));
    } else {
        found.is_container = true;
        found.because.extend(signs);
    }
}

/// The engine that files and variables name.
fn named(observed: &Observed) -> Option<Runtime> {
    match observed.variable("container") {
        Some("podman") => return Some(Runtime::Podman),
        Some("docker") => return Some(Runtime::Docker),
        Some(name) if name.starts_with("lxc") => return Some(Runtime::Lxc),
        _ => {}
    }
    match (observed.has_containerenv, observed.has_dockerenv) {
        (true, _) => Some(Runtime::Podman),
        (false, true) => Some(Runtime::Docker),
        _ => None,
    }
}

/// Whether a control group is a pod's, and who runs it; `None` if it is no container's.
fn of_cgroup(text: &str) -> Option<(bool, Option<Runtime>)> {
    // `hierarchy:controllers:path` (cgroups(7)).
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.filter_map(of_path).max_by_key(|(is_pods, runtime)| (*is_pods, runtime.is_some()))
}

fn of_path(path: &str) -> Option<(bool, Option<Runtime>)> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    // `kubepods`, `kubepods.slice`; in clusters whose nodes are containers (kind) `kubelet-kubepods.slice`.
    let is_pods = parts.iter().any(|part| part.contains("kubepods"));
    let runtime = parts.iter().rev().find_map(|part| {
        let begins = |with: &[&str]| with.iter().any(|with| part.starts_with(with));
        if begins(&["crio-"]) {
            Some(Runtime::CriO)
        } else if begins(&["cri-containerd-"]) || part.contains(":cri-containerd:") {
            Some(Runtime::Containerd)
        } else if begins(&["docker-"]) || *part == "docker" {
            Some(Runtime::Docker)
        } else if begins(&["libpod-", "libpod_parent"]) {
            Some(Runtime::Podman)
        } else if begins(&["lxc.payload"]) || *part == "lxc" {
            Some(Runtime::Lxc)
        } else {
            None
        }
    });
    // Daemons have control groups named after them, too: `/system.slice/docker.service`.
    (is_pods || runtime.is_some()).then_some((is_pods, runtime))
}

/// Whether mounts are those of a pod's container, and who runs it; `None` if they are no container's.
fn of_mounts(text: &str) -> Option<(bool, Option<Runtime>)> {
    let mut is_pods = false;
    let mut runtime = None;
    for mount in text.lines().filter_map(Mount::read) {
        match mount.at {
            // On a node all containers' roots are mounted somewhere; here it is whose root is `/`.
            "/" if mount.kind == "overlay" => runtime = runtime.or_else(|| of_store(mount.options)),
            "/etc/hosts" | "/dev/termination-log" if is_kubelets(mount.root) => is_pods = true,
            "/etc/hosts" | "/etc/hostname" | "/etc/resolv.conf" => {
                runtime = runtime.or_else(|| of_store(mount.root));
            }
            _ => {}
        }
    }
    (is_pods || runtime.is_some()).then_some((is_pods, runtime))
}

/// What of a line of mountinfo(5) tells.
struct Mount<'a> {
    /// What of its file system is mounted.
    root: &'a str,
    at: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(3);
        let (root, at) = (before.next()?, before.next()?);
        let mut after = after.split(' ');
        let kind = after.next()?;
        Some(Self { root, at, kind, options: after.nth(1).unwrap_or_default() })
    }
}

/// `…/pods/UID/etc-hosts`, wherever kubelet has its folder.
fn is_kubelets(root: &str) -> bool {
    let Some((_, rest)) = root.split_once("/pods/") else { return false };
    rest.split('/').nth(1).is_some_and(|name| matches!(name, "etc-hosts" | "containers"))
}

/// Whose store a path leads into.
fn of_store(path: &str) -> Option<Runtime> {
    const STORES: [(&str, Runtime); 5] = [
        ("/io.containerd.", Runtime::Containerd),
        ("/docker/overlay2/", Runtime::Docker),
        ("/docker/containers/", Runtime::Docker),
        ("/storage/overlay/", Runtime::Podman),
        ("/storage/overlay-containers/", Runtime::Podman),
    ];
    STORES.iter().find(|(part, _)| path.contains(part)).map(|(_, runtime)| *runtime)
}
