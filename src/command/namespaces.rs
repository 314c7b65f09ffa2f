//! The network namespaces that a run captures in besides its own, open.
//!
//! They are opened before anything else, so that the sources can be called after the pods that are in them, and entered (by a
//! thread that does nothing else) only to open sockets. Two ways to one namespace are one; and one that turns out to be egret's own,
//! as of a pod with hostNetwork, is that.

use anyhow::Context as _;

use crate::cli::entered::Which;
use crate::cli::frames::{Frames, Input, Source};
use crate::command::refused;
use crate::machine::container::Container;
use crate::machine::namespace::{self, Namespace};
use crate::privilege::Capability;

/// A namespace that is captured in, by its number; `None` is egret's own.
pub(super) type Ground = Option<usize>;

#[derive(Debug, Default)]
pub(super) struct Namespaces {
    opened: Vec<Opened>,
}

#[derive(Debug)]
struct Opened {
    namespace: Namespace,
    /// The one that it is: the first that leads there.
    ground: Ground,
    /// What the report calls it: as its source, if it has one alone.
    name: String,
    /// As it was typed.
    shown: String,
}

impl Namespaces {
    /// Opens those that are entered, and returns all sources with their names; `command` is the subcommand's.
    pub(super) fn open(frames: &Frames, command: &str) -> anyhow::Result<(Self, Vec<Source>)> {
        let own = Namespace::own();
        let mut opened: Vec<Opened> = Vec::new();
        let mut known = Vec::new();
        for (index, entered) in frames.entered()?.into_iter().enumerate() {
            let (namespace, called) = open(&entered.which, command)?;
            known.push(called);
            let identity = namespace.identity();
            let first = opened.iter().position(|before| before.namespace.identity() == identity);
            let ground = if identity == own { None } else { Some(first.unwrap_or(index)) };
            let name = entered.name.or_else(|| known[index].clone());
            let name = name.unwrap_or_else(|| entered.which.default_name());
            opened.push(Opened { namespace, ground, name, shown: entered.which.shown() });
        }
        let mut sources = frames.sources(&known)?;
        for source in &mut sources {
            if let Input::Interface(interface) = &mut source.input
                && let Some(index) = interface.namespace
            {
                interface.namespace = opened[index].ground;
            }
        }
        for (index, its) in opened.iter_mut().enumerate() {
            let mut there = sources.iter().filter(|source| ground(source) == Some(Some(index)));
            if let (Some(only), None) = (there.next(), there.next()) {
                its.name.clone_from(&only.name);
            }
        }
        refuse_doubles(&sources)?;
        Ok((Self { opened }, sources))
    }

    /// What `work` returns, done where a source is; in egret's own namespace by the calling thread.
    pub(super) fn within<T: Send>(
        &self,
        ground: Ground,
        work: impl FnOnce() -> T + Send,
    ) -> Result<T, namespace::Error> {
        match ground {
            None => Ok(work()),
            Some(index) => self.opened[index].namespace.within(work),
        }
    }

    /// Lines for the report: what was entered and turned out to be egret's own namespace.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        let own = self.opened.iter().filter(|opened| opened.ground.is_none());
        own.map(|opened| {
            format!(
                "{}: this is the network namespace that egret itself runs in, as with hostNetwork",
                opened.shown
            )
        })
    }

    /// What the report calls it; `None` is egret's own.
    pub(super) fn name(&self, ground: Ground) -> Option<&str> {
        ground.map(|index| self.opened[index].name.as_str())
    }
}

/// Where a source is, if it is an interface.
pub(super) fn ground(source: &Source) -> Option<Ground> {
    match &source.input {
        Input::Interface(interface) => Some(interface.namespace),
        Input::Stdin | Input::File(_) | Input::Command(_) => None,
    }
}

/// The namespace, and what who is in it is called, as far as that is known.
fn open(which: &Which, command: &str) -> anyhow::Result<(Namespace, Option<String>)> {
    let explained = |error: namespace::Error| match error {
        namespace::Error::NotPermitted { .. } => refused::explained_of(Capability::SysAdmin, &error, command),
        error => error.into(),
    };
    let (namespace, id) = match which {
        Which::Netns(path) => (Namespace::at(path).map_err(explained).context("--netns")?, None),
        Which::Pid(pid) => (Namespace::of_process(*pid).map_err(explained).context("--pid")?, None),
        Which::Container(id) => {
            let container = Container::find(id).context("--container")?;
            let namespace = Namespace::of_process(container.pid).map_err(explained);
            let namespace = namespace.with_context(|| format!("--container {}", container.short()))?;
            (namespace, Some(container.short().to_owned()))
        }
    };
    let called = namespace.host().map(str::to_owned).or(id);
    Ok((namespace, called))
}

/// Two ways to one interface: its frames would count twice.
fn refuse_doubles(sources: &[Source]) -> anyhow::Result<()> {
    for (index, source) in sources.iter().enumerate() {
        let Input::Interface(interface) = &source.input else { continue };
        if let Some(before) = sources[..index].iter().find(|before| before.input == source.input) {
            anyhow::bail!(
                "{} and {} are one and the same, {} of one network namespace: its frames would count twice",
                before.name,
                source.name,
                interface.name
            );
        }
    }
    Ok(())
}
