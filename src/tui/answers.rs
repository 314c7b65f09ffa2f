//! The two answers that every screen begins with: whether traffic leaves with the right address, and whether the far side answers.

use super::texts::{address as address_texts, partner as texts};
use super::theme::{Tone, mark};
use crate::answer::answer;
use crate::snapshot::Snapshot;
use crate::verdict::{Outcome, Verdict};

/// A mark, a word, a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub verdict: Verdict,
    pub word: &'static str,
    pub sentence: String,
    /// The same where there is little room.
    pub short: String,
}

impl Said {
    pub(super) fn tone(&self) -> Tone {
        Tone::Verdict(self.verdict)
    }

    /// `✗ FAIL`.
    pub(super) fn lead(&self) -> String {
        format!("{} {}", mark(self.verdict), self.word)
    }
}

/// Whether traffic leaves with the right address.
pub(super) fn address(run: &Snapshot) -> Said {
    let answer = answer(run);
    let summary = &run.summary;
    let judged = summary.pass + summary.fail + summary.inconclusive;
    let short = match run.verdict {
        Verdict::Fail => address_texts::wrong(summary.fail, judged),
        Verdict::Inconclusive if summary.inconclusive > 0 => {
            address_texts::open(summary.inconclusive, judged)
        }
        Verdict::Pass => address_texts::right(judged),
        Verdict::Inconclusive | Verdict::Exempt => answer.sentence.clone(),
    };
    Said { verdict: run.verdict, word: answer.word, sentence: answer.sentence, short }
}

/// Whether the far side answers.
pub(super) fn partner(run: &Snapshot) -> Said {
    let outcomes = &run.gist.outcomes;
    let of = |wanted: &[Outcome]| -> u64 {
        outcomes.iter().filter(|(outcome, _)| wanted.contains(outcome)).map(|(_, flows)| flows).sum()
    };
    let all: u64 = outcomes.iter().map(|(_, flows)| flows).sum();
    let answered = of(&[Outcome::Established, Outcome::MidStream]);
    let open = of(&[Outcome::Pending, Outcome::OneWay]);
    let wrong: Vec<(Outcome, u64)> =
        outcomes.iter().filter(|(outcome, _)| is_wrong(*outcome)).copied().collect();
    let said = |verdict, word, sentence: String| (verdict, word, sentence.clone(), sentence);
    let (verdict, word, sentence, short) = if all == 0 {
        said(Verdict::Exempt, texts::UNKNOWN, texts::NOTHING_YET.to_owned())
    } else if answered == all {
        said(Verdict::Pass, texts::ANSWERS, texts::all(all))
    } else if open == all {
        said(Verdict::Inconclusive, texts::UNKNOWN, texts::not_seen(all))
    } else {
        let mut told = wrong.clone();
        told.extend((open > 0).then_some((Outcome::Pending, open)));
        told.sort_by_key(|(_, flows)| std::cmp::Reverse(*flows));
        let (sentence, short) = (texts::some(answered, all, &told), texts::some_short(answered, all, &told));
        let (verdict, word) = match (wrong.is_empty(), answered) {
            (true, _) => (Verdict::Pass, texts::ANSWERS),
            (false, 0) => (Verdict::Fail, texts::SILENT),
            (false, _) => (Verdict::Inconclusive, texts::PARTLY),
        };
        (verdict, word, sentence, short)
    };
    Said { verdict, word, sentence, short }
}

/// Whether the far side, or something before it, did not let a flow go on.
fn is_wrong(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Established | Outcome::MidStream | Outcome::OneWay | Outcome::Pending => false,
        Outcome::Stalled
        | Outcome::NoReply
        | Outcome::Refused
        | Outcome::Prohibited
        | Outcome::Unreachable
        | Outcome::Reset => true,
    }
}
