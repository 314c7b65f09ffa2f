//! JSON output against the published schema, both ways: what is written keeps it, and it admits no less.

use egret::report::{Format, SCHEMA};
use egret::snapshot::{Confidence, Direction, Method, Role, Severity};
use egret::verdict::{Outcome, Reason, Verdict};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::run::Run;
use crate::{options, scenario, written};

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("the schema is JSON")
}

/// The validator of `#/$defs/{definition}`.
fn validator_of(definition: &str) -> Validator {
    let part = json!({ "$ref": format!("#/$defs/{definition}"), "$defs": schema()["$defs"] });
    jsonschema::validator_for(&part).expect("a schema")
}

fn assert_valid(validator: &Validator, value: &Value) {
    let errors: Vec<_> =
        validator.iter_errors(value).map(|e| format!("{} at {}", e, e.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
}

fn document(run: &mut Run) -> Value {
    serde_json::from_str(&written(Format::Json, run, &options())).expect("JSON")
}

fn runs() -> [Run; 11] {
    [
        scenario::all_pass(),
        scenario::leak(),
        scenario::wire_not_seen(),
        scenario::nothing_expected(),
        scenario::nothing_outgoing(),
        scenario::no_frames(),
        scenario::troubled(),
        scenario::hostile(),
        scenario::ipv6(),
        scenario::everything(),
        scenario::named(),
    ]
}

#[test]
fn the_schema_is_a_schema() {
    jsonschema::meta::validate(&schema()).expect("valid against its own meta-schema");
}

#[test]
fn every_document_keeps_the_published_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    for mut run in runs() {
        assert_valid(&validator, &document(&mut run));
    }
}

#[test]
fn every_line_keeps_the_published_schema() {
    let validator = validator_of("line");
    for mut run in runs() {
        let lines = written(Format::Ndjson, &mut run, &options());
        for line in lines.lines() {
            assert_valid(&validator, &serde_json::from_str(line).expect("a line is JSON"));
        }
        let last = lines.lines().last().expect("a summary at least");
        assert!(last.starts_with(r#"{"type":"summary","schema":"egret.check/1","#), "{last}");
    }
}

#[test]
fn keys_come_in_the_order_of_the_contract() {
    let text = written(Format::Json, &mut scenario::everything(), &options());
    let top: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("  \"")?.split_once('"')).collect();
    let top: Vec<_> = top.iter().map(|(key, _)| *key).collect();
    let expected = "schema egret verdict assumptions warnings summary points expectations flows findings";
    assert_eq!(top.join(" "), expected);

    let flow = text.lines().find(|line| line.contains("api.partner.example")).expect("the third flow");
    let mut at = 0;
    for key in schema()["$defs"]["flow_keys"]["required"].as_array().expect("an array") {
        let found = flow[at..].find(&format!("{key}: "));
        at += found.unwrap_or_else(|| panic!("{key} is not after the key before it: {flow}"));
    }
}

#[test]
fn a_flow_is_a_line_of_the_document() {
    let text = written(Format::Json, &mut scenario::leak(), &options());
    assert_eq!(text.lines().filter(|line| line.starts_with("    {\"id\": \"node1:")).count(), 74);
}

#[test]
fn the_document_says_what_the_contract_shows() {
    let json = document(&mut scenario::everything());
    let flow = &json["flows"][2];
    assert_eq!(flow["origin"], json!({ "ip": "10.128.0.5", "port": 40004 }));
    assert_eq!(flow["origin_destination"], json!({ "ip": "172.30.99.10", "port": 8443 }));
    assert_eq!(
        flow["destination"],
        json!({ "ip": "203.0.113.25", "port": 443, "name": "api.partner.example" })
    );
    assert_eq!(flow["first_seen"], "2026-11-23T00:41:26.886575Z");
    assert_eq!(
        flow["outcome_detail"]["icmp"],
        json!({ "sender": "203.0.113.1", "type": 3, "code": 13,
                "meaning": "communication administratively prohibited", "mtu": null,
                "time": "2026-11-23T00:41:26.586575001Z" })
    );
    assert_eq!(
        flow["legs"][0]["tunnel"],
        json!({ "kind": "vxlan", "id": 9_059_409, "src": "192.168.12.12", "dst": "192.168.12.11" })
    );
    assert_eq!(
        flow["link"],
        json!({ "flow": "node1:40", "confidence": "probable", "because": ["same payload", "same name"] })
    );
    assert_eq!(json["flows"][0]["link"], Value::Null);
    assert_eq!(flow["expected"]["expectation"], "herasoo reaches the partner with its own address");
    assert_eq!(json["flows"][0]["destination"], json!({ "ip": "203.0.113.25", "port": null }));
    assert_eq!(json["flows"][3]["origin"], Value::Null);
    assert_eq!(json["flows"][4]["expected"], Value::Null);
    assert_eq!(json["flows"][4]["wire"], Value::Null);
}

#[test]
fn a_key_too_many_or_too_few_is_against_the_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    let good = document(&mut scenario::everything());
    for pointer in [
        "",
        "/summary",
        "/points/0/places/0",
        "/flows/0",
        "/flows/0/join",
        "/flows/2/link",
        "/flows/2/legs/0/tunnel",
    ] {
        let mut more = good.clone();
        more.pointer_mut(pointer).expect(pointer)["surprise"] = json!(1);
        assert!(!validator.is_valid(&more), "{pointer} takes a surprise");
        let mut less = good.clone();
        let object = less.pointer_mut(pointer).and_then(Value::as_object_mut).expect(pointer);
        let key = object.keys().next().expect("a key").clone();
        object.remove(&key);
        assert!(!validator.is_valid(&less), "{pointer} does without {key}");
    }
}

#[test]
fn closed_lists_are_closed_and_whole() {
    let names = |of: &[&str]| json!(of);
    let defs = &schema()["$defs"];
    assert_eq!(defs["reason"]["enum"], json!(Reason::ALL.iter().map(|r| r.name()).collect::<Vec<_>>()));
    assert_eq!(defs["outcome"]["enum"], json!(Outcome::ALL.iter().map(|o| o.name()).collect::<Vec<_>>()));
    assert_eq!(defs["role"]["enum"], json!(Role::ALL.iter().map(|r| r.name()).collect::<Vec<_>>()));
    let methods = &defs["join"]["properties"]["method"]["enum"];
    assert_eq!(*methods, json!(Method::ALL.iter().map(|m| m.name()).collect::<Vec<_>>()));
    let sure = [Confidence::Certain, Confidence::Probable].map(Confidence::name);
    assert_eq!(defs["join"]["properties"]["confidence"]["enum"], names(&sure));
    let verdicts = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Exempt].map(Verdict::name);
    assert_eq!(defs["verdict"]["enum"], names(&verdicts));
    let ways = [Direction::Outgoing, Direction::Incoming, Direction::Internal, Direction::Unknown];
    assert_eq!(defs["direction"]["enum"], names(&ways.map(Direction::name)));
    let severities = [Severity::Error, Severity::Warning, Severity::Info].map(Severity::name);
    assert_eq!(defs["severity"]["enum"], names(&severities));
}
