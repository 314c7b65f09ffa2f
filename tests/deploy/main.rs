//! The manifests in `deploy/` against what clusters and egret take: kinds with the keys that they have, command lines that
//! egret's own parser accepts, and rights that add up.
//!
//! No cluster is here to be asked, so the kinds are written down below, as far as the manifests use them. A key that is not
//! there is a mistake, in a manifest or here.

mod kinds;
mod typed;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use egret::cli::Arguments;
use kinds::{Capabilities, Container, Object, Partial, PodSpec};

const NET_RAW: [&str; 1] = ["NET_RAW"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// The text of each manifest by its name.
fn texts() -> BTreeMap<String, String> {
    let files = fs::read_dir(folder()).expect("deploy/").map(|entry| entry.expect("a file").path());
    let manifests = files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    manifests.map(|path| (name(&path), fs::read_to_string(&path).expect("text"))).collect()
}

/// The objects of a manifest.
fn objects(name: &str) -> Vec<Object> {
    let text = fs::read_to_string(folder().join(name)).expect("a manifest");
    let documents: Vec<serde_json::Value> =
        serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let object = |document| Object::of(document).unwrap_or_else(|error| panic!("{name}: {error}"));
    documents.into_iter().map(object).collect()
}

fn all() -> Vec<Object> {
    let names = texts().into_keys().filter(|name| name != "ephemeral.yaml");
    names.flat_map(|name| objects(&name)).collect()
}

fn partial() -> Partial {
    serde_saphyr::from_str(&texts()["ephemeral.yaml"]).expect("a part of a container")
}

fn pods() -> Vec<PodSpec> {
    let specs = all().into_iter().filter_map(|object| match object {
        Object::Pod(pod) => Some(pod.spec),
        Object::DaemonSet(set) => Some(set.spec.template.spec),
        _ => None,
    });
    specs.collect()
}

fn containers() -> Vec<Container> {
    pods().into_iter().flat_map(|pod| pod.containers).collect()
}

fn has_net_raw_alone(capabilities: &Capabilities) -> bool {
    capabilities.drop == ["ALL"] && capabilities.add == NET_RAW
}

#[test]
fn every_manifest_has_the_keys_of_its_kinds_and_no_others() {
    let kinds: Vec<&str> = all().iter().map(Object::kind).collect();
    for kind in ["Pod", "DaemonSet", "ConfigMap", "SecurityContextConstraints", "Role", "RoleBinding"] {
        assert!(kinds.contains(&kind), "no {kind} among {kinds:?}");
    }
    assert!(!partial().env.is_empty());
}

#[test]
fn what_containers_run_is_what_egret_takes() {
    let all = containers();
    assert!(all.len() >= 3, "{all:?}");
    for container in all {
        let typed = std::iter::once("egret".to_owned()).chain(container.args);
        if let Err(error) = Arguments::try_parse_from(typed) {
            panic!("{}: {error}", container.name);
        }
    }
}

#[test]
fn containers_have_net_raw_alone_and_run_the_image_of_this_version_as_an_ordinary_user() {
    for pod in pods() {
        assert!(pod.security_context.run_as_non_root && pod.security_context.run_as_user == 65_532);
        for container in pod.containers {
            assert_eq!(container.image, concat!("registry.example/egret:", env!("CARGO_PKG_VERSION")));
            let context = container.security_context;
            assert!(has_net_raw_alone(&context.capabilities), "{}", container.name);
            // The capability of a file counts only then.
            assert!(
                context.allow_privilege_escalation && context.read_only_root_filesystem,
                "{}",
                container.name
            );
            for mount in container.volume_mounts {
                assert!(
                    pod.volumes.iter().any(|volume| volume.name == mount.name),
                    "no volume {}",
                    mount.name
                );
            }
        }
    }
    let context = partial().security_context;
    assert!(has_net_raw_alone(&context.capabilities) && context.allow_privilege_escalation);
}

#[test]
fn the_policy_of_the_daemon_set_is_one_that_egret_reads() {
    let policy = all().into_iter().find_map(|object| match object {
        Object::ConfigMap(map) => map.data.get("policy.yaml").cloned(),
        _ => None,
    });
    let path = std::env::temp_dir().join(format!("egret-deploy-policy-{}.yaml", std::process::id()));
    fs::write(&path, policy.expect("a policy")).expect("room");
    let mut egret = std::process::Command::new(env!("CARGO_BIN_EXE_egret"));
    let listed = egret.args(["expect", "list", "--policy"]).arg(&path).output().expect("egret");
    fs::remove_file(&path).expect("its own file");
    let (said, wrong) = (String::from_utf8_lossy(&listed.stdout), String::from_utf8_lossy(&listed.stderr));
    assert!(listed.status.success() && wrong.is_empty(), "{wrong}");
    assert!(said.contains("192.168.12.99"), "{said}");
}

#[test]
fn the_node_s_constraint_admits_the_pods_and_their_account_may_use_it() {
    let all = all();
    let constraints = all.iter().find_map(|object| match object {
        Object::SecurityContextConstraints(found) if found.metadata.name == "egret-capture-node" => {
            Some(found)
        }
        _ => None,
    });
    let constraints = constraints.expect("the node's constraint");
    for pod in pods() {
        assert!(pod.host_network && constraints.allow_host_network);
        for container in &pod.containers {
            let added = &container.security_context.capabilities.add;
            assert!(added.iter().all(|capability| constraints.allowed_capabilities.contains(capability)));
        }
        for volume in &pod.volumes {
            assert!(constraints.volumes.iter().any(|kind| kind == volume.kind()), "{}", volume.kind());
        }
    }
    let role = all.iter().find_map(|object| match object {
        Object::ClusterRole(role) if role.rules[0].resource_names == ["egret-capture-node"] => Some(role),
        _ => None,
    });
    let role = role.expect("a role that may use it");
    assert_eq!(
        (role.rules[0].verbs.join(","), role.rules[0].resources.join(",")),
        ("use".to_owned(), "securitycontextconstraints".to_owned())
    );
    let binding = all.iter().find_map(|object| match object {
        Object::RoleBinding(binding) if binding.role_ref.name == role.metadata.name => Some(binding),
        _ => None,
    });
    let binding = binding.expect("a binding to it");
    assert_eq!(binding.role_ref.kind, "ClusterRole");
    for pod in pods() {
        assert!(binding.subjects.iter().any(|subject| subject.name == pod.service_account_name));
    }
}

#[test]
fn no_constraint_allows_more_than_net_raw() {
    let constraints = all().into_iter().filter_map(|object| match object {
        Object::SecurityContextConstraints(found) => Some(found),
        _ => None,
    });
    let mut count = 0;
    for found in constraints {
        count += 1;
        assert_eq!(
            (&found.allowed_capabilities[..], &found.required_drop_capabilities[..]),
            (&NET_RAW.map(str::to_owned)[..], &["ALL".to_owned()][..])
        );
        assert!(!found.allow_privileged_container && !found.allow_host_dir_volume_plugin);
        assert!(!found.allow_host_ipc && !found.allow_host_pid && !found.allow_host_ports);
        assert_eq!(found.run_as_user.kind == "MustRunAs", found.run_as_user.uid == Some(65_532));
        assert!(["MustRunAs", "MustRunAsNonRoot"].contains(&found.run_as_user.kind.as_str()));
    }
    assert_eq!(count, 2);
}

#[test]
fn command_lines_in_manifests_and_pages_are_ones_that_egret_takes() {
    let comments = |text: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix('#'));
        lines.collect::<Vec<_>>().join("\n")
    };
    let page = fs::read_to_string(folder().join("../docs/ways-in.md")).expect("the page of ways in");
    let blocks = page.split("```").skip(1).step_by(2).collect::<Vec<_>>().join("\n");
    let all =
        texts().into_values().map(|text| comments(&text)).chain([blocks]).collect::<Vec<_>>().join("\n");
    let lines = typed::of_egret(&all);
    assert!(lines.len() >= 12, "{lines:?}");
    for line in lines {
        let typed = line.iter().map(String::as_str);
        match Arguments::try_parse_from(typed) {
            Err(error) if error.exit_code() != 0 => panic!("{line:?}: {error}"),
            _ => {}
        }
    }
}
