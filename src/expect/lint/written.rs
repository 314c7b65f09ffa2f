//! What egress routers read from their environment, line by line, as their scripts would.

use super::given::Given;
use super::{Finding, Report, Rule};
use crate::expect::derive::router::Refused;
use crate::net::Block;
use crate::router::{Cause, http};
use crate::text::Text;

pub(super) fn look(given: &Given<'_>, report: &mut Report) {
    for subject in given.subjects() {
        let router = subject.router;
        for refused in &router.refusals {
            report.findings.push(refusal(subject.id(), refused));
        }
        for (what, at) in &router.doubts {
            let fix = "write addresses as four numbers up to 255, and ports without zeros in front";
            let says = format!("{}, and the script does not notice", Text::from(&**what));
            let finding = Finding::new(Rule::DoubtfulValue, subject.id(), at, says, fix);
            report.findings.push(Finding { is_about_text: true, ..finding });
        }
        for rule in router.gate.iter().flat_map(|gate| &gate.rules) {
            let http::To::Address(typed) = &rule.to else { continue };
            if typed.parse::<Block>().is_err() {
                let says = format!(
                    "the proxy takes `{typed}` for an address: it has hexadecimal digits, dots and colons alone"
                );
                let fix = "write the address, or `*.` and the domain above the name";
                let finding = Finding::new(Rule::DoubtfulValue, subject.id(), &rule.at, says, fix);
                report.findings.push(Finding { is_about_text: true, ..finding });
            }
        }
        if let Some(missing) = &router.missing {
            let says = format!("not known: {missing}");
            let fix = "write the value itself, or look at what the container has: oc rsh, env";
            report.findings.push(Finding::new(Rule::ValueElsewhere, subject.id(), &router.id.at, says, fix));
        }
    }
}

fn refusal(id: &crate::objects::Id, refused: &Refused) -> Finding {
    let cause = refused.cause();
    let says = format!("{}: the script says: {}", wrong(cause), Text::from(&*refused.refusal.says));
    let says = match cause {
        Cause::Missing | Cause::Unknown => format!("the script says: {}", Text::from(&*refused.refusal.says)),
        _ => says,
    };
    let fix = match (cause, refused.refusal.variable) {
        (Cause::Missing, variable) => format!("set {variable} in the router's container"),
        (Cause::Unknown, "EGRESS_DESTINATION") => cause.fix().to_owned(),
        (Cause::Unknown, "EGRESS_SOURCE") => "write it like 192.168.12.99, or 192.168.12.99/24".to_owned(),
        (Cause::Unknown, "EGRESS_GATEWAY") => "write it like 192.168.12.1".to_owned(),
        (Cause::Unknown, "EGRESS_ROUTER_MODE") => "write init, legacy, http-proxy or dns-proxy".to_owned(),
        (Cause::Unknown, "EGRESS_HTTP_PROXY_DESTINATION") => {
            "write an address, a block, a host, `*.` and a domain, or `*` at the end".to_owned()
        }
        (Cause::Unknown, _) => "write it like `8080 api.partner.example 80`".to_owned(),
        _ => cause.fix().to_owned(),
    };
    let finding = Finding::new(rule(cause), id, &refused.at, says, fix);
    Finding { is_about_text: cause != Cause::Missing, ..finding }
}

fn rule(cause: Cause) -> Rule {
    match cause {
        Cause::Missing => Rule::MissingVariable,
        Cause::Tab => Rule::TabBetweenFields,
        Cause::InlineComment => Rule::InlineComment,
        Cause::CarriageReturn => Rule::CrlfLineEnd,
        Cause::UpperCase => Rule::UpperCaseProtocol,
        Cause::Protocol => Rule::UnknownProtocol,
        Cause::PortRange => Rule::PortRange,
        Cause::Name => Rule::NameForAddress,
        Cause::Ipv6 => Rule::Ipv6Destination,
        Cause::Prefix => Rule::UnexpectedPrefix,
        Cause::Port => Rule::BadPort,
        Cause::Duplicate => Rule::DuplicateLocalPort,
        Cause::NotLast => Rule::FallbackNotLast,
        Cause::Unknown => Rule::BadValue,
    }
}

fn wrong(cause: Cause) -> &'static str {
    match cause {
        Cause::Tab => "a tab stands between fields",
        Cause::InlineComment => "a comment stands behind the destination",
        Cause::CarriageReturn => "the line ends with a carriage return",
        Cause::UpperCase => "the protocol is in capitals",
        Cause::Protocol => "the router does not know this protocol",
        Cause::PortRange => "a range of ports stands where one port is read",
        Cause::Name => "a name stands where an address is read",
        Cause::Ipv6 => "the address is of IPv6",
        Cause::Prefix => "a prefix length stands where an address alone is read",
        Cause::Port => "the port is out of range",
        Cause::Duplicate => "another line has this local port",
        Cause::NotLast => "something comes behind what must be last",
        Cause::Missing | Cause::Unknown => "",
    }
}
