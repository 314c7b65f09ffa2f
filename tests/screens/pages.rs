//! Pages of the engine's lists: whatever page is asked for, it is a part of one and the same list, in order.

use egret::filter::composition::Composition;
use egret::frame::Timestamp;
use egret::snapshot::{
    Column, Detail, GroupId, Left, Line, LineId, Listing, Order, Snapshot, Snapshots as _, Sort, Window,
};
use egret::verdict::Verdict;

use crate::stage::{FIREWALL, IPV6, LEAK, Reading, Scene};

const SCENES: [Scene; 3] = [LEAK, FIREWALL, IPV6];

fn sorts() -> Vec<Sort> {
    let columns = Column::ALL
        .iter()
        .flat_map(|column| [Order::Ascending, Order::Descending].map(|order| Sort::By(*column, order)));
    [Sort::First, Sort::Worst].into_iter().chain(columns).collect()
}

fn window(sort: Sort, listing: Listing) -> Window {
    Window { sort, count: usize::MAX / 2, detail: Detail::Screen, listing, ..Window::default() }
}

fn ids(run: &Snapshot) -> Vec<LineId> {
    run.page.lines.iter().map(Line::id).collect()
}

/// All groups of a run.
fn groups(run: &Snapshot) -> Vec<GroupId> {
    let group = |line: &Line| if let Line::Group { id, .. } = line { Some(*id) } else { None };
    run.page.lines.iter().filter_map(group).collect()
}

#[test]
fn pages_of_any_length_make_up_the_whole_list_in_every_order() {
    for (folder, files, flags) in SCENES {
        let mut engine = Reading::of(folder, files, flags).engine;
        let together = Listing { is_together: true, ..Listing::default() };
        let open = groups(&engine.snapshot(&window(Sort::Worst, together.clone())));
        let every_other = Listing { open: open.into_iter().step_by(2).collect(), ..together.clone() };
        for listing in [Listing::default(), together, every_other] {
            for sort in sorts() {
                let all = engine.snapshot(&window(sort, listing.clone()));
                let whole = ids(&all);
                assert_eq!(whole.len(), all.page.total);
                let mut paged = Vec::new();
                while paged.len() < whole.len() {
                    let part = Window { first: paged.len(), count: 7, ..window(sort, listing.clone()) };
                    let page = engine.snapshot(&part).page;
                    // The last page is as full as the others.
                    let known = paged.len() - page.first;
                    paged.extend(page.lines.iter().skip(known).map(Line::id));
                }
                assert_eq!(paged, whole, "{folder}: {sort:?}");
            }
        }
    }
}

#[test]
fn single_flows_stand_in_the_order_of_the_column() {
    let (folder, files, flags) = IPV6;
    let mut engine = Reading::of(folder, files, flags).engine;
    let mut of = |column: Column, order: Order| -> Vec<(u64, u64, Timestamp, String, String)> {
        let run = engine.snapshot(&window(Sort::By(column, order), Listing::default()));
        let rows = run.page.lines.into_iter().filter_map(|line| match line {
            Line::Flow { row, .. } => Some(row),
            Line::Group { .. } => None,
        });
        rows.map(|row| {
            let outcome = format!("{:02}", row.outcome as u8);
            (row.packets, row.bytes, row.first_seen, outcome, row.destination.to_string())
        })
        .collect()
    };
    let rising = |list: Vec<u64>| list.is_sorted();
    assert!(rising(of(Column::Packets, Order::Ascending).iter().map(|row| row.0).collect()));
    assert!(rising(of(Column::Bytes, Order::Descending).iter().rev().map(|row| row.1).collect()));
    assert!(
        of(Column::Age, Order::Ascending).iter().rev().map(|row| row.2).is_sorted(),
        "the youngest first"
    );
    assert!(of(Column::Outcome, Order::Ascending).iter().map(|row| &row.3).is_sorted());
}

#[test]
fn a_line_that_is_held_is_on_its_page_at_its_place() {
    let (folder, files, flags) = LEAK;
    let mut engine = Reading::of(folder, files, flags).engine;
    let together = Listing { is_together: true, ..Listing::default() };
    let open = groups(&engine.snapshot(&window(Sort::Worst, together.clone())));
    for listing in [Listing::default(), Listing { open, ..together }] {
        let whole = ids(&engine.snapshot(&window(Sort::Worst, listing.clone())));
        for (at, id) in whole.iter().enumerate() {
            let listing = Listing { anchor: Some((id.clone(), 4)), ..listing.clone() };
            let page = engine.snapshot(&Window { count: 10, ..window(Sort::Worst, listing) }).page;
            assert_eq!(page.first, at.saturating_sub(4).min(whole.len() - 10));
            assert_eq!(page.lines[at - page.first].id(), *id);
        }
    }
}

#[test]
fn a_line_that_is_gone_holds_nothing() {
    let (folder, files, flags) = LEAK;
    let mut engine = Reading::of(folder, files, flags).engine;
    for id in [LineId::Flow("node1-any:2".into()), LineId::Flow("nonsense".into()), LineId::Group(GroupId(7))]
    {
        let listing =
            Listing { anchor: Some((id, 4)), flow: Some("node1-any:2".into()), ..Listing::default() };
        let page = engine.snapshot(&Window { first: 20, count: 10, ..window(Sort::Worst, listing) }).page;
        assert_eq!((page.first, page.lines.len(), page.flow.is_none()), (20, 10, true));
    }
}

#[test]
fn lists_are_narrowed_by_verdict_expectation_and_source() {
    let (folder, files, flags) = FIREWALL;
    let mut engine = Reading::of(folder, files, flags).engine;
    let mut flows = |verdicts: &[Verdict], listing: Listing| {
        let window = Window { verdicts: verdicts.to_vec(), ..window(Sort::Worst, listing) };
        let page = engine.snapshot(&window).page;
        assert_eq!(page.flows, page.total as u64, "a line a flow");
        page.flows
    };
    assert_eq!(flows(&[], Listing::default()), 31);
    assert_eq!(flows(&[Verdict::Fail], Listing::default()), 0);
    let of = |expectation| Listing { expectation: Some(expectation), ..Listing::default() };
    let (first, second) = (flows(&[], of(0)), flows(&[Verdict::Pass], of(1)));
    assert_eq!((first, second), (5, 26));
    let egress = "192.168.12.99".parse::<std::net::IpAddr>().expect("an address").into();
    assert_eq!(flows(&[], Listing { left: Some(Left::As(egress)), ..Listing::default() }), 5);
    assert_eq!(flows(&[], Listing { left: Some(Left::Unseen), ..Listing::default() }), 0);
}

#[test]
fn sources_and_steps_count_every_flow_once() {
    for (folder, files, flags) in SCENES {
        let mut engine = Reading::of(folder, files, flags).engine;
        let run = engine.snapshot(&window(Sort::Worst, Listing::default()));
        let began: u32 = run.sources.list.iter().flat_map(|source| &source.began).sum();
        let judged = run.summary.flows - run.summary.exempt;
        assert_eq!(u64::from(began), judged, "{folder}");
        assert_eq!(run.sources.list.iter().map(|source| source.flows).sum::<u64>(), judged);
        assert_eq!(run.pace.frames.iter().sum::<u64>(), run.summary.frames);
        let outcomes: u64 = run.gist.outcomes.iter().map(|(_, flows)| flows).sum();
        assert_eq!(outcomes, judged);
    }
}

#[test]
fn looking_at_a_run_while_it_goes_on_changes_no_count() {
    for (folder, files, flags) in SCENES {
        let asked = window(Sort::Worst, Listing::default());
        let mut looks = 0;
        let mut looked_at = Reading::looked_at(folder, files, flags, |engine| {
            looks += engine.snapshot(&asked).page.lines.len();
        });
        assert!(looks > 0, "something was to be seen");
        let mut other = Reading::of(folder, files, flags);
        let (one, other) = (looked_at.engine.snapshot(&asked), other.engine.snapshot(&asked));
        let told = |run: &Snapshot| {
            let sources = run.sources.list.iter().map(|it| (it.left, it.flows, it.began.clone()));
            (run.summary, run.gist.clone(), sources.collect::<Vec<_>>(), run.pace.frames.clone())
        };
        assert_eq!(told(&one), told(&other), "{folder}");
        assert_eq!(ids(&one), ids(&other), "{folder}");
    }
}

#[test]
fn another_selection_is_as_if_it_had_been_asked_for_at_first() {
    let (folder, files, flags) = FIREWALL;
    let mut engine = Reading::of(folder, files, flags).engine;
    let asked = window(Sort::Worst, Listing { is_together: true, ..Listing::default() });
    let all = engine.snapshot(&asked);
    let nothing = Composition::Not(Box::default());
    engine.select(nothing);
    let none = engine.snapshot(&asked);
    assert_eq!((none.summary.flows, none.page.total, none.sources.list.len()), (0, 0, 0));
    engine.select(Composition::default());
    let again = engine.snapshot(&asked);
    assert_eq!((ids(&again), again.summary), (ids(&all), all.summary));
}

#[test]
fn the_leak_shows_as_a_change_of_source() {
    let (folder, files, flags) = LEAK;
    let mut engine = Reading::of(folder, files, flags).engine;
    let sources = engine.snapshot(&window(Sort::Worst, Listing::default())).sources.list;
    let [right, wrong] = &sources[..] else { panic!("{sources:?}") };
    let last = right.began.iter().rposition(|count| *count > 0);
    let first = wrong.began.iter().position(|count| *count > 0);
    assert!(last < first, "the wrong address comes after the right one: {sources:?}");
    assert_eq!((right.fail, wrong.fail, wrong.pass), (0, 20, 0));
}
