//! `egret doctor` as it is typed, wherever these tests run: it answers, and its JSON keeps the published schema.

use std::process::{Command, Output, Stdio};

use egret::doctor::SCHEMA;
use serde_json::{Value, json};

fn doctor(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_egret"));
    command.arg("doctor").args(arguments).stdin(Stdio::null());
    command.output().expect("egret")
}

fn document() -> Value {
    let output = doctor(&["--format", "json"]);
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn it_answers_first_and_always_succeeds() {
    let output = doctor(&[]);
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(printed.starts_with("From here egret can "), "{printed}");
    for section in ["\nHere ", "\nRights ", "\nCapture ", "\nCan be told", "\nTranslation ", "\nHosts "] {
        assert!(printed.contains(section), "{section}: {printed}");
    }
}

#[test]
fn its_json_keeps_the_published_schema() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    jsonschema::meta::validate(&schema).expect("valid against its own meta-schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let document = document();
    let errors: Vec<_> =
        validator.iter_errors(&document).map(|e| format!("{e} at {}", e.instance_path())).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert!(document["network"]["interfaces"].as_array().is_some_and(|all| !all.is_empty()), "{document}");
}

#[test]
fn a_key_too_many_or_too_few_is_against_the_schema() {
    let validator =
        jsonschema::validator_for(&serde_json::from_str(SCHEMA).expect("JSON")).expect("a schema");
    let good = document();
    for pointer in
        ["", "/answer", "/platform", "/rights", "/network/interfaces/0", "/verify/0", "/translation"]
    {
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
