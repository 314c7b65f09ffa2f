//! Routes frames and ticks to what keeps them, and answers with snapshots. It knows no protocol.
//!
//! The same frames and ticks give the same snapshots, byte for byte: time is frame time, and nothing here reads a clock.
//! Facts and flows are taken in as they come; judging waits until somebody looks. Then only flows that changed are judged
//! again, or all of them when a fact changed that verdicts rest on.

mod began;
mod excerpt;
mod expiry;
mod followed;
mod groups;
mod lifetime;
mod listing;
mod named;
mod pace;
mod problems;
mod rows;
mod settled;
mod standing;
mod status;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use crate::clock;
use crate::conntrack::Translation;
use crate::conntrack::news::News;
use crate::digest::{Batch, CaptureFilter, Incident, Interface, Spot, Understood, Within};
use crate::expect::Expectations;
use crate::facts::{Facts, PointFacts};
use crate::filter::composition::{Composition, Tuple};
use crate::filter::omission::is_one_connection;
use crate::findings::Claims;
use crate::flow::leg::{PlaceIndex, TunnelIndex};
use crate::flow::table::Origin;

pub use crate::flow::Followed;
use crate::flow::{FlowIndex, Table};
use crate::frame::{LinkType, PointIndex, Timestamp};
use crate::judge::Judge;
use crate::kin::Links;
use crate::names::{Hosts, Names};
use crate::net::Address;
use crate::place::{Declaration, Known, Place, Suffix};
use crate::snapshot::{Detail, Snapshot, Snapshots, Window};
use crate::text::Text;
use crate::verdict::Reason;
use crate::view::View;

use expiry::LastLook;
pub use followed::{Serial, Told};
pub use lifetime::{KEEP, Lifetime, Room};
use pace::Pace;
use settled::Clocks;
use standing::Standings;
pub use status::Status;

/// Interfaces that are gone of which is kept what the machine said of them.
const GONE: usize = 256;

/// Flows of a run that goes on up to which a screen shows which of them a proxy made of which.
const LINKED_ON_SCREEN: u64 = 20_000;

/// Most names of interface indexes that are kept of a point.
const INDEX_NAMES: usize = 1 << 16;

/// What a run is asked.
#[derive(Debug, Default)]
pub struct Settings {
    pub expectations: Expectations,
    /// Which flows count.
    pub selection: Composition,
    /// Failing reasons that are waived.
    pub allowed: Vec<Reason>,
    pub roles: Vec<Declaration>,
    /// What people call addresses.
    pub hosts: Hosts,
    /// Destinations are shown without names.
    pub is_numeric: bool,
    /// What went wrong before the first frame: told with the run's own warnings.
    pub warnings: Vec<String>,
    /// What was taken for granted before the first frame: told with the run's own assumptions.
    pub assumptions: Vec<String>,
    /// When flows are let go of.
    pub lifetime: Lifetime,
}

/// Lines of one kind that are told.
const TOLD: usize = 100;

/// One point, and what its batches have told of it.
#[derive(Debug)]
struct Point {
    name: String,
    source: String,
    /// What it was captured with.
    filter: Option<String>,
    interfaces: Vec<Interface>,
    /// What the source calls the indexes of its interfaces.
    index_names: BTreeMap<(u16, u32), Text>,
    /// What its interfaces were captured with, as the source says.
    filters: BTreeMap<u16, Text>,
    links: Vec<LinkType>,
    places: Vec<PlaceIndex>,
    tunnels: Vec<TunnelIndex>,
    incidents: Vec<String>,
    /// What the machine that captures says of its interfaces.
    known: Vec<Known>,
    /// The last tick when its last frame was taken in.
    read_at: Timestamp,
}

#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    points: Vec<Point>,
    facts: Facts,
    table: Table,
    claims: Claims,
    standings: Standings,
    /// The input has ended: every flow is settled.
    has_ended: bool,
    now: Timestamp,
    has_unread: bool,
    /// Reading ended at a number of frames, not at the end of the input.
    is_limited: bool,
    interface_names: BTreeMap<String, BTreeMap<u32, String>>,
    /// Found when somebody asks, for the flows as they stand.
    links: Option<Links>,
    /// Of the points' clocks, as flows told that are no longer held.
    offsets: BTreeMap<PointIndex, i64>,
    last_look: LastLook,
    /// Something came since flows were last judged: a frame, or just time.
    has_time_passed: bool,
    is_selection_new: bool,
    pace: Pace,
    /// Flows that were let go of, if somebody wants to hear of them.
    told: Option<Vec<Told>>,
}

/// A declared role that fits no place, or more than one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    #[error("--role {typed}: no point is named `{point}`; the points are: {known}")]
    NoPoint { typed: String, point: String, known: String },
    #[error("--role {typed}: `{point}` has several places; name one of them: {known}")]
    SeveralPlaces { typed: String, point: String, known: String },
    #[error("--role {typed}: `{point}` has no such place; its places are: {known}")]
    NoPlace { typed: String, point: String, known: String },
}

impl Engine {
    pub fn new(mut settings: Settings) -> Self {
        let standings = Standings::new(settings.expectations.list.len(), settings.lifetime.room.groups);
        let facts = Facts::of_askers(settings.lifetime.room.askers);
        let mut table = Table::default();
        table.names.set_hosts(std::mem::take(&mut settings.hosts));
        Self {
            settings,
            points: Vec::new(),
            facts,
            table,
            claims: Claims::default(),
            standings,
            has_ended: false,
            now: Timestamp::MIN,
            has_unread: false,
            is_limited: false,
            interface_names: BTreeMap::new(),
            links: None,
            offsets: BTreeMap::new(),
            last_look: LastLook::default(),
            has_time_passed: false,
            is_selection_new: false,
            pace: Pace::default(),
            told: None,
        }
    }

    /// Makes a point known; points are numbered in the order in which they are added.
    pub fn add_point(&mut self, name: &str, source: &str) -> PointIndex {
        let index = PointIndex(self.points.len() as u16);
        self.points.push(Point {
            name: name.to_owned(),
            source: source.to_owned(),
            filter: None,
            interfaces: Vec::new(),
            index_names: BTreeMap::new(),
            filters: BTreeMap::new(),
            links: Vec::new(),
            places: Vec::new(),
            tunnels: Vec::new(),
            incidents: Vec::new(),
            known: Vec::new(),
            read_at: self.now,
        });
        self.table.add_point();
        self.facts.points.push(PointFacts::new(name.to_owned()));
        index
    }

    /// Tells the filter that a point is captured with.
    pub fn note_filter(&mut self, point: PointIndex, filter: &str) {
        self.points[point.0 as usize].filter = Some(filter.to_owned());
    }

    /// Tells of a source that was asked for and could not be read: the run cannot pass without it.
    pub fn note_unread(&mut self, what: String) {
        self.warn(what);
        self.has_unread = true;
    }

    /// Tells that reading ended at a number of frames that was asked for.
    pub fn note_limit(&mut self, frames: u64) {
        self.settings.warnings.push(format!("only the first {frames} frames were read (-c)"));
        self.is_limited = true;
    }

    /// Gives interface indexes names, before those that captures have: by point, those for all points under the
    /// empty name.
    pub fn name_interfaces(&mut self, names: BTreeMap<String, BTreeMap<u32, String>>) {
        self.interface_names = names;
    }

    /// Tells what the machine that captures a point says of its interfaces, all that it has now. Those that are gone stay
    /// what they were.
    pub fn know_interfaces(&mut self, point: PointIndex, known: &[Known]) {
        let entry = &mut self.points[point.0 as usize];
        let is_there: BTreeSet<u32> = known.iter().map(|known| known.index).collect();
        entry.known.retain(|old| !is_there.contains(&old.index));
        // Frames of what has just gone may still come; of what has gone long ago, none.
        let forgotten = entry.known.len().saturating_sub(GONE);
        entry.known.drain(..forgotten);
        entry.known.extend(known.iter().cloned());
        for place in &entry.places {
            if self.facts.place_mut(*place).learn(&entry.known) {
                self.facts.mark_news();
            }
        }
    }

    /// Tells what conntrack translates, before the first frame; `read` is when the kernel was asked, where that is known.
    pub fn know_translations(&mut self, translations: Vec<Translation>, read: Option<Timestamp>) {
        self.table.translations.add(translations, read);
    }

    /// Tells that the kernel is followed which translates, and that these points are captured by its machine: their frames have
    /// its clock.
    pub fn follow_at(&mut self, points: &[PointIndex]) {
        for point in points {
            self.table.translations.follow_at(*point);
        }
    }

    /// Takes in what the kernel that is followed told, in its order; how that is interleaved with frames makes no difference.
    pub fn take_news(&mut self, news: &[News]) {
        self.table.take_news(news);
        self.table.let_go_of_turns(self.settings.lifetime.keep.unwrap_or(KEEP));
        self.has_time_passed = true;
    }

    /// How much was told of translations while they happened.
    pub fn followed(&self) -> Followed {
        self.table.translations.followed()
    }

    /// Tells the report's reader something that is taken for granted, or that happened while frames were taken in.
    pub fn assume(&mut self, what: String) {
        self.settings.assumptions.push(what);
    }

    /// Tells the report's reader that something went wrong.
    pub fn warn(&mut self, what: String) {
        tell(&mut self.settings.warnings, what);
    }

    /// Takes in a batch of one point; batches of one point come in order, those of several in any.
    pub fn ingest(&mut self, batch: &Batch) {
        let point = batch.point;
        self.has_time_passed = true;
        self.introduce(batch);
        let first_ordinal = self.count(batch);
        let Point { places, tunnels, links, .. } = &self.points[point.0 as usize];
        self.table.ingest(batch, &Origin { point, first_ordinal, places, tunnels, links });
        self.claims.ingest(batch, first_ordinal, places, &self.settings.expectations.cluster);
        for incident in &batch.incidents {
            self.note_incident(point, incident);
        }
        self.let_go();
    }

    /// Tells the time where no frame does. It serves to tell how much of it has gone by: a point's frames have a clock of
    /// their own.
    pub fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.has_time_passed = true;
        self.let_go();
    }

    /// Tells that a point was captured until then, whether it showed frames or not.
    pub fn note_watched(&mut self, point: PointIndex, until: Timestamp) {
        self.facts.points[point.0 as usize].watched = Some(until);
    }

    /// No more will come: every flow is settled.
    pub fn end(&mut self) {
        self.has_ended = true;
        self.has_time_passed = true;
    }

    /// From now on, other flows count. Flows that are no longer held count on as they did. An expression in it is met by
    /// frames that are marked with it as they come ([`Settings::selection`]); of frames before, [`Engine::mark`] tells.
    pub fn select(&mut self, selection: Composition) {
        self.settings.selection = selection;
        self.table.forget_marks();
        self.is_selection_new = true;
    }

    /// Whether anything was read at all.
    pub fn frames(&self) -> u64 {
        self.facts.points.iter().map(|point| point.frames).sum()
    }

    /// Whether every declared role fits exactly one place; known once the input has ended.
    pub fn check_roles(&self) -> Result<(), RoleError> {
        for declaration in &self.settings.roles {
            self.check_role(declaration)?;
        }
        Ok(())
    }

    fn check_role(&self, declaration: &Declaration) -> Result<(), RoleError> {
        let typed = format!("{}{}={}", declaration.point, declaration.within, declaration.role.name());
        let point = declaration.point.clone();
        let Some(known) = self.points.iter().find(|known| known.name == point) else {
            let known = self.points.iter().map(|point| point.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(RoleError::NoPoint { typed, point, known });
        };
        let places = || known.places.iter().map(|place| self.facts.place(*place));
        let ids = places().map(|place| place.id.as_str()).collect::<Vec<_>>().join(", ");
        let fitting = places().filter(|place| place.declared == Some(declaration.role)).count();
        match (declaration.within.is_empty(), known.places.len()) {
            (true, 2..) => Err(RoleError::SeveralPlaces { typed, point, known: ids }),
            (_, 1..) if fitting == 0 => Err(RoleError::NoPlace { typed, point, known: ids }),
            _ => Ok(()),
        }
    }

    /// Takes in the interfaces, places and tunnels that the batch is the first to name.
    fn introduce(&mut self, batch: &Batch) {
        let point = batch.point;
        let entry = &mut self.points[point.0 as usize];
        // Heads name interfaces in 16 bits: what is beyond cannot be meant.
        let room = (usize::from(u16::MAX) + 1).saturating_sub(entry.links.len());
        entry.links.extend(batch.interfaces.iter().take(room).map(|interface| interface.link));
        entry.interfaces.extend(batch.interfaces.iter().take(room).cloned());
        // A point has at most 4,096 places to name; names beyond many times that are somebody's nonsense.
        let room = INDEX_NAMES.saturating_sub(entry.index_names.len());
        let named = batch.index_names.iter().take(room);
        entry.index_names.extend(named.map(|it| ((it.interface, it.index), it.name.clone())));
        entry.filters.extend(batch.filters.iter().map(|it| (it.interface, it.expression.clone())));
        let leaves_out = |filter: &CaptureFilter| !is_one_connection(&filter.expression.to_string());
        if batch.filters.iter().any(leaves_out) {
            self.facts.points[point.0 as usize].is_filtered = true;
            self.facts.mark_news();
        }
        for spot in &batch.places {
            let index = self.add_place(point, *spot);
            self.points[point.0 as usize].places.push(index);
        }
        for tunnel in &batch.tunnels {
            let index = self.facts.add_tunnel(*tunnel);
            self.points[point.0 as usize].tunnels.push(index);
        }
    }

    /// The run's number of a new place. Once 65,536 are known, a point's last stands for all that come after it.
    fn add_place(&mut self, point: PointIndex, spot: Spot) -> PlaceIndex {
        let place = self.new_place(point, spot);
        if let Some(index) = self.facts.add_place(place) {
            self.table.add_place(point);
            return index;
        }
        self.points[point.0 as usize].places.last().copied().unwrap_or(PlaceIndex(u16::MAX))
    }

    fn new_place(&self, point: PointIndex, spot: Spot) -> Place {
        let entry = &self.points[point.0 as usize];
        let interface = entry.interfaces.get(spot.interface as usize);
        let link = interface.map_or(LinkType(u16::MAX), |interface| interface.link);
        let name = interface.and_then(|interface| interface.name.clone());
        let suffix = Suffix::of(spot, name.as_ref());
        let named = match spot.within {
            Within::Index(index) => {
                let told = || entry.index_names.get(&(spot.interface, index)).cloned();
                self.interface_name(&entry.name, index).or_else(told)
            }
            Within::Whole | Within::PacketType(_) => name,
        };
        let shown = named.as_ref().map(ToString::to_string);
        let mut place = Place::new(point, spot, link, named, format!("{}{suffix}", entry.name));
        // A role for a point as a whole is meant for its one place; check_roles tells if there were more.
        place.declared = self
            .settings
            .roles
            .iter()
            .find(|role| {
                role.point == entry.name && (role.within.is_empty() || role.means(&suffix, shown.as_deref()))
            })
            .map(|role| role.role);
        place.learn(&entry.known);
        place
    }

    fn interface_name(&self, point: &str, index: u32) -> Option<Text> {
        let of = |name: &str| self.interface_names.get(name).and_then(|names| names.get(&index));
        of(point).or_else(|| of("")).map(|name| Text::from(name.as_str()))
    }

    /// Counts the batch's frames; returns the number of its first within the point.
    fn count(&mut self, batch: &Batch) -> u64 {
        let entry = &mut self.points[batch.point.0 as usize];
        self.pace.count(&batch.heads);
        let mut undecoded = 0;
        let places = &entry.places;
        let placed = batch.heads.iter().zip(&batch.digests).map(|(head, digest)| {
            undecoded += u64::from(digest.understood == Understood::Not);
            (places[digest.place.0 as usize], head.time)
        });
        self.facts.count(batch.point, placed);
        let facts = &mut self.facts.points[batch.point.0 as usize];
        let first_ordinal = facts.frames + 1;
        facts.frames += batch.heads.len() as u64;
        if !batch.heads.is_empty() {
            entry.read_at = self.now;
        }
        facts.undecoded += undecoded;
        first_ordinal
    }

    fn note_incident(&mut self, point: PointIndex, incident: &Incident) {
        let facts = &mut self.facts.points[point.0 as usize];
        let was_incomplete = facts.is_incomplete();
        match incident {
            Incident::Dropped(count) => facts.dropped = facts.dropped.saturating_add(*count),
            Incident::Truncated(what) => {
                facts.is_truncated = true;
                tell(&mut self.points[point.0 as usize].incidents, what.clone());
            }
            Incident::Interrupted(what) | Incident::Unchanged(what) => {
                tell(&mut self.points[point.0 as usize].incidents, what.clone());
            }
            Incident::Unread(what) => self.note_unread(what.clone()),
            Incident::Unfinished => {
                let name = &self.points[point.0 as usize].name;
                self.note_unread(format!(
                    "{name}: reading ended before its end; what it shows then is not judged"
                ));
            }
        }
        // That it lost more changes nothing: a capture that goes on losing frames has no time to judge all flows anew.
        if self.facts.points[point.0 as usize].is_incomplete() != was_incomplete {
            self.facts.mark_news();
        }
    }

    /// Brings every verdict up to date.
    fn refresh(&mut self) {
        self.table.settle();
        for flow in self.table.take_gone() {
            self.standings.withdraw(flow);
        }
        let changed = self.table.take_changed();
        if !changed.is_empty() {
            self.links = None;
        }
        let clocks = self.clocks();
        let (young, grown): (Vec<FlowIndex>, Vec<FlowIndex>) = changed
            .iter()
            .partition(|flow| !self.has_ended && !settled::is_grown(&self.table, **flow, &clocks));
        let cluster = &self.settings.expectations.cluster;
        for flow in grown {
            if self.table.flow(flow).is_told {
                // What no packets joined teaches nothing of places.
                for track in self.table.tracks_of(flow) {
                    self.facts.learn(&View::of_track(&self.table, track), cluster);
                }
            } else {
                self.facts.learn(&View::of(&self.table, flow, cluster), cluster);
            }
        }
        let has_time_passed = std::mem::take(&mut self.has_time_passed);
        let is_selection_new = std::mem::take(&mut self.is_selection_new);
        if self.facts.settle() | is_selection_new {
            self.judge_again(self.table.standing_flows().collect(), &clocks);
        } else if has_time_passed {
            let mut due = changed;
            due.extend(self.standings.open().map(|(flow, _)| flow));
            due.sort_unstable();
            due.dedup();
            self.judge_again(due, &clocks);
        } else {
            self.judge_again(changed, &clocks);
        }
        self.standings.settle();
        // Something is still to be learnt from these.
        for flow in young {
            self.table.mark_flow_changed(flow);
        }
    }

    fn judge_again(&mut self, flows: Vec<FlowIndex>, clocks: &Clocks) {
        let judge = judge(&self.table, &self.facts, &self.settings);
        for flow in flows {
            if self.settings.selection.is_everything() || is_selected(&self.table, flow, &self.settings) {
                let is_open = !self.has_ended && !settled::has_settled(&self.table, flow, clocks);
                self.standings.enter(flow, &judge.judge(flow), &self.facts, is_open);
            } else {
                self.standings.withdraw(flow);
            }
        }
    }

    /// What a flow's destination is called, where names are shown.
    fn name_of(&self, flow: FlowIndex, destination: Address) -> Option<&Text> {
        if self.settings.is_numeric { None } else { self.table.name_of(flow, destination) }
    }

    /// The names that payloads told, by the numbers of tracks.
    pub fn names(&self) -> &Names {
        &self.table.names
    }

    /// Each point's clock against the first's, by the flows that are held, else by those that were.
    fn clock_offsets(&self) -> BTreeMap<PointIndex, i64> {
        if self.points.len() < 2 {
            return BTreeMap::new();
        }
        let mut offsets = self.offsets.clone();
        offsets.extend(clock::offsets(&self.table, self.points.len()));
        offsets
    }
}

/// Adds a line to those of one kind that are told: a run that goes on for days may go wrong in one way again and again.
fn tell(lines: &mut Vec<String>, line: String) {
    match lines.len() {
        ..TOLD => lines.push(line),
        TOLD => lines.push("and more of the kind".to_owned()),
        _ => {}
    }
}

fn judge<'a>(table: &'a Table, facts: &'a Facts, settings: &'a Settings) -> Judge<'a> {
    Judge { table, facts, expectations: &settings.expectations, allowed: &settings.allowed }
}

fn is_selected(table: &Table, flow: FlowIndex, settings: &Settings) -> bool {
    let mut tuples = Vec::new();
    let mut marks = 0;
    for index in table.tracks_of(flow) {
        let track = table.track(index);
        marks |= u32::from(track.marks);
        let ends = [Some((track.client(), track.server())), table.told_origin(index)];
        tuples.extend(ends.into_iter().flatten().map(|(source, destination)| Tuple {
            source,
            destination,
            protocol: track.key.protocol,
        }));
    }
    settings.selection.matches(&tuples, marks)
}

impl Snapshots for Engine {
    fn snapshot(&mut self, window: &Window) -> Snapshot {
        self.refresh();
        // A screen of a large run that goes on does without: it is asked again and again, and all flows would be looked at.
        let does_without = window.detail == Detail::Screen
            && !self.has_ended
            && self.standings.total.all() > LINKED_ON_SCREEN;
        if self.links.is_none() && !does_without {
            self.links = Some(Links::find(&self.table, &self.settings.expectations.cluster));
        }
        rows::snapshot(self, window)
    }
}
