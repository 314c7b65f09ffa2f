//! Hosts files (hosts(5)): an address and its names a line, `#` before a comment.
//!
//! The first name of an address is shown. Where files or lines differ, the first counts, as it does for a resolver.
//! The machine's own `/etc/hosts` is not read unless it is named: captures come from other machines, where an address
//! is another one's.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::net::Address;
use crate::text::Text;

/// Names of addresses that people wrote down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    names: BTreeMap<Address, Text>,
    /// By every name, in small letters.
    addresses: BTreeMap<Vec<u8>, Vec<Address>>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{typed}` is not an address; write `203.0.113.25 api.partner.example`")]
pub struct HostsError {
    pub line: usize,
    pub typed: String,
}

impl Hosts {
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn name(&self, address: Address) -> Option<&Text> {
        self.names.get(&address)
    }

    /// All addresses that have this name, on whichever line: what people mean who type it.
    pub fn addresses(&self, name: &str) -> &[Address] {
        self.addresses.get(name.to_ascii_lowercase().as_bytes()).map_or(&[], Vec::as_slice)
    }

    /// Adds what a file says of addresses that have no name yet.
    pub fn read(&mut self, file: &[u8]) -> Result<(), HostsError> {
        for (number, line) in (1..).zip(file.split(|byte| *byte == b'\n')) {
            let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let Some(typed) = words.next() else { continue };
            let typed = String::from_utf8_lossy(typed);
            // `fe80::1%eth0`: a zone says where an address is meant, captures do not.
            let address = typed.split('%').next().unwrap_or_default();
            let Ok(address) = address.parse::<IpAddr>() else {
                return Err(HostsError { line: number, typed: typed.escape_debug().to_string() });
            };
            let address = address.into();
            for name in words {
                self.add(address, name);
            }
        }
        Ok(())
    }

    /// Adds what others say of addresses that have no name yet.
    pub fn append(&mut self, others: &Self) {
        for (address, name) in &others.names {
            self.names.entry(*address).or_insert_with(|| name.clone());
        }
        for (name, addresses) in &others.addresses {
            let known = self.addresses.entry(name.clone()).or_default();
            known.extend(
                addresses.iter().filter(|address| !known.contains(address)).copied().collect::<Vec<_>>(),
            );
        }
    }

    /// Adds a name; an address that has one keeps that.
    pub fn add(&mut self, address: Address, name: &[u8]) {
        self.names.entry(address).or_insert_with(|| Text::exact(name));
        let known = self.addresses.entry(name.to_ascii_lowercase()).or_default();
        if !known.contains(&address) {
            known.push(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(files: &[&str], address: &str) -> Option<String> {
        let mut hosts = Hosts::default();
        for file in files {
            hosts.read(file.as_bytes()).expect("a hosts file");
        }
        hosts.name(address.parse::<IpAddr>().unwrap().into()).map(ToString::to_string)
    }

    #[test]
    fn a_line_names_an_address_and_the_first_counts() {
        let file = "# ours\n203.0.113.25\tapi.partner.example api # the partner\r\n\nfd00::1 six\n203.0.113.25 other\n";
        assert_eq!(name(&[file], "203.0.113.25").as_deref(), Some("api.partner.example"));
        assert_eq!(name(&[file, "fd00::1 again"], "fd00::1").as_deref(), Some("six"));
        assert_eq!(name(&[file], "203.0.113.26"), None);
    }

    #[test]
    fn a_name_means_all_addresses_that_have_it_on_any_line() {
        let mut hosts = Hosts::default();
        hosts
            .read(b"203.0.113.25 api.partner.example api\nfd00::25 Api.Partner.Example\n203.0.113.25 api\n")
            .unwrap();
        let shown = |name| hosts.addresses(name).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(shown("API.partner.example"), ["203.0.113.25", "fd00::25"]);
        assert_eq!(shown("api"), ["203.0.113.25"]);
        assert!(shown("partner").is_empty());
    }

    #[test]
    fn a_line_that_begins_with_no_address_is_named() {
        let error = Hosts::default().read(b"127.0.0.1 localhost\napi 203.0.113.25\n").unwrap_err();
        assert_eq!((error.line, error.typed.as_str()), (2, "api"));
    }
}
