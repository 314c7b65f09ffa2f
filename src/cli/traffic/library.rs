//! Where presets come from: those that egret brings along, and the files of a folder, which come before them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::filter::preset::{Error, Preset, built_in};
use crate::nearest::nearest;

/// The presets that can be asked for, in the order of their names.
#[derive(Debug)]
pub struct Library {
    pub entries: Vec<Entry>,
}

#[derive(Debug)]
pub struct Entry {
    pub preset: Preset,
    /// What its file says.
    pub text: String,
    /// The file; none, if egret brought it along.
    pub file: Option<PathBuf>,
}

impl Library {
    /// All presets; those of files in `folder` stand in for those of the same name.
    pub fn read(folder: Option<&Path>) -> anyhow::Result<Self> {
        let brought = built_in().map(|(preset, text)| Entry { preset, text: text.to_owned(), file: None });
        let mut entries: Vec<Entry> = brought.collect();
        for path in folder.map(files).transpose()?.unwrap_or_default() {
            let entry = Entry::read(&path)?;
            let known = entries.iter_mut().find(|known| known.preset.name == entry.preset.name);
            match known {
                Some(Entry { file: Some(other), .. }) => anyhow::bail!(
                    "two presets are named {}: {} and {}; give each a name of its own",
                    entry.preset.name,
                    other.display(),
                    path.display()
                ),
                Some(known) => *known = entry,
                None => entries.push(entry),
            }
        }
        entries.sort_by(|a, b| a.preset.name.cmp(&b.preset.name));
        Ok(Self { entries })
    }

    /// The preset of that name.
    pub fn find(&self, name: &str) -> Result<&Entry, Error> {
        let unknown = || {
            let names = self.entries.iter().map(|entry| entry.preset.name.as_str());
            Error::Unknown { typed: name.to_owned(), nearest: nearest(name, names).map(str::to_owned) }
        };
        self.entries.iter().find(|entry| entry.preset.name == name).ok_or_else(unknown)
    }
}

impl Entry {
    /// The preset in a file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display().to_string();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read the preset {shown}"))?;
        let preset = Preset::read(&shown, &bytes)?;
        Ok(Self { preset, text: String::from_utf8_lossy(&bytes).into_owned(), file: Some(path.to_owned()) })
    }
}

/// The YAML files of a folder, by name.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || format!("--presets: cannot read the folder {}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
