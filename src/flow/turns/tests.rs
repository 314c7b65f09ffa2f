use super::*;
use crate::net::{Address, Endpoint};

const FAR: Endpoint = Endpoint { address: Address::v4(0xcb00_7119), port: 443 };
const WIRE: Endpoint = Endpoint { address: Address::v4(0xc0a8_0c63), port: 40001 };

fn ms(ms: i64) -> Timestamp {
    Timestamp::from_nanos(ms * 1_000_000)
}

fn between(since: i64, until: i64) -> When {
    When { since: ms(since), until: ms(until) }
}

/// Entries of pods, which are told apart by their numbers, that all leave by one tuple; pod 0 is that tuple itself.
fn of_pod(pod: u32) -> Entry {
    let source = Endpoint { address: Address::v4(0x0a80_0000 + pod), port: 50000 };
    let original = (if pod == 0 { WIRE } else { source }, FAR);
    Entry { translation: Translation { protocol: 6, original, reply: (FAR, WIRE) }, zone: 0 }
}

fn in_zone(zone: u16, entry: Entry) -> Entry {
    Entry { zone, ..entry }
}

fn turns(news: &[News]) -> Turns {
    let mut turns = Turns::default();
    for one in news {
        turns.take_in(one);
    }
    turns
}

/// Whose a span is: the pod's number; `Err` where that is in doubt.
fn whose(turns: &Turns, span: Span) -> Result<Option<u32>, ()> {
    match turns.of((6, WIRE, FAR), span, |_| true) {
        Answer::Nobodys => Ok(None),
        Answer::Doubtful => Err(()),
        Answer::Turn(turn) => {
            let pod = turns.translation(turn).original.0.address.halves()[1] as u32;
            Ok(Some(pod - 0x0a80_0000))
        }
    }
}

/// A connection whose beginning was seen then.
fn begun(turns: &Turns, at: i64) -> Result<Option<u32>, ()> {
    whose(turns, Span { first: ms(at), last: ms(at), has_begun: true })
}

/// What was under way, or has no beginning.
fn under_way(turns: &Turns, first: i64, last: i64) -> Result<Option<u32>, ()> {
    whose(turns, Span { first: ms(first), last: ms(last), has_begun: false })
}

#[test]
fn a_connection_is_that_of_the_entry_that_began_just_before() {
    let turns = turns(&[News::Begun(of_pod(5), between(100, 102))]);
    assert_eq!(begun(&turns, 99), Ok(None), "its entry was entered before it left");
    assert_eq!(begun(&turns, 100), Ok(Some(5)));
    assert_eq!(begun(&turns, 101), Ok(Some(5)), "it was read later than the frame was seen");
    assert_eq!(begun(&turns, 1_102), Ok(Some(5)));
    assert_eq!(begun(&turns, 1_103), Ok(None), "that must have been another's beginning");
}

#[test]
fn a_tuple_that_is_used_again_is_the_later_users() {
    let news = [
        News::Begun(of_pod(5), between(100, 101)),
        News::Ended(of_pod(5), between(140, 141)),
        News::Begun(of_pod(8), between(150, 151)),
    ];
    let turns = turns(&news);
    assert_eq!((begun(&turns, 100), begun(&turns, 130)), (Ok(Some(5)), Ok(Some(5))));
    assert_eq!((begun(&turns, 150), begun(&turns, 152)), (Ok(Some(8)), Ok(Some(8))));
}

#[test]
fn a_connection_that_may_be_of_either_of_two_users_is_in_doubt() {
    let together =
        turns(&[News::Begun(of_pod(5), between(100, 110)), News::Begun(of_pod(8), between(100, 110))]);
    assert_eq!(begun(&together, 105), Err(()), "both were read at once");
    assert_eq!(begun(&together, 111), Ok(Some(8)), "by then the second had replaced the first");
    let shortly_after =
        turns(&[News::Begun(of_pod(5), between(100, 101)), News::Begun(of_pod(8), between(102, 119))]);
    assert_eq!(begun(&shortly_after, 118), Err(()), "the first one's may have come late");
    let same_user =
        turns(&[News::Begun(of_pod(5), between(100, 110)), News::Begun(of_pod(5), between(100, 110))]);
    assert_eq!(begun(&same_user, 105), Ok(Some(5)));
}

#[test]
fn a_beginning_of_badly_known_time_speaks_only_where_nobody_else_had_the_tuple() {
    let slow = between(1_000, 6_000);
    let alone = turns(&[News::Begun(of_pod(5), slow)]);
    assert_eq!(begun(&alone, 3_000), Ok(Some(5)));
    let after_another = turns(&[News::Stood(of_pod(8), between(-9_000, 0)), News::Begun(of_pod(5), slow)]);
    assert_eq!(begun(&after_another, 3_000), Err(()));
    let long_after = turns(&[
        News::Begun(of_pod(8), between(0, 1)),
        News::Ended(of_pod(8), between(9, 10)),
        News::Begun(of_pod(5), slow),
    ]);
    assert_eq!(begun(&long_after, 3_000), Ok(Some(5)));
}

#[test]
fn the_nodes_own_use_of_a_tuple_ends_a_pods() {
    let news = [
        News::Begun(of_pod(5), between(100, 101)),
        News::Ended(of_pod(5), between(500, 501)),
        News::Begun(of_pod(0), between(600, 601)),
    ];
    let turns = turns(&news);
    assert_eq!(begun(&turns, 601), Ok(None));
    assert_eq!(under_way(&turns, 110, 400), Ok(Some(5)));
    assert_eq!(under_way(&turns, 700, 800), Ok(None));
    assert_eq!(under_way(&turns, 400, 800), Err(()));
}

#[test]
fn what_another_zone_passes_on_untranslated_ends_nothing() {
    let turns = turns(&[
        News::Begun(in_zone(7, of_pod(5)), between(100, 101)),
        News::Begun(in_zone(64_000, of_pod(0)), between(100, 101)),
    ]);
    assert_eq!((begun(&turns, 101), under_way(&turns, 102, 900)), (Ok(Some(5)), Ok(Some(5))));
}

#[test]
fn users_in_two_zones_do_not_replace_each_other() {
    let turns = turns(&[
        News::Begun(in_zone(1, of_pod(5)), between(100, 101)),
        News::Begun(in_zone(2, of_pod(8)), between(300, 301)),
    ]);
    assert_eq!((begun(&turns, 200), begun(&turns, 302)), (Ok(Some(5)), Err(())));
    assert_eq!(under_way(&turns, 400, 500), Err(()));
}

#[test]
fn what_is_under_way_is_his_whose_turn_it_was_all_the_time() {
    let news = [
        News::Stood(of_pod(5), When { since: Timestamp::MIN, until: ms(0) }),
        News::Begun(of_pod(8), between(5_000, 5_001)),
    ];
    let turns = turns(&news);
    assert_eq!(under_way(&turns, -10, 4_000), Ok(Some(5)));
    assert_eq!(under_way(&turns, 6_000, 9_000), Ok(Some(8)));
    assert_eq!(under_way(&turns, 4_000, 6_000), Err(()));
    let later = self::turns(&[News::Begun(of_pod(8), between(5_000, 5_001))]);
    assert_eq!(under_way(&later, 4_000, 6_000), Ok(None), "its first frames were somebody else's");
}

#[test]
fn after_an_entry_is_over_its_tuple_is_nobodys() {
    let turns = turns(&[News::Begun(of_pod(5), between(0, 1)), News::Ended(of_pod(5), between(900, 901))]);
    assert_eq!(under_way(&turns, 1, 2_000), Ok(Some(5)), "answers may come late");
    assert_eq!(under_way(&turns, 1_000, 2_000), Ok(None));
}

#[test]
fn what_stood_in_the_table_must_be_of_its_time() {
    let turns = turns(&[News::Stood(of_pod(5), When { since: Timestamp::MIN, until: ms(7) })]);
    let span = Span { first: ms(90_000), last: ms(90_000), has_begun: false };
    let mut asked = Vec::new();
    for is_of_time in [true, false] {
        asked.push(turns.of((6, WIRE, FAR), span, |read| {
            assert_eq!(read, ms(7));
            is_of_time
        }));
    }
    assert_eq!(asked, [Answer::Turn(TurnIndex(0)), Answer::Nobodys]);
}

#[test]
fn while_news_are_lost_nobody_knows_whose_turn_it_is() {
    let news = [
        News::Begun(of_pod(5), between(100, 101)),
        News::Lost(between(5_000, 6_000)),
        News::Begun(of_pod(8), between(6_000, 6_001)),
    ];
    let turns = turns(&news);
    assert_eq!((begun(&turns, 101), under_way(&turns, 200, 4_000)), (Ok(Some(5)), Ok(Some(5))));
    assert_eq!((begun(&turns, 5_500), under_way(&turns, 200, 5_500)), (Err(()), Err(())));
    assert_eq!((begun(&turns, 6_001), under_way(&turns, 7_000, 8_000)), (Ok(Some(8)), Ok(Some(8))));
    let turns = self::turns(&news[..2]);
    assert_eq!(begun(&turns, 7_001), Ok(None));
    assert_eq!(under_way(&turns, 7_000, 8_000), Err(()), "what stood before may be over");
    assert_eq!(under_way(&turns, 200, 8_000), Err(()));
}

#[test]
fn where_there_was_no_room_for_a_user_of_a_tuple_nothing_is_said_of_it() {
    let mut turns = turns(&[News::Begun(of_pod(5), between(100, 101))]);
    let filler = Entry { translation: Translation { protocol: 17, ..of_pod(5).translation }, zone: 0 };
    turns.list.resize(LIMIT, Turn { translation: filler.translation, ..turns.list[0] });
    turns.take_in(&News::Begun(of_pod(8), between(150, 151)));
    assert_eq!(turns.followed().beyond, 1);
    assert_eq!((begun(&turns, 101), begun(&turns, 151)), (Err(()), Err(())));
}

#[test]
fn turns_go_when_they_were_over_for_long_and_no_frame_is_as_old() {
    let news = [
        News::Begun(of_pod(5), between(0, 1)),
        News::Begun(of_pod(8), between(10_000, 10_001)),
        News::Begun(of_pod(9), between(20_000, 20_001)),
    ];
    let wire = (6, WIRE, FAR);
    let kept = |since: i64, frames: &[i64]| {
        let mut turns = turns(&news);
        turns.let_go(ms(since), frames.iter().map(|first| (wire, ms(*first))));
        let told = [0, 10_000, 20_000].map(|at| begun(&turns, at));
        (told, turns.followed().let_go)
    };
    let all = [Ok(Some(5)), Ok(Some(8)), Ok(Some(9))];
    assert_eq!(kept(9_000, &[]), (all, 0));
    assert_eq!(kept(15_000, &[]), ([Ok(None), Ok(Some(8)), Ok(Some(9))], 1));
    assert_eq!(kept(90_000, &[]), ([Ok(None), Ok(None), Ok(Some(9))], 2), "what stands stays");
    assert_eq!(kept(90_000, &[30_000, 13_000]), ([Ok(None), Ok(Some(8)), Ok(Some(9))], 1));
    assert_eq!(kept(90_000, &[30_000, 10_000, 0]), (all, 0));
}

#[test]
fn there_is_news_of_a_tuple_when_something_is_told_of_it_or_of_what_it_was_made_of() {
    let middle = of_pod(5).translation.original;
    let first = Translation {
        protocol: 6,
        original: (Endpoint { port: 1, ..middle.0 }, FAR),
        reply: (FAR, middle.0),
    };
    let mut turns = turns(&[News::Begun(of_pod(5), between(0, 1))]);
    assert!(turns.has_news_of((6, WIRE, FAR), 2));
    turns.mark_known();
    assert!(!turns.has_news() && !turns.has_news_of((6, WIRE, FAR), 2));
    turns.take_in(&News::Begun(Entry { translation: first, zone: 0 }, between(0, 1)));
    assert!(turns.has_news_of((6, WIRE, FAR), 2));
    turns.mark_known();
    turns.take_in(&News::Lost(between(5, 6)));
    assert!(turns.has_news_of((6, WIRE, FAR), 2));
    assert!(!turns.has_news_of((17, WIRE, FAR), 2), "of that nothing was ever told");
}
