//! Frames: the list of them, the layers of the one that is selected, and its bytes.
//!
//! Three panes, one of which has the keys. A field that is selected lights its bytes; a byte that is selected finds its
//! field. Only a page of the list is at hand, as with flows.

mod brief;
pub(super) mod draw;
mod tree;

use std::sync::Arc;

use super::cursor::Cursor;
use super::layout;
use super::message::{Frames, FramesWanted, Seen};
use crate::decode::Options;
use crate::decode::dissect::dissect;
use brief::Brief;
use tree::Tree;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pane {
    List,
    Layers,
    Bytes,
}

#[derive(Debug)]
pub struct State {
    flow: Option<String>,
    frames: Option<Arc<Frames>>,
    briefs: Vec<Brief>,
    /// By frames from the list's start.
    cursor: Cursor,
    is_following: bool,
    pane: Pane,
    /// What the selected frame is made of, and its id.
    tree: Option<(String, Tree)>,
    byte: usize,
    /// The frames that were asked for last.
    asked: Option<FramesWanted>,
    decoding: Arc<Options>,
}

impl State {
    /// The frames of a flow, by its id; all frames, if none is named.
    pub(super) fn of(flow: Option<String>, decoding: &Arc<Options>) -> Self {
        Self {
            flow,
            frames: None,
            briefs: Vec::new(),
            cursor: Cursor::default(),
            is_following: false,
            pane: Pane::List,
            tree: None,
            byte: 0,
            asked: None,
            decoding: Arc::clone(decoding),
        }
    }

    pub(super) fn flow(&self) -> Option<&str> {
        self.flow.as_deref()
    }

    pub(super) fn is_following(&self) -> bool {
        self.is_following
    }

    pub(super) fn pane(&self) -> Pane {
        self.pane
    }

    fn total(&self) -> usize {
        self.frames.as_ref().map_or(0, |frames| frames.total)
    }

    fn at(&self, number: usize) -> Option<(&Seen, &Brief)> {
        let frames = self.frames.as_ref()?;
        let at = number.checked_sub(frames.wanted.first)?;
        Some((frames.list.get(at)?, self.briefs.get(at)?))
    }

    /// The frame that is selected, if it is at hand.
    pub(super) fn selected(&self) -> Option<&Seen> {
        self.at(self.cursor.selected).map(|(seen, _)| seen)
    }

    /// The frames to ask for, if they are others than those asked for last; with `again`, in any case.
    pub(super) fn wanted(&mut self, size: (u16, u16), again: bool) -> Option<FramesWanted> {
        let room = room(size);
        let first = self.cursor.top.saturating_sub(room);
        // Whole pages, so that not every step asks.
        let first = first - first % room.max(1);
        let wanted = FramesWanted { flow: self.flow.clone(), first, count: room * 4 };
        let is_new = self.asked.as_ref() != Some(&wanted);
        (is_new || again).then(|| {
            self.asked = Some(wanted.clone());
            wanted
        })
    }

    /// Takes in frames, if they are those of this screen.
    pub(super) fn take(&mut self, frames: Arc<Frames>, size: (u16, u16)) -> bool {
        if frames.wanted.flow != self.flow {
            return false;
        }
        self.briefs =
            frames.list.iter().map(|seen| Brief::of(&seen.bytes, seen.link, &self.decoding)).collect();
        self.frames = Some(frames);
        if self.is_following {
            self.cursor.selected = usize::MAX;
        }
        self.keep(size);
        true
    }

    fn keep(&mut self, size: (u16, u16)) {
        self.cursor.keep(self.total(), room(size));
        let id = self.selected().map(|seen| seen.id.clone());
        if self.tree.as_ref().map(|(id, _)| id) != id.as_ref() {
            let tree = |seen: &Seen| {
                let dissection = dissect(&seen.bytes, seen.link, &self.decoding);
                (seen.id.clone(), Tree::of(&dissection))
            };
            self.tree = self.selected().map(tree);
            self.byte = 0;
        }
    }

    fn tree(&self) -> Option<&Tree> {
        self.tree.as_ref().map(|(_, tree)| tree)
    }

    pub(super) fn follow(&mut self, size: (u16, u16)) {
        (self.is_following, self.cursor.selected, self.pane) = (true, usize::MAX, Pane::List);
        self.keep(size);
    }

    /// Moves in the pane that has the keys.
    pub(super) fn moved(&mut self, by: isize, size: (u16, u16)) {
        match self.pane {
            Pane::List => self.to(self.cursor.selected.saturating_add_signed(by), size),
            Pane::Layers => {
                let room = usize::from(layout::packets(size).layers.height);
                if let Some((_, tree)) = &mut self.tree {
                    tree.moved(by, room);
                    self.byte = tree.range().start;
                }
            }
            Pane::Bytes => self.byte_moved(by.saturating_mul(line_of_bytes(size) as isize), size),
        }
    }

    fn byte_moved(&mut self, by: isize, size: (u16, u16)) {
        let length = self.selected().map_or(0, |seen| seen.bytes.len());
        self.byte = self.byte.saturating_add_signed(by).min(length.saturating_sub(1));
        self.find_field(size);
    }

    fn find_field(&mut self, size: (u16, u16)) {
        let room = usize::from(layout::packets(size).layers.height);
        if let Some((_, tree)) = &mut self.tree {
            tree.find(self.byte, room);
        }
    }

    /// Selects a frame by its number.
    pub(super) fn to(&mut self, number: usize, size: (u16, u16)) {
        self.is_following = false;
        self.cursor.selected = number;
        self.keep(size);
    }

    pub(super) fn can_enter(&self) -> bool {
        self.tree.is_some()
    }

    pub(super) fn can_leave(&self) -> bool {
        self.pane != Pane::List
    }

    /// On to the layers, to the bytes, and along these.
    pub(super) fn right(&mut self, size: (u16, u16)) {
        match self.pane {
            Pane::List if self.tree.is_some() => self.pane = Pane::Layers,
            Pane::Layers => {
                self.pane = Pane::Bytes;
                self.byte = self.tree().map_or(0, |tree| tree.range().start);
            }
            Pane::Bytes => self.byte_moved(1, size),
            Pane::List => {}
        }
    }

    /// Back along the bytes; from their line's start to the layers, and to the list.
    pub(super) fn left(&mut self, size: (u16, u16)) {
        match self.pane {
            Pane::Bytes if !self.byte.is_multiple_of(line_of_bytes(size)) => self.byte_moved(-1, size),
            Pane::Bytes => self.pane = Pane::Layers,
            Pane::Layers | Pane::List => self.pane = Pane::List,
        }
    }

    /// Leaves a pane for the one before.
    pub(super) fn leave(&mut self) {
        self.pane = match self.pane {
            Pane::Bytes => Pane::Layers,
            Pane::Layers | Pane::List => Pane::List,
        };
    }

    /// Selects a field by its line among those of the layers.
    pub(super) fn select_field(&mut self, line: usize, size: (u16, u16)) {
        let room = usize::from(layout::packets(size).layers.height);
        if let Some((_, tree)) = &mut self.tree {
            tree.to(line, room);
            self.byte = tree.range().start;
            self.pane = Pane::Layers;
        }
    }

    pub(super) fn select_byte(&mut self, byte: usize, size: (u16, u16)) {
        if self.selected().is_some_and(|seen| byte < seen.bytes.len()) {
            self.pane = Pane::Bytes;
            self.byte = byte;
            self.find_field(size);
        }
    }

    /// The numbers of the selected packet's copies, itself among them, as far as they are at hand.
    fn same(&self) -> Vec<usize> {
        let Some((_, own)) = self.at(self.cursor.selected) else { return Vec::new() };
        let first = self.frames.as_ref().map_or(0, |frames| frames.wanted.first);
        let Some(print) = own.print else { return vec![self.cursor.selected] };
        (first..)
            .zip(&self.briefs)
            .filter(|(_, brief)| brief.print == Some(print))
            .map(|(at, _)| at)
            .collect()
    }

    /// How many places show the selected packet.
    pub(super) fn copies(&self) -> usize {
        self.same().len()
    }

    pub(super) fn next_copy(&mut self, is_forwards: bool, size: (u16, u16)) {
        let same = self.same();
        let Some(at) = same.iter().position(|number| *number == self.cursor.selected) else { return };
        let next = if is_forwards { at + 1 } else { at + same.len() - 1 };
        // What is selected in the layers stays, for copies are alike.
        let line = self.tree().map(Tree::selected);
        self.to(same[next % same.len()], size);
        if let (Some(line), Pane::Layers | Pane::Bytes) = (line, self.pane) {
            self.select_field(line, size);
        }
    }
}

fn line_of_bytes(size: (u16, u16)) -> usize {
    layout::bytes_a_line(layout::packets(size).bytes)
}

/// Frames that the list has room for.
pub(super) fn room(size: (u16, u16)) -> usize {
    usize::from(layout::packets(size).lines.height)
}
