//! Inputs that nobody thought of: whatever egret is given, it neither panics nor hangs, keeps its memory bounded, and
//! does not contradict itself.
//!
//! A [target](harness::Target) takes bytes to a part of egret and says what must hold of the answer. Inputs come from
//! the captures of `testdata/`, changed by somebody who knows what they are: headers are cut, doubled, put around each
//! other and fitted with wrong lengths ([`wire`], [`mutate`]), files lose blocks ([`savefile`]), texts lose words
//! ([`text`]). What leads to something new is changed further ([`harness`]).
//!
//! An ordinary test run tries as many inputs as a target says, from a fixed seed, after those that once failed (kept in
//! `regressions/`). `make fuzz` goes on for longer, from a new seed. How to keep and replay what was found is in
//! `CONTRIBUTING.md`.

mod decoder;
#[path = "../robustness/dice.rs"]
mod dice;
mod harness;
mod hint;
mod joiner;
mod mutate;
mod record;
mod savefile;
mod seeds;
mod text;
mod wire;
