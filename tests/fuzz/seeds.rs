//! What inputs are made of: the captures of `testdata/`, as files and as frames.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::digest::Batch;
use egret::frame::PointIndex;

use crate::record::{Frame, POINTS};

/// Paths of all captures, by situation.
pub(crate) fn situations() -> Vec<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let is_capture = |path: &PathBuf| path.to_string_lossy().contains(".pcap");
    let folders = entries(&root).into_iter().filter(|path| path.is_dir());
    // A folder may have something else than captures.
    let situations: Vec<Vec<PathBuf>> = folders
        .map(|folder| entries(&folder).into_iter().filter(is_capture).collect::<Vec<_>>())
        .filter(|captures| !captures.is_empty())
        .collect();
    let captures: usize = situations.iter().map(Vec::len).sum();
    assert!(captures >= 17, "{}: captures are missing", root.display());
    situations
}

/// The frames of each situation, in order of time.
pub(crate) static FRAMES: LazyLock<Vec<Vec<Frame>>> = LazyLock::new(|| {
    let read = |paths: Vec<PathBuf>| {
        let mut frames: Vec<Frame> =
            (0..).zip(&paths).flat_map(|(point, path)| frames(point % POINTS as u8, path)).collect();
        frames.sort_by_key(|frame| frame.time);
        frames
    };
    situations().into_iter().map(read).collect()
});

fn frames(point: u8, path: &Path) -> Vec<Frame> {
    let mut savefile = Savefile::open(path, Keep::Nothing).expect("a capture");
    let mut batch = Batch::new(PointIndex(0));
    let (mut frames, mut links) = (Vec::new(), Vec::new());
    loop {
        let filled = savefile.fill(&mut batch);
        links.extend(batch.interfaces.iter().map(|interface| interface.link.0));
        frames.extend(batch.heads.iter().map(|head| Frame {
            point,
            is_undescribed: false,
            link: links[usize::from(head.interface)],
            time: head.time.nanos(),
            original: head.original,
            bytes: batch.bytes(head).to_vec(),
        }));
        if filled == Filled::End {
            return frames;
        }
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}
