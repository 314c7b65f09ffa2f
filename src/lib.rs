//! egret settles with packets which source address a workload's traffic leaves a cluster with.

pub mod capture;
pub mod cli;
pub mod clock;
pub mod command;
pub mod decode;
pub mod digest;
pub mod engine;
pub mod expect;
pub mod explain;
pub mod facts;
pub mod filter;
pub mod flow;
pub mod frame;
pub mod judge;
pub mod names;
pub mod net;
pub mod number;
pub mod outcome;
pub mod packet;
pub mod place;
pub mod report;
pub mod snapshot;
pub mod text;
pub mod verdict;
pub mod view;
pub mod wire;
