//! Frames of one interface, or of all (`any`), as they pass.
//!
//! libpcap's ring of blocks (`TPACKET_V3`) is read without blocking, after a poll. What has to be known of it:
//! 1. The kernel hands over a block when it is full, or when a tenth of a second has passed. Who closes the ring at
//!    once loses the block that is being filled; [`Live::finish`] waits for it.
//! 2. libpcap's own timeout is not one of reading: a read that blocks may block for ever.
//! 3. A cooked device opens as version 1, which does not tell interfaces apart; it is switched to version 2 where
//!    libpcap has it. Filters are compiled for the link type, so they come after that.
//! 4. Losses are what the kernel says that it dropped. Frames received less frames read would be no loss: on `lo` the
//!    kernel counts every packet twice, and libpcap discards one of the two.
//! 5. With nanosecond precision `tv_usec` holds nanoseconds.
//! 6. A socket stays in the network namespace of the thread that opened it. `any` belongs to no interface and
//!    survives all of them.

mod names;
mod refusal;
pub mod trial;

use std::fmt;
use std::mem;
use std::thread;
use std::time::{Duration, Instant};

use pcap::{Active, Capture, Linktype, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use self::names::Names;
pub use self::refusal::Error;
pub use super::savefile::Filled;
use crate::digest::{Batch, Head, Incident, Interface};
use crate::frame::{LinkType, Timestamp};
use crate::text::Text;

/// The name that stands for all interfaces of the namespace.
pub const ANY: &str = "any";
/// Most bytes that libpcap keeps of a frame: 256 KiB.
pub const MAX_SNAP_LENGTH: u32 = 262_144;
/// Bytes of a ring that outlasts a moment of inattention: at 100,000 frames a second of 128 bytes, a second and a half.
pub const BUFFER: usize = 32 << 20;

/// How long the kernel keeps a block that does not fill up.
const BLOCK_TIMEOUT: Duration = Duration::from_millis(100);
/// After this the kernel has handed over every frame that came before: a block's timeout, and half of it for timers that
/// are late or coarse.
const LAST_BLOCK: Duration = Duration::from_millis(150);
/// Bytes of a slab, if the longest frames fit several times. Each reader has several that go round; they are kept small.
const SLAB: usize = 256 << 10;
/// How many frames of full snap length a slab has room for, at least.
const LONGEST_FIT: usize = 4;
/// Bytes of a frame in the ring besides its own, at least: `struct tpacket3_hdr` and `struct sockaddr_ll`.
const RING_HEADER: u64 = 48 + 20;

/// What to capture.
#[derive(Debug, Clone)]
pub struct Request {
    pub interface: String,
    /// Bytes to keep of each frame; 0, and more than [`MAX_SNAP_LENGTH`], is that.
    pub snap_length: u32,
    /// Bytes of the ring that the kernel writes into.
    pub buffer: usize,
    pub direction: Direction,
    /// An expression of pcap-filter(7).
    pub filter: Option<String>,
}

/// Which way a frame passes an interface, by the kernel's word. Of the loopback device libpcap hands over what comes in alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
    #[default]
    Both,
}

impl Request {
    /// Whole frames of an interface, without a filter.
    pub fn of(interface: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            snap_length: MAX_SNAP_LENGTH,
            buffer: BUFFER,
            direction: Direction::Both,
            filter: None,
        }
    }
}

/// An interface that is being captured.
pub struct Live {
    name: String,
    capture: Capture<Active>,
    link: LinkType,
    snap_length: u32,
    buffer: u64,
    names: Option<Names>,
    is_told: bool,
    /// The last batch had no room for more.
    was_full: bool,
    /// The kernel's counter of dropped frames as it was read last.
    dropped: u32,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Capturing,
    /// What the ring holds `until` then is still wanted: no more than these bytes.
    Draining {
        until: Instant,
        left: u64,
    },
    Ended,
}

impl Live {
    /// Begins to capture, in the network namespace of the calling thread.
    pub fn open(request: &Request) -> Result<Self, Error> {
        let name = &request.interface;
        let too_large = |_| Error::Buffer { interface: name.clone(), bytes: request.buffer };
        let buffer = i32::try_from(request.buffer).map_err(too_large)?;
        let snap_length = match request.snap_length {
            0 => MAX_SNAP_LENGTH,
            length => length.min(MAX_SNAP_LENGTH),
        };
        let refused = |error| refusal::of_opening(name, &error);
        let inactive = Capture::from_device(name.as_str()).map_err(refused)?;
        let mut capture = inactive
            .promisc(false)
            .snaplen(snap_length as i32)
            .buffer_size(buffer)
            .timeout(BLOCK_TIMEOUT.as_millis() as i32)
            .precision(Precision::Nano)
            .open()
            .map_err(refused)?;
        match request.direction {
            Direction::In => capture.direction(pcap::Direction::In).map_err(refused)?,
            Direction::Out => capture.direction(pcap::Direction::Out).map_err(refused)?,
            Direction::Both => {}
        }
        tell_interfaces_apart(&mut capture);
        let link = LinkType::from_file(capture.get_datalink().0 as u16);
        if let Some(filter) = &request.filter {
            capture.filter(filter, true).map_err(|error| refusal::of_filter(filter, name, link, &error))?;
        }
        let capture = capture.setnonblock().map_err(refused)?;
        let names = (link == LinkType::LINUX_SLL2).then(|| Names::of_machine(&capture));
        Ok(Self {
            name: name.clone(),
            capture,
            link,
            snap_length,
            buffer: request.buffer as u64,
            names,
            is_told: false,
            was_full: false,
            dropped: 0,
            state: State::Capturing,
        })
    }

    /// Captures only what passes this filter from now on, in the place of the one before. It is compiled word for word, for
    /// libpcap's optimizer may lose frames of a long one.
    pub fn narrow(&mut self, filter: &str) -> Result<(), Error> {
        let refused = |error| refusal::of_filter(filter, &self.name, self.link, &error);
        self.capture.filter(filter, false).map_err(refused)
    }

    /// The link type of all frames.
    pub fn link(&self) -> LinkType {
        self.link
    }

    /// Takes the frames that are there into `batch`, with what else there is to tell; what it held is forgotten. Where
    /// there is none it waits for some, at most a tenth of a second. Digests are left to whoever decodes.
    pub fn fill(&mut self, batch: &mut Batch) -> Filled {
        batch.clear();
        if matches!(self.state, State::Ended) {
            return Filled::End;
        }
        if !mem::replace(&mut self.is_told, true) {
            let name = Some(Text::from(self.name.as_str()));
            batch.interfaces.push(Interface { link: self.link, name, snap_length: self.snap_length });
        }
        self.wait(batch);
        let was_due = self.is_due();
        self.take(batch);
        if let Some(names) = &mut self.names {
            names.tell(&self.capture, batch);
        }
        self.note_losses(batch);
        if was_due { self.drained(batch) } else { Filled::More }
    }

    /// Ends capturing: [`Live::fill`] gives what passed until now, and then the end.
    pub fn finish(&mut self) {
        if matches!(self.state, State::Capturing) {
            self.state = State::Draining { until: Instant::now() + LAST_BLOCK, left: self.buffer };
        }
    }

    /// Whether the kernel has handed over everything that is still wanted.
    fn is_due(&self) -> bool {
        matches!(self.state, State::Draining { until, .. } if Instant::now() >= until)
    }

    /// Moves frames from the ring into the batch, as many as there are and fit.
    fn take(&mut self, batch: &mut Batch) {
        let longest = self.snap_length as usize;
        let mut slab = mem::take(&mut batch.slab);
        let wanted = SLAB.max(LONGEST_FIT * longest);
        if slab.len() != wanted {
            slab.resize(wanted, 0);
        }
        let mut at = 0;
        let failure = loop {
            let room = ((slab.len() - at) / longest).min(Batch::FRAMES - batch.heads.len());
            self.was_full = room == 0;
            if self.was_full {
                break None;
            }
            let taken = self.capture.dispatch(Some(room), |packet| {
                let captured = packet.data.len().min(longest);
                slab[at..at + captured].copy_from_slice(&packet.data[..captured]);
                batch.heads.push(Head {
                    time: time(packet.header.ts.tv_sec, packet.header.ts.tv_usec),
                    start: at as u32,
                    captured: captured as u32,
                    original: packet.header.len,
                    interface: 0,
                });
                at += captured;
            });
            match taken {
                Ok(0) => break None,
                Ok(_) => {}
                Err(error) => break Some(error),
            }
        };
        batch.slab = slab;
        if let Some(error) = failure {
            self.fail(&error, batch);
        }
    }

    /// Waits until there may be frames, a block's timeout has passed, or the last block has come. It comes before
    /// reading, because libpcap takes from the socket what that has to tell of the interface.
    fn wait(&mut self, batch: &mut Batch) {
        let patience = match self.state {
            _ if self.was_full => Duration::ZERO,
            State::Draining { until, .. } => until.saturating_duration_since(Instant::now()),
            State::Capturing | State::Ended => BLOCK_TIMEOUT,
        };
        let limit = Timespec::try_from(patience).expect("less than a second");
        let begun = Instant::now();
        let mut polled = [PollFd::new(&self.capture, PollFlags::IN)];
        // A signal that interrupts is waited for no longer: whoever calls looks what it meant.
        let is_ready = poll(&mut polled, Some(&limit)).is_ok_and(|ready| ready > 0);
        let told = polled[0].revents();
        if !is_ready || told.contains(PollFlags::IN) {
            return;
        }
        // What it tells is that its interface went down. libpcap, which is asked next, says if that is gone for good.
        match self.state {
            State::Capturing => batch.incidents.push(Incident::Interrupted(format!(
                "{} went down; it is captured again when it comes up",
                self.name
            ))),
            State::Draining { .. } | State::Ended => {
                thread::sleep(patience.saturating_sub(begun.elapsed()));
            }
        }
    }

    /// Says what ended the capture, and that is all there will be besides what the ring holds.
    fn fail(&mut self, error: &pcap::Error, batch: &mut Batch) {
        if !matches!(self.state, State::Capturing) {
            return;
        }
        let why = refusal::words(error);
        let incident = if refusal::is_disappearance(&why) {
            // That it went down first needs no words of its own.
            batch.incidents.clear();
            Incident::Interrupted(format!(
                "{} is gone: nothing of it is captured from then on, should it come back, too",
                self.name
            ))
        } else {
            Incident::Truncated(format!("{} cannot be captured any longer: {why}", self.name))
        };
        batch.incidents.push(incident);
        self.finish();
    }

    /// The end, if the ring is empty or has given all that it can have held when it was due.
    fn drained(&mut self, batch: &Batch) -> Filled {
        let State::Draining { left, .. } = &mut self.state else { return Filled::More };
        let taken: u64 = batch.heads.iter().map(|head| u64::from(head.captured) + RING_HEADER).sum();
        *left = left.saturating_sub(taken);
        if batch.heads.is_empty() || *left == 0 {
            self.state = State::Ended;
            return Filled::End;
        }
        Filled::More
    }

    /// Tells what the kernel has dropped since it was last asked. Its counter wraps.
    fn note_losses(&mut self, batch: &mut Batch) {
        let Ok(stats) = self.capture.stats() else { return };
        let more = stats.dropped.wrapping_sub(self.dropped);
        self.dropped = stats.dropped;
        if more > 0 {
            batch.incidents.push(Incident::Dropped(more.into()));
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("name", &self.name).field("link", &self.link).finish_non_exhaustive()
    }
}

/// Switches a cooked device to version 2, where libpcap has it.
fn tell_interfaces_apart(capture: &mut Capture<Active>) {
    let is_offered = || capture.list_datalinks().is_ok_and(|known| known.contains(&Linktype::LINUX_SLL2));
    if capture.get_datalink() == Linktype::LINUX_SLL && is_offered() {
        // Should that fail, version 1 is still a capture.
        capture.set_datalink(Linktype::LINUX_SLL2).ok();
    }
}

/// The time of a frame whose `timeval` counts seconds and nanoseconds.
fn time(seconds: i64, nanos: i64) -> Timestamp {
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Timestamp::from_nanos(total.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Request)) -> Error {
        let mut request = Request::of("lo");
        change(&mut request);
        Live::open(&request).expect_err("a request that cannot be met")
    }

    #[test]
    fn the_fraction_of_a_time_is_nanoseconds() {
        assert_eq!(time(1_700_000_000, 999_999_999).nanos(), 1_700_000_000_999_999_999);
        assert_eq!(time(i64::MAX, 0), Timestamp::MAX);
    }

    #[test]
    fn a_ring_larger_than_can_be_asked_for_is_refused_with_the_limit() {
        let told = refused(|request| request.buffer = 3 << 30).to_string();
        assert_eq!(
            told,
            "cannot capture on lo into a ring of 3221225472 bytes: at most 2147483647 are possible"
        );
    }
}
