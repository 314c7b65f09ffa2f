//! Conversations: tracks and their legs, and the flows that tracks are joined into.

mod hearing;
mod incarnation;
pub mod join;
pub mod leg;
mod recent;
mod segment;
pub mod slots;
pub mod table;
pub mod tcp;
pub mod track;

pub use leg::{Leg, LegIndex, MacIndex, PlaceIndex, TunnelIndex};
pub use table::{Flow, FlowIndex, Table};
pub use track::{Track, TrackIndex};
