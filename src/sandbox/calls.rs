//! The half of the sandbox that seccomp makes: which system calls fail.
//!
//! The list says what is denied, and everything else goes on: which calls a C library makes for a thread, a lock or a clock changes from one
//! version to the next, and no user is to find out. On the list is what nothing here does once sources are open, and what would be of use
//! to somebody who has taken the process over: the network, other programs and processes, the kernel's large and seldom used parts, names
//! and owners of files (which Landlock leaves alone), and code that was not there when the program began.
//!
//! What a filter cannot see is what a pointer leads to. So clone3(2), whose flags lie in memory, does not exist (`ENOSYS`), and C
//! libraries take clone(2), whose flags are seen.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod list;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod known {
    use std::collections::BTreeMap;

    use seccompiler::{BpfProgram, Error, SeccompAction, SeccompFilter, SeccompRule, apply_filter};

    use super::list::{conditional, denied};

    /// Whether numbers of calls are known for this kind of machine.
    pub(crate) const ARE_KNOWN: bool = true;

    /// Calls of programs that have 32-bit pointers on x86-64 have this bit, and else the same numbers.
    #[cfg(target_arch = "x86_64")]
    const OTHERWISE: &[i64] = &[0, 0x4000_0000];
    #[cfg(not(target_arch = "x86_64"))]
    const OTHERWISE: &[i64] = &[0];

    /// Restricts the calling thread, on a kernel that can; whether egret can.
    pub(crate) fn restrict() -> Result<bool, Error> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
        for (call, its) in denied().iter().map(|call| (*call, Vec::new())).chain(conditional()?) {
            for bit in OTHERWISE {
                rules.insert(call | bit, its.clone());
            }
        }
        apply(rules, libc::EPERM)?;
        apply(OTHERWISE.iter().map(|bit| (libc::SYS_clone3 | bit, Vec::new())).collect(), libc::ENOSYS)?;
        Ok(true)
    }

    fn apply(rules: BTreeMap<i64, Vec<SeccompRule>>, error: i32) -> Result<(), Error> {
        let machine = std::env::consts::ARCH.try_into()?;
        let denied = SeccompAction::Errno(error as u32);
        let program: BpfProgram =
            SeccompFilter::new(rules, SeccompAction::Allow, denied, machine)?.try_into()?;
        apply_filter(&program)
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod known {
    pub(crate) const ARE_KNOWN: bool = false;

    pub(crate) fn restrict() -> Result<bool, seccompiler::Error> {
        Ok(false)
    }
}

pub(super) use known::{ARE_KNOWN, restrict};
