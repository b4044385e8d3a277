//! One run of a program: its own input and output, signals passed on, and its records taken out meanwhile.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::build::Ready;
use super::children;
use super::events::{Events, Keep};
use super::libraries::Libraries;
use super::recorded;
use super::region::{Region, word};
use super::ring::Drain;
use super::sampling::{self, Sampling};
use super::timeline::Timeline;
use super::trace::collect;
use crate::measure::{Scratch, Tables, located, not_started};
use crate::os::{self, Pid, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, Signals};
use crate::records::{Module, Reader, Record};
use crate::{Error, Result};

/// The variables that name a plan (`templates/runtime/plan.rs`).
const PROGRAM_VARIABLE: &str = "MEMPROF_PROGRAM_PLAN";
const LIST_VARIABLE: &str = "MEMPROF_PROCESS_PLAN";

/// The settings of a run's recording.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub arguments: Vec<std::ffi::OsString>,
    /// CPU samples a second; 0 takes none.
    pub cpu_hz: u32,
    pub block: bool,
    /// The tool will ask for more while it runs.
    pub live: bool,
    /// Samples and waits are kept one by one, too.
    pub events: bool,
    pub stacks: bool,
    /// All events in one order: the peak is exact with several threads, too.
    pub peak: bool,
    /// A block freed with at most this many other allocations between is temporary.
    pub temporary: u32,
    /// This many stacks are told apart.
    pub stacks_limit: usize,
    pub sampling: Sampling,
    /// Record each child that it forks by itself.
    pub children: bool,
    /// Follow each block to its end.
    pub lives: bool,
    /// The program's output goes to stderr: stdout is the tool's.
    pub to_stderr: bool,
    /// It has nothing of this process: not its stdin, stdout and folder.
    pub apart: Option<Apart>,
}

/// The surroundings of a program that is run for its numbers only.
#[derive(Debug, Clone)]
pub struct Apart {
    pub stdin: Option<PathBuf>,
    pub folder: PathBuf,
    /// How long it may run.
    pub timeout: Duration,
}

/// A run that has ended.
pub struct Ended {
    pub region: Region,
    pub status: ExitStatus,
    /// From the end of the runtime's own start.
    pub wall: Duration,
    pub cpu: Duration,
    pub samples: Drain,
    pub waits: Drain,
    pub timeline: Timeline,
    /// When `--sample auto` began to sample, since the start.
    pub sampled_from: Option<Duration>,
    /// Children that were recorded by themselves.
    pub children: Vec<Ended>,
    /// It took longer than its timeout, and was killed.
    pub is_late: bool,
}

impl Ended {
    pub fn code(&self) -> u8 {
        code(self.status)
    }
}

/// The program's own exit code, or 128 and its signal.
pub fn code(status: ExitStatus) -> u8 {
    let code = status.code().or(os::signal_of(status).map(|signal| 128 + signal));
    u8::try_from(code.unwrap_or(1)).unwrap_or(1)
}

/// A program that has just been started.
pub struct Started {
    pub region: Region,
    children: Vec<Region>,
    pub pid: Pid,
    child: Child,
    signals: Signals,
    end: Receiver<Instant>,
    begun: Instant,
}

impl Started {
    /// Waits this long for the program's end, then passes on the signals that came meanwhile.
    pub fn ended_within(&mut self, pause: Duration) -> Option<Instant> {
        match self.end.recv_timeout(pause) {
            Ok(ended) => return Some(ended),
            Err(RecvTimeoutError::Disconnected) => return Some(Instant::now()),
            Err(RecvTimeoutError::Timeout) => (),
        }
        self.signals.pending().for_each(|signal| pass_on(self.pid, signal));
        None
    }

    /// The status of a program that has ended.
    pub fn reap(&mut self) -> Result<ExitStatus> {
        self.child.wait().map_err(|e| Error::other(format!("cannot wait for the program: {e}")))
    }
}

/// A file that is to be a program's stdin.
pub fn input(file: &Path) -> Result<File> {
    File::open(file).map_err(|e| Error::project(format!("cannot read {}: {e}", file.display())))
}

/// Starts the program.
///
/// # Errors
/// It cannot be started.
pub fn start(ready: &Ready, options: &Options, tables: &mut Tables, scratch: &Scratch) -> Result<Started> {
    let region = Region::make()?;
    let table = scratch.0.join("table");
    tables.write(&objects(ready, scratch)?, &table)?;
    let number = if options.children { children::MOST } else { 0 };
    let children = (0..number).map(|_| Region::make()).collect::<Result<Vec<_>>>()?;
    let plan = scratch.0.join("program-plan");
    let paths: Vec<String> = children.iter().map(Region::path).collect();
    let of_children = if paths.is_empty() { String::new() } else { format!("children {}\n", paths.join(" ")) };
    write_plan(&plan, &(plan_text(options, &region, &table) + &of_children))?;
    let mut command = ready.launch.command(&ready.executable);
    command.args(&options.arguments).env(PROGRAM_VARIABLE, &plan);
    if ready.launch.runner.is_empty() {
        os::named(&mut command, &ready.plain);
    }
    if let Some(apart) = &options.apart {
        let stdin = apart.stdin.as_deref().map(input).transpose()?.map_or_else(Stdio::null, Stdio::from);
        command.stdin(stdin).stdout(Stdio::null()).current_dir(&apart.folder);
    }
    if options.to_stderr {
        command.stdout(os::stderr().map_err(|e| Error::with("cannot send the program's output to stderr", e))?);
    }
    // Before it exists: signals meant for it must not end this process.
    let passed_on = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];
    let signals = Signals::new(passed_on).map_err(|e| Error::other(format!("cannot listen for signals: {e}")))?;
    let begun = Instant::now();
    let child = command.spawn().map_err(|e| not_started(&command, e))?;
    let Some(pid) = Pid::from_raw(child.id() as i32) else { return Err(Error::other("the program has no number")) };
    Ok(Started { region, children, pid, child, signals, end: wait_for_end(pid), begun })
}

/// Runs the program to its end.
///
/// # Errors
/// It cannot be started, or none of it can be recorded.
pub fn run(ready: &Ready, options: &Options, tables: &mut Tables, scratch: &Scratch) -> Result<Ended> {
    let mut started = start(ready, options, tables, scratch)?;
    let pid = started.pid;
    let (mut samples, mut waits) = (Drain::samples(), Drain::waits());
    if options.events {
        samples.events = Some(Events::new(Keep::Second, collect::MOST_SAMPLES));
        waits.events = Some(Events::new(Keep::Largest, collect::MOST_WAITS));
    }
    let mut libraries = Libraries::default();
    let (mut timeline, mut sampled_from) = (Timeline::default(), None);
    let timeout = options.apart.as_ref().map(|apart| apart.timeout);
    let mut is_late = false;
    let ended = loop {
        // A program that opens a library waits for an answer.
        if let Some(ended) = started.ended_within(timeline.pause().min(Duration::from_millis(10))) {
            break ended;
        }
        if !is_late && timeout.is_some_and(|timeout| started.begun.elapsed() > timeout) {
            is_late = true;
            let _ = started.child.kill();
        }
        let region = &started.region;
        let header = region.header();
        if header.is_begun() {
            libraries.answer(region, &header, tables);
            samples.take(region, &header, false);
            waits.take(region, &header, false);
            timeline.note(region, &header, pid);
            if options.stacks && options.sampling == Sampling::Auto && sampled_from.is_none() {
                let cpu = cpu_of(pid).as_nanos() as u64;
                if sampling::costs_too_much(&recorded::totals(region, &header), cpu)
                    && region.set(word::RATE, sampling::RATE).is_ok()
                {
                    sampled_from = Some(started.begun.elapsed());
                }
            }
        }
    };
    let counted = cpu_of(pid);
    let status = started.reap()?;
    let Started { region, children, begun, mut signals, .. } = started;
    let header = region.header();
    await_children(&region);
    if !header.is_begun() {
        return Err(not_begun(&region, status, ready));
    }
    samples.take(&region, &header, true);
    waits.take(&region, &header, true);
    let start = Duration::from_nanos(header.word(word::BEGUN).saturating_sub(header.word(word::ENTERED)));
    let cpu = match header.word(word::EXIT_CPU) {
        0 => counted,
        at_exit => Duration::from_nanos(at_exit),
    };
    let cpu = cpu.saturating_sub(Duration::from_nanos(header.word(word::BEGUN_CPU)));
    let wall = ended.duration_since(begun).saturating_sub(start);
    let children = children::wait_for(children, &mut signals);
    timeline.end(&region, &header, wall);
    Ok(Ended { region, status, wall, cpu, samples, waits, timeline, sampled_from, children, is_late })
}

/// A program may end before the child that it forked has left its number: it gets a second for that.
fn await_children(region: &Region) {
    for _ in 0..100 {
        let header = region.header();
        if header.word(word::CHILDREN_LEN) >= header.word(word::FORKS) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Says when the program has ended; it is left to be reaped, so that its numbers can still be read.
fn wait_for_end(pid: Pid) -> Receiver<Instant> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        os::wait_for_end(pid);
        let _ = sender.send(Instant::now());
    });
    receiver
}

/// A signal sent to this process alone is meant for the program; the program gets signals from the terminal itself.
pub fn pass_on(pid: Pid, signal: i32) {
    if matches!(signal, SIGINT | SIGQUIT) && os::is_in_foreground() {
        return;
    }
    os::send(pid, signal);
}

/// CPU time of a process that runs, or ended without reporting it: its first thread's, which the kernel has exactly, or that of
/// all threads in ticks, if that is more.
pub fn cpu_of(pid: Pid) -> Duration {
    const TICKS_A_SECOND: u64 = 100;
    let read =
        |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", pid.as_raw_nonzero())).unwrap_or_default();
    let of_the_first = read("schedstat").split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
    let stat = read("stat");
    // proc_pid_stat(5): utime and stime are the 14th and 15th, the 12th and 13th behind the name in parentheses.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 1000 / TICKS_A_SECOND).max(Duration::from_nanos(of_the_first))
}

/// The program ended before anything was recorded.
pub fn not_begun(region: &Region, status: ExitStatus, ready: &Ready) -> Error {
    let name = ready.program.name();
    if recorded::log(region, &region.header()).not_linked {
        let message = format!("{name}: nothing can be counted: the counting allocator is not linked into it");
        return Error::nothing_measured(message);
    }
    Error::nothing_measured(format!("{name} ended before its main function ({status}); nothing was recorded"))
}

/// The objects that the program maps when it starts: it is asked, and ends before its main function.
fn objects(ready: &Ready, scratch: &Scratch) -> Result<Vec<Module>> {
    let (plan, records) = (scratch.0.join("list-plan"), scratch.0.join("list-records"));
    let _ = std::fs::remove_file(&records);
    write_plan(&plan, &format!("memprof-plan 1\nmode list\nrecords {}\n", escape(&records.to_string_lossy())))?;
    let mut command: Command = ready.launch.command(&ready.executable);
    command.env(LIST_VARIABLE, &plan).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let out = command.output().map_err(|e| not_started(&command, e))?;
    let records = Reader::open(&records).ok().and_then(|mut reader| reader.poll().ok()).unwrap_or_default();
    let modules: Vec<Module> = records
        .into_iter()
        .filter_map(|record| match located(record, &ready.launch, &ready.executable) {
            Record::Object(module) => Some(module),
            _ => None,
        })
        .collect();
    if modules.is_empty() {
        let text = String::from_utf8_lossy(&out.stderr);
        let why = text.lines().last().unwrap_or_default();
        let name = ready.program.name();
        let message = match out.status.success() {
            // It ran as it is.
            true => {
                format!("{name} does not get its environment: its runner clears it, or its file has the setuid bit")
            }
            false if why.is_empty() => format!("{name} cannot be started: {}", out.status),
            false => format!("{name} cannot be started ({}): {why}", out.status),
        };
        return Err(Error::nothing_measured(message));
    }
    Ok(modules)
}

fn plan_text(options: &Options, region: &Region, table: &Path) -> String {
    let flag = u8::from;
    format!(
        "memprof-plan 1\nmode program\nregion {}\ntable {}\ncpu-hz {}\nstacks {}\npeak {}\nblock {}\nlive {}\nstacks-limit {}\ntemporary {}\nsample-rate {}\nlibraries {}\nlives {}\ncost {}\n",
        escape(&region.path()),
        escape(&table.to_string_lossy()),
        options.cpu_hz,
        flag(options.stacks),
        flag(options.peak),
        flag(options.block),
        flag(options.live),
        options.stacks_limit,
        options.temporary,
        // Sizes of frees are known without the blocks.
        if options.stacks { options.sampling.first_rate() } else { word::COUNTS_ONLY },
        flag(options.stacks && !options.live),
        flag(options.lives),
        flag(options.sampling == Sampling::Auto),
    )
}

fn write_plan(path: &PathBuf, text: &str) -> Result<()> {
    std::fs::File::create(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| Error::other(format!("cannot write {}: {e}", path.display())))
}

/// A line holds neither of these characters.
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\n', "%0A").replace('\r', "%0D")
}
