//! A scene as a live run takes it in: frames of all points as time goes by, and ticks.

use egret::decode::{Digester, KeyHasher, Options};
use egret::digest::{Batch, Head, Interface};
use egret::engine::{Engine, Lifetime, Status};
use egret::filter::composition::marks::{Marker, Marks};
use egret::frame::{LinkType, Timestamp};

use crate::scene::{CLUSTER, EPOCH, Frames, MS, Run, Scene};

/// A run that goes on.
pub(crate) struct Live {
    engine: Engine,
    points: Vec<Point>,
    now: i64,
    /// How often the run ticks, and how much of a point's frames comes at once, in ns.
    step: i64,
}

struct Point {
    digester: Digester,
    marker: Option<Marker>,
    batch: Batch,
    /// Those still to come, the last first.
    frames: Frames,
}

impl Live {
    /// A run over a scene of a cluster whose pods and nodes are known.
    pub(crate) fn of(scene: &Scene, options: &str, lifetime: Lifetime) -> Self {
        let (settings, pods) = scene.settings(&format!("{CLUSTER} {options}"));
        let marks = Marks::of(&settings.selection).expect("so few that there are bits for them");
        let mut engine = Engine::new(egret::engine::Settings { lifetime, ..settings });
        let mut points = Vec::new();
        for (name, link, mut frames) in scene.streams() {
            frames.reverse();
            let mut batch = Batch::new(engine.add_point(name, name));
            let link = LinkType(link);
            batch.interfaces.push(Interface { link, name: None, snap_length: 65_535 });
            let options = Options::with_pods(pods.iter().copied());
            let digester = Digester::new(KeyHasher::new(7), options.clone());
            let marker = marks.clone().map(|marks| Marker::new(marks, options));
            points.push(Point { digester, marker, batch, frames });
        }
        Self { engine, points, now: 0, step: 1000 * MS }
    }

    /// Ticks come, and frames come together, every so many ms.
    pub(crate) fn every(mut self, ms: i64) -> Self {
        self.step = ms * MS;
        self
    }

    /// Goes on until so many ms after the beginning.
    pub(crate) fn until(&mut self, ms: i64) -> &mut Self {
        while self.now < ms * MS {
            self.now += self.step;
            for point in &mut self.points {
                point.take_in(&mut self.engine, self.now);
            }
            self.engine.tick(Timestamp::from_nanos(EPOCH + self.now));
        }
        self
    }

    /// The first frame of the n-th point that is still to come tells this time, in ms since the beginning.
    pub(crate) fn told_wrong(&mut self, point: usize, ms: i64) -> &mut Self {
        let point = &mut self.points[point];
        let (_, bytes) = point.frames.pop().expect("a frame to come");
        point.add(ms * MS, &bytes);
        point.hand_over(&mut self.engine);
        self
    }

    pub(crate) fn status(&mut self) -> Status {
        self.engine.status()
    }

    /// All that is said now.
    pub(crate) fn run(&mut self) -> Run {
        Run::of(&mut self.engine)
    }

    /// All that is said in the end.
    pub(crate) fn end(&mut self) -> Run {
        self.engine.end();
        self.run()
    }
}

impl Point {
    fn take_in(&mut self, engine: &mut Engine, until: i64) {
        while let Some((time, bytes)) = self.frames.pop_if(|(time, _)| *time <= until) {
            self.add(time, &bytes);
        }
        self.hand_over(engine);
    }

    fn add(&mut self, time: i64, bytes: &[u8]) {
        let start = self.batch.slab.len() as u32;
        self.batch.slab.extend_from_slice(bytes);
        self.batch.heads.push(Head {
            time: Timestamp::from_nanos(EPOCH + time),
            start,
            captured: bytes.len() as u32,
            original: bytes.len() as u32,
            interface: 0,
        });
    }

    fn hand_over(&mut self, engine: &mut Engine) {
        self.digester.digest(&mut self.batch);
        if let Some(marker) = &mut self.marker {
            marker.mark(&mut self.batch);
        }
        engine.ingest(&self.batch);
        self.batch.clear();
        self.batch.slab.clear();
    }
}
