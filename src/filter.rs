//! Which traffic: what options, presets, the `to:` blocks of policy files and expressions say about flows and frames.
//!
//! Values ([`port`], [`protocol`], [`address`]) are what people type; a [`term`] is a key with values; a
//! [`composition::Composition`] is the one tree that terms grow on, wherever they were typed. An [`expression`] is
//! pcap-filter(7)'s own language, which libpcap compiles and [`bpf`] runs.

pub mod address;
pub mod admission;
pub mod bpf;
pub mod composition;
pub mod expression;
pub mod omission;
pub mod port;
pub mod preset;
pub mod protocol;
pub mod selection;
pub mod sign;
pub mod term;
pub(crate) mod words;
