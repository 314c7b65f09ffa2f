//! What the process is shut in by: filters of system calls, a security module.

use std::fs;
use std::path::Path;

/// What files say; each is `None` where they do not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Linux's release, `5.14.0-284.el9`.
    pub release: String,
    /// Whether the kernel filters system calls for those who ask it to.
    pub has_seccomp: Option<bool>,
    /// How many filters this process is under.
    pub filters: Option<u32>,
    /// The security module that confines the process, and its label: `crio-default (enforce)`, a context of `SELinux`.
    pub label: Option<String>,
}

impl Kernel {
    pub fn here() -> Self {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        Self { release, ..Self::below(Path::new("/")) }
    }

    /// What the files below a folder say.
    pub fn below(root: &Path) -> Self {
        let text = |path: &str| fs::read_to_string(root.join(path)).ok();
        let status = text("proc/thread-self/status").or_else(|| text("proc/self/status"));
        let field = |name: &str| {
            let line = status.as_ref()?.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse::<u32>().ok()
        };
        let mode = field("Seccomp:");
        let label =
            text("proc/self/attr/current").map(|label| label.trim_end_matches(['\0', '\n']).to_owned());
        Self {
            release: String::new(),
            has_seccomp: mode.map(|_| true).or_else(|| status.as_ref().map(|_| false)),
            // Older kernels do not count them.
            filters: field("Seccomp_filters:").or_else(|| mode.map(|mode| u32::from(mode == 2))),
            label: label.filter(|label| !label.is_empty() && label != "unconfined"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_files_do_not_say_is_not_known() {
        assert_eq!(Kernel::below(Path::new("/nowhere")), Kernel::default());
    }

    #[test]
    fn the_kernels_files_are_read_as_they_are() {
        let root = std::env::temp_dir().join(format!("egret-test-kernel-{}", std::process::id()));
        let put = |path: &str, holds: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, holds).unwrap();
        };
        put("proc/self/status", "Name:\tegret\nSeccomp:\t2\nSeccomp_filters:\t3\n");
        put("proc/self/attr/current", "system_u:system_r:container_t:s0:c12,c34\0");
        let found = Kernel::below(&root);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!((found.has_seccomp, found.filters), (Some(true), Some(3)));
        assert_eq!(found.label.as_deref(), Some("system_u:system_r:container_t:s0:c12,c34"));
    }
}
