//! What the calling thread may do, as the kernel says: by system calls alone, so that it is known without `/proc`, too.

use rustix::process::{getegid, geteuid};
use rustix::thread::{self, CapabilitySet};

/// A right that something egret does takes (capabilities(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Opens the sockets that capture.
    NetRaw,
    /// Reads conntrack's table and the rules of NAT.
    NetAdmin,
    /// Enters another network namespace.
    SysAdmin,
}

/// What a thread may do, now and at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    pub user: u32,
    pub group: u32,
    /// `None` where the kernel, or a filter of system calls, does not tell.
    pub sets: Option<Sets>,
    /// Whether no execution gains rights any more.
    pub no_new_privs: Option<bool>,
}

/// Sets of capabilities, each by name, `CAP_NET_RAW`, in the kernel's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sets {
    /// Those that count.
    pub effective: Vec<String>,
    /// Those that it may make count.
    pub permitted: Vec<String>,
    /// Those that executing a file can give it.
    pub bounding: Vec<String>,
}

impl Capability {
    pub fn name(self) -> &'static str {
        match self {
            Self::NetRaw => "CAP_NET_RAW",
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::SysAdmin => "CAP_SYS_ADMIN",
        }
    }
}

impl Rights {
    /// Those of the calling thread.
    pub fn held() -> Self {
        let sets = thread::capabilities(None).ok().map(|sets| Sets {
            effective: names(sets.effective),
            permitted: names(sets.permitted),
            bounding: names(bounding()),
        });
        Self {
            user: geteuid().as_raw(),
            group: getegid().as_raw(),
            sets,
            no_new_privs: thread::no_new_privs().ok(),
        }
    }

    /// Whether the thread has a capability that counts; `None` where that is not told.
    pub fn has(&self, capability: Capability) -> Option<bool> {
        self.sets.as_ref().map(|sets| is_among(&sets.effective, capability))
    }

    /// Whether executing a file could give it the capability, if only that had been arranged.
    pub fn may_get(&self, capability: Capability) -> Option<bool> {
        self.sets.as_ref().map(|sets| is_among(&sets.bounding, capability))
    }

    /// What it has instead of a capability that was refused, as the end of a sentence that begins with `this process`.
    pub fn instead_of(&self, capability: Capability) -> String {
        let user = self.user;
        let Some(sets) = &self.sets else { return format!("(user {user}) cannot tell what it has") };
        if is_among(&sets.effective, capability) {
            return format!(
                "(user {user}) has it: the network namespace belongs to somebody else, or a security module refuses"
            );
        }
        let has = match sets.effective.len() {
            0 => "has no capability".to_owned(),
            1..=3 => format!("has only {}", sets.effective.join(", ")),
            many => format!("has {many} others"),
        };
        let reach = if is_among(&sets.bounding, capability) { "" } else { ", nor may it get this one" };
        format!("(user {user}) {has}{reach}")
    }
}

fn is_among(names: &[String], capability: Capability) -> bool {
    names.iter().any(|name| name == capability.name())
}

fn names(set: CapabilitySet) -> Vec<String> {
    set.iter_names().map(|(name, _)| format!("CAP_{name}")).collect()
}

fn bounding() -> CapabilitySet {
    let named = CapabilitySet::all().iter_names().map(|(_, capability)| capability);
    named.filter(|capability| thread::capability_is_in_bounding_set(*capability).unwrap_or(false)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(effective: &[&str], bounding: &[&str]) -> Rights {
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let sets =
            Sets { effective: named(effective), permitted: named(effective), bounding: named(bounding) };
        Rights { user: 1000, group: 1000, sets: Some(sets), no_new_privs: Some(false) }
    }

    #[test]
    fn a_refusal_is_told_with_what_there_is_instead() {
        let said = |effective: &[&str], bounding: &[&str]| {
            rights(effective, bounding).instead_of(Capability::NetRaw)
        };
        assert_eq!(said(&[], &["CAP_NET_RAW"]), "(user 1000) has no capability");
        assert_eq!(said(&[], &[]), "(user 1000) has no capability, nor may it get this one");
        assert_eq!(
            said(&["CAP_NET_BIND_SERVICE"], &["CAP_NET_RAW"]),
            "(user 1000) has only CAP_NET_BIND_SERVICE"
        );
        assert!(said(&["CAP_NET_RAW"], &["CAP_NET_RAW"]).starts_with("(user 1000) has it: "));
        let untold = Rights { sets: None, ..rights(&[], &[]) };
        assert_eq!(untold.instead_of(Capability::NetRaw), "(user 1000) cannot tell what it has");
    }

    #[test]
    fn the_kernel_tells_what_proc_tells() {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let set = |key: &str| {
            let digits = status.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim();
            u64::from_str_radix(digits, 16).unwrap()
        };
        let sets = Rights::held().sets.unwrap();
        for (key, names) in
            [("CapEff:", &sets.effective), ("CapPrm:", &sets.permitted), ("CapBnd:", &sets.bounding)]
        {
            assert_eq!(names.len(), set(key).count_ones() as usize, "{key} {names:?}");
            assert_eq!(names.iter().any(|name| name == "CAP_NET_RAW"), set(key) & (1 << 13) != 0);
        }
    }
}
