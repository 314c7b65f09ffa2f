//! Colours by what they mean. Sixteen colours and the terminal's own two, on whatever background it has.

use ratatui::style::{Color, Modifier, Style};

use crate::verdict::{Outcome, Verdict};

/// How many colours may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colours {
    /// None: `NO_COLOR`, or a terminal without. Marks, words, bold and reverse say it all.
    None,
    #[default]
    Sixteen,
}

/// What something on the screen means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// Beside the point.
    Quiet,
    Strong,
    Heading,
    Verdict(Verdict),
    /// As it should be, of anything.
    Good,
    Bad,
    Unsure,
    /// Not to be overlooked.
    Loud,
    /// A key that can be pressed.
    Key,
    /// What NAT or a tunnel does to a packet.
    Change,
    /// Bytes or fields that belong to what is selected.
    Lit,
    /// One of the addresses that flows leave with, by its number: right ones, wrong ones.
    Right(usize),
    Wrong(usize),
}

impl Tone {
    /// How good or bad an outcome is.
    pub(super) fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Established | Outcome::MidStream => Self::Good,
            Outcome::Pending | Outcome::OneWay => Self::Quiet,
            Outcome::Stalled | Outcome::Reset => Self::Unsure,
            Outcome::NoReply | Outcome::Refused | Outcome::Prohibited | Outcome::Unreachable => Self::Bad,
        }
    }

    pub(super) fn style(self, colours: Colours) -> Style {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let coloured = |style: Style, colour: Color| match colours {
            Colours::None => style,
            Colours::Sixteen => style.fg(colour),
        };
        match self {
            Self::Plain => plain,
            Self::Quiet | Self::Verdict(Verdict::Exempt) => plain.add_modifier(Modifier::DIM),
            Self::Strong | Self::Heading => bold,
            Self::Verdict(Verdict::Fail) | Self::Bad => coloured(bold, Color::Red),
            Self::Verdict(Verdict::Inconclusive) | Self::Unsure => coloured(bold, Color::Yellow),
            Self::Verdict(Verdict::Pass) | Self::Good => coloured(plain, Color::Green),
            Self::Loud => coloured(bold, Color::Red).add_modifier(Modifier::REVERSED),
            Self::Key => coloured(bold, Color::Cyan),
            Self::Change => coloured(bold, Color::Magenta),
            Self::Lit => bold.add_modifier(Modifier::REVERSED),
            Self::Right(number) => coloured(plain, [Color::Green, Color::Cyan, Color::Blue][number % 3]),
            Self::Wrong(number) => coloured(bold, [Color::Red, Color::Magenta, Color::Yellow][number % 3]),
        }
    }
}

/// What a selected line looks like, whatever is on it.
pub(super) fn selected() -> Style {
    Style::new().fg(Color::Reset).remove_modifier(Modifier::DIM).add_modifier(Modifier::REVERSED)
}

/// The mark of a verdict: one column wide.
pub(super) fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✗",
        Verdict::Inconclusive => "?",
        Verdict::Exempt => "–",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prose::columns;

    const TONES: &[Tone] = &[
        Tone::Plain,
        Tone::Quiet,
        Tone::Verdict(Verdict::Fail),
        Tone::Verdict(Verdict::Pass),
        Tone::Loud,
        Tone::Key,
        Tone::Change,
        Tone::Right(4),
        Tone::Wrong(5),
    ];

    #[test]
    fn marks_are_one_column_wide_and_differ() {
        let verdicts = [Verdict::Fail, Verdict::Inconclusive, Verdict::Pass, Verdict::Exempt];
        let mut marks: Vec<_> = verdicts.into_iter().map(mark).collect();
        assert!(marks.iter().all(|mark| columns(mark) == 1), "{marks:?}");
        marks.sort_unstable();
        marks.dedup();
        assert_eq!(marks.len(), 4);
    }

    #[test]
    fn no_tone_has_a_background_and_none_has_colour_where_there_is_none() {
        for tone in TONES {
            assert_eq!(tone.style(Colours::Sixteen).bg, None, "{tone:?}");
            assert_eq!(tone.style(Colours::None).fg, None, "{tone:?}");
            assert!(!matches!(tone.style(Colours::Sixteen).fg, Some(Color::Rgb(..) | Color::Indexed(_))));
        }
    }
}
