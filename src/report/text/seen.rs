//! The end of a report: what was captured and lost, what was taken for granted, what went wrong.

use super::LABELS;
use super::page::{Page, Tone};
use crate::number::counted;
use crate::prose::cut;
use crate::report::time::Clock;
use crate::snapshot::{Place, Point, Snapshot};

/// Places named per point at most; a node has a veth for each of its pods.
const PLACES: usize = 6;
/// The longest interface name that Linux gives is 15 bytes; captures may say anything.
const INTERFACE: usize = 40;

pub(super) fn write(page: &mut Page, clock: &mut Clock, run: &Snapshot) {
    page.gap();
    let mut label = "Seen at";
    for point in &run.points {
        page.paragraph(label, Tone::Heading, LABELS, &summary(point, clock));
        write_places(page, &point.places);
        label = "";
    }
    if let Some(lost) = lost(run) {
        page.paragraph("Lost", Tone::Warning, LABELS, &lost);
    }
    if run.summary.expired > 0 {
        let ended = counted(run.summary.expired, "flow");
        let ended = format!(
            "{ended} that had ended, and let go of since: counted above, no longer listed one by one"
        );
        page.paragraph("Ended", Tone::Heading, LABELS, &ended);
    }
    write_list(page, "Assumed", Tone::Heading, &run.assumptions);
    write_list(page, "Warning", Tone::Warning, &run.warnings);
}

/// Most characters of a filter that are shown: what somebody typed, not what was composed.
const LONGEST: usize = 200;

/// `node1 (node1-any.pcap): 1,234 frames, 00:41:26 – 00:42:01`.
fn summary(point: &Point, clock: &mut Clock) -> String {
    let mut parts = vec![counted(point.frames, "frame")];
    if let (Some(first), Some(last)) = (point.first_seen, point.last_seen) {
        parts.push(clock.range(first, last));
    }
    if let Some(filter) = &point.filter {
        parts.push(match filter.chars().count() {
            ..=LONGEST => format!("filter `{filter}`"),
            length => format!("a filter of {length} characters (--format json has it)"),
        });
    }
    if point.truncated {
        parts.push("cut short".to_owned());
    }
    if let Some(offset) = point.clock_offset_ns.filter(|offset| *offset != 0) {
        parts.push(format!("clock {}", difference(offset)));
    }
    let source = match &point.source {
        source if *source == point.name => String::new(),
        source => format!(" ({source})"),
    };
    format!("{}{source}: {}", point.name, parts.join(", "))
}

/// `350.000 ms ahead of the first point`; small differences in a unit that shows them.
fn difference(nanos: i64) -> String {
    let size = nanos.unsigned_abs();
    let (unit, scale) = match size {
        0..1_000_000 => ("µs", 1_000),
        1_000_000..1_000_000_000 => ("ms", 1_000_000),
        _ => ("s", 1_000_000_000),
    };
    let sense = if nanos > 0 { "ahead of" } else { "behind" };
    format!("{}.{:03} {unit} {sense} the first point", size / scale, size % scale * 1_000 / scale)
}

/// Places with a role, and how many there are without.
fn write_places(page: &mut Page, places: &[Place]) {
    let told: Vec<_> = places.iter().filter(|place| place.role.is_some()).take(PLACES).collect();
    for place in &told {
        let role = place.role.map_or("", |role| role.name());
        let interface = match &place.interface {
            Some(interface) => format!(" ({})", cut(&interface.to_string(), INTERFACE)),
            None => String::new(),
        };
        let because = place.because.as_ref().map_or(String::new(), |because| format!(": {because}"));
        page.paragraph("", Tone::Plain, LABELS + 2, &format!("{role} {}{interface}{because}", place.id));
    }
    let rest = places.len() - told.len();
    if rest > 0 && !told.is_empty() {
        page.paragraph("", Tone::Plain, LABELS + 2, &format!("and {}", counted(rest as u64, "other place")));
    } else if rest > 1 {
        page.paragraph("", Tone::Plain, LABELS + 2, &counted(rest as u64, "place"));
    }
}

/// What was captured but does not count, or was not captured; `None` where nothing is missing.
fn lost(run: &Snapshot) -> Option<String> {
    let summary = run.summary;
    let parts: Vec<_> = [
        (summary.kernel_drops, "frame", " dropped by the kernel"),
        (summary.undecoded, "frame", " not understood"),
        (summary.evicted, "flow", " judged early for want of room"),
    ]
    .iter()
    .filter(|(count, ..)| *count > 0)
    .map(|(count, noun, fate)| counted(*count, noun) + fate)
    .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn write_list(page: &mut Page, label: &str, tone: Tone, lines: &[String]) {
    let mut label = label;
    for line in lines {
        page.paragraph(label, tone, LABELS, line);
        label = "";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_ahead_or_behind_in_a_unit_that_shows_it() {
        assert_eq!(difference(350_000_000), "350.000 ms ahead of the first point");
        assert_eq!(difference(-1_234), "1.234 µs behind the first point");
        assert_eq!(difference(i64::MIN), "9223372036.854 s behind the first point");
    }
}
