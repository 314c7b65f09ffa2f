//! What egret sees in a capture: its frames with their layers, their digests, and the flows that come of them.

use std::path::Path;

use egret::capture::savefile::{Error, Filled, Keep, Savefile};
use egret::decode::{self, Digester, KeyHasher, Options};
use egret::digest::{Batch, Digest, Incident};
use egret::engine::{Engine, Settings};
use egret::frame::{LinkType, PointIndex};
use egret::packet::Packet;
use egret::snapshot::{Detail, Row, Snapshots as _, Window};

/// A frame, as it is seen once.
#[derive(Debug)]
pub(crate) struct Sight<'a> {
    /// From 1.
    pub(crate) number: u64,
    pub(crate) link: LinkType,
    pub(crate) bytes: &'a [u8],
    pub(crate) original: u32,
    pub(crate) packet: Packet,
    pub(crate) digest: Digest,
}

/// What reading told besides frames.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) packets: u64,
    pub(crate) captured: u64,
    pub(crate) original: u64,
    /// Why the capture could not be opened, or its rest not be read.
    pub(crate) problem: Option<String>,
    pub(crate) opened: bool,
    pub(crate) flows: Vec<Row>,
}

/// Shows `look` every frame of the capture at `path`, and gives the flows that the engine made of them.
pub(crate) fn observe(path: &Path, mut look: impl FnMut(&Sight<'_>)) -> Read {
    let mut read = Read::default();
    let mut savefile = match Savefile::open(path, Keep::Nothing) {
        Ok(savefile) => savefile,
        Err(error) => return Read { problem: Some(unnamed(&error, path)), ..read },
    };
    read.opened = true;
    let mut engine = Engine::new(Settings::default());
    let point = engine.add_point("p", "p");
    assert_eq!(point, PointIndex(0), "it is the only point");
    let options = Options::default();
    let mut digester = Digester::new(KeyHasher::new(1), options.clone());
    let mut batch = Batch::new(point);
    let mut links = Vec::new();
    loop {
        let filled = savefile.fill(&mut batch);
        links.extend(batch.interfaces.iter().map(|interface| interface.link));
        digester.digest(&mut batch);
        for (head, digest) in batch.heads.iter().zip(&batch.digests) {
            read.packets += 1;
            read.captured += u64::from(head.captured);
            read.original += u64::from(head.original);
            let (link, bytes) = (links[usize::from(head.interface)], batch.bytes(head));
            look(&Sight {
                number: read.packets,
                link,
                bytes,
                original: head.original,
                packet: decode::packet(bytes, link, &options),
                digest: *digest,
            });
        }
        for incident in &batch.incidents {
            if let Incident::Truncated(why) = incident {
                read.problem = Some(why.replace(&path.display().to_string(), "it"));
            }
        }
        engine.ingest(&batch);
        if filled == Filled::End {
            break;
        }
    }
    engine.end();
    let all = Window { count: usize::MAX, detail: Detail::Rows, ..Window::default() };
    read.flows = engine.snapshot(&all).rows;
    read
}

/// The error without the path, which says nothing about the capture.
fn unnamed(error: &Error, path: &Path) -> String {
    error.to_string().replace(&path.display().to_string(), "it")
}
