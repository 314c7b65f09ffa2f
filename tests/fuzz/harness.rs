//! Tries inputs on a target, and keeps those that fail.
//!
//! 1. An input fails if the target panics, asks for more memory at once than it may, or takes longer than [`LIMIT`].
//! 2. Inputs that failed before (`regressions/NAME/`) are tried first; then the seeds; then changes of what is known.
//! 3. A target tells what an input came to, as one number. An input that came to something new is kept in mind and
//!    changed further: that takes the place of coverage, which needs an unstable compiler.
//! 4. One seed gives one sequence of inputs. Without a time to fill (`FUZZ_SECONDS`) the number of inputs is fixed.
//! 5. What fails is made smaller, as far as some hundred attempts go, and written to `regressions/NAME/HASH.bin`.
//!
//! A hang cannot be unwound, nor can an abort. So each input lies in a file while it is tried: a watchdog takes it from
//! there, and what is found there at the next start is suspected.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::os::unix::fs::FileExt as _;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use crate::dice::Dice;

/// The longest that one input may take: generous, for a machine that is busy and a build without optimisation.
const LIMIT: Duration = Duration::from_secs(10);
/// How often the watchdog looks.
const WATCH: Duration = Duration::from_millis(250);
/// The seed of an ordinary test run.
const SEED: u64 = 0x65_67_72_65_74;
/// Longest input; as many are kept in mind; as many different failures end a run.
const LONGEST: usize = 256 << 10;
const MOST_KNOWN: usize = 4096;
const MOST_FAILURES: usize = 8;
/// Attempts to make a failing input smaller.
const SHRINKS: usize = 600;

/// A part of egret, and what must hold of it.
pub(crate) trait Target {
    const NAME: &'static str;
    /// Inputs of an ordinary test run.
    const INPUTS: u64;

    fn seeds(&self) -> Vec<Vec<u8>>;

    /// `input` with something changed; `other` may lend parts.
    fn mutated(&self, input: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8>;

    /// Tries an input, and panics if something does not hold. Returns what it came to.
    fn run(&self, input: &[u8]) -> u64;

    /// Bytes that may be allocated at once while `input` is tried.
    fn memory(&self, input: &[u8]) -> u64;
}

/// Whether somebody looks for something new, or tries one input.
pub(crate) fn is_long() -> bool {
    env::var_os("FUZZ_SECONDS").is_some() || env::var_os("FUZZ_INPUT").is_some()
}

/// Tries inputs on `target`, and panics at the end if one of them failed.
pub(crate) fn fuzz<T: Target>(target: &T) {
    if let Some(path) = env::var_os("FUZZ_INPUT") {
        let input = fs::read(&path).unwrap_or_else(|error| panic!("FUZZ_INPUT: {path:?}: {error}"));
        println!("{}: {} bytes come to {:016x}", T::NAME, input.len(), target.run(&input));
        return;
    }
    let number = |name: &str| {
        env::var(name).ok().map(|typed| typed.parse::<u64>().unwrap_or_else(|_| panic!("{name}={typed}")))
    };
    let time = number("FUZZ_SECONDS").map(Duration::from_secs);
    let seed = number("FUZZ_SEED").unwrap_or(SEED);
    let mut run = Run::new(target);
    run.suspects();
    let began = Instant::now();
    let mut dice = Dice::new(seed);
    for seed in target.seeds() {
        run.attempt(seed);
    }
    let seeds = run.known.len();
    let goes_on = |run: &Run<'_, T>| match time {
        Some(time) => began.elapsed() < time,
        None => run.inputs < T::INPUTS,
    };
    while !run.known.is_empty() && goes_on(&run) && run.failures.len() < MOST_FAILURES {
        let input = target.mutated(run.pick(&mut dice), run.pick(&mut dice), &mut dice);
        run.attempt(input);
    }
    let (inputs, new) = (run.inputs, run.known.len() - seeds);
    let per_second = inputs as f64 / began.elapsed().as_secs_f64();
    println!(
        "{:9} {inputs:>9} inputs in {:>4.0} s, {per_second:>7.0} a second; {seeds} seeds, {new} new; FUZZ_SEED={seed}",
        T::NAME,
        began.elapsed().as_secs_f64(),
    );
    let told = run.end();
    assert!(told.is_empty(), "{} inputs fail:\n{}", told.len(), told.join("\n"));
}

struct Run<'a, T> {
    target: &'a T,
    known: Vec<Vec<u8>>,
    came_to: BTreeSet<u64>,
    inputs: u64,
    /// By where they failed.
    failures: Vec<(String, PathBuf)>,
    recorder: Recorder,
}

impl<'a, T: Target> Run<'a, T> {
    fn new(target: &'a T) -> Self {
        quieten();
        let (known, came_to, failures) = Default::default();
        Self { target, known, came_to, inputs: 0, failures, recorder: Recorder::new(T::NAME) }
    }

    /// Tries what failed once, and what the last run left behind when it died.
    fn suspects(&mut self) {
        let kept = kept(T::NAME);
        let left: Vec<_> = self.recorder.left().into_iter().filter(|path| !kept.contains(path)).collect();
        for path in kept.into_iter().chain(left.clone()) {
            let input = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            match self.tried(&input) {
                Ok(came_to) => {
                    self.came_to.insert(came_to);
                    self.known.push(input);
                }
                Err(why) => self.failures.push((why, path)),
            }
        }
        // What did not fail alone was on its way when somebody ended the run.
        for path in left.iter().filter(|path| self.failures.iter().all(|(_, failed)| failed != *path)) {
            let _ = fs::remove_file(path);
        }
    }

    fn attempt(&mut self, mut input: Vec<u8>) {
        input.truncate(LONGEST);
        match self.tried(&input) {
            Ok(came_to) => {
                if self.came_to.insert(came_to) || self.known.len() < 16 {
                    // Early ones are never forgotten: mostly these are seeds.
                    let late = MOST_KNOWN / 2 + (came_to % (MOST_KNOWN as u64 / 2)) as usize;
                    match self.known.get_mut(late) {
                        Some(place) if self.came_to.len() > MOST_KNOWN => *place = input,
                        _ => self.known.push(input),
                    }
                }
            }
            Err(why) if self.failures.iter().all(|(known, _)| place(known) != place(&why)) => {
                let input = self.smaller(input, &why);
                self.failures.push((why, keep(T::NAME, &input)));
            }
            Err(_) => {}
        }
    }

    /// What the input came to, or why it failed.
    fn tried(&mut self, input: &[u8]) -> Result<u64, String> {
        self.inputs += 1;
        self.recorder.begin(input);
        let mut outcome = Ok(0);
        let allocated = allocation_counter::measure(|| outcome = caught(|| self.target.run(input)));
        self.recorder.end();
        let allowed = self.target.memory(input);
        if outcome.is_ok() && allocated.bytes_max > allowed {
            return Err(format!("memory: more than the {allowed} bytes allowed: {}", allocated.bytes_max));
        }
        outcome
    }

    /// One of those that are known: the newest often, because what was new once is near to what is.
    fn pick(&self, dice: &mut Dice) -> &[u8] {
        let newest = if dice.one_in(3) { 64.min(self.known.len()) } else { self.known.len() };
        &self.known[self.known.len() - 1 - dice.below(newest)]
    }

    /// A smaller input that fails at the same place, if one is found.
    fn smaller(&mut self, mut input: Vec<u8>, why: &str) -> Vec<u8> {
        let mut dice = Dice::new(1);
        let mut piece = input.len() / 2;
        for _ in 0..SHRINKS {
            if input.len() < 2 {
                break;
            }
            piece = piece.clamp(1, input.len() - 1);
            let at = dice.below(input.len() - piece + 1);
            let mut fewer = input.clone();
            fewer.drain(at..at + piece);
            match self.tried(&fewer) {
                Err(other) if place(&other) == place(why) => input = fewer,
                _ if dice.one_in(6) => piece /= 2,
                _ => {}
            }
        }
        input
    }

    /// What failed, in words.
    fn end(self) -> Vec<String> {
        let told = |(why, path): &(String, PathBuf)| {
            let path = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path).display();
            format!("{path}\n  {why}\n  again: FUZZ_INPUT={path} cargo test --test fuzz {}", T::NAME)
        };
        self.failures.iter().map(told).collect()
    }
}

/// Failures at one place are one; the text up to the first colon behind the position is enough to tell.
fn place(why: &str) -> &str {
    why.split(": ").next().expect("a part")
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/regressions").join(name)
}

/// Inputs that failed once.
fn kept(name: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder(name)) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn keep(name: &str, input: &[u8]) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let folder = folder(name);
    let path = folder.join(format!("{:016x}.bin", hasher.finish()));
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&path, input));
    written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}

thread_local! {
    /// Panics of this thread are inputs that fail: not to be printed, but to be remembered.
    static IS_TRYING: Cell<bool> = const { Cell::new(false) };
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

fn quieten() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_TRYING.get() {
                return loud(info);
            }
            let at = info.location().map(ToString::to_string).unwrap_or_default();
            let what = info.payload_as_str().unwrap_or("a panic without words");
            PANIC.set(format!("{at}: {what}"));
        }));
    });
}

fn caught(run: impl FnOnce() -> u64) -> Result<u64, String> {
    IS_TRYING.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(run));
    IS_TRYING.set(false);
    outcome.map_err(|_| PANIC.take())
}

/// Holds the input that is being tried where others can find it.
struct Recorder {
    path: PathBuf,
    file: File,
    /// Milliseconds from `start` to when the input was begun, and one more; 0 between inputs.
    begun: Arc<AtomicU64>,
    start: Instant,
    /// Dropped at the end: the watchdog goes then.
    _alive: std::sync::mpsc::Sender<()>,
}

impl Recorder {
    fn new(name: &'static str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}-{}.bin", process::id()));
        let file = File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (begun, start) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let (alive, is_alive) = channel();
        let (watched, input) = (Arc::clone(&begun), path.clone());
        thread::spawn(move || watch(name, &input, &watched, start, &is_alive));
        Self { path, file, begun, start, _alive: alive }
    }

    /// Inputs of this target that earlier processes died with. Those of processes that are alive are let be.
    fn left(&self) -> Vec<PathBuf> {
        let folder = self.path.parent().expect("a file is in a folder");
        let name = self.path.file_name().expect("a name").to_string_lossy().into_owned();
        let target = name.rsplit_once('-').expect("a number").0;
        let mut left = Vec::new();
        for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let Some((of, number)) = name.rsplit_once('-') else { continue };
            if of != target || Path::new("/proc").join(number).exists() {
                continue;
            }
            let input = fs::read(&path).unwrap_or_default();
            let _ = fs::remove_file(&path);
            left.push(keep(target.trim_start_matches("fuzz-"), &input));
        }
        left
    }

    fn begin(&self, input: &[u8]) {
        let written = self.file.write_all_at(input, 0).and_then(|()| self.file.set_len(input.len() as u64));
        written.unwrap_or_else(|error| panic!("{}: {error}", self.path.display()));
        self.begun.store(self.start.elapsed().as_millis() as u64 + 1, Ordering::Release);
    }

    fn end(&self) {
        self.begun.store(0, Ordering::Release);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Ends the process if one input takes too long: nothing else can.
fn watch(name: &str, path: &Path, begun: &AtomicU64, start: Instant, is_alive: &Receiver<()>) {
    while is_alive.recv_timeout(WATCH) == Err(RecvTimeoutError::Timeout) {
        let at = begun.load(Ordering::Acquire);
        let taken = (start.elapsed().as_millis() as u64).saturating_sub(at);
        if at == 0 || u128::from(taken) < LIMIT.as_millis() {
            continue;
        }
        let input = fs::read(path).unwrap_or_default();
        // The next one was begun meanwhile.
        if begun.load(Ordering::Acquire) != at {
            continue;
        }
        let kept = keep(name, &input);
        let kept = kept.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(&kept).display();
        eprintln!(
            "{name}: an input takes longer than {LIMIT:?}: {kept}\n  again: FUZZ_INPUT={kept} cargo test --test fuzz {name}"
        );
        let _ = fs::remove_file(path);
        process::exit(101);
    }
}
