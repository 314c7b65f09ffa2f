//! Whom an HTTP/1 request is for (RFC 9112 §3.2, RFC 9110 §7.2).
//!
//! ```text
//! GET /orders HTTP/1.1                      origin form: the Host field names the server
//! GET http://api.example/orders HTTP/1.1    absolute form, to a proxy: the target does, and Host does not count
//! CONNECT api.example:443 HTTP/1.1          authority form, to a proxy that is to open a tunnel
//! ```

use super::{Hint, NAME};

/// Methods of RFC 9110 §9, RFC 5789 and RFC 4918, each with the blank behind it.
const METHODS: [&[u8]; 16] = [
    b"GET ",
    b"POST ",
    b"PUT ",
    b"HEAD ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"COPY ",
    b"MOVE ",
    b"LOCK ",
    b"UNLOCK ",
];

/// A request as far as it names somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// The authority in the target of a request to a proxy.
    pub target: Option<&'a [u8]>,
    /// The value of the Host field.
    pub host: Option<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// Whom it is for, perhaps with a port; `None` where nobody is named, or by more than a name can be.
    pub fn authority(&self) -> Option<&'a [u8]> {
        self.target.or(self.host).filter(|name| (1..=NAME).contains(&name.len()))
    }
}

/// Whether a stream that begins so may be a request.
#[inline]
pub fn may_begin(stream: &[u8]) -> bool {
    stream.first().is_some_and(u8::is_ascii_uppercase)
        && METHODS.iter().any(|method| {
            let known = stream.len().min(method.len());
            stream[..known] == method[..known]
        })
}

/// The request that a client's stream begins with, as soon as it is known whom it is for.
pub fn request(stream: &[u8]) -> Hint<Request<'_>> {
    if !may_begin(stream) {
        return if stream.is_empty() { Hint::More } else { Hint::Nothing };
    }
    let Some((line, mut rest)) = split_line(stream) else { return Hint::More };
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Hint::Nothing;
    };
    if !version.starts_with(b"HTTP/1.") {
        return Hint::Nothing;
    }
    let mut request = Request { target: target_authority(method, target), host: None };
    loop {
        let Some((line, after)) = split_line(rest) else {
            return if request.target.is_some() { Hint::Told(request) } else { Hint::More };
        };
        if line.is_empty() {
            return Hint::Told(request);
        }
        if let Some(value) = field(line, b"host") {
            request.host = Some(value);
            return Hint::Told(request);
        }
        rest = after;
    }
}

/// The authority in a target of authority or absolute form, without user information.
fn target_authority<'a>(method: &[u8], target: &'a [u8]) -> Option<&'a [u8]> {
    if method == b"CONNECT" {
        return Some(target);
    }
    let scheme = target.windows(3).position(|part| part == b"://")?;
    if !target[..scheme].iter().all(u8::is_ascii_alphanumeric) || scheme == 0 {
        return None;
    }
    let rest = &target[scheme + 3..];
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    let authority = &rest[..end];
    let host = authority.iter().rposition(|byte| *byte == b'@').map_or(0, |at| at + 1);
    Some(&authority[host..]).filter(|host| !host.is_empty())
}

/// The value of a field line if it has this name (RFC 9112 §5), without the blanks around it.
fn field<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, value) = line.split_at_checked(name.len())?;
    let value = value.strip_prefix(b":")?;
    head.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// The first line without its end, which is CR LF or, from some clients, LF alone; and what follows.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn authority(stream: &str) -> Option<&str> {
        match request(stream.as_bytes()) {
            Hint::Told(request) => request.authority().map(|name| std::str::from_utf8(name).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    const POST: &str = "POST /orders HTTP/1.1\r\nAccept: */*\r\nhOsT:  api.partner.example:8080 \r\n\r\n{}";

    #[test]
    fn a_request_is_for_whom_its_host_field_names() {
        assert_eq!(authority(POST), Some("api.partner.example:8080"));
        assert_eq!(authority("GET / HTTP/1.1\nHost: a.example\n\n"), Some("a.example"));
    }

    #[test]
    fn a_request_to_a_proxy_is_for_whom_its_target_names() {
        let get = "GET http://user@api.example:80/x?y=http://z HTTP/1.1\r\nHost: proxy\r\n\r\n";
        assert_eq!(authority(get), Some("api.example:80"));
        assert_eq!(authority("CONNECT api.example:443 HTTP/1.1\r\n\r\n"), Some("api.example:443"));
        assert_eq!(authority("GET /?to=http://z HTTP/1.1\r\nHost: a\r\n\r\n"), Some("a"));
    }

    #[test]
    fn a_request_may_name_nobody() {
        assert_eq!(authority("GET / HTTP/1.0\r\n\r\nHost: body"), None);
        assert_eq!(authority("GET / HTTP/1.1\r\nHost:\r\n\r\n"), None);
        let long = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(300));
        assert_eq!(authority(&long), None);
    }

    #[test]
    fn what_is_no_request_tells_nothing() {
        for stream in [
            "GETAWAY",
            "HTTP/1.1 200 OK\r\n",
            "PRI * HTTP/2.0\r\n\r\n",
            "GET /\r\n\r\n",
            "get / HTTP/1.1\r\n",
        ] {
            assert_eq!(request(stream.as_bytes()), Hint::Nothing, "{stream}");
        }
    }

    proptest! {
        #[test]
        fn a_request_cut_anywhere_tells_the_whole_name_or_wants_more(cut in 0_usize..POST.len()) {
            match request(&POST.as_bytes()[..cut]) {
                Hint::More => {}
                Hint::Told(request) => prop_assert_eq!(request.host, Some(&b"api.partner.example:8080"[..])),
                Hint::Nothing => prop_assert!(false, "given up at {cut}"),
            }
        }
    }
}
