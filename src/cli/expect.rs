//! What `egret expect` is told.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::cluster::Cluster;
use crate::expect::lint::Rule;
use crate::filter::address::is_name;
use crate::filter::protocol::Protocol;
use crate::net::{Address, Endpoint};

/// What each workload should leave with, from the cluster's objects and policy files, and what is wrong with them
#[derive(Debug, Clone, clap::Args)]
#[command(arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Each workload: where to, with which source, by which node, and why
    List(List),
    /// Look for mistakes in the objects, before a packet flows
    ///
    /// Exit codes: 0 nothing found; 1 an error; 3 warnings, something that the objects do not tell, or files that could not be read;
    /// 2 nothing could be read.
    Lint(Lint),
    /// One connection, step by step: which rule, which router, which source, which node, or why it is refused
    Explain(Explain),
    /// What the partner's firewall must admit: the sheet for those who run it
    Firewall(Firewall),
    /// One policy file with all that is expected and known, for somebody without access to the cluster
    Export(Export),
}

/// What expectations are made of.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Inputs {
    #[command(flatten)]
    pub cluster: Cluster,

    /// File of expectations and facts of the cluster (YAML; repeat). These come before what follows from objects
    #[arg(long, value_name = "FILE", help_heading = "What is expected")]
    pub policy: Vec<PathBuf>,
}

#[derive(Debug, Clone, clap::Args)]
pub struct List {
    #[command(flatten)]
    pub inputs: Inputs,

    /// Only workloads of this namespace (repeat)
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: Vec<String>,

    /// Text for people, where workloads alike share a line; json (egret.expect/1) for programs
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    pub format: Format,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Lint {
    #[command(flatten)]
    pub inputs: Inputs,

    /// Destination that workloads with an egress address are to reach: no policy of the cluster may deny it (repeat)
    #[arg(long, value_name = "ADDR[:PORT][/PROTO]", value_parser = destination)]
    pub to: Vec<(Endpoint, u8)>,

    /// Say nothing of findings with this id (repeat)
    #[arg(long, value_name = "ID", value_parser = rule)]
    pub allow: Vec<Rule>,

    /// Exit with 0 where there are warnings alone, or what the objects do not tell
    #[arg(long)]
    pub allow_inconclusive: bool,

    /// Print what is looked for, and end
    #[arg(long)]
    pub rules: bool,

    /// Text for people; json (egret.expect/1) for programs
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    pub format: Format,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Explain {
    #[command(flatten)]
    pub inputs: Inputs,

    /// Who sends: a pod, NAMESPACE/POD, a Deployment without pods, or a pod's address
    #[arg(value_name = "POD|IP")]
    pub from: String,

    /// Where to: an address, a Service as NAME, NAMESPACE/NAME or NAME.NAMESPACE.svc, a name that hostAliases give, or, of a
    /// proxy's pod, whatever name its clients ask for
    #[arg(value_name = "DEST:PORT")]
    pub to: Target,

    /// Protocol of the connection
    #[arg(long, value_name = "PROTO", default_value = "tcp")]
    pub proto: Protocol,

    /// Text for people; json (egret.expect/1) for programs
    #[arg(long, value_enum, default_value = "text", help_heading = "Output")]
    pub format: Format,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Firewall {
    #[command(flatten)]
    pub inputs: Inputs,

    /// Only what these namespaces need; named here, those that leave with their nodes' addresses are told, too (repeat)
    #[arg(long, value_name = "NAMESPACE")]
    pub namespace: Vec<String>,

    /// Destination of workloads that call it themselves, without a router: objects do not tell these (repeat)
    #[arg(long, value_name = "ADDR[:PORT][/PROTO]", value_parser = destination)]
    pub to: Vec<(Endpoint, u8)>,

    /// CSV for spreadsheets; Markdown for tickets; json (egret.expect/1) for programs
    #[arg(long, value_enum, default_value = "csv", help_heading = "Output")]
    pub format: Sheet,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Export {
    #[command(flatten)]
    pub inputs: Inputs,

    /// Write the policy to FILE; `-` is standard output
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-", help_heading = "Output")]
    pub output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sheet {
    Csv,
    Markdown,
    Json,
}

/// Where a connection goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Address(Endpoint),
    Service {
        namespace: Option<String>,
        name: String,
        port: u16,
    },
    /// A host's name that is none of a Service; a name of two labels may be either.
    Name {
        name: String,
        port: u16,
    },
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let next = "write it like 203.0.113.25:443, service-egress-route-1:443 or herasoo/service-egress-route-1:443";
        let (host, port) = typed.rsplit_once(':').ok_or_else(|| format!("`{typed}` has no port; {next}"))?;
        let port = port.parse::<u16>().ok().filter(|port| *port > 0);
        let port = port.ok_or_else(|| format!("`{typed}` has no port from 1 to 65535 at its end; {next}"))?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse::<std::net::IpAddr>() {
            return Ok(Self::Address(Endpoint { address: address.into(), port }));
        }
        let labels: Vec<&str> = host.split('.').collect();
        let (namespace, name) = match host.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => match labels[..] {
                [name] => (None, name),
                [name, namespace] | [name, namespace, "svc", ..] => (Some(namespace), name),
                // A number in its last label is an address that was mistyped.
                [.., last]
                    if is_name(host)
                        && labels.iter().all(|label| !label.is_empty())
                        && !last.bytes().all(|b| b.is_ascii_digit()) =>
                {
                    return Ok(Self::Name { name: host.to_owned(), port });
                }
                _ => (None, ""),
            },
        };
        let is_label =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !is_label(name) || !namespace.is_none_or(is_label) {
            return Err(format!("`{host}` is neither an address nor a Service; {next}"));
        }
        Ok(Self::Service { namespace: namespace.map(str::to_owned), name: name.to_owned(), port })
    }
}

/// An address, perhaps with a port (0 without one) and a protocol (tcp).
fn destination(typed: &str) -> Result<(Endpoint, u8), String> {
    let (rest, protocol) = match typed.rsplit_once('/') {
        Some((rest, protocol)) => (rest, protocol.parse::<Protocol>().map_err(|error| error.to_string())?),
        None => (typed, Protocol(6)),
    };
    let whole = |text: &str| text.parse::<std::net::IpAddr>().ok().map(Address::from);
    let endpoint = whole(rest).map(|address| Endpoint { address, port: 0 }).or_else(|| {
        let socket: std::net::SocketAddr = rest.parse().ok()?;
        (socket.port() > 0).then(|| Endpoint { address: socket.ip().into(), port: socket.port() })
    });
    let next = "write it like 203.0.113.25:443, or 203.0.113.25:53/udp";
    endpoint.map(|to| (to, protocol.0)).ok_or_else(|| format!("`{typed}` is not a destination; {next}"))
}

fn rule(typed: &str) -> Result<Rule, String> {
    Rule::from_name(typed).ok_or_else(|| {
        let meant =
            crate::nearest::meant(crate::nearest::nearest(typed, Rule::ALL.iter().map(|rule| rule.name())));
        format!("`{typed}` is not the id of a finding{meant}; `egret expect lint --rules` lists them")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_address_or_a_service_with_a_port() {
        let service = |namespace: Option<&str>| {
            Ok(Target::Service {
                namespace: namespace.map(str::to_owned),
                name: "router".to_owned(),
                port: 443,
            })
        };
        assert_eq!("router:443".parse(), service(None));
        for typed in ["herasoo/router:443", "router.herasoo:443", "router.herasoo.svc.cluster.local:443"] {
            assert_eq!(typed.parse(), service(Some("herasoo")), "{typed}");
        }
        let name = Target::Name { name: "api.partner.example".to_owned(), port: 443 };
        assert_eq!("api.partner.example:443".parse(), Ok(name));
        for (typed, shown) in [("203.0.113.25:443", "203.0.113.25:443"), ("[fd00::1]:443", "[fd00::1]:443")] {
            let Ok(Target::Address(to)) = typed.parse() else { panic!("{typed}") };
            assert_eq!(to.to_string(), shown);
        }
        for typed in ["router", "router:0", "router:x", ":443", "a/b/c:443", "a..b:443", "203.0.113.300:443"]
        {
            assert!(typed.parse::<Target>().is_err(), "{typed}");
        }
    }

    #[test]
    fn a_destination_may_leave_port_and_protocol_open() {
        let shown = |typed: &str| destination(typed).map(|(to, protocol)| format!("{to} {protocol}"));
        assert_eq!(shown("203.0.113.25").as_deref(), Ok("203.0.113.25 6"));
        assert_eq!(shown("203.0.113.25:53/udp").as_deref(), Ok("203.0.113.25:53 17"));
        assert_eq!(shown("[fd00::1]:443").as_deref(), Ok("[fd00::1]:443 6"));
        for typed in ["partner.example:443", "203.0.113.25:0", "203.0.113.25/x", ""] {
            assert!(destination(typed).is_err(), "{typed}");
        }
    }
}
