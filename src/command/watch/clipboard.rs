//! Text for the clipboard of whoever sits at the terminal: OSC 52, which ssh and `kubectl exec` let through.
//!
//! tmux keeps such sequences to itself unless they are wrapped (and `allow-passthrough` is on, or `set-clipboard`, by which it
//! takes them itself): it gets them both ways.

/// The longest text that is copied, in bytes: terminals take no longer sequences.
const LONGEST: usize = 64 << 10;

/// What makes a terminal copy the text.
pub(super) fn sequence(text: &str) -> Vec<u8> {
    let is_in_tmux = std::env::var_os("TMUX").is_some_and(|tmux| !tmux.is_empty());
    of(text, is_in_tmux)
}

fn of(text: &str, is_in_tmux: bool) -> Vec<u8> {
    let text = &text.as_bytes()[..text.len().min(LONGEST)];
    let plain = format!("\x1b]52;c;{}\x07", base64(text));
    if is_in_tmux {
        let wrapped = format!("\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b"));
        return [plain, wrapped].concat().into_bytes();
    }
    plain.into_bytes()
}

/// Base64 (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let is_there = digit <= three.len();
            let value = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if is_there { char::from(DIGITS[value]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded_as_the_rfc_has_it() {
        let encoded = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(encoded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }

    #[test]
    fn tmux_gets_the_sequence_for_itself_and_for_the_terminal_around_it() {
        assert_eq!(of("f", false), b"\x1b]52;c;Zg==\x07");
        assert_eq!(of("f", true), b"\x1b]52;c;Zg==\x07\x1bPtmux;\x1b\x1b]52;c;Zg==\x07\x1b\\");
    }
}
