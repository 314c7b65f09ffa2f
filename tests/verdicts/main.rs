//! What egret says of what happened on the wire: every verdict, every reason, every outcome.
//!
//! Each test tells a small story with the builders of [`scene`], has it written to capture files, read and judged as
//! `egret check` does, and looks at one flow's row.
//!
//! ```text
//!  pod 10.128.0.5 ─ veth #7 ─ bridge #5 ─┬─ eth0 #2 192.168.12.11 ──── gateway ──── 203.0.113.25
//!                                        └─ vxlan #6 ═ eth0 ═══ eth0 192.168.12.12 (worker2) ┘
//! ```

mod frame;
mod live;
mod scene;
mod silence;

mod challenges;
mod claims;
mod clocks;
mod conntrack;
mod datagrams;
mod directions;
mod elsewhere;
mod exits;
mod expectations;
mod following;
mod idle;
mod joins;
mod joins_by_packets;
mod lifetimes;
mod losses;
mod marked;
mod names;
mod outcomes;
mod paths;
mod rooms;
mod runs;
mod sources;
mod strays;
mod uplinks;
