//! Sources that were opened, each with its point.

use crate::capture::live::{self, Live, Request};
use crate::capture::savefile::{self, Keep, Meter, Savefile};
use crate::cli::frames::{Input, Source};
use crate::command::companion::{Leash, Output};
use crate::command::feed::Reader;
use crate::command::namespaces::{Ground, Namespaces};
use crate::command::taker::Taker;
use crate::command::valve::Tap;
use crate::frame::PointIndex;
use crate::machine::namespace;

/// Why a source could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Live(#[from] live::Error),
    /// Of an interface elsewhere.
    #[error("{name}: {error}")]
    Entered { name: String, error: live::Error },
    #[error(transparent)]
    Namespace(#[from] namespace::Error),
    #[error(transparent)]
    Savefile(#[from] savefile::Error),
    #[error("{0:#}")]
    Command(anyhow::Error),
}

/// A point that is an interface of this machine, and the network namespace that this is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Captured {
    pub(super) point: PointIndex,
    pub(super) ground: Ground,
}

/// What was opened, by kind.
#[derive(Default)]
pub(super) struct Opened {
    pub(super) readers: Vec<Reader>,
    pub(super) savefiles: Vec<(PointIndex, Savefile)>,
    pub(super) live: Vec<Captured>,
    /// What each of these is captured with.
    pub(super) taps: Vec<Tap>,
    pub(super) leashes: Vec<Leash>,
    /// Commands that may take a while before they capture.
    pub(super) awaited: Vec<PointIndex>,
    pub(super) meters: Vec<Meter>,
    /// By point.
    pub(super) names: Vec<String>,
}

impl Opened {
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Opens a source and makes it known to the taker.
    pub(super) fn open(
        &mut self,
        taker: &mut impl Taker,
        source: &Source,
        namespaces: &Namespaces,
        request: &Request,
    ) -> Result<(), Failure> {
        let keep = if taker.wants_frames_again() { Keep::Frames } else { Keep::Nothing };
        match &source.input {
            Input::Stdin => {
                let savefile = Savefile::stdin(keep)?;
                let point = self.add(taker, source);
                self.meters.push(savefile.meter());
                // Who makes others wait must not be waited for.
                self.readers.push(Reader::Savefiles(vec![(point, savefile)]));
            }
            Input::File(path) => {
                let savefile = Savefile::open(path, keep)?;
                let point = self.add(taker, source);
                if let Some(store) = savefile.store() {
                    taker.note_store(point, store);
                }
                self.meters.push(savefile.meter());
                self.savefiles.push((point, savefile));
            }
            Input::Interface(interface) => {
                let ground = interface.namespace;
                let request = Request { interface: interface.name.clone(), ..request.clone() };
                let opened = namespaces.within(ground, || Live::open(&request))?;
                let mut live = opened.map_err(|error| match (ground, error) {
                    (Some(_), error) if !matches!(error, live::Error::NotPermitted { .. }) => {
                        Failure::Entered { name: source.name.clone(), error }
                    }
                    (_, error) => Failure::Live(error),
                })?;
                let point = self.add(taker, source);
                let mut filter = request.filter.clone();
                if let Some(narrowing) = taker.narrowing(live.link()) {
                    let narrowed = both(format!("({narrowing})"), request.filter.as_deref());
                    live.narrow(&narrowed)?;
                    filter = Some(narrowed);
                }
                if let Some(filter) = &filter {
                    taker.note_filter(point, filter);
                }
                self.live.push(Captured { point, ground });
                self.taps.push(Tap { point, link: live.link(), own: request.filter.clone() });
                self.readers.push(Reader::Live(point, live));
            }
            Input::Command(command) => {
                let (output, leash) = Output::of(command).map_err(Failure::Command)?;
                self.leashes.push(leash);
                let point = self.add(taker, source);
                self.awaited.push(point);
                self.readers.push(Reader::Stream(point, source.name.clone(), output));
            }
        }
        Ok(())
    }

    fn add(&mut self, taker: &mut impl Taker, source: &Source) -> PointIndex {
        self.names.push(source.name.clone());
        taker.add_point(source)
    }
}

/// The filter of what passes egret's own and the one that was typed. That comes last: `vlan` in it means another thing from there on.
pub(super) fn both(own: String, typed: Option<&str>) -> String {
    match typed {
        Some(typed) => format!("{own} and ({typed})"),
        None => own,
    }
}
