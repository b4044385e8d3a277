//! Added to divan: where a benchmark would be run, it asks here whether the tool takes it over.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use crate::benchmark::{BenchContext, BenchOptions};
use crate::counter::KnownCounterKind;
use crate::divan::SharedContext;
use crate::Bencher;

/// The modules and groups around the benchmark, with the mark of a group.
static PARENTS: Mutex<Vec<(String, bool)>> = Mutex::new(Vec::new());

fn parents() -> std::sync::MutexGuard<'static, Vec<(String, bool)>> {
    PARENTS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

pub(crate) fn enter(name: &str, group: bool) {
    parents().push((name.to_string(), group));
}

pub(crate) fn leave() {
    parents().pop();
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
    let (mut parts, in_group) = {
        let parents = parents();
        let names: Vec<String> = parents.iter().map(|(name, _)| name.clone()).collect();
        (names, parents.last().map_or(false, |(_, group)| *group))
    };
    let around = parts.join("::");
    parts.push(entry.to_string());
    let whole = parts.join("::");
    parts.extend(argument.map(str::to_string));
    if one_of_several {
        parts.push(format!("t={}", threads));
    }
    let id = parts.join("::");
    let description = || {
        let parameter = id.strip_prefix(&whole).and_then(|rest| rest.strip_prefix("::"));
        let group = if id != whole { Some(&whole) } else { Some(&around).filter(|_| in_group) };
        let counter = |kind, name| options.counters.get(kind).map(|count| (name, count as u64));
        let throughput =
            counter(KnownCounterKind::Bytes, "Bytes").or_else(|| counter(KnownCounterKind::Items, "Elements"));
        memprof_rt::description(group.map(String::as_str), parameter, throughput)
    };
    let identity = memprof_rt::Identity {
        id: &id,
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
