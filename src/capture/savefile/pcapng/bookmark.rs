//! Where in a file reading could begin again: what must be known there of the blocks before.

use std::sync::{Arc, Mutex};

use super::super::order::Order;
use super::Pcapng;
use super::interface::{Declared, Numbers};
use crate::frame::Timestamp;

/// The state between two blocks; small, because there are many.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::capture) struct Bookmark {
    /// Index in [`Sections`], and how many of the section's interfaces were declared.
    section: u32,
    interfaces: u32,
    last: Timestamp,
}

/// What the bookmarks of a section share. Sections without a bookmark leave nothing here.
#[derive(Debug, Default)]
pub(in crate::capture) struct Sections(Vec<Section>);

#[derive(Debug)]
struct Section {
    number: u32,
    order: Order,
    interfaces: Vec<Declared>,
}

impl Sections {
    /// Marks where `reader` stands, between two blocks.
    pub(in crate::capture) fn mark(&mut self, reader: &Pcapng) -> Bookmark {
        if self.0.last().is_none_or(|section| section.number != reader.section) {
            self.0.push(Section { number: reader.section, order: reader.order, interfaces: Vec::new() });
        }
        let index = self.0.len() - 1;
        let section = &mut self.0[index];
        let known = section.interfaces.len();
        section.interfaces.extend_from_slice(&reader.interfaces[known..]);
        Bookmark { section: index as u32, interfaces: reader.interfaces.len() as u32, last: reader.last }
    }

    /// A reader that stands where the mark was set; it declares no interface that was not declared before.
    pub(in crate::capture) fn resume(&self, mark: Bookmark, numbers: Arc<Mutex<Numbers>>) -> Option<Pcapng> {
        let section = self.0.get(mark.section as usize)?;
        Some(Pcapng {
            order: section.order,
            section: section.number,
            interfaces: section.interfaces.get(..mark.interfaces as usize)?.to_vec(),
            last: mark.last,
            skip: 0,
            trailer: None,
            dropped: 0,
            numbers,
            may_declare: false,
        })
    }
}
