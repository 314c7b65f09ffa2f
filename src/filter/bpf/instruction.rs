//! One instruction: as libpcap encodes it, and as it is run.
//!
//! ```text
//!  0               2     3     4                       8
//! +---------------+-----+-----+-----------------------+
//! | code          | jt  | jf  | k                     |     struct bpf_insn (bpf(4))
//! +---------------+-----+-----+-----------------------+
//!   class, size or operation, mode or source of `code`; how many to skip if a test holds, and if it does not
//! ```
//!
//! A [`Step`] is the same with its code taken apart beforehand. A program is only made of steps after it was found that every jump stays
//! inside, every word of the scratch memory exists, nothing is divided by a constant 0, and the last instruction returns.

/// Words of scratch memory (`BPF_MEMWORDS`).
pub(super) const MEMORY: usize = 16;

/// An instruction as libpcap encodes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    pub(super) jt: u8,
    pub(super) jf: u8,
    pub(super) k: u32,
}

/// An instruction as it is run; A is the accumulator, X the index register, M the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Loads into A from the frame, at an offset or at X and an offset.
    Word(u32),
    Half(u32),
    Byte(u32),
    WordAt(u32),
    HalfAt(u32),
    ByteAt(u32),
    /// Four times the low half of a byte into X: the length of an IPv4 header.
    HeaderLength(u32),
    /// A constant, a word of memory, the length of the frame.
    SetA(u32),
    SetX(u32),
    RecallA(u8),
    RecallX(u8),
    LengthA,
    LengthX,
    StoreA(u8),
    StoreX(u8),
    /// Relative to the next instruction; backwards in `protochain`.
    Jump(i32),
    Test {
        test: Test,
        yes: u8,
        no: u8,
        k: u32,
    },
    TestX {
        test: Test,
        yes: u8,
        no: u8,
    },
    Calculate(Operation, u32),
    CalculateX(Operation),
    Negate,
    AToX,
    XToA,
    Return(u32),
    ReturnA,
}

/// What A is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    Equal,
    Greater,
    AtLeast,
    AnyBit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    And,
    Or,
    Xor,
    Left,
    Right,
}

/// The parts of `code`, as <pcap/bpf.h> names them.
mod code {
    pub(super) const LD: u16 = 0x00;
    pub(super) const LDX: u16 = 0x01;
    pub(super) const ST: u16 = 0x02;
    pub(super) const STX: u16 = 0x03;
    pub(super) const ALU: u16 = 0x04;
    pub(super) const JMP: u16 = 0x05;
    pub(super) const RET: u16 = 0x06;
    pub(super) const MISC: u16 = 0x07;
    pub(super) const W: u16 = 0x00;
    pub(super) const H: u16 = 0x08;
    pub(super) const B: u16 = 0x10;
    pub(super) const IMM: u16 = 0x00;
    pub(super) const ABS: u16 = 0x20;
    pub(super) const IND: u16 = 0x40;
    pub(super) const MEM: u16 = 0x60;
    pub(super) const LEN: u16 = 0x80;
    pub(super) const MSH: u16 = 0xa0;
    pub(super) const X: u16 = 0x08;
    pub(super) const A: u16 = 0x10;
    pub(super) const TXA: u16 = 0x80;
}

impl Instruction {
    /// Reads what the binding prints: code, jt, jf and k in decimal.
    pub(super) fn parse(printed: &str) -> Option<Self> {
        let mut numbers = printed.split(' ');
        let instruction = Self {
            code: numbers.next()?.parse().ok()?,
            jt: numbers.next()?.parse().ok()?,
            jf: numbers.next()?.parse().ok()?,
            k: numbers.next()?.parse().ok()?,
        };
        numbers.next().is_none().then_some(instruction)
    }

    pub(super) fn is_return(self) -> bool {
        self.code & 0x07 == code::RET
    }

    /// What is run for it; `None` if it is not one that libpcap has.
    pub(super) fn step(self) -> Option<Step> {
        use code::{A, ABS, ALU, B, H, IMM, IND, JMP, LD, LDX, LEN, MEM, MISC, MSH, RET, ST, STX, TXA, W, X};
        const LD_W_ABS: u16 = LD | W | ABS;
        const LD_H_ABS: u16 = LD | H | ABS;
        const LD_B_ABS: u16 = LD | B | ABS;
        const LD_W_IND: u16 = LD | W | IND;
        const LD_H_IND: u16 = LD | H | IND;
        const LD_B_IND: u16 = LD | B | IND;
        const LD_LEN: u16 = LD | W | LEN;
        const LDX_LEN: u16 = LDX | W | LEN;
        const LDX_MSH: u16 = LDX | B | MSH;
        const LD_IMM: u16 = LD | IMM;
        const LDX_IMM: u16 = LDX | IMM;
        const LD_MEM: u16 = LD | MEM;
        const LDX_MEM: u16 = LDX | MEM;
        const RET_A: u16 = RET | A;
        const TXA_CODE: u16 = MISC | TXA;
        let k = self.k;
        Some(match self.code {
            LD_W_ABS => Step::Word(k),
            LD_H_ABS => Step::Half(k),
            LD_B_ABS => Step::Byte(k),
            LD_W_IND => Step::WordAt(k),
            LD_H_IND => Step::HalfAt(k),
            LD_B_IND => Step::ByteAt(k),
            LDX_MSH => Step::HeaderLength(k),
            LD_LEN => Step::LengthA,
            LDX_LEN => Step::LengthX,
            LD_IMM => Step::SetA(k),
            LDX_IMM => Step::SetX(k),
            LD_MEM => Step::RecallA(word(k)?),
            LDX_MEM => Step::RecallX(word(k)?),
            ST => Step::StoreA(word(k)?),
            STX => Step::StoreX(word(k)?),
            RET => Step::Return(k),
            RET_A => Step::ReturnA,
            MISC => Step::AToX,
            TXA_CODE => Step::XToA,
            code if code & 0x07 == JMP => self.jump()?,
            code if code & 0x07 == ALU => self.calculation(code & X != 0)?,
            _ => return None,
        })
    }

    fn jump(self) -> Option<Step> {
        let test = match self.code & 0xf0 {
            0x00 => return Some(Step::Jump(self.k as i32)),
            0x10 => Test::Equal,
            0x20 => Test::Greater,
            0x30 => Test::AtLeast,
            0x40 => Test::AnyBit,
            _ => return None,
        };
        let (yes, no) = (self.jt, self.jf);
        Some(match self.code & code::X {
            0 => Step::Test { test, yes, no, k: self.k },
            _ => Step::TestX { test, yes, no },
        })
    }

    fn calculation(self, with_x: bool) -> Option<Step> {
        let operation = match self.code & 0xf0 {
            0x00 => Operation::Add,
            0x10 => Operation::Subtract,
            0x20 => Operation::Multiply,
            0x30 => Operation::Divide,
            0x40 => Operation::Or,
            0x50 => Operation::And,
            0x60 => Operation::Left,
            0x70 => Operation::Right,
            0x80 => return Some(Step::Negate),
            0x90 => Operation::Modulo,
            0xa0 => Operation::Xor,
            _ => return None,
        };
        let is_division = matches!(operation, Operation::Divide | Operation::Modulo);
        match with_x {
            true => Some(Step::CalculateX(operation)),
            false if is_division && self.k == 0 => None,
            false => Some(Step::Calculate(operation, self.k)),
        }
    }
}

fn word(k: u32) -> Option<u8> {
    (k < MEMORY as u32).then_some(k as u8)
}

/// The program to run; `None` if it is not valid.
pub(super) fn steps(instructions: &[Instruction]) -> Option<Box<[Step]>> {
    let steps: Box<[Step]> =
        instructions.iter().map(|instruction| instruction.step()).collect::<Option<_>>()?;
    let is_inside = |at: usize, skipped: i64| {
        let target = at as i64 + 1 + skipped;
        (0..steps.len() as i64).contains(&target)
    };
    let are_jumps_inside = steps.iter().enumerate().all(|(at, step)| match *step {
        Step::Jump(skipped) => is_inside(at, skipped.into()),
        Step::Test { yes, no, .. } | Step::TestX { yes, no, .. } => {
            is_inside(at, yes.into()) && is_inside(at, no.into())
        }
        _ => true,
    });
    (are_jumps_inside && instructions.last()?.is_return()).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(printed: &[&str]) -> Option<Box<[Step]>> {
        let instructions: Vec<_> = printed.iter().map(|line| Instruction::parse(line).unwrap()).collect();
        steps(&instructions)
    }

    #[test]
    fn a_step_is_as_small_as_an_instruction() {
        assert_eq!(size_of::<Step>(), 8);
    }

    #[test]
    fn what_the_binding_prints_is_read_whole_or_not_at_all() {
        let instruction = Instruction::parse("21 0 5 2048").unwrap();
        assert_eq!(instruction, Instruction { code: 0x15, jt: 0, jf: 5, k: 0x800 });
        assert_eq!(Instruction::parse("21 0 5"), None);
        assert_eq!(Instruction::parse("21 0 256 1"), None);
        assert_eq!(Instruction::parse("21 0 5 2048 1"), None);
    }

    #[test]
    fn a_program_that_could_leave_its_bounds_is_none() {
        assert_eq!(program(&[]), None);
        assert_eq!(program(&["40 0 0 12"]), None, "the last does not return");
        assert_eq!(program(&["21 0 1 6", "6 0 0 1"]), None, "a jump behind the end");
        assert_eq!(program(&["5 0 0 4294967294", "6 0 0 1"]), None, "a jump before the beginning");
        assert_eq!(program(&["96 0 0 16", "6 0 0 1"]), None, "a word of memory that there is not");
        assert_eq!(program(&["52 0 0 0", "6 0 0 1"]), None, "a division by 0");
        assert_eq!(program(&["255 0 0 0", "6 0 0 1"]), None, "no instruction");
        assert!(program(&["5 0 0 4294967295", "6 0 0 1"]).is_some(), "backwards, as protochain does");
    }
}
