//! What the kernel tells of conntrack's table while it changes.
//!
//! An entry's end and its tuples' next use are told in the order in which they happened: a tuple has one entry at a time, in a
//! zone. When exactly is not told as a rule. What is certain is that something happened after nothing was left to be read, and before it
//! was read: so each piece of news has a time that it cannot be older than, and one that it cannot be younger than. Where
//! the kernel gives the time (`net.netfilter.nf_conntrack_timestamp`), these two are one.

use crate::conntrack::Translation;
use crate::frame::Timestamp;

/// When something happened: neither before `since` nor after `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct When {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl When {
    /// Not to be told.
    pub const NEVER: Self = Self { since: Timestamp::MAX, until: Timestamp::MAX };

    pub fn at(time: Timestamp) -> Self {
        Self { since: time, until: time }
    }

    /// How many ns lie between the two.
    pub fn width(self) -> i64 {
        self.until - self.since
    }
}

/// An entry of the table, translated or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub translation: Translation,
    /// Of the answers' tuple: in other zones, others may have the same.
    pub zone: u16,
}

/// One piece of news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It stood in the table when that was read; it began at that time, which has no beginning as a rule.
    Stood(Entry, When),
    Begun(Entry, When),
    Ended(Entry, When),
    /// More happened then than could be read: entries began and ended of which nobody knows.
    Lost(When),
}
