use proptest::prelude::*;

use super::*;

const PAIR: &str = "\
name: pair
purpose: what two hosts say
parameters:
  a: { means: the one, default: \"${POD_IP}\" }
  b: { means: the other }
  ports: { means: ports, default: \"80,443\" }
filter:
  all:
    - host: $a
    - host: [$b, 203.0.113.26]
  any:
    - { port: $ports, proto: tcp }
    - not: { shows: [syn, rst] }
  not_dst: partner
";

fn read(text: &str) -> Result<Preset, FileError> {
    Preset::read("pair.yaml", text.as_bytes())
}

fn mistakes(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn nothing_set(_: &str) -> Option<String> {
    None
}

fn composition(preset: &Preset, arguments: &[Argument]) -> Result<Composition, Error> {
    preset.composition(arguments, &mut |name| match name {
        "partner" => Ok(vec!["203.0.113.25".parse().unwrap()]),
        name => Err(format!("`{name}` is not known")),
    })
}

#[test]
fn parameters_come_from_what_was_given_from_the_environment_and_from_defaults() {
    let preset = read(PAIR).unwrap();
    let environment = |name: &str| (name == "POD_IP").then(|| "10.128.0.5".to_owned());
    let arguments = preset.arguments(&given(&[("b", "partner,198.51.100.7")]), &environment).unwrap();
    let origins: Vec<_> = arguments.iter().map(|argument| argument.origin.clone()).collect();
    assert_eq!(origins, [Origin::Variable("POD_IP".to_owned()), Origin::Given, Origin::Default]);
    assert_eq!(
        composition(&preset, &arguments).unwrap().to_string(),
        "(host 10.128.0.5 and host 203.0.113.25 or 198.51.100.7 or 203.0.113.26) and ((port 80 or 443 and protocol tcp) or \
         not shows syn or rst) and not destination 203.0.113.25"
    );
}

#[test]
fn a_parameter_without_a_value_is_told_with_the_ways_to_give_one() {
    let preset = read(PAIR).unwrap();
    let said =
        |given_: &[(&str, &str)]| preset.arguments(&given(given_), &nothing_set).unwrap_err().to_string();
    assert_eq!(
        said(&[("b", "203.0.113.25")]),
        "the preset pair needs `a` (the one), and POD_IP is not set; write --preset pair:a=VALUE, or set POD_IP"
    );
    assert_eq!(
        said(&[("a", "10.128.0.5")]),
        "the preset pair needs `b` (the other); write --preset pair:b=VALUE"
    );
    assert_eq!(said(&[("c", "1")]), "the preset pair has no parameter `c`; its parameters are: a, b, ports");
}

#[test]
fn a_value_that_does_not_fit_is_told_with_its_parameter() {
    let preset = read(PAIR).unwrap();
    let said = |a: &str, ports: &str| {
        let given = given(&[("a", a), ("b", "fd00::1"), ("ports", ports)]);
        composition(&preset, &preset.arguments(&given, &nothing_set).unwrap()).unwrap_err().to_string()
    };
    assert_eq!(said("nowhere", "80"), "the preset pair: a: `nowhere` is not known");
    assert_eq!(
        said("fd00::2", "http,0"),
        "the preset pair: ports: `0` is not a port; write a number from 1 to 65535, a range like 8000-8100, or a service \
         like https"
    );
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let text = "name: my filter\npurpose: x\nfilter:\n  dst_prt: 80\n  host: [$pod, 10.0.0.300]\n  any: { port: 1 }\n";
    assert_eq!(
        mistakes(text),
        "cannot use pair.yaml: 5 mistakes
pair.yaml:1:7: `my filter` cannot name a preset; write it like my-filter
  1 | name: my filter
    |       ^
pair.yaml:4:3: `dst_prt` is not a key of a filter (did you mean `dst_port`?); the keys are host, net, src, dst, port, \
src_port, dst_port, proto, src_outside, dst_outside, shows, neighbour, all, any, not, expression
  4 |   dst_prt: 80
    |   ^
pair.yaml:5:10: `$pod` is no parameter of this preset; write parameters: { pod: { means: … } }
  5 |   host: [$pod, 10.0.0.300]
    |          ^
pair.yaml:5:16: `10.0.0.300` is not an address or a CIDR block; write it like 10.128.0.5, 10.128.0.0/14 or fd00::/8
  5 |   host: [$pod, 10.0.0.300]
    |                ^
pair.yaml:6:8: `any` is a list of filters; write each filter behind a `-`
  6 |   any: { port: 1 }
    |        ^"
    );
}

#[test]
fn what_is_missing_or_of_no_use_is_a_mistake() {
    assert!(
        mistakes("name: a\npurpose: x\n")
            .contains("this preset has no `filter`; write filter: { host: 203.0.113.25 }")
    );
    let unused = "name: a\npurpose: x\nparameters: { pod: { means: x } }\nfilter: { port: 1 }\n";
    assert!(
        mistakes(unused).contains("pair.yaml:3:15: `pod` is not used; write $pod where its values belong")
    );
    let variable =
        "name: a\npurpose: x\nparameters: { p: { means: x, default: $POD_IP } }\nfilter: { host: $p }\n";
    assert!(
        mistakes(variable)
            .contains("`$POD_IP` is not a variable of the environment; write it like ${POD_IP}")
    );
    assert!(mistakes("filter: { all: [] }").contains("`all` is empty"));
    let expression = "name: a\npurpose: x\nfilter: { expression: prot tcp }\n";
    assert!(
        mistakes(expression).contains("pair.yaml:3:23: cannot compile the filter"),
        "{}",
        mistakes(expression)
    );
}

#[test]
fn a_list_that_was_forgotten_does_not_select_everything() {
    for text in [
        "name: a\npurpose: x\nfilter: {}\n",
        "name: a\npurpose: x\nfilter: { host: [] }\n",
        "name: a\npurpose: x\nfilter:\n",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_a_preset_or_tells_its_mistakes(
        lines in prop::collection::vec("( {0,4}(name|purpose|filter|parameters|all|any|not|host|- port|\\$a): ?[\\PC]{0,12})|\\PC{0,20}", 0..8),
    ) {
        match read(&lines.join("\n")) {
            Ok(preset) => prop_assert!(!preset.name.is_empty()),
            Err(error) => prop_assert!(!error.to_string().chars().any(|c| c.is_control() && c != '\n')),
        }
    }
}
