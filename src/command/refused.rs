//! What to do where capturing is not permitted.

use anyhow::anyhow;

/// The usual ways to be permitted, after the error that says what is missing; COMMAND is the subcommand.
const WAYS: &str = "\
there are three usual ways out:
  Kubernetes, on a node: kubectl debug node/NODE -it --profile=sysadmin --image=IMAGE -- egret COMMAND …
             in a pod: kubectl debug POD -it --profile=netadmin --image=IMAGE --target=CONTAINER -- egret COMMAND …
  OpenShift: oc debug node/NODE; in a pod, an SCC that allows NET_RAW (oc adm policy add-scc-to-user privileged -z ACCOUNT)
  this host: sudo egret COMMAND …, or once: sudo setcap cap_net_raw+ep PATH-OF-EGRET
Captures that others took can be read without any right: egret COMMAND -r FILE";

/// The error with the ways out for that subcommand.
pub(super) fn explained(error: &impl std::fmt::Display, command: &str) -> anyhow::Error {
    anyhow!("{error}\n{}", WAYS.replace("COMMAND", command))
}
