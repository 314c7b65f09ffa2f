//! What flows are held to: what was typed, the environment, policy files, the cluster's objects, and what
//! the machine itself says.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::cli;
use crate::cli::frames::{Frames, Source};
use crate::cli::traffic::Asked;
use crate::command::here::Here;
use crate::command::namespaces::Namespaces;
use crate::command::objects;
use crate::engine::{Lifetime, Settings};
use crate::expect::environment::Environment;
use crate::expect::flags::Flags;
use crate::expect::policy::Policy;
use crate::expect::{Cluster, Expectations};
use crate::names::Kubelet;
use crate::place::Declaration;
use crate::verdict::Reason;

/// What was typed of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) frames: &'a Frames,
    pub(super) flags: &'a Flags,
    pub(super) policy: &'a [PathBuf],
    pub(super) cluster: &'a cli::cluster::Cluster,
    pub(super) allow: &'a [Reason],
    pub(super) roles: &'a [Declaration],
    pub(super) is_numeric: bool,
}

impl Question<'_> {
    /// What is asked, and, where interfaces of this machine are captured, what it says of itself.
    pub(super) fn settings(
        self,
        sources: &[Source],
        asked: Asked,
        namespaces: &Namespaces,
    ) -> anyhow::Result<(Settings, Option<Here>)> {
        let environment = Environment::read(|name| std::env::var(name).ok());
        let mut policies = policies(self.policy)?;
        let mut assumptions = Vec::new();
        let mut doubts = Vec::new();
        let mut hosts = self.frames.hosts()?;
        if let Some(described) = objects::described(self.cluster)? {
            policies.push(described.derived.policy());
            assumptions.extend(described.derived.notes);
            doubts.extend(described.warnings);
            for alias in described.objects.host_aliases() {
                for name in &alias.names {
                    hosts.add(alias.address.value, name.as_bytes());
                }
            }
        }
        let is_here = sources.iter().any(|source| source.input.is_here());
        let mut here = None;
        if is_here {
            let flags = self.flags.cluster();
            let told: Vec<&Cluster> = [&flags, &environment.cluster]
                .into_iter()
                .chain(policies.iter().map(|policy| &policy.cluster))
                .collect();
            let found = Here::look(&told, sources, namespaces)?;
            assumptions.extend(namespaces.notes().chain(found.words()));
            if found.is_in_pod()
                && let Some(kubelet) = fs::read("/etc/hosts").ok().and_then(|file| Kubelet::read(&file))
            {
                assumptions.push(format!("names: this pod's /etc/hosts, {} by hostAliases", kubelet.aliases));
                doubts.extend(kubelet.passing.iter().map(|entry| {
                    format!(
                        "/etc/hosts: `{entry}` was written by hand, and kubelet leaves it out when the pod's containers start anew; \
                         put it into the pod's hostAliases"
                    )
                }));
                hosts.append(&kubelet.hosts);
            }
            // What anybody has said comes first.
            policies.push(Policy { cluster: found.cluster(), ..Policy::default() });
            here = Some(found);
        }
        let (expectations, mut warnings) = Expectations::from_parts(self.flags, environment, policies)?;
        let is_live = sources.iter().any(|source| source.input.is_live());
        assumptions.extend(asked.assumptions);
        warnings.extend(asked.warnings);
        warnings.extend(doubts);
        let settings = Settings {
            expectations,
            selection: asked.composition,
            allowed: self.allow.to_vec(),
            roles: self.roles.to_vec(),
            hosts,
            is_numeric: self.is_numeric,
            warnings,
            assumptions,
            lifetime: if is_live { Lifetime::LIVE } else { Lifetime::OFFLINE },
        };
        Ok((settings, here))
    }
}

/// What policy files say.
pub(super) fn policies(paths: &[PathBuf]) -> anyhow::Result<Vec<Policy>> {
    let read = |path: &PathBuf| {
        let shown = path.display().to_string();
        let bytes = fs::read(path).with_context(|| format!("--policy: cannot read {shown}"))?;
        Ok(Policy::read(&shown, &bytes)?)
    };
    paths.iter().map(read).collect()
}
