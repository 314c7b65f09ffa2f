//! `egret expect export`: one policy file for somebody without access to the cluster.

use std::fs;
use std::process::ExitCode;

use anyhow::Context as _;

use super::given::Given;
use crate::cli::expect::Export;
use crate::command::print;
use crate::expect::export::export;

pub(super) fn run(asked: &Export) -> anyhow::Result<ExitCode> {
    let given = Given::read(&asked.inputs)?;
    given.tell_notes();
    let text = export(&given.expectations);
    if asked.output.as_os_str() == "-" {
        print(&text)?;
    } else {
        let shown = asked.output.display();
        fs::write(&asked.output, text).with_context(|| format!("cannot write the policy to {shown}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
