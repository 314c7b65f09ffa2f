//! What expectations are made of: the cluster's objects, policy files, the environment.

use crate::cli::expect::Inputs;
use crate::command::objects::{self, Described};
use crate::command::question::policies;
use crate::command::say;
use crate::expect::Expectations;
use crate::expect::derive::Assumed;
use crate::expect::environment::Environment;
use crate::expect::flags::Flags;

/// How to get the objects, for whoever has none yet.
const COLLECT: &str = "\
give the cluster's objects with --cluster FILE|DIR, `-` being standard input, or expectations with --policy FILE. \
On a machine with access to the cluster, collect into a folder:
  every cluster     oc get pods,services,deployments,statefulsets,daemonsets,networkpolicies -A -o yaml > objects/workloads.yaml
                    oc get nodes,namespaces -o yaml > objects/nodes.yaml
  OpenShift         oc get network.config cluster -o yaml > objects/network.yaml; oc get deploymentconfigs -A -o yaml > objects/dc.yaml
  openshift-sdn     oc get hostsubnets,netnamespaces,clusternetworks -o yaml > objects/sdn.yaml
                    oc get egressnetworkpolicies -A -o yaml > objects/firewall.yaml
  OVN-Kubernetes    oc get egressips -o yaml > objects/egressips.yaml
                    oc get egressfirewalls,egressservices -A -o yaml > objects/firewall.yaml
  egress routers    oc get egressrouters.network.operator.openshift.io -A -o yaml > objects/routers.yaml
then: egret expect lint --cluster objects";

/// All that was given.
pub(super) struct Given {
    pub(super) described: Described,
    pub(super) assumed: Assumed,
    pub(super) expectations: Expectations,
}

impl Given {
    pub(super) fn read(inputs: &Inputs) -> anyhow::Result<Self> {
        if inputs.cluster.cluster.is_empty() && inputs.policy.is_empty() {
            anyhow::bail!("there is nothing to read; {COLLECT}");
        }
        let mut policies = policies(&inputs.policy)?;
        let described = objects::described(&inputs.cluster)?;
        if let Some(described) = &described {
            policies.push(described.derived.policy());
        }
        let environment = Environment::read(|name| std::env::var(name).ok());
        let (expectations, warnings) = Expectations::from_parts(&Flags::default(), environment, policies)?;
        let described = described.unwrap_or_default();
        for warning in warnings.iter().chain(&described.warnings) {
            say(warning);
        }
        Ok(Self { described, assumed: inputs.cluster.assumed(), expectations })
    }

    /// Says what was taken for granted.
    pub(super) fn tell_notes(&self) {
        for note in &self.described.derived.notes {
            say(note);
        }
    }
}
