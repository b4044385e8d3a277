//! A pass: benchmarks of one executable run in one process, or in as many as it takes when some of them end it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::attempt::{Attempt, PassResult};
use super::launch::Launch;
use super::measuring::Measuring;
use super::options::PassOptions;
use super::phase::Phase;
use super::plan::{self, Selected};
use super::process::{self, Interrupt, Running};
use super::reason::Reason;
use super::sysroot::located;
use crate::records::{Reader, Record};
use crate::results::lines::FailureKind;
use crate::{Error, Result, fs};

/// How often to check whether a process is stopped.
const LOOKS_APART: Duration = Duration::from_secs(1);

/// A program to run, and how.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    pub phase: Phase,
    pub program: &'a Path,
    pub launch: &'a Launch,
    pub options: &'a PassOptions,
    /// The unwind table, if stacks are taken.
    pub table: Option<&'a Path>,
    /// The harness's own arguments, which a bench with a main function of its own may refuse.
    pub arguments: &'a [String],
}

impl Pass<'_> {
    /// Starts a process that goes through `selected`.
    pub fn start(&self, selected: &[Selected]) -> Result<Process> {
        let Pass { options, .. } = self;
        let (plan_file, records) = (options.dir.join("plan"), options.dir.join("records"));
        fs::write(&records, b"")?;
        let reader = Reader::open(&records).map_err(|e| Error::file("read", &records, e))?;
        fs::write(&plan_file, plan::text(self.phase, options, &records, self.table, selected))?;
        let mut command = self.launch.command(self.program);
        let variable = if options.whole_process.is_some() { plan::PROCESS_VARIABLE } else { plan::VARIABLE };
        command.arg("--bench").args(&options.bench_args).args(self.arguments).env(variable, &plan_file);
        // criterion looks for its folder with a cargo process, and writes to it.
        command.env("CRITERION_HOME", options.dir.join("criterion"));
        let running = Running::start(command, options.verbose)?;
        Ok(Process { running, records, reader, looked: Instant::now(), was_stopped: false })
    }

    /// Runs all of `selected`; names the failed ones and goes on with the rest.
    pub fn run(&self, selected: &[Selected], measuring: &mut Measuring) -> Result<PassResult> {
        let mut result = PassResult::default();
        let mut remaining: Vec<Selected> = selected.to_vec();
        let mut pass = *self;
        while !remaining.is_empty() {
            let process = pass.start(&remaining)?;
            let mut attempt = Attempt::new(self.phase, &remaining);
            let failure = process.follow(self.options.timeout, measuring.interrupt, &mut |record| {
                attempt.record(located(record, self.launch, self.program), measuring.observer);
            })?;
            if failure.is_some() && !pass.arguments.is_empty() && attempt.is_empty() {
                pass.arguments = &[];
                continue;
            }
            remaining = attempt.settle(failure, &mut result);
        }
        Ok(result)
    }
}

/// One process of a bench.
pub struct Process {
    running: Running,
    records: PathBuf,
    reader: Reader,
    /// When it was last checked whether it is stopped, and the answer.
    looked: Instant,
    was_stopped: bool,
}

impl Process {
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.running.ended()?.is_some())
    }

    /// Ends it and all processes that it started, if it has ended itself already.
    pub fn kill(&mut self) {
        self.running.kill();
    }

    /// Whether it was found stopped twice; checked from time to time, or `now`.
    pub fn is_stopped(&mut self, now: bool) -> bool {
        if !now && self.looked.elapsed() < LOOKS_APART {
            return false;
        }
        self.looked = Instant::now();
        let is_stopped = self.running.is_stopped();
        std::mem::replace(&mut self.was_stopped, is_stopped) && is_stopped
    }

    /// Gives `each` every record up to the end of the first benchmark, then ends the process; false if that end does
    /// not come.
    pub fn until_done(
        &mut self,
        timeout: Duration,
        interrupt: &Interrupt,
        each: &mut dyn FnMut(Record),
    ) -> Result<bool> {
        let begun = Instant::now();
        loop {
            let ended = self.running.ended()?.is_some();
            let mut done = false;
            for record in self.reader.poll()? {
                done |= matches!(record, Record::Done { .. });
                each(record);
            }
            if done || ended || begun.elapsed() > timeout {
                self.running.kill();
                return Ok(done);
            }
            interrupt.check()?;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Gives `each` every record as it comes, until the process ends or one benchmark, or the set-up before one, takes
    /// longer than `timeout`. If it did not end well, returns why.
    pub fn follow(
        mut self,
        timeout: Duration,
        interrupt: &Interrupt,
        each: &mut dyn FnMut(Record),
    ) -> Result<Option<Reason>> {
        let (mut begun, mut inside, mut alone) = (Instant::now(), false, true);
        let status = loop {
            let status = self.running.poll()?;
            for record in self.reader.poll()? {
                let ends = matches!(record, Record::Done { .. });
                // A record between a benchmark's begin and its end does not extend its time.
                if !inside || ends {
                    begun = Instant::now();
                }
                inside = (inside || matches!(record, Record::Begin { .. })) && !ends;
                alone &= !ends;
                each(record);
            }
            if let Some(status) = status {
                break status;
            }
            if interrupt.came() {
                self.running.kill();
                interrupt.check()?;
            }
            let late = begun.elapsed() > timeout;
            let failure = match (self.is_stopped(late), late) {
                (true, _) => stopped_at_terminal(),
                (false, true) => process::timed_out(timeout),
                (false, false) => continue,
            };
            self.running.kill();
            let _ = std::fs::remove_file(&self.records);
            return Ok(Some(failure));
        };
        let _ = std::fs::remove_file(&self.records);
        // Processes that it started would disturb the next.
        self.running.kill();
        let printed = self.running.printed();
        if let Some(error) = process::unwritten(&printed) {
            return Ok(Some(Reason::new(FailureKind::Incomplete, error)));
        }
        Ok((!status.success()).then(|| Reason::crashed(process::cause(status, &printed, alone))))
    }
}

/// A process that was found stopped twice.
fn stopped_at_terminal() -> Reason {
    let error = "was stopped, and was ended: a bench, or a runner that wants a password, cannot ask at the terminal";
    Reason::new(FailureKind::Stopped, error)
}
