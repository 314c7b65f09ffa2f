//! A real terminal: a tmux of the test's own, with one window in which a command runs under a shell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::capture::until;
use crate::egret::VARIABLES;
use crate::netns::run;

/// Ended when dropped, with whatever runs in it.
pub(crate) struct Terminal {
    server: Child,
    folder: PathBuf,
}

impl Terminal {
    /// A terminal of that size. `tmux` runs the program of that name, in a namespace perhaps.
    pub(crate) fn open(name: &str, (width, height): (u16, u16), mut tmux: Command) -> Self {
        let folder = std::env::temp_dir().join(format!("egret-lab-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        for variable in VARIABLES.iter().chain(&["NO_COLOR", "TMUX"]) {
            tmux.env_remove(variable);
        }
        // In the foreground, so that it ends with the test.
        tmux.args(["-f", "/dev/null", "-D", "-S"]).arg(folder.join("tmux"));
        let server = tmux.stdin(Stdio::null()).spawn().expect("tmux");
        let terminal = Self { server, folder };
        until("tmux listens", || terminal.at("tmux").exists());
        let size = [width, height].map(|number| number.to_string());
        terminal.tmux(&["new-session", "-d", "-x", &size[0], "-y", &size[1], "bash --norc --noprofile"]);
        until("the shell is ready", || !terminal.shown().trim().is_empty());
        terminal
    }

    /// Something in the terminal's folder, in which commands run.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Has the shell run `egret watch ARGUMENTS`, and then say how it ended and what the terminal is set to.
    pub(crate) fn watch(&self, program: &Path, arguments: &str) {
        self.run(&format!("{} watch {arguments}", program.display()));
    }

    /// The same of any command.
    pub(crate) fn run(&self, command: &str) {
        let folder = self.folder.display();
        let line = format!(
            "cd {folder}; clear; stty -g >before; {command}; echo $? >code.part; stty -g >after; mv code.part code"
        );
        self.type_in(&line);
        self.press(&["Enter"]);
    }

    /// The exit code of what was run, once it has ended; the terminal is set as it was before.
    pub(crate) fn ended(&self) -> String {
        until("egret has ended", || self.at("code").exists());
        let read = |name: &str| fs::read_to_string(self.at(name)).expect("a file that the shell wrote");
        assert_eq!(read("after"), read("before"), "the terminal is not as it was");
        let code = read("code");
        fs::remove_file(self.at("code")).expect("a file of the test's own");
        code.trim().to_owned()
    }

    /// Presses keys, as tmux names them.
    pub(crate) fn press(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    pub(crate) fn type_in(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    /// What tmux says of the terminal, in words of its formats.
    pub(crate) fn state(&self, format: &str) -> String {
        self.tmux(&["display-message", "-p", format]).trim().to_owned()
    }

    pub(crate) fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until all of these stand on the screen.
    pub(crate) fn wait_for(&self, words: &[&str]) {
        let mut last = String::new();
        let mut looks = 0;
        until("the screen shows what it should", || {
            last = self.shown();
            looks += 1;
            let is_there = words.iter().all(|word| last.contains(word));
            if !is_there && looks % 400 == 0 {
                eprintln!("waiting for {words:?} on\n{last}");
            }
            is_there
        });
    }

    /// The process that the shell has started.
    pub(crate) fn child(&self) -> u32 {
        let shell = self.tmux(&["list-panes", "-F", "#{pane_pid}"]);
        let path = format!("/proc/{0}/task/{0}/children", shell.trim());
        let children = fs::read_to_string(path).expect("the shell runs");
        children.split_whitespace().next().expect("it has started something").parse().expect("a number")
    }

    /// Closes the terminal under whatever runs in it.
    pub(crate) fn hang_up(&self) {
        self.tmux(&["kill-session"]);
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        run(Command::new("tmux").arg("-S").arg(self.folder.join("tmux")).args(arguments), "")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}
