//! What names in filter options mean: addresses from hosts files, and from name servers only where that was asked for.
//!
//! A filter must not cause traffic in a pod that is being diagnosed, so name servers are not asked unless `--resolve`
//! says so. The files that were named (`--hosts`) come before the machine's own. A name with several addresses means any
//! of them. What each name meant is told: it may mean something else tomorrow.

use std::collections::BTreeMap;
use std::fs;
use std::net::ToSocketAddrs as _;
use std::path::{Path, PathBuf};

use crate::names::Hosts;
use crate::net::{Address, Block};

/// The machine's own hosts file.
pub const MACHINE: &str = "/etc/hosts";

/// A name means no address.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "`{name}` is not in {looked_in}; write its address, name it in a file (--hosts FILE), or ask name servers (--resolve)"
    )]
    Unknown { name: String, looked_in: String },
    #[error("`{name}` is not in {looked_in}, and name servers do not know it: {source}; write its address")]
    Unresolved { name: String, looked_in: String, source: std::io::Error },
    #[error("--hosts: {file} cannot be used: {why}")]
    File { file: String, why: String },
}

/// Looks names up, each once.
#[derive(Debug)]
pub struct Lookup {
    files: Vec<PathBuf>,
    asks_servers: bool,
    /// Each file with its content, once a name was asked for.
    hosts: Option<Vec<(String, Hosts)>>,
    found: BTreeMap<String, (Vec<Address>, String)>,
}

impl Lookup {
    /// A look-up in these files, then in the machine's own, and then, if `asks_servers`, by the machine's resolver.
    pub fn new(files: &[PathBuf], asks_servers: bool) -> Self {
        Self { files: files.to_vec(), asks_servers, hosts: None, found: BTreeMap::new() }
    }

    /// The addresses that `name` has, as blocks of one.
    pub fn blocks(&mut self, name: &str) -> Result<Vec<Block>, Error> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if !self.found.contains_key(&name) {
            let found = self.find(&name)?;
            self.found.insert(name.clone(), found);
        }
        let (addresses, _) = &self.found[&name];
        Ok(addresses.iter().map(|address| Block::from(address.ip())).collect())
    }

    /// A line for each name that was looked up: `partner is 203.0.113.25 (/etc/hosts)`.
    pub fn assumptions(&self) -> Vec<String> {
        let line = |(name, (addresses, origin)): (&String, &(Vec<Address>, String))| {
            let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            format!("{name} is {} ({origin})", shown.join(" or "))
        };
        self.found.iter().map(line).collect()
    }

    fn find(&mut self, name: &str) -> Result<(Vec<Address>, String), Error> {
        let hosts = match self.hosts.take() {
            Some(hosts) => hosts,
            None => read(&self.files)?,
        };
        let hit = hosts.iter().find_map(|(file, hosts)| {
            let addresses = hosts.addresses(name);
            (!addresses.is_empty()).then(|| (addresses.to_vec(), file.clone()))
        });
        let looked_in = hosts.iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>().join(" or ");
        self.hosts = Some(hosts);
        match hit {
            Some(hit) => Ok(hit),
            None if self.asks_servers => ask(name, looked_in),
            None => Err(Error::Unknown { name: name.to_owned(), looked_in }),
        }
    }
}

/// Asks the machine's resolver, and says so.
fn ask(name: &str, looked_in: String) -> Result<(Vec<Address>, String), Error> {
    eprintln!("egret: asking name servers for {name} (--resolve)");
    let answered = (name, 0).to_socket_addrs();
    let answered =
        answered.map_err(|source| Error::Unresolved { name: name.to_owned(), looked_in, source })?;
    let mut addresses: Vec<Address> = answered.map(|end| end.ip().to_canonical().into()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    Ok((addresses, "name server".to_owned()))
}

fn read(files: &[PathBuf]) -> Result<Vec<(String, Hosts)>, Error> {
    let mut read = Vec::new();
    for path in files {
        let file = path.display().to_string();
        let mut hosts = Hosts::default();
        let refused = |why: String| Error::File { file: file.clone(), why };
        let bytes = fs::read(path).map_err(|error| refused(error.to_string()))?;
        hosts.read(&bytes).map_err(|error| refused(error.to_string()))?;
        read.push((file, hosts));
    }
    read.push((MACHINE.to_owned(), of_machine(Path::new(MACHINE))));
    Ok(read)
}

/// What the machine's own file says. Resolvers pass over lines that they cannot read, and so is done here.
fn of_machine(path: &Path) -> Hosts {
    let mut hosts = Hosts::default();
    for line in fs::read(path).unwrap_or_default().split(|byte| *byte == b'\n') {
        hosts.read(line).ok();
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> PathBuf {
        let name = format!("egret-lookup-{}-{:x}", std::process::id(), content.len());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    #[test]
    fn a_name_means_every_address_that_a_file_gives_it() {
        let path = file("203.0.113.25 api.partner.example\n203.0.113.26 API.partner.example\n");
        let mut lookup = Lookup::new(std::slice::from_ref(&path), false);
        let blocks = lookup.blocks("api.partner.example.").unwrap();
        assert_eq!(
            blocks.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["203.0.113.25", "203.0.113.26"]
        );
        let told = format!("api.partner.example is 203.0.113.25 or 203.0.113.26 ({})", path.display());
        assert_eq!(lookup.assumptions(), [told]);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_name_that_no_file_has_is_answered_with_the_ways_on() {
        let said = Lookup::new(&[], false).blocks("nowhere.egret.invalid").unwrap_err().to_string();
        assert_eq!(
            said,
            "`nowhere.egret.invalid` is not in /etc/hosts; write its address, name it in a file (--hosts FILE), or ask name \
             servers (--resolve)"
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let missing = PathBuf::from("/nonexistent/egret/hosts");
        let said = Lookup::new(&[missing], false).blocks("partner").unwrap_err().to_string();
        assert!(said.starts_with("--hosts: /nonexistent/egret/hosts cannot be used: "), "{said}");
    }
}
