//! The terminal: taken over for the screens, and given back as it was, however that ends.
//!
//! It is given back when a [`Terminal`] is dropped, while the program is stopped by Ctrl-Z, and by a hook when any thread panics: then nothing is
//! drawn any more, for what is said of the panic stands where the screen was. One that takes nothing (its line is dead, or held by flow control) makes
//! whoever writes to it wait for ever; then what can be given back without writing is.
//! Of the mouse only clicks and the wheel are asked for: every move of it would be a message over a slow line.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::terminal::{
    self, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute};
use ratatui::backend::CrosstermBackend;
use signal_hook::consts::SIGTSTP;

use crate::tui::{self, Model};

/// Clicks and the wheel (1000), told in numbers of any size (1006).
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// What is written at once: a whole screen, mostly.
const ROOM: usize = 64 << 10;

/// Some thread has panicked.
static HAS_PANICKED: AtomicBool = AtomicBool::new(false);

/// A terminal that shows screens.
#[derive(Debug)]
pub struct Terminal {
    /// Never dropped: it would complain on standard error where the terminal is gone, and panic as that is gone, too.
    inner: ManuallyDrop<ratatui::Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

/// Why no screen can be shown here, if none can.
pub(super) fn obstacle() -> Option<&'static str> {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if !io::stdin().is_terminal() {
        Some("standard input is no terminal, and keys come from there")
    } else if !io::stdout().is_terminal() {
        Some("standard output is no terminal")
    } else if is_dumb {
        Some("the terminal is a dumb one (TERM), and screens need one that can place a cursor")
    } else {
        None
    }
}

/// Columns and lines.
pub(super) fn size() -> io::Result<(u16, u16)> {
    terminal::size()
}

impl Terminal {
    /// Takes the terminal over.
    pub fn set_up() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let tell = panic::take_hook();
            panic::set_hook(Box::new(move |what| {
                HAS_PANICKED.store(true, Ordering::SeqCst);
                give_back();
                tell(what);
            }));
        });
        let backend = CrosstermBackend::new(BufWriter::with_capacity(ROOM, io::stdout()));
        let inner = ManuallyDrop::new(ratatui::Terminal::new(backend)?);
        take_over().inspect_err(|_| give_back())?;
        Ok(Self { inner })
    }

    /// Draws what the model shows.
    pub fn draw(&mut self, model: &Model) -> io::Result<()> {
        if HAS_PANICKED.load(Ordering::SeqCst) {
            return Err(io::Error::other("a part of egret has failed; this is a bug in egret"));
        }
        self.inner.draw(|frame| tui::view(model, frame)).map(drop)
    }

    /// Gives the terminal back and stops the program, as Ctrl-Z does elsewhere; returns once it goes on.
    pub(super) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        // Where nobody could let the program go on (the first process of a container), the kernel does not stop it.
        signal_hook::low_level::raise(SIGTSTP)?;
        self.resume()
    }

    /// Takes the terminal over again, whatever somebody else has done to it.
    pub(super) fn resume(&mut self) -> io::Result<()> {
        disable_raw_mode()?;
        take_over()?;
        self.inner.clear()
    }
}

/// Writes what is no part of a screen.
pub(super) fn say(sequence: &[u8]) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(sequence)?;
    out.flush()
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives back what takes no writing: how the terminal treats keys.
pub(super) fn let_go() {
    disable_raw_mode().ok();
}

fn take_over() -> io::Result<()> {
    enable_raw_mode()?;
    let mut out = io::stdout();
    execute!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
    out.write_all(MOUSE_ON)?;
    out.flush()
}

/// Each for itself: what cannot be done to a terminal that is gone is left.
fn give_back() {
    let mut out = io::stdout();
    out.write_all(MOUSE_OFF).ok();
    execute!(out, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show).ok();
    disable_raw_mode().ok();
}
