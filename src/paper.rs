//! How a packet is written down: a line of its own, its fields as a tree, its bytes, an object for programs.
//!
//! The line is in the words of tcpdump, whose output people can read in their sleep: time, place, direction, addresses with the port
//! behind a point, flags, sequence numbers, length. What a tunnel carries stands behind a `|`, on the same line. Nothing that was
//! captured is written but in its escaped form, with one exception: [`hex::Form::Text`], whose purpose is the text of packets, keeps the
//! ends of lines.
//!
//! All of it goes into memory ([`Pen`]); nothing here reads a clock or writes to a file.

pub mod fields;
pub mod hex;
mod icmp;
pub mod json;
pub mod line;
mod link;
mod payload;
mod pen;
mod sequence;
pub mod stamp;
mod transport;

pub use pen::{Pen, Tone};
pub use sequence::Conversations;
