//! Runs a program on one frame.
//!
//! The rules are those of libpcap's `bpf_filter` for savefiles:
//! 1. numbers are 32 bits wide, unsigned, and wrap;
//! 2. a load that reaches beyond what was captured ends the program without a match, and so does a division by 0; offsets do not
//!    wrap around to the frame's beginning;
//! 3. the length is the frame's own, however little of it was captured;
//! 4. memory that was not written is 0.
//!
//! Jumps go forward, but for `protochain`'s, which walk over headers of at least eight bytes each: a program that jumps back more often
//! than the frame has bytes would not end, and ends there, without a match.

use super::instruction::{MEMORY, Operation, Step, Test};

/// What the program returns; 0 is no match.
#[inline]
pub(super) fn run(steps: &[Step], bytes: &[u8], original: u32) -> u32 {
    returned(steps, bytes, original).unwrap_or(0)
}

fn returned(steps: &[Step], bytes: &[u8], original: u32) -> Option<u32> {
    let (mut a, mut x) = (0_u32, 0_u32);
    let mut memory = [0_u32; MEMORY];
    let mut jumps_back = 0;
    let mut at = 0;
    loop {
        let step = *steps.get(at)?;
        at += 1;
        match step {
            Step::Word(k) => a = word(bytes, k.into())?,
            Step::Half(k) => a = half(bytes, k.into())?,
            Step::Byte(k) => a = byte(bytes, k.into())?,
            Step::WordAt(k) => a = word(bytes, u64::from(x) + u64::from(k))?,
            Step::HalfAt(k) => a = half(bytes, u64::from(x) + u64::from(k))?,
            Step::ByteAt(k) => a = byte(bytes, u64::from(x) + u64::from(k))?,
            Step::HeaderLength(k) => x = (byte(bytes, k.into())? & 0xf) << 2,
            Step::SetA(k) => a = k,
            Step::SetX(k) => x = k,
            Step::RecallA(at) => a = memory[at as usize % MEMORY],
            Step::RecallX(at) => x = memory[at as usize % MEMORY],
            Step::StoreA(at) => memory[at as usize % MEMORY] = a,
            Step::StoreX(at) => memory[at as usize % MEMORY] = x,
            Step::LengthA => a = original,
            Step::LengthX => x = original,
            Step::Jump(skipped) => {
                at = at.wrapping_add_signed(skipped as isize);
                if skipped < 0 {
                    jumps_back += 1;
                    if jumps_back > bytes.len() {
                        return None;
                    }
                }
            }
            Step::Test { test, yes, no, k } => at += usize::from(if holds(test, a, k) { yes } else { no }),
            Step::TestX { test, yes, no } => at += usize::from(if holds(test, a, x) { yes } else { no }),
            Step::Calculate(operation, k) => a = calculate(operation, a, k)?,
            Step::CalculateX(operation) => a = calculate(operation, a, x)?,
            Step::Negate => a = a.wrapping_neg(),
            Step::AToX => x = a,
            Step::XToA => a = x,
            Step::Return(k) => return Some(k),
            Step::ReturnA => return Some(a),
        }
    }
}

#[inline]
fn word(bytes: &[u8], at: u64) -> Option<u32> {
    let at = usize::try_from(at).ok()?;
    let rest = bytes.get(at..)?;
    rest.first_chunk().map(|chunk| u32::from_be_bytes(*chunk))
}

#[inline]
fn half(bytes: &[u8], at: u64) -> Option<u32> {
    let at = usize::try_from(at).ok()?;
    let rest = bytes.get(at..)?;
    rest.first_chunk().map(|chunk| u16::from_be_bytes(*chunk).into())
}

#[inline]
fn byte(bytes: &[u8], at: u64) -> Option<u32> {
    let at = usize::try_from(at).ok()?;
    bytes.get(at).map(|byte| u32::from(*byte))
}

#[inline]
fn holds(test: Test, a: u32, other: u32) -> bool {
    match test {
        Test::Equal => a == other,
        Test::Greater => a > other,
        Test::AtLeast => a >= other,
        Test::AnyBit => a & other != 0,
    }
}

#[inline]
fn calculate(operation: Operation, a: u32, other: u32) -> Option<u32> {
    Some(match operation {
        Operation::Add => a.wrapping_add(other),
        Operation::Subtract => a.wrapping_sub(other),
        Operation::Multiply => a.wrapping_mul(other),
        Operation::Divide => a.checked_div(other)?,
        Operation::Modulo => a.checked_rem(other)?,
        Operation::And => a & other,
        Operation::Or => a | other,
        Operation::Xor => a ^ other,
        Operation::Left => a.checked_shl(other).unwrap_or(0),
        Operation::Right => a.checked_shr(other).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of these steps that returns A.
    fn result(steps: &[Step], bytes: &[u8], original: u32) -> Option<u32> {
        let steps: Vec<Step> = steps.iter().copied().chain([Step::ReturnA]).collect();
        returned(&steps, bytes, original)
    }

    #[test]
    fn numbers_are_32_bits_wide_and_wrap() {
        use Operation::{Add, Left, Multiply, Right, Subtract};
        let calculated = |a, operation, k| result(&[Step::SetA(a), Step::Calculate(operation, k)], &[], 0);
        assert_eq!(calculated(u32::MAX, Add, 2), Some(1));
        assert_eq!(calculated(0, Subtract, 1), Some(u32::MAX));
        assert_eq!(calculated(0x8000_0001, Multiply, 2), Some(2));
        assert_eq!(calculated(1, Left, 32), Some(0));
        assert_eq!(calculated(u32::MAX, Right, 33), Some(0));
        assert_eq!(result(&[Step::SetA(1), Step::Negate], &[], 0), Some(u32::MAX));
    }

    #[test]
    fn a_load_beyond_what_was_captured_is_no_match() {
        let bytes = [1, 2, 3, 4, 5];
        assert_eq!(result(&[Step::Word(1)], &bytes, 100), Some(0x0203_0405));
        assert_eq!(result(&[Step::Word(2)], &bytes, 100), None);
        assert_eq!(result(&[Step::Half(4)], &bytes, 100), None);
        assert_eq!(result(&[Step::Byte(5)], &bytes, 100), None);
        assert_eq!(result(&[Step::HeaderLength(5)], &bytes, 100), None);
        assert_eq!(result(&[Step::SetX(4), Step::ByteAt(0)], &bytes, 100), Some(5));
        assert_eq!(result(&[Step::SetX(u32::MAX), Step::ByteAt(2)], &bytes, 100), None, "no way round");
    }

    #[test]
    fn a_division_by_nothing_is_no_match() {
        assert_eq!(result(&[Step::SetA(6), Step::CalculateX(Operation::Divide)], &[], 0), None);
        assert_eq!(result(&[Step::SetA(6), Step::CalculateX(Operation::Modulo)], &[], 0), None);
    }

    #[test]
    fn the_length_is_that_of_the_frame_not_of_what_was_captured() {
        assert_eq!(result(&[Step::LengthA], &[0; 4], 1500), Some(1500));
    }

    #[test]
    fn a_program_that_would_not_end_ends() {
        assert_eq!(result(&[Step::Jump(-1)], &[0; 64], 64), None);
    }
}
