//! A root directory with the static file in it, and nothing else but what a test puts there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::getuid;

use super::static_file;
use crate::egret::without_variables;
use crate::netns::{Namespace, run};

/// Removed when dropped.
pub(super) struct Root {
    folder: PathBuf,
}

impl Root {
    pub(super) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("egret-lab-root-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::copy(static_file(), folder.join("egret")).expect("room for the file");
        Self { folder }
    }

    /// Puts a file there.
    pub(super) fn put(&self, path: &str, contents: &[u8]) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, contents).expect("room");
    }

    /// Gives the file the capability to capture: permitted, as the image has it.
    pub(super) fn permit_capturing(&self) {
        run(Command::new("setcap").arg("cap_net_raw+p").arg(self.folder.join("egret")), "");
    }

    /// `egret ARGUMENTS`, as what is root in the namespace.
    pub(super) fn egret(&self, namespace: &Namespace, arguments: &[&str]) -> Command {
        self.command(namespace, &[], arguments)
    }

    /// As [`Root::egret`], as a user who owns nothing and has no capability.
    pub(super) fn egret_of_a_user(&self, namespace: &Namespace, arguments: &[&str]) -> Command {
        let user: &[&str] = if getuid().is_root() { &["--userspec=65532:65532", "--groups="] } else { &[] };
        self.command(namespace, user, arguments)
    }

    /// What a shell is to be told to run egret there.
    pub(super) fn typed(&self) -> PathBuf {
        PathBuf::from(format!("chroot {} /egret", self.folder.display()))
    }

    fn command(&self, namespace: &Namespace, options: &[&str], arguments: &[&str]) -> Command {
        let mut command = namespace.command("chroot");
        without_variables(command.args(options).arg(&self.folder).arg("/egret").args(arguments));
        command
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}
