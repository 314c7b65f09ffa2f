//! How a place is called where there is little room: by its interface, else by what tells it from the others of the run.

use crate::snapshot::{Place, Snapshot};

/// The place with this id, if it is known by now.
fn known<'a>(run: Option<&'a Snapshot>, id: &str) -> Option<&'a Place> {
    run?.points.iter().flat_map(|point| &point.places).find(|place| place.id == id)
}

/// The name of the place's interface, if anybody tells it.
pub(super) fn interface(run: Option<&Snapshot>, id: &str) -> Option<String> {
    known(run, id)?.interface.as_ref().map(ToString::to_string)
}

/// The interface's name; else the place's id, without the point where there is but one.
pub(super) fn called(run: Option<&Snapshot>, id: &str) -> String {
    let without_point = || {
        let run = run.filter(|run| run.points.len() == 1)?;
        id.strip_prefix(run.points[0].name.as_str())?.strip_prefix('/').map(str::to_owned)
    };
    interface(run, id).or_else(without_point).unwrap_or_else(|| id.to_owned())
}
