//! The half of the sandbox that Landlock makes: which files can be opened, and what else it can take away.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};

use super::Room;

/// What is taken away; of an older kernel, what that has of it.
const TAKEN: ABI = ABI::V6;

/// Restricts the calling thread; whether the kernel has anything of it.
pub(super) fn restrict(room: &Room) -> Result<bool, RulesetError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(TAKEN))?
        .handle_access(AccessNet::from_all(TAKEN))?
        .scope(Scope::from_all(TAKEN))?
        .create()?;
    for path in &room.read {
        rules = allow(rules, path, AccessFs::ReadFile | AccessFs::ReadDir)?;
    }
    for path in &room.write {
        let all = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::RemoveFile;
        rules = allow(rules, path, all)?;
    }
    Ok(rules.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

/// Allows this beneath a path; what is a file has no more than files have.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    all: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    // What cannot be looked at could not be opened either.
    let Ok(found) = PathFd::new(path) else { return Ok(rules) };
    let all = if path.is_dir() { all } else { all & AccessFs::from_file(TAKEN) };
    rules.add_rule(PathBeneath::new(found, all))
}

/// The version that the kernel has, as far as it makes a difference here.
pub(super) fn version() -> Option<u8> {
    let strict = || Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let has_files = |abi| strict().handle_access(AccessFs::from_all(abi)).is_ok();
    let has_all = [
        (6, strict().scope(Scope::from_all(ABI::V6)).is_ok()),
        (5, has_files(ABI::V5)),
        (4, strict().handle_access(AccessNet::from_all(ABI::V4)).is_ok()),
        (3, has_files(ABI::V3)),
        (2, has_files(ABI::V2)),
        (1, has_files(ABI::V1)),
    ];
    has_all.iter().find(|(_, has)| *has).map(|(version, _)| *version)
}
