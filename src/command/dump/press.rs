//! Prints frame after frame.

use std::io::{self, IsTerminal as _, StdoutLock, Write as _};

use anyhow::Context as _;
use jiff::tz::TimeZone;

use crate::cli::dump::{Format, Lines};
use crate::cli::frames::{Frames, Source};
use crate::command::chooser::Chooser;
use crate::command::dump::places::Places;
use crate::command::opened::Captured;
use crate::command::taker::{Status, Taker};
use crate::command::{is_gone, say};
use crate::decode::{self, dissect};
use crate::digest::{Batch, Head, Incident, Motion};
use crate::frame::{Frame, LinkType, PointIndex};
use crate::names::Hosts;
use crate::packet::{Header, Packet};
use crate::paper::line::{Manner, Seen};
use crate::paper::stamp::Stamp;
use crate::paper::{Conversations, Pen, Tone, fields, hex, json, line};

/// Bytes that are gathered before they are written.
const BUFFER: usize = 64 << 10;

pub(super) struct Press<'a> {
    lines: &'a Lines,
    manner: Manner<'a>,
    bytes: Option<(hex::Form, bool)>,
    chooser: Chooser,
    places: Places,
    stamp: Stamp,
    conversations: Conversations,
    pen: Pen,
    out: StdoutLock<'static>,
    /// Each line is handed over at once.
    pub(super) is_prompt: bool,
    /// Somebody looks at the lines as they come.
    is_seen: bool,
    limit: Option<u64>,
    printed: u64,
    seen: u64,
    dropped: u64,
    /// The last error of writing, after which nothing is written.
    failed: Option<io::Error>,
    is_whole: bool,
    /// Told at the end, lest it stand among the packets.
    told: Vec<String>,
}

impl<'a> Press<'a> {
    pub(super) fn new(
        lines: &'a Lines,
        frames: &Frames,
        hosts: &'a Hosts,
        chooser: Chooser,
        sources: &[Source],
    ) -> anyhow::Result<Self> {
        let out = io::stdout().lock();
        let is_seen = out.is_terminal();
        let is_live = sources.iter().any(|source| source.input.is_live());
        let manner = Manner {
            verbose: lines.verbose,
            is_quick: lines.quick,
            shows_link: lines.link,
            is_absolute: lines.absolute,
            hosts: Some(hosts).filter(|hosts| !hosts.is_empty()),
        };
        let zone = lines.tz.clone().unwrap_or_else(TimeZone::system);
        Ok(Self {
            lines,
            manner,
            bytes: lines.bytes(),
            chooser,
            places: Places::new(sources, frames.interface_names()?),
            stamp: Stamp::new(lines.stamp(), zone, lines.nano),
            conversations: Conversations::default(),
            pen: Pen::new(lines.color.is_wanted(is_seen)),
            out,
            is_prompt: lines.line_buffered || is_live || is_seen,
            is_seen,
            limit: frames.until.count,
            printed: 0,
            seen: 0,
            dropped: 0,
            failed: None,
            is_whole: true,
            told: Vec::new(),
        })
    }

    /// Takes in what a batch says of interfaces.
    fn learn(&mut self, batch: &Batch) {
        for interface in &batch.interfaces {
            let is_filtered = self.places.is_filtered(batch.point);
            if let Some(refused) = self.chooser.refused(interface.link, is_filtered) {
                self.tell_missing(refused);
            }
        }
        self.places.learn(batch);
    }

    /// Takes in what happened to the source of a batch.
    fn note(&mut self, batch: &Batch) {
        for incident in &batch.incidents {
            match incident {
                Incident::Dropped(more) => self.dropped = self.dropped.saturating_add(*more),
                // Of what nobody wants any more, nothing is missing.
                Incident::Truncated(_) | Incident::Unread(_) if !self.goes_on() => {}
                Incident::Truncated(what) | Incident::Unread(what) => self.tell_missing(what.clone()),
                Incident::Interrupted(what) | Incident::Unchanged(what) => self.told.push(what.clone()),
                // Who ended it knows.
                Incident::Unfinished => {}
            }
        }
    }

    /// A source that was asked for cannot be read; the others are.
    pub(super) fn tell_unread(&mut self, what: &str) {
        self.is_whole = false;
        say(format_args!("{what}; going on without it"));
    }

    fn tell_missing(&mut self, what: String) {
        self.is_whole = false;
        if !self.told.contains(&what) {
            self.told.push(what);
        }
    }

    /// Whether another frame is wanted.
    pub(super) fn goes_on(&self) -> bool {
        self.failed.is_none() && self.limit.is_none_or(|limit| self.printed < limit)
    }

    /// Prints a frame of a batch that was learnt from, if it is wanted.
    fn frame(&mut self, batch: &Batch, head: &Head) {
        self.seen += 1;
        let (frame, number, is_filtered) = self.places.frame(batch, head);
        if self.lines.count_only {
            self.printed += u64::from(self.chooser.wants(&frame, is_filtered));
            return;
        }
        if !self.chooser.passes(&frame, is_filtered) {
            return;
        }
        let packet = decode::packet(frame.bytes, frame.link, self.chooser.options());
        if !self.chooser.admits(&packet, &frame) {
            return;
        }
        self.printed += 1;
        match self.lines.format {
            Format::Text => self.text(&frame, &packet, batch.point, head, number),
            Format::Json => self.object(&frame, &packet, batch.point, head, number),
        }
        self.pen.byte(b'\n');
        if self.is_prompt || self.pen.len() >= BUFFER {
            self.hand_over();
        }
    }

    fn text(&mut self, frame: &Frame<'_>, packet: &Packet, point: PointIndex, head: &Head, number: u64) {
        let pen = &mut self.pen;
        if self.lines.number {
            let from = pen.len();
            let digits = number.max(1).ilog10() as usize + 1;
            pen.fill(from, 5_usize.saturating_sub(digits));
            pen.number(number);
            pen.put("  ");
        }
        pen.begin(Tone::Quiet);
        self.stamp.write(pen, frame.time);
        pen.end();
        self.places.write(pen, point, head.interface, packet);
        if let Some(packet_type) = packet_type(packet) {
            pen.put(letters(packet_type));
        }
        let dissection = (self.manner.verbose > 0).then(|| dissect::of_packet(packet, frame.bytes));
        let seen = Seen { frame: *frame, packet, dissection: dissection.as_ref() };
        line::write(pen, seen, &self.manner, &mut self.conversations);
        match (&dissection, self.manner.verbose) {
            (Some(dissection), 2) => fields::brief(pen, dissection),
            (Some(dissection), 3..) => fields::full(pen, dissection),
            _ => {}
        }
        if let Some((form, has_link)) = self.bytes {
            let start = if has_link { 0 } else { link_length(packet) };
            hex::bytes(pen, frame.bytes.get(start..).unwrap_or_default(), form);
        }
    }

    fn object(&mut self, frame: &Frame<'_>, packet: &Packet, point: PointIndex, head: &Head, number: u64) {
        let dissection = dissect::of_packet(packet, frame.bytes);
        let object = json::Object {
            schema: json::NAME,
            frame: format!("{}:{number}", self.places.point(point)),
            time: format!("{:.9}", jiff::Timestamp::from(frame.time)),
            place: &self.places.name(point, head.interface, packet),
            direction: json::direction(packet_type(packet).map_or(Motion::Unsaid, decode::motion)),
            link_type: frame.link.to_string(),
            original: frame.original,
            captured: frame.bytes.len(),
            layers: json::Layers(&dissection.layers),
            stopped: json::stopped(&dissection),
        };
        serde_json::to_writer(&mut self.pen, &object).expect("memory takes everything, and keys are strings");
    }

    fn hand_over(&mut self) {
        if self.failed.is_none() {
            let written = self.out.write_all(self.pen.written()).and_then(|()| self.out.flush());
            self.failed = written.err();
        }
        self.pen.clear();
    }

    /// Says what is left to say. Whether all was read that was to be read.
    pub(super) fn end(mut self, says_numbers: bool) -> anyhow::Result<bool> {
        if self.lines.count_only {
            let plural = if self.printed == 1 { "" } else { "s" };
            self.pen.show(format_args!("{} packet{plural}\n", self.printed));
        }
        self.hand_over();
        for told in &self.told {
            say(told);
        }
        if says_numbers {
            let plural = if self.seen == 1 { "" } else { "s" };
            say(format_args!(
                "{} packet{plural} captured, {} dropped by the kernel",
                self.seen, self.dropped
            ));
        }
        match self.failed {
            Some(error) if is_gone(&error) => Ok(true),
            Some(error) => Err(error).context("cannot write the packets"),
            None => Ok(self.is_whole),
        }
    }
}

/// How the kernel says that a packet moved, in a cooked capture.
fn packet_type(packet: &Packet) -> Option<u16> {
    match packet.layers.first()?.header {
        Header::Sll { packet_type, .. } => Some(packet_type),
        Header::Sll2 { packet_type, .. } => Some(u16::from(packet_type)),
        _ => None,
    }
}

/// The same in tcpdump's letters and columns.
fn letters(packet_type: u16) -> &'static str {
    match packet_type {
        0 => "In  ",
        1 => "B   ",
        2 => "M   ",
        3 => "P   ",
        4 => "Out ",
        _ => "?   ",
    }
}

/// Bytes before what a link carries, as tcpdump counts them: with tags, without labels.
fn link_length(packet: &Packet) -> usize {
    let is_link = |header: &Header| {
        matches!(
            header,
            Header::Ethernet { .. }
                | Header::Vlan { .. }
                | Header::Llc { .. }
                | Header::Snap { .. }
                | Header::Ppp { .. }
                | Header::Hdlc { .. }
                | Header::FrameRelay
                | Header::Fddi { .. }
                | Header::Wifi { .. }
                | Header::Recorded { .. }
                | Header::Sll { .. }
                | Header::Sll2 { .. }
                | Header::Family { .. }
        )
    };
    packet.layers.iter().take_while(|layer| is_link(&layer.header)).last().map_or(0, |layer| layer.range.end)
}

impl Taker for Press<'_> {
    fn add_point(&mut self, source: &Source) -> PointIndex {
        self.places.open(source)
    }

    fn narrowing(&mut self, link: LinkType) -> Option<String> {
        self.chooser.narrowing(link)
    }

    fn note_filter(&mut self, point: PointIndex, _filter: &str) {
        // Without an expression, the kernel has asked less than options mean.
        if self.chooser.typed().is_some() {
            self.places.note_filter(point);
        }
    }

    fn prepare(&mut self, points: &[String], _live: &[Captured]) -> anyhow::Result<()> {
        say(format_args!("listening on {}; Ctrl-C ends", points.join(", ")));
        Ok(())
    }

    fn take(&mut self, batch: &mut Batch) {
        self.learn(batch);
        for head in &batch.heads {
            if !self.goes_on() {
                break;
            }
            self.frame(batch, head);
        }
        self.note(batch);
    }

    fn note_unread(&mut self, what: String) {
        self.tell_unread(&what);
    }

    fn assume(&mut self, what: String) {
        self.told.push(what);
    }

    fn warn(&mut self, what: String) {
        self.told.push(what);
    }

    fn has_enough(&self) -> bool {
        !self.goes_on()
    }

    fn can_go_on(&self) -> bool {
        self.failed.is_none()
    }

    fn shows_frames(&self) -> bool {
        self.is_seen && !self.lines.count_only
    }

    fn status(&mut self) -> Status {
        Status { frames: self.seen, dropped: self.dropped, ..Status::default() }
    }
}
