//! The bytes of a frame as tcpdump lays them out: in hexadecimal, with their characters beside them, or as text.

use super::{Pen, Tone};

/// Bytes of a line.
const LINE: usize = 16;
/// Columns of a line's bytes: in pairs, each with a blank before it.
const COLUMNS: usize = LINE / 2 * 5;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// How bytes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `-x`
    Numbers,
    /// `-X`
    NumbersAndText,
    /// `-A`
    Text,
}

/// Writes `bytes` behind a line: each line of theirs begins with the end of the one before.
pub fn bytes(pen: &mut Pen, bytes: &[u8], form: Form) {
    match form {
        Form::Text => ascii(pen, bytes),
        Form::Numbers | Form::NumbersAndText => {
            for (number, line) in bytes.chunks(LINE).enumerate() {
                numbers(pen, number * LINE, line, form == Form::NumbersAndText);
            }
        }
    }
}

fn numbers(pen: &mut Pen, offset: usize, line: &[u8], has_text: bool) {
    pen.put("\n\t");
    pen.toned(Tone::Quiet, |pen| {
        pen.put("0x");
        let digits = (offset.max(1).ilog2() / 4 + 1).max(4);
        for digit in (0..digits).rev() {
            pen.byte(DIGITS[offset >> (digit * 4) & 0xf]);
        }
        pen.put(": ");
    });
    let from = pen.len();
    for (index, byte) in line.iter().enumerate() {
        if index % 2 == 0 {
            pen.byte(b' ');
        }
        pen.byte(DIGITS[usize::from(byte >> 4)]);
        pen.byte(DIGITS[usize::from(byte & 0xf)]);
    }
    if has_text {
        pen.fill(from, COLUMNS);
        pen.put("  ");
        for byte in line {
            pen.byte(if byte.is_ascii_graphic() { *byte } else { b'.' });
        }
    }
}

/// The text of `bytes`: what is neither printable nor a blank, a tab or the end of a line is a point.
fn ascii(pen: &mut Pen, bytes: &[u8]) {
    pen.put("\n");
    for (index, byte) in bytes.iter().enumerate() {
        match *byte {
            b'\r' => match bytes.get(index + 1) {
                // Ends of lines are those of this system.
                None | Some(b'\n') => {}
                Some(_) => pen.byte(b'.'),
            },
            b'\n' | b'\t' | b' ' => pen.byte(*byte),
            byte if byte.is_ascii_graphic() => pen.byte(byte),
            _ => pen.byte(b'.'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(content: &[u8], form: Form) -> String {
        let mut pen = Pen::new(false);
        bytes(&mut pen, content, form);
        String::from_utf8(pen.written().to_vec()).expect("nothing but ASCII")
    }

    #[test]
    fn bytes_stand_in_pairs_behind_their_offset() {
        let line: Vec<u8> = (0x41..0x54).collect();
        assert_eq!(
            written(&line, Form::Numbers),
            "\n\t0x0000:  4142 4344 4546 4748 494a 4b4c 4d4e 4f50\n\t0x0010:  5152 53"
        );
        assert_eq!(
            written(&line, Form::NumbersAndText),
            "\n\t0x0000:  4142 4344 4546 4748 494a 4b4c 4d4e 4f50  ABCDEFGHIJKLMNOP\
             \n\t0x0010:  5152 53                                  QRS"
        );
    }

    #[test]
    fn text_shows_what_can_be_shown() {
        assert_eq!(written(b"GET /\r\na\x1b[31m\xff\t \r", Form::Text), "\nGET /\na.[31m.\t ");
    }
}
