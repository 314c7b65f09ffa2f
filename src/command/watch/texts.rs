//! What the screen is told in words, and what is said where there is none.

use std::fmt::Display;

use crate::number::counted;

pub(super) const LOOKING: &str = "looking through all frames for those that the filter admits …";
pub(super) const FIRST_ARE_GONE: &str =
    "the first frames of this flow are gone: only the newest of a capture are kept";
pub(super) const NO_SERVERS: &str = "names are looked up in hosts files alone here";
/// In the place of the answer, where frames that showed a failure can no longer be looked at.
pub(super) const HAD_FAILED: &str = "FAIL  A flow had failed before the filter was changed.";

pub(super) const BACK_TO_ALL: &str = "Everything will be captured again. What passed meanwhile is lost: of flows that were left out, that nothing left cannot be told.";
pub(super) const CAPTURED_AGAIN: &str = "everything is captured again";
/// In the place of the answer, where only a part was captured of what the run was begun for.
pub(super) const WAS_NARROWED: &str =
    "INCONCLUSIVE  What was captured passes; from the screen, capturing was narrowed to a part of it.";

pub(super) fn would_lose(asked: impl Display) -> String {
    format!(
        "From now on only frames will be captured that flows of these may need: {asked}. All others are lost: they are neither \
         judged nor shown nor saved, a leak among them is not seen, and this run can no longer pass for them. Frames by now stay."
    )
}

pub(super) fn narrowed(asked: impl Display) -> String {
    format!("from now on only what flows of these may need is captured: {asked}")
}

pub(super) fn narrowed_since(time: impl Display, asked: impl Display) -> String {
    format!("from {time} on, capturing was narrowed to what flows of these may need: {asked} (on the screen)")
}

pub(super) fn all_since(time: impl Display) -> String {
    format!("from {time} on, everything was captured again (on the screen)")
}

pub(super) fn not_narrowed(why: impl Display) -> String {
    format!("everything must be captured: {why}; `egret filter explain` says more")
}

pub(super) fn unchanged(why: impl Display) -> String {
    format!("the capture filter stays as it was: {why}")
}

pub(super) fn unknown_since(interface: &str, because: &str) -> String {
    format!("what {interface} is to the question is not known ({because}); it came after the run began")
}

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

/// Of a flow that is no longer held.
pub(super) const FLOW_GONE: &str = "this flow is no longer held, so there is nothing to write of it";

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
