//! Conversations: tracks and their legs, and the flows that tracks are joined into.

mod challenge;
mod datagram;
mod errors;
pub mod forget;
mod fragments;
mod hearing;
mod incarnation;
pub mod join;
pub mod leg;
pub mod owners;
mod recent;
mod segment;
mod sign;
pub mod slots;
pub mod table;
pub mod tcp;
pub mod track;
mod translations;
mod turns;
mod weigh;

pub use leg::{Leg, LegIndex, MacIndex, PlaceIndex, TunnelIndex};
pub use table::{Flow, FlowIndex, Table};
pub use track::{Track, TrackIndex};
pub use turns::Followed;
