//! What DNS answered at one point: which client was told which name of an address, and when.
//!
//! An answer names what turns to the address afterwards. First counts what the flow's own client was told, the latest before
//! it began. Behind a NAT, or where answers come from a cache within the pod, the client that was told is another one:
//! then the address has a name if all that anybody was told of it, as far as it may have been before the flow, is one
//! name. Where clients were told different ones, as of the addresses of a content network, it has none.
//!
//! How long an answer is valid makes no difference: programs keep addresses for longer.

use std::collections::VecDeque;

use foldhash::HashMap;
use smallvec::SmallVec;

use crate::frame::{PointIndex, Timestamp};
use crate::net::Address;
use crate::text::Text;

/// Answers kept of one point; some 100 bytes each. The oldest go.
const ANSWERS: usize = 32_768;
/// Of these, about one address; the oldest go.
const OF_ADDRESS: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Answers {
    by_address: HashMap<Address, SmallVec<[Answer; 1]>>,
    /// The address of each answer, oldest first.
    order: VecDeque<Address>,
}

#[derive(Debug, Clone)]
struct Answer {
    client: Address,
    name: Text,
    /// When the client was told so, first and last.
    first: Timestamp,
    last: Timestamp,
}

/// Who turns to an address: under which addresses, and at which points since when.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    pub clients: &'a [Address],
    pub since: &'a [(PointIndex, Timestamp)],
}

impl Answers {
    pub(super) fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }

    pub(super) fn add(&mut self, address: Address, client: Address, name: &Text, time: Timestamp) {
        let known = self.by_address.entry(address).or_default();
        if let Some(again) = known.iter_mut().find(|a| a.client == client && a.name == *name) {
            again.first = again.first.min(time);
            again.last = again.last.max(time);
            return;
        }
        let is_full = known.len() == OF_ADDRESS;
        if is_full {
            known.remove(0);
        }
        known.push(Answer { client, name: name.clone(), first: time, last: time });
        // `order` names an address as often as it has answers; where one took another's place, that is so already.
        if !is_full {
            self.order.push_back(address);
        }
        if self.order.len() > ANSWERS {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(address) = self.order.pop_front() else { return };
        if let Some(known) = self.by_address.get_mut(&address) {
            known.remove(0);
            if known.is_empty() {
                self.by_address.remove(&address);
            }
        }
    }
}

/// The name of an address to one who turns to it, by the answers of all points.
pub(super) fn lookup<'a>(
    points: impl Iterator<Item = (PointIndex, &'a Answers)>,
    address: Address,
    asker: &Asker<'_>,
) -> Option<&'a Text> {
    let mut own: Option<(PointIndex, Timestamp, &Text)> = None;
    let mut anybodys: Option<&Text> = None;
    let mut do_differ = false;
    for (point, answers) in points {
        let since = asker.since.iter().find(|(p, _)| *p == point).map(|(_, since)| *since);
        for answer in answers.by_address.get(&address).into_iter().flatten() {
            // Times of two points cannot be compared: there an answer may have come before.
            if since.is_some_and(|since| answer.first > since) {
                continue;
            }
            if let Some(since) = since
                && asker.clients.contains(&answer.client)
            {
                let told = if answer.last > since { answer.first } else { answer.last };
                let candidate = (point, told, &answer.name);
                let is_better = own.is_none_or(|(known_point, known_time, known_name)| {
                    (known_point, std::cmp::Reverse(known_time), known_name)
                        > (point, std::cmp::Reverse(candidate.1), candidate.2)
                });
                if is_better {
                    own = Some(candidate);
                }
            }
            do_differ |= anybodys.is_some_and(|known| *known != answer.name);
            anybodys = Some(&answer.name);
        }
    }
    own.map(|(_, _, name)| name).or(anybodys.filter(|_| !do_differ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: Address = Address::v4(0x0a80_0005);
    const OTHER: Address = Address::v4(0x0a80_0006);
    const PARTNER: Address = Address::v4(0xcb00_7119);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_nanos(second * 1_000_000_000)
    }

    /// What POD calls PARTNER, turning to it at a second of point 0.
    fn name(answers: &Answers, second: i64) -> Option<String> {
        let asker = Asker { clients: &[POD], since: &[(PointIndex(0), at(second))] };
        lookup([(PointIndex(0), answers)].into_iter(), PARTNER, &asker).map(ToString::to_string)
    }

    fn told(list: &[(Address, &str, i64)]) -> Answers {
        let mut answers = Answers::default();
        for (client, name, second) in list {
            answers.add(PARTNER, *client, &Text::from(*name), at(*second));
        }
        answers
    }

    #[test]
    fn an_answer_names_what_comes_after_it() {
        let answers = told(&[(POD, "api.example", 5)]);
        assert_eq!(name(&answers, 5).as_deref(), Some("api.example"));
        assert_eq!(name(&answers, 4), None);
    }

    #[test]
    fn of_several_names_the_client_was_told_the_latest_counts() {
        let answers = told(&[(POD, "a.example", 1), (POD, "b.example", 2), (POD, "a.example", 3)]);
        assert_eq!(name(&answers, 2).as_deref(), Some("b.example"));
        assert_eq!(name(&answers, 9).as_deref(), Some("a.example"));
    }

    #[test]
    fn what_others_were_told_counts_if_it_is_one_name() {
        assert_eq!(name(&told(&[(OTHER, "a.example", 1)]), 9).as_deref(), Some("a.example"));
        assert_eq!(name(&told(&[(OTHER, "a.example", 1), (OTHER, "b.example", 1)]), 9), None);
        let mixed = told(&[(OTHER, "a.example", 1), (POD, "b.example", 1)]);
        assert_eq!(name(&mixed, 9).as_deref(), Some("b.example"));
    }

    #[test]
    fn at_a_point_with_another_clock_time_says_nothing() {
        let answers = told(&[(OTHER, "a.example", 99)]);
        let asker = Asker { clients: &[POD], since: &[(PointIndex(1), at(1))] };
        assert!(lookup([(PointIndex(0), &answers)].into_iter(), PARTNER, &asker).is_some());
    }

    #[test]
    fn answers_are_bounded_and_the_oldest_go() {
        let mut answers = Answers::default();
        for n in 0..100_000_u32 {
            let (address, name) = (Address::v4(n / 20), Text::from(n.to_string().as_str()));
            answers.add(address, POD, &name, at(i64::from(n)));
        }
        let kept: usize = answers.by_address.values().map(SmallVec::len).sum();
        assert_eq!((kept, answers.order.len()), (ANSWERS, ANSWERS));
        assert!(!answers.by_address.contains_key(&Address::v4(0)));
        assert_eq!(answers.by_address[&Address::v4(99_999 / 20)].len(), OF_ADDRESS);
    }
}
