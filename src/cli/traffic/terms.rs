//! The filter options, as they were typed.

use std::str::FromStr;

use crate::cli::traffic::Lookup;
use crate::filter::address::Typed;
use crate::filter::composition::Composition;
use crate::filter::port::Range;
use crate::filter::protocol::Protocol;
use crate::filter::term::{Side, Term};
use crate::net::Block;

#[derive(Debug, Clone, PartialEq, Eq, Default, clap::Args)]
#[command(about = None, long_about = None)]
#[command(next_help_heading = "Which traffic (the same option again: or; different options: and)")]
pub struct Terms {
    /// From or to these addresses
    #[arg(long, value_name = "ADDR|CIDR|NAME", value_delimiter = ',', value_parser = one::<Typed>)]
    pub host: Vec<Typed>,
    /// From or to these networks, like --host; where both are given, both must be met
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = one::<Typed>)]
    pub net: Vec<Typed>,
    /// From these addresses; of flows: before or after NAT
    #[arg(long, value_name = "ADDR|CIDR|NAME", value_delimiter = ',', value_parser = one::<Typed>)]
    pub src: Vec<Typed>,
    /// To these addresses; of flows: before or after NAT
    #[arg(long, value_name = "ADDR|CIDR|NAME", value_delimiter = ',', value_parser = one::<Typed>)]
    pub dst: Vec<Typed>,
    /// From or to these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',', value_parser = one::<Range>)]
    pub port: Vec<Range>,
    /// From these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',', value_parser = one::<Range>)]
    pub src_port: Vec<Range>,
    /// To these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',', value_parser = one::<Range>)]
    pub dst_port: Vec<Range>,
    /// tcp, udp, icmp, icmp6, sctp, or a number
    #[arg(long, value_name = "PROTOCOL", value_delimiter = ',', value_parser = one::<Protocol>)]
    pub proto: Vec<Protocol>,
    /// Nothing from or to these addresses
    #[arg(long, value_name = "ADDR|CIDR|NAME", value_delimiter = ',', value_parser = one::<Typed>)]
    pub not_host: Vec<Typed>,
    /// Nothing from or to these networks
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = one::<Typed>)]
    pub not_net: Vec<Typed>,
    /// Nothing from these addresses
    #[arg(long, value_name = "ADDR|CIDR|NAME", value_delimiter = ',', value_parser = one::<Typed>)]
    pub not_src: Vec<Typed>,
    /// Nothing to these addresses
    #[arg(long, value_name = "ADDR|CIDR|NAME", value_delimiter = ',', value_parser = one::<Typed>)]
    pub not_dst: Vec<Typed>,
    /// Nothing from or to these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',', value_parser = one::<Range>)]
    pub not_port: Vec<Range>,
    /// Nothing from these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',', value_parser = one::<Range>)]
    pub not_src_port: Vec<Range>,
    /// Nothing to these ports
    #[arg(long, value_name = "PORT|A-B|SERVICE", value_delimiter = ',', value_parser = one::<Range>)]
    pub not_dst_port: Vec<Range>,
    /// Nothing of these protocols
    #[arg(long, value_name = "PROTOCOL", value_delimiter = ',', value_parser = one::<Protocol>)]
    pub not_proto: Vec<Protocol>,
}

impl Terms {
    /// The options as they can be typed again, in the order of the help.
    pub fn typed(&self) -> Vec<String> {
        fn option<T: ToString>(name: &str, values: &[T]) -> Option<String> {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            (!values.is_empty()).then(|| format!("--{name} {}", values.join(",")))
        }
        let options = [
            option("host", &self.host),
            option("net", &self.net),
            option("src", &self.src),
            option("dst", &self.dst),
            option("port", &self.port),
            option("src-port", &self.src_port),
            option("dst-port", &self.dst_port),
            option("proto", &self.proto),
            option("not-host", &self.not_host),
            option("not-net", &self.not_net),
            option("not-src", &self.not_src),
            option("not-dst", &self.not_dst),
            option("not-port", &self.not_port),
            option("not-src-port", &self.not_src_port),
            option("not-dst-port", &self.not_dst_port),
            option("not-proto", &self.not_proto),
        ];
        options.into_iter().flatten().collect()
    }

    /// All of them as a tree. Values of one option are alternatives, and what has a `not` excludes.
    pub fn composition(&self, lookup: &mut Lookup) -> anyhow::Result<Composition> {
        let mut parts = Vec::new();
        let addresses: [(&str, Side, &[Typed]); 8] = [
            ("--host", Side::Either, &self.host),
            ("--net", Side::Either, &self.net),
            ("--src", Side::Source, &self.src),
            ("--dst", Side::Destination, &self.dst),
            ("--not-host", Side::Either, &self.not_host),
            ("--not-net", Side::Either, &self.not_net),
            ("--not-src", Side::Source, &self.not_src),
            ("--not-dst", Side::Destination, &self.not_dst),
        ];
        for (option, side, typed) in addresses {
            let blocks = blocks(option, typed, lookup)?;
            if !blocks.is_empty() {
                parts.push((option, Term::Address(side, blocks)));
            }
        }
        let ports: [(&str, Side, &[Range]); 6] = [
            ("--port", Side::Either, &self.port),
            ("--src-port", Side::Source, &self.src_port),
            ("--dst-port", Side::Destination, &self.dst_port),
            ("--not-port", Side::Either, &self.not_port),
            ("--not-src-port", Side::Source, &self.not_src_port),
            ("--not-dst-port", Side::Destination, &self.not_dst_port),
        ];
        let said = ports.into_iter().filter(|(.., ranges)| !ranges.is_empty());
        parts.extend(said.map(|(option, side, ranges)| (option, Term::Port(side, ranges.to_vec()))));
        let protocols = [("--proto", &self.proto), ("--not-proto", &self.not_proto)];
        let said = protocols.into_iter().filter(|(_, numbers)| !numbers.is_empty());
        parts.extend(said.map(|(option, numbers)| (option, Term::Protocol(numbers.clone()))));
        let composed = parts.into_iter().map(|(option, term)| {
            let term = Composition::from(term);
            if option.starts_with("--not-") { term.negated() } else { term }
        });
        Ok(Composition::All(composed.collect()))
    }
}

/// One value of a list, in which there may be blanks behind commas.
fn one<T: FromStr>(typed: &str) -> Result<T, T::Err> {
    typed.trim().parse()
}

/// The blocks that an option's values mean.
fn blocks(option: &str, typed: &[Typed], lookup: &mut Lookup) -> anyhow::Result<Vec<Block>> {
    let mut blocks = Vec::new();
    for value in typed {
        match value {
            Typed::Block(block) => blocks.push(*block),
            Typed::Name(name) => blocks
                .extend(lookup.blocks(name).map_err(|error| anyhow::anyhow!("{option} {name}: {error}"))?),
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;
    use crate::filter::selection::Selection;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        terms: Terms,
    }

    fn composition(line: &str) -> Composition {
        let typed = Line::try_parse_from(line.split(' ')).unwrap();
        typed.terms.composition(&mut Lookup::new(&[], false)).unwrap()
    }

    #[test]
    fn the_options_of_a_command_line_make_the_tree_that_a_policy_file_makes() {
        let line =
            "egret --src 10.128.0.5 --src 10.128.0.6 --dst-port 80,443 --not-net 10.0.0.0/8 --proto tcp";
        let mut built = Selection::default();
        for (key, values) in [
            ("src", "10.128.0.5,10.128.0.6"),
            ("dst_port", "80,443"),
            ("not_net", "10.0.0.0/8"),
            ("proto", "tcp"),
        ] {
            built.add(key, values).unwrap();
        }
        let sorted = |tree: &Composition| {
            let Composition::All(parts) = tree else { panic!("not a list: {tree}") };
            let mut parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
            parts.sort();
            parts
        };
        assert_eq!(sorted(&composition(line)), sorted(built.composition()));
    }

    #[test]
    fn every_option_is_a_part_of_the_tree() {
        let command = Line::command();
        let options: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        assert_eq!(options.len(), 16);
        for option in options {
            let value = if option.ends_with("port") || option.ends_with("proto") { "6" } else { "10.0.0.1" };
            let tree = composition(&format!("egret --{option} {value}"));
            let typed = format!("egret --{option} {value}");
            let again = Line::try_parse_from(typed.split(' ')).unwrap().terms.typed().join(" ");
            assert_eq!(composition(&format!("egret {again}")), tree, "{option}");
            let is_not = option.starts_with("not-");
            assert!(matches!(&tree, Composition::All(parts) if parts.len() == 1), "{option}");
            assert_eq!(tree.to_string().starts_with("not "), is_not, "{option}");
        }
    }

    #[test]
    fn a_list_may_have_blanks_behind_its_commas() {
        let typed =
            ["egret", "--host", "10.0.0.1, 10.0.0.2", "--port", "https, 8000-8100", "--proto", "tcp, udp"];
        let typed = Line::try_parse_from(typed).unwrap().terms;
        assert_eq!(
            typed.composition(&mut Lookup::new(&[], false)).unwrap().to_string(),
            "host 10.0.0.1 or 10.0.0.2 and port 443 or 8000-8100 and protocol tcp or udp"
        );
    }

    #[test]
    fn nothing_typed_is_everything() {
        assert!(composition("egret").is_everything());
    }
}
