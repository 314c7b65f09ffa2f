//! What files, variables and the kernel show of where egret runs.
//!
//! Nothing here fails: what is not there, or may not be read, was not observed.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::Runtime;

/// Bytes of a file that are read, at most: a node's mounts are some hundred KiB.
const MOST: u64 = 1 << 20;
/// The number of the machine's own namespace of processes (`PROC_PID_INIT_INO` of `<linux/proc_ns.h>`).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";
/// Where Kubernetes mounts a pod's service account.
const ACCOUNT: &str = "var/run/secrets/kubernetes.io/serviceaccount";
/// The configuration of a node of OpenShift 3.
pub(super) const ORIGIN: &str = "/etc/origin/node";
/// Files that nodes alone have.
const OF_NODES: [&str; 5] = [
    ORIGIN,
    "/etc/kubernetes/kubelet.conf",
    "/etc/kubernetes/kubeconfig",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/rancher/k3s/agent",
];
/// Where engines listen on a node.
const SOCKETS: [(&str, Runtime); 4] = [
    ("run/crio/crio.sock", Runtime::CriO),
    ("run/k3s/containerd/containerd.sock", Runtime::Containerd),
    ("run/containerd/containerd.sock", Runtime::Containerd),
    ("run/docker.sock", Runtime::Docker),
];
/// Variables that tell something, each shown or looked at.
pub const VARIABLES: [&str; 8] = [
    "POD_IP",
    "NODE_IP",
    "HOST_IP",
    "POD_NAME",
    "POD_NAMESPACE",
    "NODE_NAME",
    "KUBERNETES_SERVICE_HOST",
    "container",
];

/// What was observed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// `/proc/self/cgroup`.
    pub cgroup: Option<String>,
    /// `/proc/self/mountinfo`.
    pub mounts: Option<String>,
    /// Whether processes are those of the machine itself; `None` where `/proc` does not tell.
    pub is_in_first_pid_namespace: Option<bool>,
    /// A process called kubelet is seen.
    pub runs_kubelet: bool,
    pub has_dockerenv: bool,
    pub has_containerenv: bool,
    /// The service account that is mounted here.
    pub account: Option<Account>,
    /// A file that nodes alone have.
    pub node_file: Option<&'static str>,
    /// Whose sockets are there.
    pub sockets: Vec<Runtime>,
    pub os_release: Option<String>,
    /// That of the node, where its files are mounted at `/host`, as `oc debug` and `kubectl debug` do.
    pub host_os_release: Option<String>,
    pub hostname: Option<String>,
    /// Those of [`VARIABLES`] that are set, and not empty.
    pub variables: BTreeMap<&'static str, String>,
}

/// What the folder of a service account tells. Its token is never read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    pub namespace: Option<String>,
    pub has_service_ca: bool,
}

impl Observed {
    /// Here and now.
    pub fn here() -> Self {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let hostname = Some(name).filter(|name| !name.is_empty() && name != "(none)");
        Self { hostname, ..Self::below(Path::new("/"), |name| std::env::var(name).ok()) }
    }

    /// What the files below a folder show.
    pub fn below(root: &Path, variable: impl Fn(&str) -> Option<String>) -> Self {
        let text = |path: &str| read(&root.join(path));
        let exists = |path: &str| root.join(path.trim_start_matches('/')).exists();
        let account = root.join(ACCOUNT).is_dir().then(|| Account {
            namespace: text(&format!("{ACCOUNT}/namespace"))
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty()),
            has_service_ca: exists(&format!("{ACCOUNT}/service-ca.crt")),
        });
        let processes = fs::read_link(root.join("proc/self/ns/pid")).ok();
        let set = VARIABLES
            .into_iter()
            .filter_map(|name| Some((name, variable(name).filter(|value| !value.trim().is_empty())?)));
        Self {
            cgroup: text("proc/self/cgroup"),
            mounts: text("proc/self/mountinfo"),
            is_in_first_pid_namespace: processes.map(|name| name.as_os_str() == FIRST_PID_NAMESPACE),
            runs_kubelet: runs_kubelet(&root.join("proc")),
            has_dockerenv: exists(".dockerenv"),
            has_containerenv: exists("run/.containerenv"),
            account,
            node_file: OF_NODES.into_iter().find(|path| exists(path)),
            sockets: SOCKETS.iter().filter(|(path, _)| exists(path)).map(|(_, runtime)| *runtime).collect(),
            os_release: text("etc/os-release"),
            host_os_release: text("host/etc/os-release"),
            hostname: text("etc/hostname").map(|name| name.trim().to_owned()),
            variables: set.collect(),
        }
    }

    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// Whether so little is seen that the absence of signs says nothing.
    pub fn is_blind(&self) -> bool {
        self.cgroup.is_none() && self.mounts.is_none()
    }

    /// Who runs the node's pods, if one engine alone may.
    pub(super) fn served(&self) -> Option<Runtime> {
        self.sockets.first().copied()
    }
}

/// The beginning of a file, as text.
fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn runs_kubelet(proc: &Path) -> bool {
    let Ok(entries) = fs::read_dir(proc) else { return false };
    let is_process = |name: &std::ffi::OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let processes = entries.flatten().filter(|entry| is_process(&entry.file_name()));
    processes.into_iter().any(|entry| {
        let name = fs::read(entry.path().join("comm")).unwrap_or_default();
        matches!(
            name.trim_ascii_end(),
            b"kubelet" | b"hyperkube" | b"k3s-agent" | b"k3s-server" | b"microshift"
        )
    })
}
