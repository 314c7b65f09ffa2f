//! Whether a capture filter is known to leave out nothing but one connection: that of the session which captured.
//!
//! egret leaves out the connection that its own output travels over, so every capture that was taken over ssh was made with a
//! filter. What such a filter hides is nothing that is judged. Of no other filter can that be said without knowing what
//! NAT made of each flow.

use crate::filter::words::{Kind, words};

/// Whether `filter` reads `not (tcp and host A and port P and host B and port Q)`.
pub fn is_one_connection(filter: &str) -> bool {
    const SHAPE: &str = "not ( tcp and host A and port P and host A and port P )";
    let words = words(filter);
    let mut shape = SHAPE.split(' ');
    words.len() == SHAPE.split(' ').count()
        && words.iter().zip(&mut shape).all(|(word, wanted)| match wanted {
            "A" => word.text.parse::<std::net::IpAddr>().is_ok(),
            "P" => word.kind == Kind::Number,
            wanted => word.text == wanted,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_filter_that_names_both_ends_of_a_connection_leaves_out_just_that() {
        let one = "not (tcp and host 192.168.12.5 and port 51234 and host 192.168.12.11 and port 22)";
        assert!(is_one_connection(one));
        assert!(is_one_connection("not (tcp and host fd00::5 and port 5 and host fd00::11 and port 22)"));
        for more in [
            "",
            "not port 22",
            "not (tcp and host 192.168.12.5 and port 51234)",
            "not (tcp and host 192.168.12 and port 5 and host 192.168.12.11 and port 22)",
            &one[4..],
            &format!("{one} and (host 10.128.0.5)"),
        ] {
            assert!(!is_one_connection(more), "{more}");
        }
    }
}
