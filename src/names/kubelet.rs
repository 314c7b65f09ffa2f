//! The hosts file that kubelet writes into a pod, and what of it was written by somebody else.
//!
//! ```text
//! # Kubernetes-managed hosts file.
//! 127.0.0.1<TAB>localhost                       and other names that every machine has
//! 10.128.0.5<TAB>web-0                          the pod itself: the last entry before an empty line
//!
//! # Entries added by HostAliases.
//! 203.0.113.25<TAB>api.partner.example          what `hostAliases` of the pod say, up to an empty line
//! ```
//!
//! Kubelet writes the file anew whenever the pod's containers are made. So what people add to it is lost: every entry in
//! another place, and every one that is not parted by tabs alone.

use std::net::IpAddr;

use crate::names::Hosts;
use crate::text::Text;

const HEADER: &str = "# Kubernetes-managed hosts file";
const ALIASES: &str = "# Entries added by HostAliases";
const EVERYWHERE: [&str; 7] = [
    "localhost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
];

/// What a pod's hosts file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kubelet {
    /// All names, whoever wrote them.
    pub hosts: Hosts,
    /// How many entries are the pod's `hostAliases`.
    pub aliases: usize,
    /// Entries that the next container of the pod will not have.
    pub passing: Vec<Text>,
}

impl Kubelet {
    /// What the file says; `None` if kubelet did not write it.
    pub fn read(file: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(file);
        if !text.lines().next()?.starts_with(HEADER) {
            return None;
        }
        let mut kubelet = Self::default();
        let mut part = Part::Machine;
        let lines: Vec<&str> = text.lines().skip(1).collect();
        for (at, line) in lines.iter().enumerate() {
            let entry = line.split('#').next().unwrap_or_default().trim();
            if entry.is_empty() {
                part = if line.starts_with(ALIASES) { Part::Aliases } else { part.after(line) };
                continue;
            }
            let mut words = entry.split_whitespace();
            let Some(address) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else { continue };
            let names: Vec<&str> = words.collect();
            for name in &names {
                kubelet.hosts.add(address.into(), name.as_bytes());
            }
            // Names that every machine has are parted by spaces there.
            let is_everywhere = names.iter().all(|name| EVERYWHERE.contains(name));
            let is_parted_by_tabs = is_everywhere || !line.contains(' ');
            let is_last = lines.get(at + 1).is_none_or(|next| next.trim().is_empty());
            let is_kubelets = match part {
                Part::Machine => is_last || is_everywhere,
                Part::Aliases => true,
                Part::Foreign => false,
            };
            if !is_kubelets || !is_parted_by_tabs {
                kubelet.passing.push(Text::from(entry));
            } else if part == Part::Aliases {
                kubelet.aliases += 1;
            }
        }
        Some(kubelet)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The machine's own names, and the pod's.
    Machine,
    Aliases,
    /// Behind an empty line that kubelet does not write.
    Foreign,
}

impl Part {
    fn after(self, line: &str) -> Self {
        if line.trim().is_empty() { Self::Foreign } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
                        fe00::0\tip6-localnet\n10.128.0.5\tweb-0\n\n# Entries added by HostAliases.\n\
                        203.0.113.25\tapi.partner.example\tapi\n203.0.113.26\tdb.partner.example\n";

    fn name(kubelet: &Kubelet, address: &str) -> Option<String> {
        kubelet.hosts.name(address.parse::<IpAddr>().unwrap().into()).map(ToString::to_string)
    }

    #[test]
    fn entries_of_host_aliases_are_names_and_stay() {
        let kubelet = Kubelet::read(FILE.as_bytes()).unwrap();
        assert_eq!((kubelet.aliases, kubelet.passing.len()), (2, 0));
        assert_eq!(name(&kubelet, "203.0.113.25").as_deref(), Some("api.partner.example"));
        assert_eq!(name(&kubelet, "10.128.0.5").as_deref(), Some("web-0"));
    }

    #[test]
    fn what_people_added_is_a_name_that_will_not_stay() {
        for added in ["203.0.113.27 mq.partner.example\n", "\n203.0.113.27\tmq.partner.example\n"] {
            let kubelet = Kubelet::read(format!("{FILE}{added}").as_bytes()).unwrap();
            assert_eq!(name(&kubelet, "203.0.113.27").as_deref(), Some("mq.partner.example"));
            assert_eq!(kubelet.passing.len(), 1, "{added:?}");
        }
        let among = FILE.replace("10.128.0.5\t", "203.0.113.27\tmq.partner.example\n10.128.0.5\t");
        assert_eq!(Kubelet::read(among.as_bytes()).unwrap().passing.len(), 1);
    }

    #[test]
    fn a_file_that_kubelet_did_not_write_says_nothing_of_a_pod() {
        assert_eq!(Kubelet::read(b"127.0.0.1 localhost\n203.0.113.25 api\n"), None);
        assert_eq!(Kubelet::read(b""), None);
    }
}
