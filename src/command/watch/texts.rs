//! What the screen is told in words, and what is said where there is none.

use std::fmt::Display;

use crate::number::counted;

pub(super) const LOOKING: &str = "looking through all frames for those that the filter admits …";
pub(super) const FIRST_ARE_GONE: &str =
    "the first frames of this flow are gone: only the newest of a capture are kept";
pub(super) const NO_SERVERS: &str = "names are looked up in hosts files alone here";
/// In the place of the answer, where frames that showed a failure can no longer be looked at.
pub(super) const HAD_FAILED: &str = "FAIL  A flow had failed before the filter was changed.";

pub(super) fn no_screen(obstacle: &str) -> String {
    format!("{obstacle}; `egret check` judges the same flows, and prints what it finds")
}

pub(super) fn listed(frames: usize) -> String {
    format!("only the first {} of this flow are listed", counted(frames as u64, "frame"))
}

pub(super) fn saved(frames: u64, name: &str) -> String {
    format!("{} saved to {name}", counted(frames, "frame"))
}

pub(super) fn saved_report(name: &str) -> String {
    format!("the report was saved to {name}")
}

pub(super) fn not_saved(why: impl Display) -> String {
    format!("nothing was saved: {why}")
}

pub(super) fn no_report(why: impl Display) -> String {
    format!("cannot write a report: {why}")
}

pub(super) fn not_shown(why: impl Display) -> String {
    format!("frames cannot be shown: {why}")
}

pub(super) fn not_asked(why: impl Display) -> String {
    format!("the filter is not asked of frames that came before: {why}")
}

pub(super) fn not_kept(directory: impl Display, why: impl Display) -> String {
    format!(
        "frames cannot be kept in {directory}: {why}; those from now on can be neither shown nor saved (TMPDIR names another \
         directory)"
    )
}

pub(super) fn terminal_fails(why: impl Display) -> String {
    format!("the terminal cannot be used any more: {why}")
}

pub(super) fn terminal_is_gone(why: impl Display) -> String {
    format!("the terminal is gone: {why}")
}
