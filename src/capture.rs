//! Where frames come from: interfaces, captures that somebody saved or streams, and the frames again later.
//!
//! Everything here moves bytes and container facts (time, lengths, interface) into a
//! [`Batch`](crate::digest::Batch). What the bytes mean is [`crate::decode`]'s work.
//!
//! - [`live`] captures what passes an interface;
//! - [`savefile`] reads pcap and pcapng, from files, pipes and standard input, compressed or not;
//! - [`store`] gives one frame again by its number;
//! - [`writer`] writes frames as pcapng, and copies some of what it wrote.

#[cfg(test)]
mod bytes;
mod compressed;
pub mod live;
pub mod savefile;
pub mod scratch;
mod source;
pub mod store;
pub mod writer;
