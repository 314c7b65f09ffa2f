//! Reads the cluster's objects from files and folders, and derives what follows from them.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::cluster::Cluster;
use crate::cli::frames::Frames;
use crate::cli::traffic::Named;
use crate::expect::derive::Derived;
use crate::names::Hosts;
use crate::number::counted;
use crate::objects::{LARGEST, Objects};

/// Most files of all folders, and how deep these may lie in each other: a must-gather has some ten thousand.
const FILES: usize = 200_000;
const DEEPEST: usize = 32;

/// The cluster's objects, and what follows from them.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) objects: Objects,
    pub(super) derived: Derived,
    /// What could not be read, a line each.
    pub(super) warnings: Vec<String>,
    /// What was read from standard input: it cannot be read again, to show a line of it.
    pub(super) input: Option<String>,
}

/// What standard input is called, where places are told.
pub(super) const INPUT: &str = "standard input";

/// What `--cluster` names; `None` where nothing was typed.
pub(super) fn described(typed: &Cluster) -> anyhow::Result<Option<Described>> {
    if typed.cluster.is_empty() {
        return Ok(None);
    }
    let objects = Objects::of_namespace(typed.cluster_namespace.clone());
    let mut described = Described { objects, ..Described::default() };
    for path in &typed.cluster {
        described.take(path)?;
    }
    described.derived = Derived::of(&described.objects, &typed.assumed());
    Ok(Some(described))
}

impl Described {
    /// The names that objects give to addresses: `hostAliases` of pods, and what the cluster's DNS calls its Services.
    pub(super) fn named(&self) -> Vec<Named> {
        let mut aliases = Hosts::default();
        for alias in self.objects.host_aliases() {
            for name in &alias.names {
                aliases.add(alias.address.value, name.value.as_bytes());
            }
        }
        let mut services = Hosts::default();
        for service in &self.objects.services {
            let Some(namespace) = &service.id.namespace else { continue };
            let name = format!("{}.{namespace}", service.id.name);
            for &address in &service.cluster_ips {
                for end in ["", ".svc", ".svc.cluster.local"] {
                    services.add(address, format!("{name}{end}").as_bytes());
                }
            }
        }
        let named = [("hostAliases of the cluster's pods", aliases), ("the cluster's Services", services)];
        let named = named.into_iter().filter(|(_, hosts)| !hosts.is_empty());
        named.map(|(origin, hosts)| Named { origin: origin.to_owned(), hosts }).collect()
    }

    /// How frames are read, with the ports of tunnels that the objects tell.
    pub(super) fn frames(&self, typed: &Frames) -> Frames {
        let mut frames = typed.clone();
        frames.vxlan_port.extend(self.objects.vxlan_ports());
        frames.geneve_port.extend(self.objects.geneve_ports());
        frames
    }

    /// A file is meant to have objects; of a folder, those files that have some.
    fn take(&mut self, path: &Path) -> anyhow::Result<()> {
        let shown = path.display().to_string();
        if shown == "-" {
            let mut bytes = Vec::new();
            let mut input = std::io::stdin().lock().take(LARGEST as u64 + 1);
            input.read_to_end(&mut bytes).context("--cluster: cannot read standard input")?;
            self.file(INPUT, &bytes)?;
            self.input = Some(String::from_utf8_lossy(&bytes).into_owned());
            return Ok(());
        }
        if !path.is_dir() {
            let bytes = read(path).with_context(|| format!("--cluster: cannot read {shown}"))?;
            return self.file(&shown, &bytes);
        }
        let files = files(path).with_context(|| format!("--cluster: cannot read {shown}"))?;
        let (mut taken, mut unread) = (0, Vec::new());
        for file in &files {
            let name = file.display().to_string();
            match read(file) {
                // A known kind of another shape ends the run; what is no YAML at all is none of the cluster's objects.
                Ok(bytes) => match self.objects.add(&name, &bytes) {
                    Ok(objects) => taken += objects,
                    Err(error) if error.is_unreadable() => unread.push(error.to_string()),
                    Err(error) => return Err(error.into()),
                },
                Err(error) => unread.push(format!("cannot read {name}: {error}")),
            }
        }
        if taken == 0 {
            let first = unread.first().map(|first| format!("; {first}")).unwrap_or_default();
            let what = match files.len() {
                0 => format!("there is no file in {shown} that ends in .yaml, .yml or .json"),
                1 => format!("{} has no objects in it{first}", files[0].display()),
                several => format!("none of the {several} files in {shown} has objects in it{first}"),
            };
            anyhow::bail!("--cluster: {what}");
        }
        if let Some(first) = unread.first() {
            let unread = counted(unread.len() as u64, "file");
            self.warnings.push(format!("going on without {unread} of {shown} that cannot be read: {first}"));
        }
        Ok(())
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let taken = self.objects.add(name, bytes)?;
        anyhow::ensure!(
            taken > 0,
            "--cluster: {name} has no objects in it; write them with `oc get … -o yaml`"
        );
        Ok(())
    }
}

/// One byte more than may be, so that too much is seen to be.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The files below `folder` that may have objects in them, in order of path.
///
/// Links to files are followed, as folders have that a `ConfigMap` is mounted at, and those to folders are not. Hidden files and
/// folders are no cluster's.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let path = entry.path();
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let is_of_objects = path
                .extension()
                .is_some_and(|end| ["yaml", "yml", "json"].iter().any(|one| end.eq_ignore_ascii_case(one)));
            let is_file = || kind.is_file() || (kind.is_symlink() && path.is_file());
            if kind.is_dir() && depth < DEEPEST {
                folders.push((path, depth + 1));
            } else if is_of_objects && is_file() {
                found.push(path);
            }
            anyhow::ensure!(
                found.len() + folders.len() <= FILES,
                "there are more than {FILES} files in it; name the folders that have the objects"
            );
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_the_objects_of_its_files_in_order_and_skips_the_rest() {
        let folder = std::env::temp_dir().join(format!("egret-objects-{}", std::process::id()));
        let inner = folder.join("namespaces/herasoo");
        fs::create_dir_all(&inner).expect("a folder");
        let pod = |name: &str| {
            format!("kind: Pod\napiVersion: v1\nmetadata: {{ name: {name}, namespace: herasoo }}\n")
        };
        fs::write(inner.join("pods.yaml"), pod("web")).expect("a file");
        fs::write(
            folder.join("a.json"),
            "{\"kind\": \"Node\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"n\"}}",
        )
        .expect("a file");
        fs::write(folder.join("broken.yaml"), "a: [1").expect("a file");
        fs::write(folder.join("timestamp"), "now").expect("a file");
        // As a ConfigMap is mounted: the files are in a hidden folder, and links lead there.
        fs::create_dir_all(folder.join("..data")).expect("a folder");
        fs::write(folder.join("..data/more.yaml"), pod("linked")).expect("a file");
        std::os::unix::fs::symlink("..data/more.yaml", folder.join("more.yaml")).expect("a link");
        std::os::unix::fs::symlink("nowhere", folder.join("lost.yaml")).expect("a link");
        std::os::unix::fs::symlink(".", folder.join("round")).expect("a link");
        let typed = Cluster { cluster: vec![folder.clone()], ..Cluster::default() };
        let described = described(&typed).expect("objects").expect("some");
        assert_eq!((described.objects.pods.len(), described.objects.nodes.len()), (2, 1));
        assert!(described.objects.repeated.is_empty(), "each file is read once");
        assert_eq!(described.warnings.len(), 1);
        fs::write(folder.join("wrong.yaml"), "kind: Pod\napiVersion: v1\nmetadata: { name: a }\nspec: []\n")
            .expect("a file");
        assert!(super::described(&typed).is_err(), "a known kind of another shape");
        fs::remove_dir_all(&folder).expect("the folder");
    }

    #[test]
    fn a_file_without_objects_is_a_mistake() {
        let path = std::env::temp_dir().join(format!("egret-no-objects-{}.yaml", std::process::id()));
        fs::write(&path, "expectations: []\n").expect("a file");
        let error =
            described(&Cluster { cluster: vec![path.clone()], ..Cluster::default() }).expect_err("nothing");
        assert!(error.to_string().contains("has no objects in it"), "{error}");
        fs::remove_file(&path).expect("the file");
    }
}
