//! Which expectations may speak about an origin, without asking each of thousands.
//!
//! An expectation about single addresses is found by them; one about anything wider is always asked.

use std::borrow::Cow;

use foldhash::{HashMap, HashMapExt as _};
use smallvec::SmallVec;

use crate::expect::{Expectations, Origin};
use crate::net::Address;

/// Positions in [`Expectations::list`].
#[derive(Debug, Clone)]
pub(super) struct Finder {
    /// Asked whatever the origin.
    wide: Vec<usize>,
    /// Asked of origins that no object names.
    unnamed: Vec<usize>,
    by_address: HashMap<Address, SmallVec<[usize; 2]>>,
    /// Whether each may mean a Service.
    means_service: Vec<bool>,
}

impl Finder {
    pub(super) fn of(all: &Expectations) -> Self {
        let mut finder = Self {
            wide: Vec::new(),
            unnamed: Vec::new(),
            by_address: HashMap::new(),
            means_service: Vec::new(),
        };
        for (at, one) in all.list.iter().enumerate() {
            finder
                .means_service
                .push(one.to.destinations().iter().any(|block| all.cluster.overlaps_service(*block)));
            let singles: Option<Vec<Address>> = one.from.iter().map(|block| block.single()).collect();
            match singles {
                Some(singles) if !one.is_from_everywhere() => {
                    for address in singles {
                        let found = finder.by_address.entry(address).or_default();
                        if found.last() != Some(&at) {
                            found.push(at);
                        }
                    }
                    if one.origins.speaks_of_unnamed() {
                        finder.unnamed.push(at);
                    }
                }
                _ => finder.wide.push(at),
            }
        }
        finder
    }

    /// In order, those that may speak about an origin.
    pub(super) fn for_origin(&self, address: Address, pod: Origin<'_>) -> Cow<'_, [usize]> {
        let own = self.by_address.get(&address).map_or(&[][..], SmallVec::as_slice);
        let unnamed = if pod == Origin::Named { &[][..] } else { &self.unnamed[..] };
        if own.is_empty() && unnamed.is_empty() {
            return Cow::Borrowed(&self.wide);
        }
        let mut found: Vec<usize> = [&self.wide, own, unnamed].concat();
        found.sort_unstable();
        found.dedup();
        Cow::Owned(found)
    }

    /// Whether an origin is among those of an expectation about single addresses; `None` for one about anything wider.
    pub(super) fn is_from(&self, at: usize, address: Address) -> Option<bool> {
        if self.wide.binary_search(&at).is_ok() {
            return None;
        }
        Some(self.by_address.get(&address).is_some_and(|found| found.contains(&at)))
    }

    pub(super) fn means_service(&self, at: usize) -> bool {
        self.means_service[at]
    }
}
