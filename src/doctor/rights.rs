//! Who egret runs as, what that may do, and what shuts it in.

use serde::Serialize;

use crate::platform::Kernel;
use crate::privilege::Rights;
use crate::text::plain;

/// The rights of the process; sets are null where the kernel does not tell them.
#[derive(Debug, Serialize)]
pub struct Held {
    pub user: u32,
    pub group: u32,
    pub effective: Option<Vec<String>>,
    pub permitted: Option<Vec<String>>,
    pub bounding: Option<Vec<String>>,
    pub no_new_privs: Option<bool>,
}

/// What the kernel has to shut egret in, and what it is shut in by.
#[derive(Debug, Serialize)]
pub struct Sandbox {
    pub kernel: String,
    /// Whether egret can have the kernel filter its own system calls.
    pub seccomp: Option<bool>,
    /// The version of Landlock, as far as egret makes use of it; null where the kernel has none, or has not switched it on.
    pub landlock: Option<u8>,
    /// Filters of system calls that it is under.
    pub filters: Option<u32>,
    /// The security module's label.
    pub label: Option<String>,
}

impl Held {
    pub(super) fn of(rights: &Rights) -> Self {
        let sets = rights.sets.clone();
        let (effective, permitted, bounding) = match sets {
            Some(sets) => (Some(sets.effective), Some(sets.permitted), Some(sets.bounding)),
            None => (None, None, None),
        };
        let Rights { user, group, no_new_privs, .. } = *rights;
        Self { user, group, effective, permitted, bounding, no_new_privs }
    }

    /// `user 1000, group 1000; capabilities: none, and executing a file can give it CAP_NET_RAW, …`.
    pub(super) fn words(&self) -> String {
        let mut words = format!("user {}, group {}", self.user, self.group);
        match &self.effective {
            None => words.push_str("; the kernel does not tell its capabilities"),
            Some(names) => words = format!("{words}; capabilities: {}", listed(names)),
        }
        if self.permitted != self.effective
            && let Some(permitted) = &self.permitted
        {
            words = format!("{words}; permitted: {}", listed(permitted));
        }
        if self.bounding != self.effective
            && let Some(bounding) = &self.bounding
        {
            words = format!("{words}; at most, by executing a file that has them: {}", listed(bounding));
        }
        match self.no_new_privs {
            Some(true) => words.push_str("; no_new_privs is set: executing a file gives it nothing"),
            Some(false) => {}
            None => words.push_str("; whether no_new_privs is set is not told"),
        }
        words
    }
}

/// All of a short list; of a long one those that matter here.
fn listed(names: &[String]) -> String {
    const SHORT: usize = 6;
    if names.is_empty() {
        return "none".to_owned();
    }
    if names.len() <= SHORT {
        return names.join(", ");
    }
    let matters = |name: &&String| {
        matches!(name.as_str(), "CAP_NET_RAW" | "CAP_NET_ADMIN" | "CAP_SYS_ADMIN" | "CAP_SYS_PTRACE")
    };
    let among: Vec<&str> = names.iter().filter(matters).map(String::as_str).collect();
    match among.len() {
        0 => format!("{}, none of which matters here", names.len()),
        _ => format!("{}, among them {}", names.len(), among.join(", ")),
    }
}

impl Sandbox {
    pub(super) fn of(kernel: &Kernel, landlock: Option<u8>) -> Self {
        Self {
            kernel: plain(&kernel.release),
            seccomp: kernel.has_seccomp,
            landlock,
            filters: kernel.filters,
            label: kernel.label.as_deref().map(plain),
        }
    }

    /// `Linux 5.14: runs of egret are held by Landlock (version 3) and seccomp; under 1 filter of system calls already`.
    pub(super) fn words(&self) -> String {
        let landlock = self.landlock.map(|version| format!("Landlock (version {version})"));
        let seccomp = self.seccomp.unwrap_or(false).then(|| "seccomp".to_owned());
        let by: Vec<String> = landlock.into_iter().chain(seccomp).collect();
        let held = match (by.len(), self.seccomp) {
            (0, None) => "it has no Landlock, and whether it has seccomp is not seen".to_owned(),
            (0, Some(_)) => {
                "it has neither Landlock nor seccomp: runs of egret are held by nothing".to_owned()
            }
            _ => format!("runs of egret are held by {} (not with --no-sandbox)", by.join(" and ")),
        };
        let mut words = format!("Linux {}: {held}", self.kernel);
        match self.filters {
            Some(0) | None => {}
            Some(1) => words.push_str("; 1 filter of system calls is on this process already"),
            Some(many) => {
                words = format!("{words}; {many} filters of system calls are on this process already");
            }
        }
        if let Some(label) = &self.label {
            words = format!("{words}; confined as {label}");
        }
        words
    }
}
