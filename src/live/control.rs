//! The tool asks things of the running program by words in the memory that they share (`templates/runtime/attend.rs`).

use std::time::{Duration, Instant};

use super::reader::Reader;
use crate::os::monotonic;
use crate::programs::region::word;
use crate::programs::ring::Drain;
use crate::records::Stack;

/// Samples a second of each thread's CPU time, as in Go.
pub const CPU_HZ: u64 = 100;
/// The program looks every 20 ms, if it runs at all.
const PATIENCE: Duration = Duration::from_secs(2);
/// A program that has not looked for so long is stopped, or another one by now.
const SILENCE: Duration = Duration::from_secs(2);

/// How the program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Live,
    /// Stopped by a signal or a debugger, or without any processor time.
    Paused,
    /// It has ended, or has become another program.
    Lost,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            State::Live => "live",
            State::Paused => "paused",
            State::Lost => "lost",
        }
    }
}

const SILENT: &str = "the program does not answer: it is stopped, or it has become another one";

impl Reader {
    /// Tells the program that the tool is there: more often than it loses patience.
    pub fn greet(&self) {
        let _ = self.region.set(word::TOOL, u64::from(std::process::id()));
        let _ = self.region.set(word::TOOL_TICK, monotonic());
    }

    /// Tells it that the tool goes.
    pub fn leave(&self) {
        let _ = self.region.set(word::WANTED_CPU, 0);
        let _ = self.region.set(word::TOOL_TICK, 0);
    }

    pub fn state(&self) -> State {
        match process_state(self.pid) {
            None | Some('Z' | 'X') => State::Lost,
            Some('T' | 't') => State::Paused,
            Some(_) if !is_recent(self.region.header().word(word::TICK)) => State::Paused,
            Some(_) => State::Live,
        }
    }

    /// Sets a word, and waits until the program has done what it means.
    pub fn ask(&self, wanted: usize, value: u64, done: usize) -> Result<(), &'static str> {
        self.greet();
        self.region.set(wanted, value).map_err(|_| SILENT)?;
        let begun = Instant::now();
        while self.region.header().word(done) != value {
            if begun.elapsed() > PATIENCE || process_state(self.pid).is_none() {
                return Err(SILENT);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Begins to sample CPU time.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn start_cpu(&self) -> Result<(), &'static str> {
        self.ask(word::WANTED_CPU, CPU_HZ, word::DONE_CPU).inspect_err(|_| self.forget_cpu())?;
        if self.region.header().word(word::METHOD) == 0 {
            self.forget_cpu();
            return Err("the program uses SIGPROF itself, or the kernel gives it no timers");
        }
        self.rings().samples.forget();
        Ok(())
    }

    /// Ends that; the samples are in the ring.
    pub fn stop_cpu(&self) {
        // A program that does not answer has no samples to come, either.
        let _ = self.ask(word::WANTED_CPU, 0, word::DONE_CPU);
    }

    /// Does not wait for the end of it.
    pub fn forget_cpu(&self) {
        let _ = self.region.set(word::WANTED_CPU, 0);
    }

    /// The stacks of all threads at this moment, by their numbers: 0 is the first one. Threads in the middle of a system
    /// call that no signal interrupts do not answer.
    ///
    /// # Errors
    /// Why there are none.
    pub fn thread_stacks(&self) -> Result<Vec<(u32, Stack)>, &'static str> {
        const ANSWERS: Duration = Duration::from_millis(300);
        // One question at a time.
        let _asking = self.asking();
        let header = self.region.header();
        let mut drain = Drain::threads();
        drain.skip(&header);
        let number = header.word(word::WANTED_STACKS) + 1;
        self.ask(word::WANTED_STACKS, number, word::DONE_STACKS)?;
        let asked = self.region.header().word(word::ASKED_THREADS) as usize;
        if asked == 0 {
            return Err("the program uses SIGPROF itself: its threads cannot be asked for their stacks");
        }
        let begun = Instant::now();
        loop {
            drain.take(&self.region, &self.region.header(), false);
            let answers: Vec<_> = drain.as_samples().into_iter().map(|answer| (answer.thread, answer.stack)).collect();
            if answers.len() >= asked || begun.elapsed() > ANSWERS {
                return Ok(answers);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Whether the moment is not long ago.
pub fn is_recent(tick: u64) -> bool {
    Duration::from_nanos(monotonic().saturating_sub(tick)) < SILENCE
}

pub use crate::programs::children::{process_state, state_letter};
