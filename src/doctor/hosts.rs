//! The hosts file: kubelet's own entries, the pod's `hostAliases`, and what was written by hand and will be lost.

use std::net::IpAddr;

use serde::Serialize;

use crate::names::Kubelet;
use crate::text::Text;

#[derive(Debug, Serialize)]
pub struct HostsFile {
    /// `kubelet` or `others`; null where the file could not be read.
    pub written_by: Option<&'static str>,
    pub entries: usize,
    /// Of the entries, those of `hostAliases`.
    pub aliases: usize,
    /// Entries that kubelet leaves out when the pod's containers start anew.
    pub passing: Vec<Passing>,
}

#[derive(Debug, Serialize)]
pub struct Passing {
    pub entry: String,
    /// The same as an element of the pod's `hostAliases`; null where the entry is none that could be one.
    pub yaml: Option<String>,
}

impl HostsFile {
    pub(super) fn of(file: Option<&[u8]>) -> Self {
        let Some(file) = file else {
            return Self { written_by: None, entries: 0, aliases: 0, passing: Vec::new() };
        };
        let entries = entries(file);
        match Kubelet::read(file) {
            None => Self { written_by: Some("others"), entries, aliases: 0, passing: Vec::new() },
            Some(kubelet) => Self {
                written_by: Some("kubelet"),
                entries,
                aliases: kubelet.aliases,
                passing: kubelet
                    .passing
                    .iter()
                    .map(|entry| Passing { entry: entry.to_string(), yaml: yaml(entry) })
                    .collect(),
            },
        }
    }

    pub(super) fn words(&self) -> String {
        match self.written_by {
            None => "/etc/hosts could not be read".to_owned(),
            Some("kubelet") => format!(
                "/etc/hosts is kubelet's: {}, {} by the pod's hostAliases, {} by hand",
                if self.entries == 1 { "1 entry".to_owned() } else { format!("{} entries", self.entries) },
                self.aliases,
                self.passing.len()
            ),
            Some(_) => format!(
                "/etc/hosts is not kubelet's; its {} are read where it is named (--hosts /etc/hosts)",
                if self.entries == 1 { "1 entry".to_owned() } else { format!("{} entries", self.entries) },
            ),
        }
    }
}

/// Lines that begin with an address.
fn entries(file: &[u8]) -> usize {
    let text = String::from_utf8_lossy(file);
    let first = |line: &str| line.split_whitespace().next().and_then(|word| word.parse::<IpAddr>().ok());
    text.lines().filter(|line| first(line).is_some()).count()
}

fn yaml(entry: &Text) -> Option<String> {
    let entry = entry.to_string();
    let mut words = entry.split_whitespace();
    let address: IpAddr = words.next()?.parse().ok()?;
    let names: Vec<&str> = words.collect();
    let is_name =
        |name: &&str| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    (!names.is_empty() && names.iter().all(is_name))
        .then(|| format!("- {{ ip: \"{address}\", hostnames: [{}] }}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_by_hand_is_told_with_the_yaml_that_keeps_it() {
        let file = "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n10.128.0.5\tweb-0\n\n\
                    # Entries added by HostAliases.\n203.0.113.25\tapi.partner.example\n203.0.113.27 mq.partner.example mq\n";
        let told = HostsFile::of(Some(file.as_bytes()));
        assert_eq!((told.written_by, told.entries, told.aliases), (Some("kubelet"), 4, 1));
        assert_eq!(told.passing[0].entry, "203.0.113.27 mq.partner.example mq");
        assert_eq!(
            told.passing[0].yaml.as_deref(),
            Some("- { ip: \"203.0.113.27\", hostnames: [mq.partner.example, mq] }")
        );
    }

    #[test]
    fn a_strange_entry_gets_no_yaml_and_is_shown_escaped() {
        let file = "# Kubernetes-managed hosts file.\n\n203.0.113.27 \u{1b}[2J\n";
        let told = HostsFile::of(Some(file.as_bytes()));
        assert_eq!(told.passing[0].entry, "203.0.113.27 \\u{1b}[2J");
        assert_eq!(told.passing[0].yaml, None);
    }

    #[test]
    fn another_machines_file_and_none_at_all_are_told_apart() {
        let other = HostsFile::of(Some(b"127.0.0.1 localhost\n"));
        assert_eq!((other.written_by, other.entries), (Some("others"), 1));
        assert_eq!(HostsFile::of(None).written_by, None);
    }
}
