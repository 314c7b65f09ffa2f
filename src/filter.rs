//! Which traffic: what options, presets and the `to:` blocks of policy files say about flows and frames.
//!
//! Values ([`port`], [`protocol`], [`address`]) are what people type; a [`term`] is a key with values; a
//! [`composition::Composition`] is the one tree that terms grow on, wherever they were typed.

pub mod address;
pub mod composition;
pub(crate) mod nearest;
pub mod port;
pub mod protocol;
pub mod selection;
pub mod sign;
pub mod term;
