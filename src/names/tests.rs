use super::*;
use crate::decode::hint::tls::tests::client_hello;
use proptest::prelude::*;

const BASE: u32 = 1000;

fn stretch(point: u16, from: usize, payload: &[u8]) -> Stretch<'_> {
    Stretch {
        track: 3,
        point: PointIndex(point),
        is_back: false,
        seq: BASE + from as u32,
        start: Some(BASE),
        is_early: false,
        is_late: false,
        payload,
        length: payload.len() as u32,
    }
}

fn name(names: &Names) -> Option<String> {
    names.of_destination([3].into_iter()).map(ToString::to_string)
}

fn heard(stretches: &[Stretch<'_>]) -> Option<String> {
    let mut names = Names::default();
    for stretch in stretches {
        names.hear_client(stretch);
    }
    name(&names)
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: web.example\r\n\r\n";

proptest! {
    #[test]
    fn a_hello_in_segments_of_any_size_is_put_together(size in 1_usize..1500) {
        let hello = client_hello("api.partner.example");
        let parts: Vec<_> = hello.chunks(size).collect();
        let stretches: Vec<_> = parts.iter().enumerate().map(|(n, part)| stretch(0, n * size, part)).collect();
        prop_assert_eq!(heard(&stretches), Some("api.partner.example".to_owned()));
    }
}

#[test]
fn a_segment_that_overtook_the_first_is_kept() {
    let hello = client_hello("api.partner.example");
    let (first, second) = hello.split_at(700);
    let early = Stretch { is_early: true, ..stretch(0, 700, second) };
    assert_eq!(heard(&[early, stretch(0, 0, first)]).as_deref(), Some("api.partner.example"));
}

#[test]
fn a_hello_behind_a_plain_beginning_is_found() {
    let hello = client_hello("mail.example");
    assert_eq!(
        heard(&[stretch(0, 0, b"EHLO a\r\n"), stretch(0, 8, &hello)]).as_deref(),
        Some("mail.example")
    );
}

#[test]
fn the_beginning_counts_more_than_the_middle_then_the_first_point() {
    let hello = client_hello("api.partner.example");
    let other = client_hello("other.example");
    for (stretches, expected) in [
        (vec![stretch(0, 50, REQUEST), stretch(1, 0, &hello)], "api.partner.example"),
        (vec![stretch(1, 0, &other), stretch(0, 0, &hello)], "api.partner.example"),
    ] {
        assert_eq!(heard(&stretches).as_deref(), Some(expected));
        let backwards: Vec<_> = stretches.into_iter().rev().collect();
        assert_eq!(heard(&backwards).as_deref(), Some(expected));
    }
}

#[test]
fn a_request_to_a_proxy_names_no_destination() {
    let mut names = Names::default();
    names.hear_client(&stretch(0, 0, b"CONNECT api.example:443 HTTP/1.1\r\n\r\n"));
    assert_eq!(name(&names), None);
    assert_eq!(
        names.told(3).map(|(kind, name)| (kind, name.to_string())),
        Some((Kind::Proxied, "api.example".to_owned()))
    );
}

#[test]
fn equal_beginnings_have_equal_prints_however_long_the_segments_are() {
    let mut names = Names::default();
    let data = [7; 200];
    names.hear_client(&stretch(0, 0, &data));
    names.hear_client(&Stretch { track: 4, ..stretch(0, 0, &data[..100]) });
    names.hear_client(&Stretch { track: 5, ..stretch(0, 0, &data[..10]) });
    assert_eq!(names.print(3), names.print(4));
    assert_ne!(names.print(3), names.print(5));
    assert_eq!(names.print(6), None);
}
