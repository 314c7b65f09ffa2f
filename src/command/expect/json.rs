//! The JSON of `egret expect` (egret.expect/1): one document, of list, explain, firewall or lint.

use serde::Serialize;

use crate::expect::derive::{Because, Explained};
use crate::expect::lint::{Finding, Report};
use crate::expect::listing::Line;
use crate::expect::sheet::{Row, Sheet};
use crate::objects::{Id, Place};
use crate::text::plain;

/// What every document begins with.
#[derive(Debug, Serialize)]
pub(super) struct Document<T> {
    schema: &'static str,
    egret: &'static str,
    /// The subcommand.
    of: &'static str,
    #[serde(flatten)]
    content: T,
}

/// The document of a subcommand, as text.
pub(super) fn document<T: Serialize>(of: &'static str, content: T) -> String {
    let document = Document { schema: "egret.expect/1", egret: env!("CARGO_PKG_VERSION"), of, content };
    let mut text = serde_json::to_string_pretty(&document).expect("plain structures become JSON");
    text.push('\n');
    text
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    pub(super) plugin: Option<&'static str>,
    pub(super) notes: Vec<String>,
    pub(super) workloads: Vec<Workload>,
}

#[derive(Debug, Serialize)]
pub(super) struct Workload {
    namespace: Option<String>,
    who: Vec<String>,
    destination: String,
    answer: &'static str,
    sources: Vec<String>,
    node: Option<String>,
    missing: Option<String>,
    because: Vec<String>,
}

impl From<Line> for Workload {
    fn from(line: Line) -> Self {
        Self {
            namespace: line.namespace,
            who: line.who,
            destination: line.to,
            answer: line.answer.name(),
            sources: line.sources,
            node: line.node,
            missing: line.missing,
            because: line.because,
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Explanation {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) protocol: String,
    answer: &'static str,
    sources: Vec<String>,
    node: Option<String>,
    missing: Option<String>,
    pub(super) router: Option<Object>,
    redirected_to: Option<String>,
    trace: Vec<Step>,
}

#[derive(Debug, Serialize)]
pub(super) struct Step {
    says: String,
    object: Option<Object>,
    field: Option<&'static str>,
    place: Option<At>,
}

impl Explanation {
    pub(super) fn of(line: Line, explained: &Explained, protocol: String, router: Option<&Id>) -> Self {
        Self {
            from: line.who.join(", "),
            to: line.to,
            protocol,
            answer: line.answer.name(),
            sources: line.sources,
            node: line.node,
            missing: line.missing,
            router: router.map(Object::of),
            redirected_to: explained.via.as_ref().and_then(|via| via.to.clone()),
            trace: explained.because.iter().map(Step::of).collect(),
        }
    }
}

impl Step {
    fn of(because: &Because) -> Self {
        Self {
            says: plain(&because.says),
            object: because.object.as_ref().map(Object::of),
            field: because.field,
            place: because.at.as_ref().map(At::of),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Object {
    kind: &'static str,
    namespace: Option<String>,
    name: String,
}

impl Object {
    pub(super) fn of(id: &Id) -> Self {
        Self { kind: id.kind, namespace: id.namespace.clone(), name: id.name.clone() }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct At {
    file: String,
    /// Null where it is not known.
    line: Option<usize>,
    column: Option<usize>,
}

impl At {
    fn of(place: &Place) -> Self {
        let known = |number: usize| (number > 0).then_some(number);
        Self { file: place.file.to_string(), line: known(place.line), column: known(place.column) }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Admit {
    notes: Vec<String>,
    rows: Vec<Admitted>,
}

#[derive(Debug, Serialize)]
struct Admitted {
    source: String,
    destination: String,
    port: String,
    protocol: String,
    namespace: Option<String>,
    reason: String,
}

impl From<Sheet> for Admit {
    fn from(sheet: Sheet) -> Self {
        let row = |row: Row| Admitted {
            source: row.source,
            destination: row.destination,
            port: row.port,
            protocol: row.protocol,
            namespace: (!row.namespace.is_empty()).then_some(row.namespace),
            reason: row.reason,
        };
        Self { notes: sheet.notes, rows: sheet.rows.into_iter().map(row).collect() }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Lint {
    errors: usize,
    warnings: usize,
    unknown: usize,
    findings: Vec<Found>,
    unchecked: Vec<Unchecked>,
}

#[derive(Debug, Serialize)]
struct Found {
    id: &'static str,
    severity: &'static str,
    object: Object,
    place: At,
    says: String,
    on_the_wire: &'static str,
    fix: String,
    also: Vec<Mentioned>,
}

#[derive(Debug, Serialize)]
struct Mentioned {
    says: String,
    place: At,
}

#[derive(Debug, Serialize)]
struct Unchecked {
    ids: Vec<&'static str>,
    missing: &'static str,
}

impl Lint {
    pub(super) fn of(report: &Report, counts: [usize; 3]) -> Self {
        let found = |finding: &Finding| Found {
            id: finding.rule.name(),
            severity: finding.severity.name(),
            object: Object::of(&finding.object),
            place: At::of(&finding.at),
            says: finding.says.clone(),
            on_the_wire: finding.rule.wire(),
            fix: finding.fix.clone(),
            also: finding
                .also
                .iter()
                .map(|also| Mentioned { says: also.says.clone(), place: At::of(&also.at) })
                .collect(),
        };
        let [errors, warnings, unknown] = counts;
        Self {
            errors,
            warnings,
            unknown,
            findings: report.findings.iter().map(found).collect(),
            unchecked: report
                .unchecked
                .iter()
                .map(|one| Unchecked {
                    ids: one.rules.iter().map(|rule| rule.name()).collect(),
                    missing: one.missing,
                })
                .collect(),
        }
    }
}
