//! Sequence numbers: TCP's arithmetic of a circle (RFC 9293 §3.4).

/// Whether `a` comes after `b`, by the shorter way round.
#[inline]
pub fn is_after(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) > 0
}

#[inline]
pub fn later(a: u32, b: u32) -> u32 {
    if is_after(a, b) { a } else { b }
}

#[inline]
pub fn earlier(a: u32, b: u32) -> u32 {
    if is_after(a, b) { b } else { a }
}

/// Whether `seq` may belong to a conversation whose numbers began at `isn`: not before it, and within
/// 2³⁰ bytes after, beyond which nothing can be told.
#[inline]
pub fn continues(seq: u32, isn: u32) -> bool {
    seq.wrapping_sub(isn) < 1 << 30
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_goes_round() {
        assert!(is_after(5, u32::MAX - 5));
        assert!(!is_after(u32::MAX - 5, 5));
        assert!(!is_after(7, 7));
        assert_eq!(later(3, u32::MAX), 3);
        assert_eq!(earlier(3, u32::MAX), u32::MAX);
    }

    #[test]
    fn what_lies_before_the_beginning_does_not_continue_it() {
        assert!(continues(1000, 1000));
        assert!(continues(10, u32::MAX));
        assert!(!continues(999, 1000));
    }
}
