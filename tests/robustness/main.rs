//! Whether a conclusion holds when what must not matter changes, on the captures of `testdata/`.
//!
//! Nothing here knows what the right conclusion is; `tests/lab` does. Here one conclusion is compared with another:
//! 1. *unchanged*: other ports behind the NAT, a clock that is wrong, captures that come in any order and in any
//!    pieces, files of another format ([`unchanged`]);
//! 2. *never better*: places that were not captured, frames that were lost, files that were cut ([`lost`]);
//! 3. *the same by definition*: a slow joiner that compares every pair ([`reference`], [`joined`]);
//! 4. *at all*: bytes that nobody sent ([`hostile`]).
//!
//! Every set of captures of a folder is judged with every list of flags of its situation. What is random comes from
//! seeds that are told with a disagreement.

mod capture;
mod compare;
mod dice;
mod edit;
mod generate;
mod hostile;
mod joined;
mod lost;
mod packets;
mod protocols;
mod question;
mod reference;
mod released;
mod run;
mod unchanged;
mod wire;
