//! Changes what interfaces are captured with while they are: the kernel filter of each, in place of the one before.
//!
//! Each interface's own reader sets its filter, between two batches, and tells with the next one that it has, or why it could not. That needs
//! no right that capturing does not need. What the session itself keeps out (its own output) stays out.

use std::sync::Mutex;

use crate::command::opened::both;
use crate::frame::{LinkType, PointIndex};

/// A filter that a reader is to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    /// All of it; one that is empty lets through everything.
    pub(super) filter: String,
    /// It leaves out what the session was not begun without.
    pub(super) is_narrower: bool,
}

/// An interface that is captured.
#[derive(Debug, Clone)]
pub(super) struct Tap {
    pub(super) point: PointIndex,
    pub(super) link: LinkType,
    /// What the session began to capture it with, besides a narrowing.
    pub(super) own: Option<String>,
}

impl Tap {
    /// What is set where frames are narrowed to those that pass `filter`, or to no part of them.
    pub(super) fn turned(&self, filter: Option<String>) -> Turn {
        match filter {
            Some(filter) => {
                Turn { filter: both(format!("({filter})"), self.own.as_deref()), is_narrower: true }
            }
            None => Turn { filter: self.own.clone().unwrap_or_default(), is_narrower: false },
        }
    }
}

/// What readers are to set next, by point. One that was not yet set gives way to the next.
#[derive(Debug)]
pub(super) struct Turns(Vec<Mutex<Option<Turn>>>);

impl Turns {
    pub(super) fn new(points: usize) -> Self {
        Self((0..points).map(|_| Mutex::default()).collect())
    }

    pub(super) fn ask(&self, point: PointIndex, turn: Turn) {
        if let Ok(mut waiting) = self.0[usize::from(point.0)].lock() {
            *waiting = Some(turn);
        }
    }

    pub(super) fn take(&self, point: PointIndex) -> Option<Turn> {
        self.0[usize::from(point.0)].lock().ok()?.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_session_keeps_out_stays_out() {
        let own = Some("not (tcp and host 192.0.2.1 and port 22)".to_owned());
        let tap = Tap { point: PointIndex(0), link: LinkType::ETHERNET, own };
        let turn = tap.turned(Some("port 443".to_owned()));
        assert_eq!(turn.filter, "(port 443) and (not (tcp and host 192.0.2.1 and port 22))");
        assert!(turn.is_narrower);
        let back = tap.turned(None);
        assert_eq!((back.filter.as_str(), back.is_narrower), (tap.own.as_deref().unwrap(), false));
    }

    #[test]
    fn the_last_filter_that_was_asked_for_is_the_one_that_is_set() {
        let turns = Turns::new(2);
        let turn = |filter: &str| Turn { filter: filter.into(), is_narrower: true };
        turns.ask(PointIndex(1), turn("port 80"));
        turns.ask(PointIndex(1), turn("port 443"));
        assert_eq!(turns.take(PointIndex(0)), None);
        assert_eq!(turns.take(PointIndex(1)), Some(turn("port 443")));
        assert_eq!(turns.take(PointIndex(1)), None);
    }
}
