//! A process that waits for its turns.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::measure::attempt::{Attempt, PassResult};
use crate::measure::measuring::Measuring;
use crate::measure::observer::Observer;
use crate::measure::options::{PassOptions, Place};
use crate::measure::pass::{Pass, Process};
use crate::measure::phase::Phase;
use crate::measure::plan::Selected;
use crate::measure::process::timed_out;
use crate::records::Record;
use crate::{Error, Result, os};

/// How often to check whether a process has ended while waiting for it.
const LOOK: Duration = Duration::from_millis(20);

/// A participant in the comparison: a benchmark, and how it is run.
#[derive(Clone)]
pub struct Entrant<'a> {
    pub pass: Pass<'a>,
    pub selected: Selected<'a>,
}

/// A process that waits for its turns.
pub struct Player<'a> {
    pub index: usize,
    process: Process,
    attempt: Attempt<'a>,
    go: File,
    ready: File,
    pub samples: u64,
    /// The numbers of the turns it took.
    turns: Vec<u64>,
    used: Duration,
    pub is_out: bool,
    options: PassOptions,
}

impl<'a> Player<'a> {
    /// Starts a process and waits until its first sample can begin; `None` if it does not get there.
    pub fn start(
        entrant: &Entrant<'a>,
        folder: &Path,
        patience: Duration,
        measuring: &mut Measuring,
    ) -> Result<Option<Player<'a>>> {
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).map_err(|e| Error::with(format!("cannot make {}", folder.display()), e))?;
        let place = Place(folder.to_owned());
        // Some file systems have none.
        let (Ok(go), Ok(ready)) = (pipe(&place.go()), pipe(&place.ready())) else { return Ok(None) };
        let options = PassOptions { turn: Some(place), dir: folder.to_owned(), ..entrant.pass.options.clone() };
        let selected = std::slice::from_ref(&entrant.selected);
        let mut arguments = entrant.pass.arguments;
        loop {
            let process = Pass { options: &options, arguments, ..entrant.pass }.start(selected)?;
            let (go, ready) = (clone(&go)?, clone(&ready)?);
            let attempt = Attempt::new(Phase::Time, selected);
            let mut player = Player {
                index: entrant.selected.index,
                process,
                attempt,
                go,
                ready,
                samples: 0,
                turns: Vec::new(),
                used: Duration::ZERO,
                is_out: false,
                options: options.clone(),
            };
            if let Some(samples) = player.await_ready(patience, measuring)? {
                player.samples = u64::from(samples);
                return Ok(Some(player));
            }
            // Its own main function may not accept them.
            let may_refuse = !arguments.is_empty() && player.process.has_ended()?;
            player.process.kill();
            if !may_refuse {
                return Ok(None);
            }
            arguments = &[];
        }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Lets it take one sample, with this number. A process that cannot, or whose loop has begun again, is out and
    /// ended.
    pub fn take_turn(&mut self, number: u64, timeout: Duration, measuring: &mut Measuring) -> Result<()> {
        let begun = Instant::now();
        let left = timeout.saturating_sub(self.used);
        self.turns.push(number);
        let expected = self.samples - self.turns.len() as u64;
        let told = match self.go.write_all(&[1]) {
            Ok(()) => self.await_ready(left, measuring)?,
            Err(_) => None,
        };
        if told.map(u64::from) != Some(expected) {
            self.is_out = true;
            // It must not run on while the others sample.
            self.process.kill();
        }
        self.used += begun.elapsed();
        Ok(())
    }

    /// Waits until it says how many samples are left; `None` if it has ended, is stopped, or takes longer than
    /// `patience`.
    fn await_ready(&mut self, patience: Duration, measuring: &mut Measuring) -> Result<Option<u32>> {
        let begun = Instant::now();
        loop {
            // Read first: the message may be the last thing that it does.
            let is_over = self.process.has_ended()? || self.process.is_stopped(false) || begun.elapsed() > patience;
            let came = os::is_readable(&self.ready, LOOK).map_err(|e| Error::with("cannot wait for a bench", e))?;
            measuring.interrupt.check()?;
            if came {
                let mut left = [0; 4];
                self.ready.read_exact(&mut left).map_err(|e| Error::with("cannot read from a bench", e))?;
                return Ok(Some(u32::from_le_bytes(left)));
            }
            if is_over {
                return Ok(None);
            }
        }
    }

    /// Its records, after its last sample; `None` if they do not come. The rest of its work is not waited for.
    pub fn end(mut self, measuring: &mut Measuring) -> Result<Option<(Vec<Record>, Vec<u64>)>> {
        let index = self.index;
        let done = self.process.until_done(self.options.timeout, measuring.interrupt, &mut |record| {
            self.attempt.record(record, &mut Silent);
        })?;
        let mut result = PassResult::default();
        self.attempt.settle((!done).then(|| timed_out(self.options.timeout)), &mut result);
        let _ = std::fs::remove_dir_all(&self.options.dir);
        Ok(result.records.remove(&index).map(|records| (records, self.turns)))
    }
}

/// Progress was told when the process began.
struct Silent;

impl Observer for Silent {
    fn begins(&mut self, _: Phase, _: &str) {}
    fn warns(&mut self, _: &str) {}
}

/// A named pipe, open for both ways: opening it waits for nobody.
fn pipe(path: &Path) -> std::io::Result<File> {
    os::make_fifo(path)?;
    OpenOptions::new().read(true).write(true).open(path)
}

fn clone(file: &File) -> Result<File> {
    file.try_clone().map_err(|e| Error::with("cannot open another descriptor", e))
}
