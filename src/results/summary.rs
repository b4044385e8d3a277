//! From samples and passes to the numbers that are shown.

use std::collections::HashMap;

use super::ratio::Ratio;
use super::statistics::{median, median_interval};
use crate::records::{Counted, StackCounts, Timed};
use crate::results::lines::{Finished, Memory, Recording, Sample, Time};

/// Time per iteration over the samples.
pub fn time(timed: &Timed) -> Time {
    let samples: Vec<Sample> =
        timed.samples.iter().map(|one| Sample { iterations: one.iterations, nanoseconds: one.value }).collect();
    let per_op: Vec<f64> = samples.iter().map(|sample| sample.nanoseconds / sample.iterations as f64).collect();
    let interval = if per_op.len() < 6 { None } else { median_interval(&per_op, 0.95) };
    let of_time = |value: Option<f64>| value.filter(|_| timed.wall_time);
    Time {
        ns_per_op: of_time(median(&per_op)),
        lower: of_time(interval.as_ref().map(|interval| interval.lower)),
        upper: of_time(interval.as_ref().map(|interval| interval.upper)),
        // An `iter_custom` that returns without doing anything is asked for 2^60 and more.
        iterations: samples.iter().fold(0, |sum, sample| sample.iterations.saturating_add(sum)),
        samples,
        tracker: None,
        custom: timed.custom,
        interrupted: timed.interrupted,
        stolen_ms: timed.stolen_ms,
    }
}

/// The pass that stands for all: the median one, by calls and then by bytes. Its stacks are the profile, so that profile and
/// numbers agree to the digit.
pub fn representative(passes: &[Counted]) -> Option<&Counted> {
    let mut order: Vec<&Counted> = passes.iter().collect();
    order.sort_by_key(|pass| (pass.counts.allocs, pass.counts.bytes));
    order.get(order.len() / 2).copied()
}

/// Memory per iteration; `passes` are the counting passes, `peak` the brackets of one iteration (`None` where the passes
/// themselves are such).
pub fn memory(passes: &[Counted], peak: Option<&Counted>) -> Option<Memory> {
    let pass = representative(passes)?;
    let n = pass.iterations as f64;
    let counts = &pass.counts;
    let exact = passes.iter().all(|other| same(&other.counts, counts)) && passes.iter().all(|pass| pass.lost == 0);
    let range = |of: fn(&StackCounts) -> u64| {
        let values = || passes.iter().map(|pass| of(&pass.counts) as f64 / pass.iterations as f64);
        [values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max)]
    };
    let passes_peak = passes.iter().map(|pass| pass.peak_bytes).max().unwrap_or(0);
    Some(Memory {
        iterations: pass.iterations,
        allocs_per_op: counts.allocs as f64 / n,
        bytes_per_op: counts.bytes as f64 / n,
        frees_per_op: counts.frees as f64 / n,
        reallocs_per_op: counts.reallocs as f64 / n,
        grown_bytes_per_op: counts.grown_bytes as f64 / n,
        retained_bytes_per_op: counts.bytes.saturating_sub(counts.freed_bytes) as f64 / n,
        peak_bytes: peak.map_or(passes_peak, |peak| peak.peak_bytes),
        exact,
        recording: passes.iter().map(|pass| pass.recorder_bytes).max().map(|bytes| Recording { bytes }),
        allocs_per_op_range: (!exact).then(|| range(|counts| counts.allocs)),
        bytes_per_op_range: (!exact).then(|| range(|counts| counts.bytes)),
    })
}

/// The joint result of several measurements of one benchmark: medians over the measurements, and ranges that span them
/// all. The interval of the time is that of the measurements' own medians, if there are enough (six); else it spans all
/// of theirs. Samples and profiles are those of the measurement in the middle. `None` if there is none.
pub fn of_measurements(measurements: &[&Finished]) -> Option<Finished> {
    let mut order = measurements.to_vec();
    order.sort_by(|a, b| a.time.ns_per_op.unwrap_or(0.0).total_cmp(&b.time.ns_per_op.unwrap_or(0.0)));
    let mut all = (*order.get(order.len() / 2)?).clone();
    if let [_] = order[..] {
        return Some(all);
    }
    let times = |of: fn(&Time) -> Option<f64>| -> Option<Vec<f64>> { order.iter().map(|one| of(&one.time)).collect() };
    let interval = times(|time| time.ns_per_op).filter(|values| values.len() >= 6);
    let interval = interval.and_then(|values| median_interval(&values, 0.95));
    all.time.ns_per_op = times(|time| time.ns_per_op).and_then(|values| median(&values));
    (all.time.lower, all.time.upper) = match interval {
        Some(interval) => (Some(interval.lower), Some(interval.upper)),
        None => (
            times(|time| time.lower).and_then(|values| values.into_iter().reduce(f64::min)),
            times(|time| time.upper).and_then(|values| values.into_iter().reduce(f64::max)),
        ),
    };
    let ratios: Vec<Ratio> = order.iter().filter_map(|one| one.vs.as_ref()).map(|vs| vs.ratio).collect();
    if let (Some(vs), Some(ratio)) = (&mut all.vs, Ratio::join(&ratios)) {
        vs.ratio = ratio;
    }
    let counts = |of: fn(&Memory) -> f64| {
        median(&order.iter().map(|one| of(&one.memory)).collect::<Vec<_>>()).unwrap_or_default()
    };
    order.iter().for_each(|one| all.memory.join(&one.memory));
    all.memory.allocs_per_op = counts(|memory| memory.allocs_per_op);
    all.memory.bytes_per_op = counts(|memory| memory.bytes_per_op);
    Some(all)
}

/// Each benchmark once, in the order of first appearance, for formats with one number for each: the median of several
/// measurements.
pub fn one_of_each(finished: &[Finished]) -> Vec<Finished> {
    let mut all: HashMap<&str, Vec<&Finished>> = HashMap::new();
    let mut order = Vec::new();
    for one in finished {
        let measurements = all.entry(&one.name).or_default();
        if measurements.is_empty() {
            order.push(one.name.as_str());
        }
        measurements.push(one);
    }
    order.into_iter().filter_map(|name| of_measurements(&all[name])).collect()
}

/// Equal in the counts that are promised to be exact. Frees depend on when another thread gives its blocks back.
fn same(a: &StackCounts, b: &StackCounts) -> bool {
    (a.allocs, a.bytes) == (b.allocs, b.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::TimedSample;

    fn pass(allocs: u64, bytes: u64) -> Counted {
        let counts = StackCounts { allocs, bytes, frees: allocs, freed_bytes: bytes / 2, ..StackCounts::default() };
        Counted {
            index: 0,
            pass: Some(0),
            custom: false,
            iterations: 10,
            counts,
            peak_bytes: 7,
            nanoseconds: 1,
            lost: 0,
            recorder_bytes: 4096,
        }
    }

    #[test]
    fn agreeing_passes_are_exact() {
        let memory = memory(&[pass(15, 40), pass(15, 40), pass(15, 40)], None).unwrap();
        assert_eq!((memory.allocs_per_op, memory.bytes_per_op, memory.retained_bytes_per_op), (1.5, 4.0, 2.0));
        assert!(memory.exact && memory.allocs_per_op_range.is_none());
        assert_eq!(memory.peak_bytes, 7);
    }

    #[test]
    fn others_give_the_median_and_the_range() {
        let memory = memory(&[pass(20, 50), pass(10, 40), pass(11, 60)], Some(&pass(0, 0))).unwrap();
        assert_eq!((memory.allocs_per_op, memory.bytes_per_op), (1.1, 6.0));
        assert_eq!(memory.allocs_per_op_range, Some([1.0, 2.0]));
        assert_eq!(memory.bytes_per_op_range, Some([4.0, 6.0]));
    }

    /// An even number of measurements has none in the middle.
    #[test]
    fn several_measurements_are_one_by_their_medians() {
        let measured = |ns: f64, allocs: f64| {
            let mut one = crate::results::sample::finished("p/t/a", allocs, 8.0, true);
            (one.time.ns_per_op, one.time.lower, one.time.upper) = (Some(ns), Some(ns - 1.0), Some(ns + 3.0));
            one
        };
        let all = [measured(40.0, 1.0), measured(10.0, 1.0), measured(20.0, 1.0), measured(30.0, 2.0)];
        let one = of_measurements(&all.each_ref()).unwrap();
        assert_eq!((one.time.ns_per_op, one.time.lower, one.time.upper), (Some(25.0), Some(9.0), Some(43.0)));
        assert_eq!((one.memory.allocs_per_op, one.memory.allocs_per_op_range), (1.0, Some([1.0, 2.0])));
        assert_eq!((one.memory.exact, one.memory.bytes_per_op_range), (false, Some([8.0, 8.0])));
        // Six have an interval of their own.
        let six = [10.0, 60.0, 20.0, 50.0, 30.0, 40.0].map(|ns| measured(ns, 1.0));
        let one = of_measurements(&six.each_ref()).unwrap();
        assert_eq!((one.time.ns_per_op, one.time.lower, one.time.upper), (Some(35.0), Some(10.0), Some(60.0)));
        assert!(one.memory.exact && of_measurements(&[]).is_none());
    }

    #[test]
    fn five_samples_have_no_interval() {
        let timed = |n: usize| Timed {
            index: 0,
            custom: false,
            wall_time: true,
            interrupted: 0,
            stolen_ms: 0,
            largest_iterations: 1,
            samples: (0..n).map(|i| TimedSample { iterations: 2, value: 10.0 + i as f64, delayed: 0.0 }).collect(),
        };
        assert_eq!(time(&timed(5)).lower, None);
        assert_eq!(time(&timed(5)).ns_per_op, Some(6.0));
        assert!(time(&timed(6)).lower.is_some());
        assert_eq!(time(&Timed { wall_time: false, ..timed(9) }).ns_per_op, None);
    }
}
