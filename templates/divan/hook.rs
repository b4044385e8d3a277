//! Added to divan: where a benchmark would be run, it asks here whether the tool takes it over.

use std::fmt::{self, Write as _};
use std::num::NonZeroUsize;
use std::sync::Mutex;

use crate::benchmark::{BenchContext, BenchOptions};
use crate::counter::KnownCounterKind;
use crate::divan::SharedContext;
use crate::Bencher;

/// A text that usually has its place here: a time depends on what was allocated before it, so the timed process takes
/// nothing for the names of benchmarks.
#[derive(Clone)]
struct Text {
    bytes: [u8; ROOM],
    len: usize,
    /// All of it, where there was no room.
    long: Option<String>,
}

const ROOM: usize = 1024;
const DEEPEST: usize = 32;

impl Text {
    const fn new() -> Text {
        Text { bytes: [0; ROOM], len: 0, long: None }
    }

    fn as_str(&self) -> &str {
        match &self.long {
            Some(long) => long,
            None => std::str::from_utf8(&self.bytes[..self.len]).unwrap_or(""),
        }
    }

    fn len(&self) -> usize {
        self.as_str().len()
    }

    fn truncate(&mut self, len: usize) {
        match &mut self.long {
            Some(long) => long.truncate(len),
            None => self.len = len,
        }
    }

    fn push(&mut self, text: &str) {
        if self.long.is_none() && self.len + text.len() > ROOM {
            self.long = Some(self.as_str().to_string());
        }
        match &mut self.long {
            Some(long) => long.push_str(text),
            None => {
                self.bytes[self.len..self.len + text.len()].copy_from_slice(text.as_bytes());
                self.len += text.len();
            }
        }
    }

    /// One more part of a path.
    fn enter(&mut self, part: &str) {
        if self.len() > 0 {
            self.push("::");
        }
        self.push(part);
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

/// The modules and groups around the benchmark: their path, and for each its length before it and the mark of a group.
struct Parents {
    path: Text,
    marks: [(usize, bool); DEEPEST],
    depth: usize,
}

static PARENTS: Mutex<Parents> = Mutex::new(Parents { path: Text::new(), marks: [(0, false); DEEPEST], depth: 0 });

fn parents() -> std::sync::MutexGuard<'static, Parents> {
    PARENTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

pub(crate) fn enter(name: &str, group: bool) {
    let mut parents = parents();
    let (depth, len) = (parents.depth, parents.path.len());
    // Deeper ones are left by the length of the last that has a place.
    if let Some(mark) = parents.marks.get_mut(depth) {
        *mark = (len, group);
    }
    parents.depth += 1;
    parents.path.enter(name);
}

pub(crate) fn leave() {
    let mut parents = parents();
    parents.depth = parents.depth.saturating_sub(1);
    let depth = parents.depth;
    let len = match parents.marks.get(depth) {
        Some(mark) => mark.0,
        None => parents.path.as_str().rfind("::").unwrap_or(0),
    };
    parents.path.truncate(len);
}

/// True where the tool ran the benchmark and divan has nothing left to do.
pub(crate) fn takes_over(
    shared: &SharedContext,
    options: &BenchOptions,
    threads: NonZeroUsize,
    one_of_several: bool,
    entry: &str,
    argument: Option<&str>,
    with_bencher: &dyn Fn(Bencher),
) -> bool {
    // The same name as `--list` prints: MODULE::BENCH::ARGUMENT, and the number of threads where there are several.
    let (mut id, in_group) = {
        let parents = parents();
        let innermost = parents.depth.checked_sub(1).and_then(|depth| parents.marks.get(depth));
        (parents.path.clone(), innermost.map_or(false, |(_, group)| *group))
    };
    let around = id.len();
    id.enter(entry);
    let whole = id.len();
    if let Some(argument) = argument {
        id.enter(argument);
    }
    if one_of_several {
        id.enter("t=");
        let _ = write!(id, "{}", threads);
    }
    let id = id.as_str();
    let (around, whole) = (&id[..around], &id[..whole]);
    let description = || {
        let parameter = id.strip_prefix(whole).and_then(|rest| rest.strip_prefix("::"));
        let group = if id != whole { Some(whole) } else { Some(around).filter(|_| in_group) };
        let counter = |kind, name| options.counters.get(kind).map(|count| (name, count as u64));
        let throughput =
            counter(KnownCounterKind::Bytes, "Bytes").or_else(|| counter(KnownCounterKind::Items, "Elements"));
        memprof_rt::description(group, parameter, throughput)
    };
    let identity = memprof_rt::Identity {
        id,
        json: &description,
        harness: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")),
        sample_size: u64::from(options.sample_count.unwrap_or(crate::benchmark::DEFAULT_SAMPLE_COUNT)),
        wall_time: true,
    };
    memprof_rt::runs_on(threads.get() as u64, u64::from(u32::MAX));
    memprof_rt::benchmark(&identity, &mut |sizes| run(shared, options, threads, sizes, with_bencher))
}

/// One sample of each size; its value is in nanoseconds, the median over several threads.
fn run(
    shared: &SharedContext,
    options: &BenchOptions,
    threads: NonZeroUsize,
    sizes: &[u64],
    with_bencher: &dyn Fn(Bencher),
) {
    let mut taken = 0;
    while taken < sizes.len() {
        let size = sizes[taken];
        let equal = sizes[taken..].iter().take_while(|&&other| other == size).count();
        // The function itself, with its set-up, runs once for all samples of a size; divan counts them over all threads.
        let rounds = if threads.get() == 1 { equal } else { 1 };
        let options = BenchOptions {
            sample_count: Some(rounds as u32),
            // No more than the harness says it can count.
            sample_size: Some(size as u32),
            counters: options.counters.clone(),
            ..BenchOptions::default()
        };
        let mut context = BenchContext::new(shared, &options, threads);
        with_bencher(Bencher::new(&mut context));
        let mut times: Vec<u128> =
            context.samples.time_samples.iter().map(|sample| sample.duration.picos).collect();
        if threads.get() > 1 {
            times.sort_unstable();
            times = times.get(times.len() / 2).copied().into_iter().collect();
        }
        // If the function times nothing, there is no value.
        times.resize(rounds, 0);
        times.iter().for_each(|&picos| memprof_rt::sampled(picos as f64 / 1000.0));
        taken += rounds;
    }
}
