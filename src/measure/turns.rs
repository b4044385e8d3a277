//! Timing in turns. The speed of a machine drifts; so what is compared is sampled side by side: a process a benchmark, each
//! brought to its measuring loop, of which one at a time is let go for one sample, in an order that chance decides anew each
//! round. A benchmark is compared with the reference by pairs of neighbouring samples.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{CWD, FileType, Mode};
use serde::{Deserialize, Serialize};

use super::attempt::{Attempt, PassResult};
use super::build::{Build, Executable};
use super::launch::Launch;
use super::pass::{Pass, Process};
use super::plan::Selected;
use super::process::timed_out;
use super::suite::Suite;
use super::{Measuring, PassOptions, Phase};
use crate::records::{Record, Timed};
use crate::results::pairs;
use crate::results::ratio::Ratio;
use crate::{Error, Result};

/// So many wait beside the reference at most: with more, neighbours would lie far apart in time.
const MOST_BESIDE: usize = 10;
/// How often is looked whether a process has ended while it is waited for.
const LOOK: Duration = Duration::from_millis(20);
/// One that sets up so much longer than all before it may wait for one of them, as for a lock.
const PATIENCE: Duration = Duration::from_secs(20);

/// The folder of a process that takes turns.
#[derive(Debug, Clone)]
pub struct Place(PathBuf);

impl Place {
    pub fn go(&self) -> PathBuf {
        self.0.join("go")
    }

    pub fn ready(&self) -> PathBuf {
        self.0.join("ready")
    }
}

/// The executables of another revision, whose benchmarks of the same names are the references.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Rivals {
    /// The revision, as it was typed.
    pub label: String,
    all: Vec<Rival>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Rival {
    package: String,
    target: String,
    program: PathBuf,
    launch: Launch,
}

impl Rivals {
    /// What was built here, for a run that compares itself with it.
    pub fn of(build: &Build) -> Rivals {
        let rival = |one: &Executable| {
            let (package, target) = (one.target.package.clone(), one.target.name.clone());
            Some(Rival { package, target, program: one.timed.clone(), launch: one.launch.clone()? })
        };
        Rivals { label: String::new(), all: build.executables.iter().filter_map(rival).collect() }
    }

    /// The same of the revision that was typed so.
    pub fn called(self, label: &str) -> Rivals {
        Rivals { label: label.to_owned(), ..self }
    }

    fn of_suite(&self, suite: &Suite) -> Option<&Rival> {
        let own = suite.target();
        self.all.iter().find(|one| (&one.package, &one.target) == (&own.package, &own.name))
    }
}

/// What came of a comparison in turns.
#[derive(Default)]
pub struct Compared {
    pub result: PassResult,
    /// Against the reference, by index.
    pub ratios: HashMap<usize, Ratio>,
}

/// One that is compared: a benchmark, and how it is run.
#[derive(Clone)]
pub struct Entrant<'a> {
    pub pass: Pass<'a>,
    pub selected: Selected<'a>,
}

/// Times the `selected` of a suite: those that have a reference in turns with it, the others one after the other.
pub fn time(suite: &Suite, selected: &[Selected], measuring: &mut Measuring) -> Result<Compared> {
    let arguments = suite.arguments(Phase::Time, measuring.options);
    let options = measuring.options;
    let pass = Pass {
        phase: Phase::Time,
        program: suite.program(Phase::Time),
        launch: suite.launch,
        options,
        table: None,
        arguments: &arguments,
    };
    let mut all = Compared::default();
    let (mut compared, mut unfit) = (HashSet::<usize>::new(), HashSet::<usize>::new());
    // In a part of a large suite, and in another revision, the reference is none of the suite's.
    let stranger = suite.benchmarks.len();
    if let Some(rivals) = &options.rivals {
        let rival = rivals.of_suite(suite);
        for one in selected {
            let Some(Rival { program, launch, .. }) = rival else { break };
            let its_own = Pass { program, launch, ..pass };
            let reference = Entrant { pass: its_own, selected: Selected { index: stranger, ..one.clone() } };
            let mut batch = compare(&reference, vec![Entrant { pass, selected: one.clone() }], measuring)?;
            batch.compared.result.records.remove(&stranger);
            compared.extend(batch.compared.result.records.keys());
            unfit.extend(batch.unfit);
            all.result.records.extend(batch.compared.result.records);
            all.ratios.extend(batch.compared.ratios);
        }
    }
    for (at, first) in selected.iter().enumerate().filter(|_| options.rivals.is_none()) {
        let Some(reference) = suite.benchmarks[first.index].against.as_deref() else { continue };
        let is_of_group = |one: &&Selected| {
            suite.benchmarks[one.index].against.as_ref().is_some_and(|against| against.name == reference.name)
        };
        if selected[..at].iter().any(|one| is_of_group(&one)) {
            continue;
        }
        let own = suite.benchmarks.iter().position(|one| one.name == reference.name);
        if own.is_some_and(|own| selected.iter().all(|one| one.index != own)) {
            // It has failed before.
            continue;
        }
        let reference = Entrant { pass, selected: reference.selected(own.unwrap_or(stranger)) };
        let mut others: Vec<Entrant> =
            selected.iter().filter(is_of_group).map(|one| Entrant { pass, selected: one.clone() }).collect();
        while !others.is_empty() {
            let some = others.drain(..others.len().min(MOST_BESIDE)).collect();
            let mut batch = compare(&reference, some, measuring)?;
            others.splice(..0, batch.postponed.drain(..));
            batch.compared.result.records.remove(&stranger);
            compared.extend(batch.compared.result.records.keys());
            unfit.extend(batch.unfit);
            let known = &mut all.result.records;
            batch.compared.result.records.into_iter().for_each(|(index, records)| {
                known.entry(index).or_insert(records);
            });
            all.ratios.extend(batch.compared.ratios);
        }
    }
    let left: Vec<Selected> = selected.iter().filter(|one| !compared.contains(&one.index)).cloned().collect();
    let rest = measuring.pass(Phase::Time, suite, &left)?;
    for one in left.iter().filter(|one| unfit.contains(&one.index) && rest.records.contains_key(&one.index)) {
        measuring.observer.warns(&format!("{}: cannot run beside another benchmark, and was timed alone", one.name));
    }
    let PassResult { records, failures, afterwards, .. } = rest;
    all.result.records.extend(records);
    all.result.failures.extend(failures);
    all.result.afterwards = afterwards;
    Ok(all)
}

/// What came of one batch.
struct Batch<'a> {
    compared: Compared,
    /// There was no memory for these beside the others.
    postponed: Vec<Entrant<'a>>,
    /// What did not run beside the others.
    unfit: Vec<usize>,
}

/// Times `reference` and the others in turns. Who cannot be is left out, for whatever reason: alone it may be another matter.
fn compare<'a>(reference: &Entrant<'a>, others: Vec<Entrant<'a>>, measuring: &mut Measuring) -> Result<Batch<'a>> {
    let mut batch = Batch { compared: Compared::default(), postponed: Vec::new(), unfit: Vec::new() };
    let mut players: Vec<Player> = Vec::new();
    let mut waiting = std::iter::once(reference.clone()).chain(others);
    let mut longest = Duration::ZERO;
    while let Some(entrant) = waiting.next() {
        measuring.observer.begins(Phase::Time, entrant.selected.name);
        let is_reference = players.is_empty();
        let begun = Instant::now();
        let patience = if is_reference { entrant.pass.options.timeout } else { PATIENCE + longest * 4 };
        let patience = patience.min(entrant.pass.options.timeout);
        let folder = entrant.pass.options.dir.join(format!("turn-{}", players.len()));
        match Player::start(&entrant, &folder, patience, measuring)? {
            Some(player) => players.push(player),
            // Without the reference there is nothing to compare with.
            None if is_reference => return Ok(batch),
            None => batch.unfit.push(entrant.selected.index),
        }
        longest = longest.max(begun.elapsed());
        let pids: Vec<u32> = players.iter().map(|player| player.process.id()).collect();
        if memory::is_short(&pids) {
            // At least one at a time is compared, or there will be no end; and none where there is no room for two.
            match is_reference {
                true => batch.unfit.extend(waiting.by_ref().map(|one| one.selected.index)),
                false => batch.postponed.extend(waiting.by_ref()),
            }
        }
    }
    play(&mut players, reference.pass.options.timeout, measuring)?;
    let mut sampled: Vec<(usize, Timed, Vec<u64>)> = Vec::new();
    batch.unfit.extend(players.iter().filter(|player| player.is_out).map(|player| player.index));
    for player in players.into_iter().filter(|player| !player.is_out) {
        let index = player.index;
        let Some((records, turns)) = player.end(measuring)? else { continue };
        if let Some(timed) = records.iter().find_map(|record| match record {
            Record::Timed(timed) => Some(timed.clone()),
            _ => None,
        }) {
            sampled.push((index, timed, turns));
            batch.compared.result.records.insert(index, records);
        }
    }
    if let Some(((first, of_reference, turns), others)) = sampled.split_first()
        && *first == reference.selected.index
    {
        let of_reference = timeline(of_reference, turns);
        for (index, timed, turns) in others {
            let ratios = pairs::ratios(&of_reference, &timeline(timed, turns));
            batch.compared.ratios.extend(Ratio::of_pairs(&ratios).map(|ratio| (*index, ratio)));
        }
    }
    Ok(batch)
}

/// Nanoseconds an iteration of each sample, by the number of its turn.
fn timeline(timed: &Timed, turns: &[u64]) -> Vec<(u64, f64)> {
    let times = timed.samples.iter().map(|&(iterations, time)| time / iterations as f64);
    turns.iter().copied().zip(times).collect()
}

/// Lets the players take their turns until none has samples left, or can go on.
fn play(players: &mut [Player], timeout: Duration, measuring: &mut Measuring) -> Result<()> {
    let rounds = players.iter().map(|player| player.samples).max().unwrap_or(0);
    let (mut chance, mut turn) = (Chance(0x9E37_79B9_7F4A_7C15), 0);
    for round in 0..rounds {
        // Who has fewer samples takes them spread over all rounds.
        let due = |player: &Player| (round + 1) * player.samples / rounds > round * player.samples / rounds;
        let mut order: Vec<usize> = (0..players.len()).filter(|&at| due(&players[at])).collect();
        chance.shuffle(&mut order);
        for at in order {
            let player = &mut players[at];
            if player.is_out {
                continue;
            }
            turn += 1;
            player.turns.push(turn);
            player.take_turn(timeout, measuring)?;
        }
        if players.first().is_none_or(|reference| reference.is_out) {
            break;
        }
    }
    Ok(())
}

/// A process that waits for its turns.
struct Player<'a> {
    index: usize,
    process: Process,
    attempt: Attempt<'a>,
    go: File,
    ready: File,
    samples: u64,
    /// The numbers of the turns it took.
    turns: Vec<u64>,
    used: Duration,
    is_out: bool,
    options: PassOptions,
}

impl<'a> Player<'a> {
    /// Starts a process and waits until its first sample can begin; `None` where it does not come to that.
    fn start(
        entrant: &Entrant<'a>,
        folder: &Path,
        patience: Duration,
        measuring: &mut Measuring,
    ) -> Result<Option<Player<'a>>> {
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder).map_err(|e| Error::with(format!("cannot make {}", folder.display()), e))?;
        let place = Place(folder.to_owned());
        let (go, ready) = (pipe(&place.go())?, pipe(&place.ready())?);
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
            match player.await_ready(patience, measuring)? {
                Some(samples) => {
                    player.samples = u64::from(samples);
                    return Ok(Some(player));
                }
                None if arguments.is_empty() => return Ok(None),
                // Its own main function may not take them.
                None => arguments = &[],
            }
        }
    }

    /// Lets it take one sample.
    fn take_turn(&mut self, timeout: Duration, measuring: &mut Measuring) -> Result<()> {
        let begun = Instant::now();
        let left = timeout.saturating_sub(self.used);
        if self.go.write_all(&[1]).is_err() || self.await_ready(left, measuring)?.is_none() {
            self.is_out = true;
        }
        self.used += begun.elapsed();
        Ok(())
    }

    /// Waits until it says how many samples are left; `None` where it has ended, or takes longer than `patience`.
    fn await_ready(&mut self, patience: Duration, measuring: &mut Measuring) -> Result<Option<u32>> {
        let begun = Instant::now();
        loop {
            let look = Timespec { tv_sec: 0, tv_nsec: LOOK.as_nanos() as i64 };
            let mut fds = [PollFd::new(&self.ready, PollFlags::IN)];
            let came = match rustix::event::poll(&mut fds, Some(&look)) {
                Err(rustix::io::Errno::INTR) => 0,
                came => came.map_err(|e| Error::with("cannot wait for a bench", e))?,
            };
            if came > 0 {
                let mut left = [0; 4];
                self.ready.read_exact(&mut left).map_err(|e| Error::with("cannot read from a bench", e))?;
                return Ok(Some(u32::from_le_bytes(left)));
            }
            measuring.interrupt.check()?;
            if self.process.has_ended()? || begun.elapsed() > patience {
                return Ok(None);
            }
        }
    }

    /// Its records, after its last sample; `None` where they do not come. What else it would do is not waited for.
    fn end(mut self, measuring: &mut Measuring) -> Result<Option<(Vec<Record>, Vec<u64>)>> {
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

impl super::Observer for Silent {
    fn begins(&mut self, _: Phase, _: &str) {}
    fn warns(&mut self, _: &str) {}
}

/// A named pipe, open for both ways: opening it waits for nobody.
fn pipe(path: &Path) -> Result<File> {
    let cannot = |e: std::io::Error| Error::with(format!("cannot make {}", path.display()), e);
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).map_err(|e| cannot(e.into()))?;
    OpenOptions::new().read(true).write(true).open(path).map_err(cannot)
}

fn clone(file: &File) -> Result<File> {
    file.try_clone().map_err(|e| Error::with("cannot open another descriptor", e))
}

mod memory {
    //! Whether what runs at once fits in memory.

    /// Kilobytes behind `key` of a file in /proc.
    fn kilobytes(file: &str, key: &str) -> Option<u64> {
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().ok()
    }

    /// Whether another process as large as the largest of `pids` might not fit.
    pub fn is_short(pids: &[u32]) -> bool {
        let largest = pids.iter().filter_map(|pid| kilobytes(&format!("/proc/{pid}/status"), "VmHWM")).max();
        let available = kilobytes("/proc/meminfo", "MemAvailable");
        largest.zip(available).is_some_and(|(largest, available)| largest * 2 > available)
    }
}

/// xorshift64*, by Marsaglia and Vigna: the same order in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }

    /// Fisher and Yates.
    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            order.swap(last, self.below(last + 1));
        }
    }
}
