//! What to do about a right that is missing: how to see it, the command for this platform, and what works without.
//!
//! Names stand in a command only where they are plain names; else, and where nobody told them, a word in capitals stands
//! for what is to be filled in.

use std::fmt::Write as _;

use super::{Place, Platform, Runtime};
use crate::privilege::{Capability, Rights};

/// What to do about a missing right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// How to see what there is.
    pub see: &'static str,
    pub ways: Vec<Way>,
    /// What works without the right.
    pub without: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// When it is the right one, or what it does.
    pub when: String,
    pub command: String,
}

impl Ways {
    /// Lines for an error: the ways in their order, indented.
    pub fn lines(&self) -> String {
        let mut lines = format!("see what it has: {}\n", self.see);
        for way in &self.ways {
            let _ = writeln!(lines, "{}:\n  {}", way.when, way.command);
        }
        lines.push_str("without it: ");
        lines.push_str(&self.without);
        lines
    }
}

impl Platform {
    /// What to do on this platform where `egret COMMAND` lacks a right.
    pub fn ways(&self, capability: Capability, command: &str, rights: &Rights) -> Ways {
        let egret = format!("egret {command} …");
        let mut ways = Vec::new();
        // The file in egret's image carries the right to capture and no other; `oc debug` makes anybody root.
        let is_carried = capability == Capability::NetRaw;
        let mut add = |when: &str, command: String| {
            let needs_root = !is_carried && command.starts_with("kubectl debug ");
            let image = if needs_root { ", with an image whose user is root" } else { "" };
            ways.push(Way { when: format!("{when}{image}"), command });
        };
        let name = short(capability);
        // A container may have what its user has not: files are what gives it to users then.
        let is_users =
            self.place != Place::Desk && rights.user != 0 && rights.may_get(capability) == Some(true);
        match self.place {
            Place::Pod => {
                if is_users {
                    let (when, command) = of_user(capability, rights);
                    add(when, command);
                }
                // No profile of a pod's container lets it enter others.
                let is_enough = capability != Capability::SysAdmin;
                if is_enough {
                    add("in this pod, from a container of egret's own", self.debug_pod(&egret));
                }
                if is_enough && self.is_openshift() {
                    add(
                        &format!(
                            "OpenShift admits {name} where a constraint of the pod's account does (deploy/openshift.yaml has one)"
                        ),
                        format!(
                            "oc adm policy add-role-to-user egret-capture -z ACCOUNT -n {} --role-namespace=''",
                            plain(self.namespace.as_deref(), "NAMESPACE")
                        ),
                    );
                }
                add(
                    "on its node, where the source that leaves is seen, too",
                    self.node_pod(capability, &egret),
                );
            }
            Place::NodePod => {
                add("in a pod of the node that has the right", self.node_pod(capability, &egret));
            }
            Place::Container => self.of_container(name, is_users, &egret, &mut add),
            Place::Node | Place::Desk => {
                add("here", format!("sudo {egret}"));
                add("or once and for all users", format!("sudo {}", setcap(capability, &own_path())));
            }
            Place::PodNetwork => {
                add(
                    "here, from the machine whose processes are seen",
                    format!("sudo nsenter -t PID -n {egret}"),
                );
            }
            Place::Unknown => {
                add("Kubernetes, on a node", self.node_pod(capability, &egret));
                add("Kubernetes, in a pod", self.debug_pod(&egret));
                add("OpenShift, on a node", format!("oc debug node/NODE --image=IMAGE -- {egret}"));
                add("this host", format!("sudo {egret}"));
            }
        }
        Ways {
            see: "egret doctor, or grep Cap /proc/self/status",
            ways,
            without: without(capability, command),
        }
    }

    /// The first of the ways, in a line.
    pub fn way(&self, capability: Capability, command: &str, rights: &Rights) -> String {
        let ways = self.ways(capability, command, rights);
        ways.ways.first().map_or(ways.without, |way| format!("{}: `{}`", way.when, way.command))
    }

    /// A container beside this pod's.
    pub fn debug_pod(&self, egret: &str) -> String {
        format!(
            "kubectl debug -n {} {} -it --profile=netadmin --image=IMAGE --target=CONTAINER -- {egret}",
            plain(self.namespace.as_deref(), "NAMESPACE"),
            plain(self.pod.as_deref(), "POD"),
        )
    }

    /// A pod of this node, that may capture.
    pub fn debug_node(&self, egret: &str) -> String {
        self.node_pod(Capability::NetRaw, egret)
    }

    fn node_pod(&self, capability: Capability, egret: &str) -> String {
        let node = plain(self.node.as_deref(), "NODE");
        let profile = if capability == Capability::SysAdmin { "sysadmin" } else { "netadmin" };
        if self.is_openshift() {
            format!("oc debug node/{node} --image=IMAGE -- {egret}")
        } else {
            format!("kubectl debug node/{node} -it --profile={profile} --image=IMAGE -- {egret}")
        }
    }

    fn of_container(&self, name: &str, is_users: bool, egret: &str, add: &mut impl FnMut(&str, String)) {
        let engine = if self.runtime == Some(Runtime::Docker) { "docker" } else { "podman" };
        // Engines call a container by the first digits of its number, unless it was given a name or the host's network.
        let is_number = |name: &&str| name.len() == 12 && name.bytes().all(|b| b.is_ascii_hexdigit());
        let own = self.hostname.as_deref().filter(is_number).unwrap_or("CONTAINER");
        if is_users {
            add(
                "the container has it, and this user not: as root",
                format!("{engine} exec -it --user 0 {own} {egret}"),
            );
        }
        add("in this container, with all rights", format!("{engine} exec -it --privileged {own} {egret}"));
        add(
            "beside it, in its network",
            format!("{engine} run --rm -it --network container:{own} --cap-add={name} IMAGE {egret}"),
        );
        add("on the host, where the source that leaves is seen, too", format!("sudo {egret}"));
    }
}

/// What a container has, and its user has not.
fn of_user(capability: Capability, rights: &Rights) -> (&'static str, String) {
    if rights.no_new_privs == Some(true) {
        return (
            "the container has it, and keeps files from giving it to this user (no_new_privs); in its securityContext",
            "allowPrivilegeEscalation: true".to_owned(),
        );
    }
    (
        "the container has it, and this user not; as root (runAsUser: 0), or once in its image",
        setcap(capability, "/PATH/TO/egret"),
    )
}

/// What works without a right, as a sentence.
fn without(capability: Capability, command: &str) -> String {
    match capability {
        Capability::NetRaw => {
            format!("captures that others took can be read without any right: egret {command} -r FILE")
        }
        Capability::NetAdmin => {
            "flows are judged all the same; of those whose pod's side is not captured the origin stays unknown. \
             What `conntrack -L -o extended` prints on the node can be given: --conntrack FILE"
                .to_owned()
        }
        Capability::SysAdmin => format!("egret can be run inside instead, or read a capture: egret {command} -r FILE"),
    }
}

/// As Kubernetes and engines have it: `NET_RAW`.
fn short(capability: Capability) -> &'static str {
    capability.name().trim_start_matches("CAP_")
}

/// Permitted, and not effective: a file with `+ep` is not started at all where the capability is out of reach.
fn setcap(capability: Capability, path: &str) -> String {
    let raw = Capability::NetRaw.name().to_lowercase();
    let set = match capability {
        Capability::NetRaw => raw,
        other => format!("{raw},{}", other.name().to_lowercase()),
    };
    format!("setcap {set}+p {path}")
}

/// Where the program lies.
fn own_path() -> String {
    let path = std::env::current_exe().ok().and_then(|path| Some(path.to_str()?.to_owned()));
    let is_plain = |path: &String| path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+".contains(&b));
    path.filter(is_plain).unwrap_or_else(|| "/PATH/TO/egret".to_owned())
}

/// A name that a shell takes as it stands; else what is to be filled in.
fn plain<'a>(name: Option<&'a str>, placeholder: &'a str) -> &'a str {
    let is_plain = |name: &&str| {
        !name.is_empty()
            && !name.starts_with('-')
            && name.len() <= 253
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
    };
    name.filter(is_plain).unwrap_or(placeholder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Cluster;
    use crate::privilege::Sets;

    fn platform(place: Place, cluster: Option<Cluster>) -> Platform {
        Platform {
            place,
            cluster,
            runtime: None,
            namespace: Some("herasoo".to_owned()),
            pod: Some("web-0".to_owned()),
            node: Some("worker1".to_owned()),
            hostname: Some("c1a66346c3fd".to_owned()),
            because: Vec::new(),
        }
    }

    fn user(bounding: &[&str]) -> Rights {
        let bounding = bounding.iter().map(|name| (*name).to_owned()).collect();
        let sets = Some(Sets { bounding, ..Sets::default() });
        Rights { user: 1000, group: 1000, sets, no_new_privs: Some(false) }
    }

    fn commands(platform: &Platform, rights: &Rights) -> Vec<String> {
        let ways = platform.ways(Capability::NetRaw, "check", rights);
        ways.ways.into_iter().map(|way| way.command).collect()
    }

    #[test]
    fn each_platform_has_its_own_commands() {
        use Cluster::{Kubernetes, OpenShift};
        let none = user(&[]);
        assert_eq!(
            commands(&platform(Place::Pod, Some(Kubernetes)), &none),
            [
                "kubectl debug -n herasoo web-0 -it --profile=netadmin --image=IMAGE --target=CONTAINER -- egret check …",
                "kubectl debug node/worker1 -it --profile=netadmin --image=IMAGE -- egret check …",
            ]
        );
        let openshift = commands(&platform(Place::Pod, Some(OpenShift)), &none);
        assert!(
            openshift[1].starts_with("oc adm policy add-role-to-user egret-capture -z ACCOUNT -n herasoo ")
        );
        assert_eq!(openshift[2], "oc debug node/worker1 --image=IMAGE -- egret check …");
        assert_eq!(
            commands(&platform(Place::Container, None), &none)[1],
            "podman run --rm -it --network container:c1a66346c3fd --cap-add=NET_RAW IMAGE egret check …"
        );
        for place in [Place::Node, Place::Desk] {
            let told = commands(&platform(place, None), &none);
            assert_eq!(told[0], "sudo egret check …");
            assert!(told[1].starts_with("sudo setcap cap_net_raw+p /"), "{told:?}");
        }
        for place in Place::ALL {
            assert!(!commands(&platform(place, None), &none).is_empty(), "{place:?}");
        }
    }

    #[test]
    fn where_the_container_has_it_and_the_user_not_that_comes_first() {
        let told = commands(&platform(Place::Pod, Some(Cluster::Kubernetes)), &user(&["CAP_NET_RAW"]));
        assert_eq!(told[0], "setcap cap_net_raw+p /PATH/TO/egret");
        let kept = Rights { no_new_privs: Some(true), ..user(&["CAP_NET_RAW"]) };
        let told = commands(&platform(Place::Pod, Some(Cluster::Kubernetes)), &kept);
        assert_eq!(told[0], "allowPrivilegeEscalation: true", "files give nothing then");
    }

    #[test]
    fn nothing_gets_into_a_command_that_a_shell_would_read() {
        for name in ["$(reboot)", "a b", "-rf", "", "a\u{1b}[2J", "a;b"] {
            let strange = Platform {
                pod: Some(name.to_owned()),
                namespace: Some(name.to_owned()),
                node: Some(name.to_owned()),
                ..platform(Place::Pod, Some(Cluster::Kubernetes))
            };
            let told = commands(&strange, &user(&[]));
            assert!(told[0].contains("-n NAMESPACE POD ") && told[1].contains("node/NODE "), "{told:?}");
        }
    }

    #[test]
    fn an_error_ends_with_what_works_without_the_right() {
        let ways = platform(Place::Desk, None).ways(Capability::NetRaw, "dump", &user(&[]));
        let lines = ways.lines();
        assert!(lines.starts_with("see what it has: egret doctor, or grep Cap /proc/self/status\n"));
        assert!(lines.ends_with("without any right: egret dump -r FILE"), "{lines}");
    }
}
