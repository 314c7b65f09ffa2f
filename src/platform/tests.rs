//! What follows from the layouts of `testdata/platform`.

use std::path::Path;

use super::*;

fn observed(name: &str) -> Observed {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/platform").join(name);
    assert!(folder.is_dir(), "no layout {name}");
    let variables = std::fs::read_to_string(folder.join("environment")).unwrap_or_default();
    Observed::below(&folder, |wanted| {
        let set = variables.lines().filter_map(|line| line.split_once('='));
        set.into_iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
    })
}

fn platform(name: &str, standpoint: Standpoint) -> Platform {
    let network = Network { standpoint, because: "by its devices", is_of_a_cluster: false };
    Platform::of(&observed(name), Some(network))
}

#[test]
fn each_layout_is_told_with_its_runtime_and_cluster() {
    use Standpoint::{Node, Pod, Unclear};
    for (name, standpoint, words) in [
        ("podman", Pod, "in a container without Kubernetes, run by podman"),
        ("podman", Node, "in a container without Kubernetes, run by podman"),
        ("openshift-crio", Pod, "in a pod of OpenShift, herasoo/web-0 on worker1, run by CRI-O"),
        ("kubernetes-docker", Pod, "in a pod of Kubernetes, run by Docker"),
        ("kubernetes-containerd", Pod, "in a pod of Kubernetes, run by containerd"),
        (
            "oc-debug-node",
            Node,
            "in a pod of OpenShift that shares its node's network (worker1), run by CRI-O",
        ),
        ("rhcos-node", Node, "on a node of OpenShift, worker1, whose pods CRI-O runs"),
        ("origin-3-node", Node, "on a node of OpenShift, herasoo-dmz-infra-wokernode1"),
        ("rhcos-node", Pod, "in the network of a pod or container, entered from outside"),
        ("workstation", Node, "at a desk: a machine without any sign of a cluster"),
        ("image-as-a-machine", Unclear, "at a desk: a machine without any sign of a cluster"),
    ] {
        assert_eq!(platform(name, standpoint).words(), words, "{name} {standpoint:?}");
    }
}

#[test]
fn what_an_image_left_behind_is_told_and_not_believed() {
    let found = platform("image-as-a-machine", Standpoint::Node);
    assert_eq!(found.place, Place::Desk);
    assert_eq!(
        found.because,
        ["by its devices", "/.dockerenv is there, but nothing else speaks for a container"]
    );
}

#[test]
fn a_pod_whose_network_may_be_either_is_not_told() {
    let found = platform("openshift-crio", Standpoint::Unclear);
    assert_eq!((found.place, found.cluster), (Place::Unknown, Some(Cluster::OpenShift)));
    assert_eq!(Platform::of(&observed("openshift-crio"), None).place, Place::Unknown);
}

#[test]
fn devices_of_a_cluster_make_a_node_of_a_machine_without_files_of_kubelet() {
    let network = Network { standpoint: Standpoint::Node, because: "cni0 is there", is_of_a_cluster: true };
    let found = Platform::of(&observed("workstation"), Some(network));
    assert_eq!((found.place, found.cluster), (Place::Node, Some(Cluster::Kubernetes)));
}

#[test]
fn without_proc_nothing_is_told_but_what_variables_say() {
    let blind = Observed::default();
    let network =
        Network { standpoint: Standpoint::Node, because: "eth0 is a network card", is_of_a_cluster: false };
    let found = Platform::of(&blind, Some(network));
    assert_eq!(found.place, Place::Unknown);
    assert_eq!(found.because[0], "/proc is not there, and no variable tells");
    let variables = [("KUBERNETES_SERVICE_HOST", "172.30.0.1".to_owned())].into();
    let told = Observed { variables, ..blind };
    let network = Network { standpoint: Standpoint::Pod, ..network };
    assert_eq!(Platform::of(&told, Some(network)).place, Place::Pod);
}

#[test]
fn no_file_of_control_groups_or_mounts_is_too_strange() {
    for text in ["", "\n\n", "0::", "::::", "a b c - d", "1 2 3 / / - overlay", "\u{fffd} / / / / - - -"] {
        let strange =
            Observed { cgroup: Some(text.to_owned()), mounts: Some(text.to_owned()), ..Observed::default() };
        assert_eq!(Platform::of(&strange, None).place, Place::Desk, "{text:?}");
    }
}

#[test]
fn here_something_is_observed() {
    assert!(!Observed::here().is_blind());
}
