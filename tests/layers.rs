//! The direction of imports: from the ways out (commands, screens, reports) down to frames, and never back.
//!
//! [`MODULES`] lists every module of the library with the modules that it may import. A module can only name
//! modules that stand above it in the list, so the list has no circles, and a new module needs a line here.
//! The [lower half](PURE) does no I/O and reads no clock: what it says depends on frames and ticks alone.
//!
//! The source is read as text: comments and `mod tests` are skipped, `crate::…` and `super::…` are followed.

use std::fs;
use std::path::{Path, PathBuf};

/// (module, what it may import), lowest first.
const MODULES: &[(&str, &[&str])] = &[
    // What was captured.
    ("text", &[]),
    ("net", &[]),
    ("frame", &["text"]),
    ("verdict", &[]),
    ("number", &[]),
    ("prose", &["text"]),
    // What was understood of it.
    ("digest", &["text", "net", "frame"]),
    ("packet", &["text", "net", "frame", "digest"]),
    ("decode", &["text", "net", "frame", "digest", "packet"]),
    // What the process may do.
    ("privilege", &[]),
    ("capture", &["text", "net", "frame", "digest", "packet", "decode", "privilege"]),
    // What is asked, and what should be.
    ("nearest", &[]),
    ("document", &["text", "nearest"]),
    ("filter", &["text", "net", "frame", "digest", "packet", "decode", "nearest", "document"]),
    // What the cluster says of itself.
    ("router", &["net"]),
    ("objects", &["text", "net", "frame", "document", "filter"]),
    ("expect", &["text", "net", "frame", "digest", "nearest", "document", "filter", "router", "objects"]),
    // What reports and screens read.
    ("snapshot", &["text", "net", "frame", "verdict"]),
    // What payloads and people call addresses.
    ("names", &["text", "net", "frame", "decode"]),
    // How a packet is written down.
    ("paper", &["text", "net", "frame", "digest", "packet", "decode", "names"]),
    // What the kernel translates.
    ("conntrack", &["net", "frame", "digest"]),
    // What it means: conversations, what they teach about the run, and the verdict.
    ("place", &["text", "net", "frame", "digest", "expect", "snapshot"]),
    ("flow", &["text", "net", "frame", "digest", "decode", "names", "conntrack", "snapshot"]),
    ("clock", &["frame", "flow"]),
    ("view", &["net", "frame", "digest", "expect", "flow", "snapshot"]),
    ("kin", &["net", "frame", "decode", "expect", "flow", "view"]),
    ("facts", &["net", "frame", "digest", "expect", "place", "flow", "view", "snapshot"]),
    ("findings", &["net", "frame", "digest", "expect", "flow"]),
    ("wire", &["net", "frame", "digest", "expect", "place", "flow", "view", "facts", "snapshot"]),
    ("outcome", &["net", "frame", "digest", "verdict", "place", "flow", "view", "facts", "wire", "snapshot"]),
    (
        "judge",
        &[
            "net", "frame", "digest", "verdict", "expect", "place", "flow", "view", "facts", "wire",
            "outcome", "snapshot",
        ],
    ),
    (
        "explain",
        &[
            "text", "net", "frame", "digest", "verdict", "expect", "clock", "place", "flow", "view", "facts",
            "kin", "findings", "wire", "outcome", "judge", "snapshot", "number",
        ],
    ),
    (
        "engine",
        &[
            "text",
            "net",
            "frame",
            "digest",
            "verdict",
            "decode",
            "filter",
            "expect",
            "names",
            "conntrack",
            "clock",
            "place",
            "flow",
            "view",
            "kin",
            "facts",
            "findings",
            "wire",
            "outcome",
            "judge",
            "explain",
            "snapshot",
        ],
    ),
    // The ways in and out.
    ("machine", &["text", "net", "frame", "conntrack", "place", "snapshot"]),
    ("sandbox", &["privilege"]),
    ("platform", &["text", "privilege", "machine"]),
    ("answer", &["number", "verdict", "snapshot"]),
    ("report", &["text", "net", "frame", "number", "prose", "verdict", "snapshot", "answer"]),
    ("tui", &["text", "net", "frame", "decode", "number", "prose", "verdict", "snapshot", "answer"]),
    (
        "doctor",
        &[
            "text",
            "net",
            "number",
            "verdict",
            "expect",
            "snapshot",
            "names",
            "place",
            "machine",
            "privilege",
            "platform",
            "report",
        ],
    ),
    (
        "cli",
        &[
            "text", "net", "frame", "verdict", "nearest", "document", "filter", "expect", "capture", "names",
            "paper", "place", "snapshot", "report",
        ],
    ),
    (
        "command",
        &[
            "text",
            "net",
            "number",
            "frame",
            "digest",
            "packet",
            "verdict",
            "decode",
            "capture",
            "nearest",
            "document",
            "filter",
            "router",
            "objects",
            "expect",
            "names",
            "conntrack",
            "snapshot",
            "engine",
            "machine",
            "place",
            "privilege",
            "platform",
            "doctor",
            "sandbox",
            "answer",
            "report",
            "tui",
            "paper",
            "cli",
        ],
    ),
];

/// The lower half: no files, no environment, no sockets, no clock, nothing printed.
const PURE: &[&str] = &[
    "text",
    "net",
    "frame",
    "verdict",
    "number",
    "digest",
    "packet",
    "decode",
    "nearest",
    "document",
    "filter",
    "router",
    "objects",
    "expect",
    "snapshot",
    "names",
    "paper",
    "conntrack",
    "kin",
    "clock",
    "place",
    "flow",
    "view",
    "facts",
    "findings",
    "wire",
    "outcome",
    "judge",
    "explain",
    "engine",
    "prose",
    "answer",
    "tui",
    "doctor",
];

/// What the lower half may not name, and what that would be.
const IMPURE: &[(&str, &str)] = &[
    ("std::fs", "reads or writes files"),
    ("std::env", "reads the environment"),
    ("std::process", "starts or ends processes"),
    ("std::thread", "starts threads"),
    ("TcpStream", "opens sockets"),
    ("TcpListener", "opens sockets"),
    ("UdpSocket", "opens sockets"),
    ("ToSocketAddrs", "asks a name server"),
    ("SystemTime", "reads a clock"),
    ("Instant", "reads a clock"),
    ("Timestamp::now", "reads a clock"),
    ("println!", "prints"),
    ("eprintln!", "prints"),
    ("print!", "prints"),
    ("eprint!", "prints"),
    ("stdout", "prints"),
    ("stderr", "prints"),
];

#[test]
fn imports_run_one_way_from_the_ways_out_down_to_frames() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root);
    assert!(files.len() > 5, "no sources under {}", root.display());
    let violations: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("a source file");
            violations(path.strip_prefix(&root).expect("below src"), &text)
        })
        .collect();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn the_list_of_edges_has_no_circles() {
    for (index, (module, imports)) in MODULES.iter().enumerate() {
        for import in *imports {
            assert!(
                MODULES[..index].iter().any(|(lower, _)| lower == import),
                "{module} may import {import}, which does not stand above it in MODULES"
            );
        }
    }
    for module in PURE {
        assert!(MODULES.iter().any(|(listed, _)| listed == module), "{module} is in PURE, not in MODULES");
    }
}

#[test]
fn an_import_against_the_direction_is_named_with_file_line_and_rule() {
    let source = "use std::fmt;\nuse crate::{net::Address, engine::{self, Engine}};\n";
    let found = violations(Path::new("decode/link.rs"), source);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("src/decode/link.rs:2: decode may not import engine"), "{}", found[0]);
}

#[test]
fn paths_in_expressions_and_through_super_are_seen_too() {
    let found = violations(Path::new("decode/link.rs"), "fn f() {\n    crate::report::text();\n}\n");
    assert!(found[0].starts_with("src/decode/link.rs:2: decode may not import report"), "{found:?}");
    assert!(violations(Path::new("decode/link.rs"), "use super::engine;\n").is_empty(), "a child of decode");
    assert_eq!(violations(Path::new("decode/link.rs"), "use super::super::engine;\n").len(), 1);
    assert_eq!(violations(Path::new("decode.rs"), "use super::engine;\n").len(), 1);
}

#[test]
fn comments_and_tests_may_speak_of_anything() {
    let source = "//! See [`crate::engine`].\n#[cfg(test)]\nmod tests {\n    use crate::engine::Engine;\n}\n";
    assert!(violations(Path::new("decode.rs"), source).is_empty());
}

#[test]
fn a_module_that_is_not_listed_is_refused() {
    assert_eq!(violations(Path::new("helper.rs"), "").len(), 1);
    assert_eq!(violations(Path::new("command/check.rs"), "use crate::helper::help;\n").len(), 1);
}

#[test]
fn the_lower_half_may_not_read_a_clock_or_print() {
    let found = violations(Path::new("flow/leg.rs"), "let now = std::time::Instant::now();\nprintln!();\n");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("flow reads a clock"), "{found:?}");
    assert!(violations(Path::new("command/check.rs"), "std::fs::read(path)").is_empty());
    assert!(violations(Path::new("net.rs"), "use std::net::IpAddr; struct Instantaneous;").is_empty());
}

/// Every Rust file below `folder`, in order of path.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What is wrong with the file at `path` (below `src`), a line each.
fn violations(path: &Path, source: &str) -> Vec<String> {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let module = parts[0].trim_end_matches(".rs");
    if matches!(module, "lib" | "main") || parts.last() == Some(&"tests.rs") {
        return Vec::new();
    }
    let shown = format!("src/{}", path.display());
    let Some((_, allowed)) = MODULES.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{shown}: the module {module} is not listed; give it a line in MODULES")];
    };
    let code = code_of(source);
    let line_of = |offset: usize| code[..offset].matches('\n').count() + 1;
    let mut found = Vec::new();
    for (offset, import) in imports(&code, parts.len()) {
        if import != module && !allowed.contains(&import) {
            let line = line_of(offset);
            found.push(format!(
                "{shown}:{line}: {module} may not import {import} (MODULES in tests/layers.rs)"
            ));
        }
    }
    if PURE.contains(&module) {
        for (name, what) in IMPURE {
            for (offset, _) in code.match_indices(name).filter(|(at, _)| is_whole_word(&code, *at, name)) {
                let line = line_of(offset);
                found.push(format!("{shown}:{line}: {module} {what} ({name}); the lower half may not"));
            }
        }
    }
    found
}

/// The source without comments and without its tests; lines keep their numbers.
fn code_of(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut lines = source.lines().peekable();
    while let Some(line) = lines.next() {
        let opens_tests = line.trim() == "#[cfg(test)]"
            && lines.peek().is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if opens_tests {
            break;
        }
        let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
        code.push_str(comment.map_or(line, |(at, _)| &line[..at]));
        code.push('\n');
    }
    code
}

/// (offset, name) of every module of the crate that `code` names by a path; `depth` is the file's below `src`.
fn imports(code: &str, depth: usize) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, start) in code.match_indices("crate::").filter(|(at, text)| is_whole_word(code, *at, text)) {
        found.extend(heads(code, at + start.len()));
    }
    // As many `super::` as the file is deep lead to the crate's root.
    let to_root = "super::".repeat(depth);
    for (at, start) in code.match_indices(&to_root).filter(|(at, text)| is_whole_word(code, *at, text)) {
        found.extend(heads(code, at + start.len()));
    }
    found
}

/// The first names of the paths that begin at `at`: one, or those of a group in braces.
fn heads(code: &str, at: usize) -> Vec<(usize, &str)> {
    if !code[at..].starts_with('{') {
        return name_at(code, at).into_iter().collect();
    }
    let mut found = Vec::new();
    let mut depth = 0;
    for (offset, c) in code[at..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(c, '{' | ',') {
            let rest = &code[at + offset + 1..];
            let blank = rest.len() - rest.trim_start().len();
            found.extend(name_at(code, at + offset + 1 + blank));
        }
    }
    found
}

/// The lower-case name at `at`; the crate's root has modules alone, so a type's name there is a re-export.
fn name_at(code: &str, at: usize) -> Option<(usize, &str)> {
    let end = code[at..].find(|c: char| !is_of_name(c)).map_or(code.len(), |length| at + length);
    let name = &code[at..end];
    name.starts_with(|c: char| c.is_ascii_lowercase()).then_some((at, name))
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `word` at `at` is not a part of a longer name.
fn is_whole_word(code: &str, at: usize, word: &str) -> bool {
    let goes_on = word.ends_with(is_of_name) && code[at + word.len()..].starts_with(is_of_name);
    let began_before = code[..at].ends_with(|c: char| is_of_name(c) || c == '$');
    !goes_on && !began_before
}
