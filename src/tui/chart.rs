//! Numbers over time in few lines: a sparkline, and bars stacked by whose they are.

/// One column a number, eight steps high, the youngest at the right; what there is no room for is left out at the left.
pub(super) fn sparkline(
    numbers: impl DoubleEndedIterator<Item = u64> + ExactSizeIterator,
    width: usize,
) -> String {
    const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let skipped = numbers.len().saturating_sub(width);
    let numbers: Vec<u64> = numbers.skip(skipped).collect();
    let most = numbers.iter().copied().max().unwrap_or(0).max(1);
    let step = |number: u64| match number {
        0 => ' ',
        number => STEPS[(u128::from(number - 1) * 8 / u128::from(most)) as usize],
    };
    numbers.into_iter().map(step).collect()
}

/// As many numbers as there are columns: neighbours together where there are more.
pub(super) fn fitted(numbers: &[u64], width: usize) -> Vec<u64> {
    let each = numbers.len().div_ceil(width.max(1)).max(1);
    numbers.chunks(each).map(|chunk| chunk.iter().sum()).collect()
}

/// How high each part of a bar is, in lines, where a bar of `most` is `height` lines: what is not nothing has a line at least, as
/// long as there is one.
pub(super) fn stacked(parts: &[u64], most: u64, height: usize) -> Vec<usize> {
    let all: u64 = parts.iter().sum();
    if all == 0 || most == 0 || height == 0 {
        return vec![0; parts.len()];
    }
    let whole = ((u128::from(all) * height as u128).div_ceil(u128::from(most)) as usize).clamp(1, height);
    let mut lines: Vec<usize> =
        parts.iter().map(|part| (u128::from(*part) * whole as u128 / u128::from(all)) as usize).collect();
    let wanting = |lines: &[usize]| (0..lines.len()).find(|at| parts[*at] > 0 && lines[*at] == 0);
    while lines.iter().sum::<usize>() < whole {
        let next = wanting(&lines).unwrap_or_else(|| largest(parts, &lines));
        lines[next] += 1;
    }
    while let Some(poor) = wanting(&lines) {
        let Some(rich) = (0..lines.len()).filter(|at| lines[*at] > 1).max_by_key(|at| lines[*at]) else {
            break;
        };
        lines[rich] -= 1;
        lines[poor] += 1;
    }
    lines
}

/// The part that has got least for what it is.
fn largest(parts: &[u64], lines: &[usize]) -> usize {
    let worth = |at: &usize| parts[*at] / (lines[*at] as u64 + 1);
    (0..parts.len()).max_by_key(worth).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_shows_the_youngest_and_its_highest_is_full() {
        assert_eq!(sparkline([1, 0, 4, 8].into_iter(), 3), " ▄█");
        assert_eq!(sparkline([0u64; 0].into_iter(), 3), "");
        assert_eq!(sparkline([u64::MAX, 1].into_iter(), 2), "█▁");
    }

    #[test]
    fn what_is_not_nothing_is_seen() {
        assert_eq!(stacked(&[99, 1], 100, 5), [4, 1]);
        assert_eq!(stacked(&[1, 0], 1_000, 5), [1, 0]);
        assert_eq!(stacked(&[50, 50], 100, 4), [2, 2]);
        assert_eq!(stacked(&[0, 0], 100, 4), [0, 0]);
        for parts in [[3, 1, 1], [1, 1, 1], [0, 7, 2]] {
            assert!(stacked(&parts, 9, 6).iter().sum::<usize>() <= 6);
        }
    }

    #[test]
    fn neighbours_are_added_where_there_is_no_room_for_each() {
        assert_eq!(fitted(&[1, 2, 3, 4, 5], 3), [3, 7, 5]);
        assert_eq!(fitted(&[1, 2], 10), [1, 2]);
    }
}
