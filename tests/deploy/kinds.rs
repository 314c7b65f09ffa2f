//! The kinds of objects in `deploy/`, with the keys that the manifests use, after the API references of Kubernetes 1.31 and
//! OpenShift 4.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

type Words = BTreeMap<String, String>;

#[derive(Debug)]
pub(crate) enum Object {
    Namespace,
    ServiceAccount,
    ConfigMap(ConfigMap),
    Pod(Workload<PodSpec>),
    DaemonSet(Workload<DaemonSetSpec>),
    Role,
    ClusterRole(Role),
    RoleBinding(RoleBinding),
    SecurityContextConstraints(Box<Constraints>),
}

impl Object {
    /// The object that a document is.
    pub(crate) fn of(document: Value) -> Result<Self, serde_json::Error> {
        use serde_json::from_value as of;
        let kind = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
        let (version, kind) = (kind("apiVersion"), kind("kind"));
        Ok(match (version.as_str(), kind.as_str()) {
            ("v1", "Namespace") => of::<Plain>(document).map(|_| Self::Namespace)?,
            ("v1", "ServiceAccount") => of::<Plain>(document).map(|_| Self::ServiceAccount)?,
            ("v1", "ConfigMap") => Self::ConfigMap(of(document)?),
            ("v1", "Pod") => Self::Pod(of(document)?),
            ("apps/v1", "DaemonSet") => Self::DaemonSet(of(document)?),
            ("rbac.authorization.k8s.io/v1", "Role") => of::<Role>(document).map(|_| Self::Role)?,
            ("rbac.authorization.k8s.io/v1", "ClusterRole") => Self::ClusterRole(of(document)?),
            ("rbac.authorization.k8s.io/v1", "RoleBinding") => Self::RoleBinding(of(document)?),
            ("security.openshift.io/v1", "SecurityContextConstraints") => {
                Self::SecurityContextConstraints(of(document)?)
            }
            (version, kind) => panic!("no kind {kind} in {version}"),
        })
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::ServiceAccount => "ServiceAccount",
            Self::ConfigMap(_) => "ConfigMap",
            Self::Pod(_) => "Pod",
            Self::DaemonSet(_) => "DaemonSet",
            Self::Role => "Role",
            Self::ClusterRole(_) => "ClusterRole",
            Self::RoleBinding(_) => "RoleBinding",
            Self::SecurityContextConstraints(_) => "SecurityContextConstraints",
        }
    }
}

/// Declares kinds with the keys that they have and no others; what a test does not look at is there to be known.
macro_rules! keys {
    ($($(#[$about:meta])* $kind:ident { $($(#[$key_about:meta])* $key:ident: $type:ty,)* })*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        #[allow(dead_code, clippy::struct_field_names, reason = "keys are the words of clusters, and declared to be known")]
        pub(crate) struct $kind { $($(#[$key_about])* pub(crate) $key: $type,)* }
    )*};
}

keys! {
    Metadata { name: String, namespace: String, labels: Words, annotations: Words, }
    Plain { api_version: String, kind: String, metadata: Metadata, automount_service_account_token: bool, }
    ConfigMap { api_version: String, kind: String, metadata: Metadata, data: Words, }
    DaemonSetSpec { selector: Selector, template: Template, }
    Selector { match_labels: Words, }
    Template { metadata: Metadata, spec: PodSpec, }
    PodSpec {
        node_name: String,
        service_account_name: String,
        automount_service_account_token: bool,
        host_network: bool,
        dns_policy: String,
        restart_policy: String,
        termination_grace_period_seconds: u32,
        tolerations: Vec<Toleration>,
        security_context: PodContext,
        containers: Vec<Container>,
        volumes: Vec<Volume>,
    }
    Toleration { operator: String, }
    PodContext {
        run_as_non_root: bool,
        run_as_user: u32,
        run_as_group: u32,
        fs_group: u32,
        seccomp_profile: Kind,
    }
    Container {
        name: String,
        image: String,
        args: Vec<String>,
        env: Vec<Variable>,
        security_context: Context,
        resources: Resources,
        volume_mounts: Vec<Mount>,
    }
    Variable { name: String, value_from: ValueFrom, }
    ValueFrom { field_ref: FieldRef, }
    FieldRef { field_path: String, }
    Context {
        allow_privilege_escalation: bool,
        read_only_root_filesystem: bool,
        run_as_non_root: bool,
        run_as_user: u32,
        run_as_group: u32,
        capabilities: Capabilities,
    }
    Capabilities { drop: Vec<String>, add: Vec<String>, }
    Resources { requests: Words, limits: Words, }
    Mount { name: String, mount_path: String, read_only: bool, }
    Volume { name: String, empty_dir: Option<EmptyDir>, config_map: Option<Metadata>, }
    EmptyDir { size_limit: String, }
    Kind { #[serde(rename = "type")] kind: String, uid: Option<u32>, }
    /// What `kubectl debug --custom` takes.
    Partial { env: Vec<Variable>, security_context: Context, }
    Role { api_version: String, kind: String, metadata: Metadata, rules: Vec<Rule>, }
    Rule { api_groups: Vec<String>, resources: Vec<String>, resource_names: Vec<String>, verbs: Vec<String>, }
    RoleBinding {
        api_version: String,
        kind: String,
        metadata: Metadata,
        role_ref: RoleRef,
        subjects: Vec<Subject>,
    }
    RoleRef { api_group: String, kind: String, name: String, }
    Subject { kind: String, name: String, namespace: String, }
    Constraints {
        api_version: String,
        kind: String,
        metadata: Metadata,
        allow_host_dir_volume_plugin: bool,
        #[serde(rename = "allowHostIPC")]
        allow_host_ipc: bool,
        allow_host_network: bool,
        #[serde(rename = "allowHostPID")]
        allow_host_pid: bool,
        allow_host_ports: bool,
        allow_privileged_container: bool,
        allow_privilege_escalation: bool,
        allowed_capabilities: Vec<String>,
        required_drop_capabilities: Vec<String>,
        read_only_root_filesystem: bool,
        run_as_user: Kind,
        se_linux_context: Kind,
        fs_group: Kind,
        supplemental_groups: Kind,
        seccomp_profiles: Vec<String>,
        volumes: Vec<String>,
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(dead_code, reason = "keys are declared to be known")]
pub(crate) struct Workload<Spec> {
    api_version: String,
    kind: String,
    metadata: Metadata,
    pub(crate) spec: Spec,
}

impl Volume {
    /// Its kind, as constraints name it.
    pub(crate) fn kind(&self) -> &'static str {
        match (&self.empty_dir, &self.config_map) {
            (Some(_), None) => "emptyDir",
            (None, Some(_)) => "configMap",
            _ => panic!("volume {} is of no kind, or of two", self.name),
        }
    }
}
