//! Whether a capture can be narrowed to what is asked for, and to what.

use crate::filter::admission::Admission;
use crate::filter::bpf::Program;
use crate::frame::LinkType;

/// Instructions that the kernel takes (`BPF_MAXINSNS`), less those that libpcap may add for a live handle.
pub(super) const LONGEST: usize = 4_000;

/// What a capture is narrowed to.
#[derive(Debug)]
pub(super) enum Narrow {
    /// Everything must be captured.
    Nothing,
    To {
        expression: String,
        program: Program,
    },
    /// So many instructions.
    TooLong(usize),
    /// libpcap has no program for frames of this link type.
    Refused(String),
}

impl Narrow {
    pub(super) fn of(admission: &Admission, link: LinkType) -> Self {
        let Some(expression) = admission.expression() else { return Self::Nothing };
        match Program::unoptimized(&expression, link) {
            Ok(program) if program.instructions() > LONGEST => Self::TooLong(program.instructions()),
            Ok(program) => Self::To { expression, program },
            Err(error) => Self::Refused(error.to_string()),
        }
    }
}
