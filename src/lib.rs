//! egret settles with packets which source address a workload's traffic leaves a cluster with.

pub mod capture;
pub mod decode;
pub mod digest;
pub mod frame;
pub mod net;
pub mod packet;
pub mod snapshot;
pub mod text;
pub mod verdict;
