//! `egret filter`: the presets, and what becomes of what is asked for.

mod explain;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::cli::filter::{Arguments, Command};
use crate::cli::traffic::{Entry, Library};
use crate::command::page::table;
use crate::command::{print, say};
use crate::filter::preset::{Argument, Error, Origin, Parameter, Wanted};
use crate::text::Text;

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let page = match &arguments.command {
        Command::List { folder } => list(&Library::read(folder.presets.as_deref())?),
        Command::Show { folder, preset } => show(&Library::read(folder.presets.as_deref())?, preset)?,
        Command::Explain(asked) => explain::page(asked)?,
        Command::Check { files } => return Ok(check(files)),
    };
    print(&page)?;
    Ok(ExitCode::SUCCESS)
}

fn list(library: &Library) -> String {
    let row = |entry: &Entry| {
        let origin = entry.file.as_deref().map(|file| format!(" ({})", shown(file))).unwrap_or_default();
        vec![entry.preset.name.clone(), format!("{}{origin}", Text::from(&*entry.preset.purpose))]
    };
    table(&library.entries.iter().map(row).collect::<Vec<_>>(), "")
}

fn shown(path: &Path) -> String {
    Text::from(&*path.to_string_lossy()).to_string()
}

fn show(library: &Library, wanted: &Wanted) -> anyhow::Result<String> {
    let entry = library.find(&wanted.name)?;
    let preset = &entry.preset;
    let environment = |name: &str| std::env::var(name).ok();
    // What was given wrong is told, what is missing shown.
    if let Err(error @ Error::UnknownParameter { .. }) = preset.arguments(&wanted.given, &environment) {
        return Err(error.into());
    }
    let origin = entry.file.as_deref().map_or_else(|| "brought along by egret".to_owned(), shown);
    let mut page = format!("{}: {} ({origin})\n", preset.name, Text::from(&*preset.purpose));
    if !preset.parameters.is_empty() {
        page.push('\n');
        let row = |parameter: &Parameter| {
            let argument = preset.argument(parameter, &wanted.given, &environment);
            let (value, origin) = words(&argument);
            vec![parameter.name.clone(), Text::from(&*parameter.means).to_string(), value, origin]
        };
        let head = ["PARAMETER", "IS", "VALUE", "FROM"].map(str::to_owned).to_vec();
        let rows: Vec<Vec<String>> = std::iter::once(head).chain(preset.parameters.iter().map(row)).collect();
        page.push_str(&table(&rows, ""));
    }
    page.push('\n');
    for line in entry.text.lines() {
        page.push_str(Text::from(line).to_string().trim_end());
        page.push('\n');
    }
    Ok(page)
}

/// A parameter's value, and who said so.
fn words(argument: &Result<Argument, Error>) -> (String, String) {
    match argument {
        Ok(Argument { value, origin, .. }) => {
            let origin = match origin {
                Origin::Given => "the command line".to_owned(),
                Origin::Variable(name) => format!("{name} in the environment"),
                Origin::Default => "the preset".to_owned(),
            };
            (Text::from(&**value).to_string(), origin)
        }
        Err(Error::Missing { preset, parameter, unset, .. }) => {
            let unset = unset.trim_start_matches(", and ");
            let told = if unset.is_empty() { String::new() } else { format!("{unset}; ") };
            ("none".to_owned(), format!("{told}give it as {preset}:{parameter}=VALUE"))
        }
        Err(error) => ("none".to_owned(), error.to_string()),
    }
}

/// Tells of every file whether it can be used.
fn check(files: &[PathBuf]) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for path in files {
        match Entry::read(path) {
            Ok(entry) => {
                let line = format!("{}: {} is right\n", shown(path), entry.preset.name);
                if print(&line).is_err() {
                    return ExitCode::from(2);
                }
            }
            Err(error) => {
                say(format_args!("{error:#}"));
                code = ExitCode::from(2);
            }
        }
    }
    code
}
