//! egret settles with packets which source address a workload's traffic leaves a cluster with.

pub mod digest;
pub mod frame;
pub mod net;
pub mod report;
pub mod snapshot;
pub mod text;
pub mod verdict;
