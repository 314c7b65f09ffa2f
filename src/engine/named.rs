//! The names of groups: what all of a group's flows call their destination, if that is one name.

use std::collections::BTreeSet;

use crate::engine::Engine;
use crate::engine::groups::{Called as Before, Group};
use crate::text::Text;

/// What the flows of each group, by its number, call their destination.
#[derive(Debug)]
pub(super) struct GroupNames<'a>(Vec<Called<'a>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Called<'a> {
    /// No flow was looked at yet.
    Open,
    One(&'a Text),
    /// Different names, or some flow has none.
    Differently,
}

impl<'a> GroupNames<'a> {
    /// Those of `groups`, by one look at all flows that are held, or none where nothing has a name.
    pub(super) fn of(engine: &'a Engine, groups: &[&'a Group]) -> Self {
        // Of all others nobody asks.
        let mut called = vec![Called::Differently; engine.standings.group_numbers()];
        for group in groups {
            called[group.number as usize] = match &group.called {
                Before::Open => Called::Open,
                Before::One(name) => Called::One(name),
                Before::Differently => Called::Differently,
            };
        }
        if !engine.settings.is_numeric && !engine.table.names.is_empty() {
            for (flow, group) in engine.standings.flows() {
                let called = &mut called[group.number as usize];
                if *called == Called::Differently {
                    continue;
                }
                let name = group.kind.destination.and_then(|to| engine.name_of(flow, to.address));
                *called = match (*called, name) {
                    (Called::Open, Some(name)) => Called::One(name),
                    (Called::One(known), Some(name)) if known == name => Called::One(known),
                    _ => Called::Differently,
                };
            }
        }
        Self(called)
    }

    pub(super) fn name(&self, group: &Group) -> Option<&'a Text> {
        match self.0[group.number as usize] {
            Called::One(name) => Some(name),
            Called::Open | Called::Differently => None,
        }
    }

    /// The one name of several groups.
    pub(super) fn common(&self, groups: &BTreeSet<u32>) -> Option<&'a Text> {
        let mut called = groups.iter().map(|group| self.0[*group as usize]);
        let first = called.next()?;
        match first {
            Called::One(name) if called.all(|other| other == first) => Some(name),
            _ => None,
        }
    }
}
