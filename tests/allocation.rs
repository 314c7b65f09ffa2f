//! The common path allocates nothing: a frame of a flow that is known is decoded and taken in without asking for memory.

use std::path::Path;

use egret::capture::savefile::{Filled, Keep, Savefile};
use egret::decode::{Digester, KeyHasher, Options};
use egret::digest::{Batch, Head, Kind, tcp};
use egret::engine::{Engine, Settings};

#[test]
fn a_frame_of_a_known_flow_costs_no_allocation() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/leak/node1-any.pcap.gz");
    let mut savefile = Savefile::open(&path, Keep::Nothing).expect("a capture");
    let mut digester = Digester::new(KeyHasher::new(1), Options::default());
    let mut engine = Engine::new(Settings::default());
    let mut batch = Batch::new(engine.add_point("node1", "node1-any.pcap.gz"));
    let mut frames = 0;
    loop {
        let filled = savefile.fill(&mut batch);
        digester.digest(&mut batch);
        engine.ingest(&batch);
        keep_data(&mut batch);
        frames += batch.heads.len() as u64;
        let again = allocation_counter::measure(|| {
            digester.digest(&mut batch);
            engine.ingest(&batch);
        });
        assert_eq!(again.count_total, 0, "{} frames, {again:?}", batch.heads.len());
        if filled == Filled::End {
            break;
        }
    }
    assert!(frames > 1_000, "{frames} frames of data are too few to tell");
}

/// Leaves of a batch what flows mostly are: segments of conversations that stand.
fn keep_data(batch: &mut Batch) {
    let common = tcp::ACK | tcp::PSH;
    let heads: Vec<Head> = batch.heads.clone();
    batch.heads = heads
        .into_iter()
        .zip(&batch.digests)
        .filter(|(_, digest)| digest.kind == Kind::Tcp && digest.flags & !common == 0)
        .map(|(head, _)| head)
        .collect();
    batch.interfaces.clear();
    batch.places.clear();
    batch.tunnels.clear();
    batch.icmp_errors.clear();
}
