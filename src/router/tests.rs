//! Each corner of the grammars, and bash itself as an independent judge of what its patterns accept.

use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::destination::{Protocol, Route};
use super::*;

/// What bash said.
pub(super) struct Said {
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) is_success: bool,
}

/// Runs a script in bash, in the C locale, as the router's image does.
pub(super) fn bash(script: &str, variables: &[(&str, &str)]) -> Said {
    let mut command = Command::new("bash");
    command.args(["--norc", "-c", script]).env_clear().env("LC_ALL", "C").stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    let output = command.envs(variables.iter().copied()).output().expect("bash");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { stdout: text(&output.stdout), stderr: text(&output.stderr), is_success: output.status.success() }
}

/// What becomes of each value of `EGRESS_DESTINATION`: rules and fallback, or the script's words.
fn told(value: &str) -> String {
    match Redirections::parse(value) {
        Err(refusal) => refusal.says,
        Ok(Redirections { rules, fallback }) => {
            let rules = rules.iter().map(|rule| {
                format!("{} {} {}:{}", rule.local, rule.protocol.name(), rule.address, rule.target())
            });
            let fallback = fallback.map(|(address, _)| format!("else {address}"));
            let all: Vec<String> = rules.chain(fallback).collect();
            if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
        }
    }
}

/// (value, what the script makes of it)
const DESTINATIONS: &[(&str, &str)] = &[
    ("203.0.113.25", "else 203.0.113.25"),
    ("80 tcp 203.0.113.25", "80 tcp 203.0.113.25:80"),
    ("8080 tcp 203.0.113.26 80", "8080 tcp 203.0.113.26:80"),
    ("80   tcp  203.0.113.25", "80 tcp 203.0.113.25:80"),
    ("  80 udp 203.0.113.25\t", "80 udp 203.0.113.25:80"),
    ("80 tcp 1.2.3.4\n203.0.113.27", "80 tcp 1.2.3.4:80, else 203.0.113.27"),
    ("", "EGRESS_DESTINATION unspecified"),
    (" ", "nothing"),
    ("\n\n# only a comment", "nothing"),
    // The guide's own sample: a tab between fields.
    ("443\t tcp 203.0.113.25", "EGRESS_DESTINATION value '443\t tcp 203.0.113.25' is invalid"),
    ("443 tcp\t203.0.113.25", "EGRESS_DESTINATION value '443 tcp\t203.0.113.25' is invalid"),
    ("443 tcp 203.0.113.25\t", "443 tcp 203.0.113.25:443"),
    ("80 tcp 1.2.3.4 # note", "EGRESS_DESTINATION value '80 tcp 1.2.3.4 # note' is invalid"),
    ("80 tcp 1.2.3.4#c", "EGRESS_DESTINATION value '80 tcp 1.2.3.4#c' is invalid"),
    ("80 tcp 1.2.3.4\r", "EGRESS_DESTINATION value '80 tcp 1.2.3.4\r' is invalid"),
    ("80 TCP 1.2.3.4", "EGRESS_DESTINATION value '80 TCP 1.2.3.4' is invalid"),
    ("80 sctp 1.2.3.4", "EGRESS_DESTINATION value '80 sctp 1.2.3.4' is invalid"),
    ("80-90 tcp 1.2.3.4", "EGRESS_DESTINATION value '80-90 tcp 1.2.3.4' is invalid"),
    ("80 tcp api.partner.example", "EGRESS_DESTINATION value '80 tcp api.partner.example' is invalid"),
    ("80 tcp 2001:db8::1", "EGRESS_DESTINATION value '80 tcp 2001:db8::1' is invalid"),
    ("2001:db8::1", "EGRESS_DESTINATION value '2001:db8::1' is invalid"),
    ("80 tcp 1.2.3", "EGRESS_DESTINATION value '80 tcp 1.2.3' is invalid"),
    ("80 tcp 1.2.3.4/32", "EGRESS_DESTINATION value '80 tcp 1.2.3.4/32' is invalid"),
    ("tcp 80 1.2.3.4", "EGRESS_DESTINATION value 'tcp 80 1.2.3.4' is invalid"),
    ("80 tcp 1.2.3.4 80 90", "EGRESS_DESTINATION value '80 tcp 1.2.3.4 80 90' is invalid"),
    ("080 tcp 1.2.3.4", "080 tcp 1.2.3.4:080"),
    ("010 tcp 1.2.3.4\n10 tcp 1.2.3.4", "010 tcp 1.2.3.4:010, 10 tcp 1.2.3.4:10"),
    ("0 tcp 1.2.3.4", "Invalid port: 0, must be in the range 1 to 65535"),
    ("65535 tcp 1.2.3.4", "65535 tcp 1.2.3.4:65535"),
    ("65536 tcp 1.2.3.4", "Invalid port: 65536, must be in the range 1 to 65535"),
    ("800000 tcp 1.2.3.4", "Invalid port: 800000, must be in the range 1 to 65535"),
    (
        "99999999999999999999 tcp 1.2.3.4",
        "Invalid port: 99999999999999999999, must be in the range 1 to 65535",
    ),
    // The target's port is looked at first.
    ("0 tcp 1.2.3.4 65536", "Invalid port: 65536, must be in the range 1 to 65535"),
    ("999.999.999.999", "else 999.999.999.999"),
    ("80 tcp 999.1.1.1", "80 tcp 999.1.1.1:80"),
    (
        "53 udp 1.2.3.4\n53 tcp 1.2.3.4",
        "EGRESS_DESTINATION localport 53 is already used, must be unique for each destination",
    ),
    (
        "53 udp 1.2.3.4\n53 udp 1.2.3.5",
        "EGRESS_DESTINATION localport 53 is already used, must be unique for each destination",
    ),
    ("1.2.3.4\n80 tcp 1.2.3.4", "EGRESS_DESTINATION fallback IP must be the last line"),
    ("1.2.3.4\n5.6.7.8", "EGRESS_DESTINATION fallback IP must be the last line"),
    // What comes after the fallback is not even looked at.
    ("1.2.3.4\nnonsense", "EGRESS_DESTINATION fallback IP must be the last line"),
    ("1.2.3.4\n\n# trailing", "else 1.2.3.4"),
    ("#1.2.3.4\n  # indented\n5.6.7.8", "else 5.6.7.8"),
    ("80 tcp \\\n1.2.3.4", "80 tcp 1.2.3.4:80"),
    ("80 tcp 1.2.3.4\\ ", "80 tcp 1.2.3.4:80"),
    ("1.2.3.4\\ ", "EGRESS_DESTINATION value '1.2.3.4 ' is invalid"),
    ("80 tcp 1.2.3.4\n1.2.3.4\\", "80 tcp 1.2.3.4:80"),
];

#[test]
fn every_corner_of_the_destinations_is_as_the_script_has_it() {
    for (value, expected) in DESTINATIONS {
        assert_eq!(told(value), *expected, "{value:?}");
    }
}

/// The script's loop, in its own patterns.
const DESTINATION_SCRIPT: &str = r#"
    ip='[[:digit:]]+\.[[:digit:]]+\.[[:digit:]]+\.[[:digit:]]+'
    port='[[:digit:]]+' proto='(tcp|udp)'
    die() { printf '%s' "$*"; exit 1; }
    range() { if [[ $1 -lt 1 || $1 -gt 65535 ]]; then die "Invalid port: $1, must be in the range 1 to 65535"; fi; }
    if [[ -z "$V" ]]; then die "EGRESS_DESTINATION unspecified"; fi
    declare -A used; fallback=; out=
    while read line; do
        if [[ -z "$line" || "$line" =~ ^# ]]; then continue; fi
        if [[ -n "$fallback" ]]; then die "EGRESS_DESTINATION fallback IP must be the last line"; fi
        if [[ "$line" =~ ^$ip$ ]]; then fallback=$line; continue; fi
        if [[ "$line" =~ ^$port\ +$proto\ +$ip$ ]]; then
            read local protocol address <<< "$line"; target=$local; range "$local"
        elif [[ "$line" =~ ^$port\ +$proto\ +$ip\ +$port$ ]]; then
            read local protocol address target <<< "$line"; range "$target"; range "$local"
        else
            die "EGRESS_DESTINATION value '$line' is invalid"
        fi
        if [[ -n "${used[$local]:-}" ]]; then
            die "EGRESS_DESTINATION localport $local is already used, must be unique for each destination"
        fi
        used[$local]=1; out+="${out:+, }$local $protocol $address:$target"
    done <<< "$V"
    if [[ -n "$fallback" ]]; then out+="${out:+, }else $fallback"; fi
    printf '%s' "${out:-nothing}"
"#;

#[test]
fn bash_says_the_same_of_every_corner_of_the_destinations() {
    for (value, expected) in DESTINATIONS {
        assert_eq!(bash(DESTINATION_SCRIPT, &[("V", value)]).stdout, *expected, "{value:?}");
    }
}

#[test]
fn a_port_with_a_zero_in_front_makes_bash_complain_and_go_on() {
    let said = bash(DESTINATION_SCRIPT, &[("V", "080 tcp 1.2.3.4")]);
    assert!(said.is_success && said.stderr.contains("value too great for base"), "{}", said.stderr);
}

/// Lines made of what rules are made of, in any order.
fn line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => "(80|443|0|65536|080|010|10|18446744073709551617)",
        4 => "(tcp|udp|TCP|sctp)",
        4 => "(1\\.2\\.3\\.4|999\\.1\\.1\\.1|1\\.2\\.3|2001:db8::1|a\\.example|cafe\\.de)",
        1 => "(#|\\*|!|\\\\|\r|w|www|/24)",
    ];
    let space = prop_oneof![6 => Just(" "), 1 => Just("  "), 1 => Just("\t"), 1 => Just("")];
    proptest::collection::vec((word, space), 0..5)
        .prop_map(|words| words.into_iter().map(|(word, space)| word + space).collect())
}

fn rule() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "(80|443|0|65536|080|10) (tcp|udp) 1\\.2\\.3\\.4( (80|0|70000))?",
        1 => "1\\.2\\.3\\.4",
        2 => line(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(rule(), 0..4).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn bash_says_the_same_of_whatever_destinations_there_are(value in text()) {
        prop_assert_eq!(told(&value), bash(DESTINATION_SCRIPT, &[("V", &value)]).stdout);
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic_or_point_outside(value in "\\PC{0,40}|[ -~\t\n\\\\]{0,60}") {
        let (_, refusals) = Redirections::check(&value);
        let (_, more) = http::Rules::check(&value);
        let (_, others) = dns::check(&value);
        for refusal in refusals.iter().chain(&more).chain(&others) {
            prop_assert!(refusal.at.line <= value.lines().count(), "{:?}", refusal);
        }
    }
}

#[test]
fn a_refusal_says_where_and_what_to_do() {
    // (value, line, column, cause)
    for (value, line, column, cause) in [
        ("80 tcp 1.2.3.4\n443\t tcp 203.0.113.25", 1, 3, Cause::Tab),
        ("  80 tcp 1.2.3.4 # note", 0, 17, Cause::InlineComment),
        ("80 tcp 1.2.3.4\r", 0, 14, Cause::CarriageReturn),
        ("80  TCP 1.2.3.4", 0, 4, Cause::UpperCase),
        ("80 sctp 1.2.3.4", 0, 3, Cause::Protocol),
        ("80-90 tcp 1.2.3.4", 0, 0, Cause::PortRange),
        ("80 tcp api.partner.example", 0, 7, Cause::Name),
        ("80 tcp 2001:db8::1", 0, 7, Cause::Ipv6),
        ("80 tcp 1.2.3.4/24", 0, 7, Cause::Prefix),
        ("80 tcp 1.2.3.4 70000", 0, 15, Cause::Port),
        ("80 tcp 1.2.3.4\n80 udp 1.2.3.4", 1, 0, Cause::Duplicate),
        ("1.2.3.4\n80 tcp 1.2.3.4", 1, 0, Cause::NotLast),
        ("nonsense", 0, 0, Cause::Unknown),
    ] {
        let refusal = Redirections::parse(value).expect_err(value);
        assert_eq!((refusal.at, refusal.cause), (Spot { line, column }, cause), "{value:?}");
    }
}

#[test]
fn all_refused_lines_are_found_and_the_others_stay() {
    let (good, refusals) = Redirections::check("80\ttcp 1.2.3.4\n81 tcp 1.2.3.4\n82 TCP 1.2.3.4");
    assert_eq!((good.rules.len(), refusals.len()), (1, 2));
}

#[test]
fn a_packet_goes_by_its_rule_or_to_the_fallback_or_nowhere() {
    let all = Redirections::parse("80 tcp 1.2.3.4\n53 udp 1.2.3.5 5353\n203.0.113.27").unwrap();
    assert!(matches!(all.route(80, 6), Route::Rule(rule) if rule.address.0 == "1.2.3.4"));
    assert!(matches!(all.route(53, 17), Route::Rule(rule) if rule.target().number() == Some(5353)));
    assert!(matches!(all.route(53, 6), Route::Fallback(address) if address.0 == "203.0.113.27"));
    assert_eq!(Redirections::parse("80 tcp 1.2.3.4").unwrap().route(80, 17), Route::Refused);
    assert_eq!(all.rules[1].protocol, Protocol::Udp);
}

#[test]
fn what_the_kernel_will_refuse_is_doubted() {
    let all = Redirections::parse("080 tcp 999.1.1.1\n443 tcp 1.2.3.4").unwrap();
    let doubts: Vec<String> = all.doubts().into_iter().map(|doubt| doubt.what).collect();
    assert_eq!(doubts, ["`999.1.1.1` is not an address", "`080` is not a port that everything reads alike"]);
}

/// What becomes of a value of `EGRESS_HTTP_PROXY_DESTINATION`.
fn proxied(value: &str) -> String {
    match http::Rules::parse(value) {
        Err(refusal) => refusal.says,
        Ok(http::Rules { rules, allows_all }) => {
            let rules = rules.iter().map(|rule| {
                let word = if rule.is_allowed { "allow" } else { "deny" };
                match &rule.to {
                    http::To::Address(to) => format!("{word} dst {to}"),
                    http::To::Host(to) | http::To::Domain(to) => format!("{word} dstdomain {to}"),
                }
            });
            let last = if allows_all { "allow all" } else { "deny all" };
            rules.chain([last.to_owned()]).collect::<Vec<_>>().join(", ")
        }
    }
}

/// (value, squid's rules, or the script's words)
const PROXIED: &[(&str, &str)] = &[
    ("*", "allow all"),
    ("api.partner.example", "allow dstdomain api.partner.example, deny all"),
    ("*.partner.example", "allow dstdomain .partner.example, deny all"),
    ("!*.partner.example\n*", "deny dstdomain .partner.example, allow all"),
    ("!192.0.2.1", "deny dst 192.0.2.1, deny all"),
    ("203.0.113.0/24", "allow dst 203.0.113.0/24, deny all"),
    ("2001:db8::/32", "allow dst 2001:db8::/32, deny all"),
    // Hexadecimal digits and dots are an address to the script.
    ("cafe.de", "allow dst cafe.de, deny all"),
    ("a.b", "allow dst a.b, deny all"),
    ("localhost", "allow dstdomain localhost, deny all"),
    ("www", "deny all"),
    ("w\n# comment\n\n", "deny all"),
    ("", "No EGRESS_HTTP_PROXY_DESTINATION specified"),
    ("*\nlocalhost", "Wildcard must be last rule, if present"),
    ("*\n*", "Wildcard must be last rule, if present"),
    ("*\n# comment", "allow all"),
    ("!*", "Bad destination '*'"),
    ("!", "Bad destination ''"),
    ("x", "Bad destination 'x'"),
    ("api.partner.example:443", "Bad destination 'api.partner.example:443'"),
    ("under_score.example", "Bad destination 'under_score.example'"),
    ("localhost # note", "Bad destination 'localhost # note'"),
    ("203.0.113.0/", "Bad destination '203.0.113.0/'"),
    ("*.x", "Bad destination '*.x'"),
    ("localhost\r", "Bad destination 'localhost\r'"),
];

const HTTP_SCRIPT: &str = r#"
    die() { printf '%s' "$*"; exit 1; }
    if [[ -z "$V" ]]; then die "No EGRESS_HTTP_PROXY_DESTINATION specified"; fi
    cidr='[[:xdigit:].:]*[.:][[:xdigit:].:]+(/[[:digit:]]+)?' host='[[:alnum:]][[:alnum:].-]+'
    wild=; out=
    while read line; do
        if [[ "$line" =~ ^\w*$ || "$line" =~ ^# ]]; then continue; fi
        if [[ -n "$wild" ]]; then die "Wildcard must be last rule, if present"; fi
        if [[ "$line" == "*" ]]; then wild=1; continue; fi
        word=allow
        if [[ "$line" =~ ^! ]]; then word=deny; line=${line#!}; fi
        if [[ "$line" =~ ^$cidr$ ]]; then out+="$word dst $line, "
        elif [[ "$line" =~ ^\*\.$host$ ]]; then out+="$word dstdomain ${line#\*}, "
        elif [[ "$line" =~ ^$host$ ]]; then out+="$word dstdomain $line, "
        else die "Bad destination '$line'"; fi
    done <<< "$V"
    if [[ -n "$wild" ]]; then printf '%s' "${out}allow all"; else printf '%s' "${out}deny all"; fi
"#;

#[test]
fn every_corner_of_the_http_proxy_is_as_the_script_has_it() {
    for (value, expected) in PROXIED {
        assert_eq!(proxied(value), *expected, "{value:?}");
    }
}

#[test]
fn bash_says_the_same_of_every_corner_of_the_http_proxy() {
    for (value, expected) in PROXIED {
        assert_eq!(bash(HTTP_SCRIPT, &[("V", value)]).stdout, *expected, "{value:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn bash_says_the_same_of_whatever_the_http_proxy_is_told(
        value in "(((!|\\*\\.)?(a\\.b|cafe\\.de|x-y\\.example|192\\.0\\.2\\.1(/24)?|::1|www?|\\*|[a-z._:/!*#\\\\ ]{0,6}))\n?){0,3}"
    ) {
        prop_assert_eq!(proxied(&value), bash(HTTP_SCRIPT, &[("V", &value)]).stdout);
    }
}

/// What becomes of a value of `EGRESS_DNS_PROXY_DESTINATION`.
fn forwarded(value: &str) -> String {
    match dns::parse(value) {
        Err(refusal) => refusal.says,
        Ok(rules) => {
            let rules = rules.iter().map(|rule| {
                format!("{} {}:{}", rule.local, rule.target, rule.port.as_ref().unwrap_or(&rule.local))
            });
            rules.collect::<Vec<_>>().join(", ")
        }
    }
}

const FORWARDED: &[(&str, &str)] = &[
    ("80 203.0.113.25", "80 203.0.113.25:80"),
    ("8080 api.partner.example 80", "8080 api.partner.example:80"),
    ("80 api.partner.example\n81 203.0.113.25", "80 api.partner.example:80, 81 203.0.113.25:81"),
    ("\n# comment\n80 999.1.1.1", "80 999.1.1.1:80"),
    ("", "Must specify EGRESS_DNS_PROXY_DESTINATION"),
    ("80 a.b\n81 a..b-", "80 a.b:80, 81 a..b-:81"),
    ("80 localhost", "Bad destination '80 localhost'"),
    ("80 tcp 203.0.113.25", "Bad destination '80 tcp 203.0.113.25'"),
    ("80\tapi.partner.example", "Bad destination '80\tapi.partner.example'"),
    ("api.partner.example", "Bad destination 'api.partner.example'"),
    ("80 api.partner.example # x", "Bad destination '80 api.partner.example # x'"),
    ("80 2001:db8::1", "Bad destination '80 2001:db8::1'"),
    ("0 203.0.113.25", "Invalid port: 0, must be in the range 1 to 65535"),
    ("80 203.0.113.25 65536", "Invalid port: 65536, must be in the range 1 to 65535"),
    ("80 203.0.113.25\n80 203.0.113.26", "Proxy port 80 already used, must be unique for each destination"),
];

#[test]
fn every_corner_of_the_dns_proxy_is_as_the_script_has_it() {
    for (value, expected) in FORWARDED {
        assert_eq!(forwarded(value), *expected, "{value:?}");
    }
}

const DNS_SCRIPT: &str = r#"
    ip='[[:digit:]]+\.[[:digit:]]+\.[[:digit:]]+\.[[:digit:]]+' port='[[:digit:]]+'
    name='[[:alnum:]][[:alnum:]-]*\.[[:alnum:].-]+'
    die() { printf '%s' "$*"; exit 1; }
    range() { if [[ $1 -lt 1 || $1 -gt 65535 ]]; then die "Invalid port: $1, must be in the range 1 to 65535"; fi; }
    if [[ -z "$V" ]]; then die "Must specify EGRESS_DNS_PROXY_DESTINATION"; fi
    declare -A used; out=
    while read line; do
        if [[ -z "$line" || "$line" =~ ^# ]]; then continue; fi
        if [[ "$line" =~ ^$port\ +($ip|$name)$ ]]; then read local to <<< "$line"; target=$local
        elif [[ "$line" =~ ^$port\ +($ip|$name)\ +$port$ ]]; then read local to target <<< "$line"; range "$target"
        else die "Bad destination '$line'"; fi
        range "$local"
        if [[ -n "${used[$local]:-}" ]]; then
            die "Proxy port $local already used, must be unique for each destination"
        fi
        used[$local]=1; out+="${out:+, }$local $to:$target"
    done <<< "$V"
    printf '%s' "$out"
"#;

#[test]
fn bash_says_the_same_of_every_corner_of_the_dns_proxy() {
    for (value, expected) in FORWARDED {
        assert_eq!(bash(DNS_SCRIPT, &[("V", value)]).stdout, *expected, "{value:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn bash_says_the_same_of_whatever_the_dns_proxy_is_told(
        value in "(((80|081|0|443)[ \t]{1,2}(a\\.bc|x-y\\.example|1\\.2\\.3\\.4|localhost|\\.x|a\\.b)( (80|0|tcp))?|#x)\n?){0,3}"
    ) {
        prop_assert_eq!(forwarded(&value), bash(DNS_SCRIPT, &[("V", &value)]).stdout);
    }
}

/// (source, gateway, mode, destination, what comes of it)
const SETTINGS: &[(&str, &str, &str, &str, &str)] = &[
    ("192.168.12.99", "192.168.12.1", "init", "203.0.113.25", "init 192.168.12.99"),
    ("192.168.12.99/24", "192.168.12.1", "", "203.0.113.25", "legacy 192.168.12.99"),
    ("192.168.12.99", "192.168.12.1", "legacy", "80 tcp 1.2.3.4", "legacy 192.168.12.99"),
    ("192.168.12.99", "192.168.12.1", "http-proxy", "", "http-proxy 192.168.12.99"),
    ("192.168.12.99", "192.168.12.1", "dns-proxy", "nonsense", "dns-proxy 192.168.12.99"),
    ("999.9.9.9/33", "192.168.12.1", "dns-proxy", "", "dns-proxy 999.9.9.9"),
    ("", "", "nonsense", "", "EGRESS_SOURCE unspecified or invalid"),
    ("1.2.3.4/", "192.168.12.1", "init", "1.2.3.4", "EGRESS_SOURCE unspecified or invalid"),
    ("1.2.3", "192.168.12.1", "init", "1.2.3.4", "EGRESS_SOURCE unspecified or invalid"),
    ("2001:db8::1", "192.168.12.1", "init", "1.2.3.4", "EGRESS_SOURCE unspecified or invalid"),
    ("192.168.12.99", "", "nonsense", "", "EGRESS_GATEWAY unspecified or invalid"),
    ("192.168.12.99", "192.168.12.1/24", "init", "1.2.3.4", "EGRESS_GATEWAY unspecified or invalid"),
    ("192.168.12.99", "192.168.12.1", "Init", "1.2.3.4", "Unrecognized EGRESS_ROUTER_MODE 'Init'"),
    ("192.168.12.99", "192.168.12.1", "init", "", "EGRESS_DESTINATION unspecified"),
];

#[test]
fn variables_are_looked_at_in_the_scripts_order() {
    for (source, gateway, mode, destination, expected) in SETTINGS {
        let settings = Settings::parse(|name| match name {
            "EGRESS_SOURCE" => Some(*source),
            "EGRESS_GATEWAY" => Some(*gateway),
            "EGRESS_ROUTER_MODE" => Some(*mode),
            "EGRESS_DESTINATION" => Some(*destination),
            _ => None,
        });
        let told = match settings {
            Ok(settings) => format!("{} {}", settings.mode.name(), settings.source),
            Err(refusal) => refusal.says,
        };
        assert_eq!(told, *expected, "{source:?} {gateway:?} {mode:?} {destination:?}");
    }
}

#[test]
fn a_source_that_the_kernel_will_refuse_is_doubted() {
    let settings = Settings::parse(|name| match name {
        "EGRESS_SOURCE" => Some("999.9.9.9/33"),
        "EGRESS_GATEWAY" => Some("192.168.12.1"),
        "EGRESS_ROUTER_MODE" => Some("http-proxy"),
        _ => None,
    });
    let doubts: Vec<String> = settings.unwrap().doubts().into_iter().map(|doubt| doubt.what).collect();
    assert_eq!(doubts, ["`999.9.9.9` is not an address", "`/33` is not a prefix length"]);
}
