//! Which traffic: what the filter options and the `to:` blocks of policy files say about flows.
//!
//! Values ([`port`], [`protocol`], [`address`]) are what people type; a [`selection::Selection`] is the
//! one tree that they grow on, wherever they were typed.

pub mod address;
pub mod bpf;
pub mod expression;
pub(crate) mod nearest;
pub mod port;
pub mod protocol;
pub mod selection;
pub(crate) mod words;
