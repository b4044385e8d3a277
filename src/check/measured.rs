//! A benchmark as the gate sees it: all measurements of a run, and counts of other processes, in one.

use std::collections::BTreeMap;

use super::amount::Amount;
use super::baseline::Entry;
use crate::results::check::{Against, Check, PlacedSite};
use crate::results::lines::{Finished, Memory};
use crate::results::metric::Metric;
use crate::results::sites::by_function;
use crate::results::tests::TestFinished;

/// Today's numbers of a benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub name: String,
    pub iterations: u64,
    pub allocs: Count,
    pub bytes: Count,
    /// The median over measurements; `None` if the benchmark's time is not wall time.
    pub ns: Option<f64>,
    /// Its time was sampled in turns with the baseline's.
    pub paired: bool,
    /// Of all processes.
    pub peak: Amount,
    /// A program, of which a whole run is one operation: `Some(true)` if its peak is exact.
    pub program: Option<bool>,
    /// The highest of all processes.
    pub retained: f64,
    /// No allocation was left out for want of memory.
    pub complete: bool,
    pub sites: Vec<PlacedSite>,
}

/// A count of several processes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    /// The range over all passes of all processes.
    pub all: Amount,
    /// The lowest of the tops of the processes' ranges: growth that one process shows once in a while is no regression,
    /// growth that every process shows is one.
    pub top: f64,
}

impl Count {
    pub fn of(amount: Amount) -> Count {
        Count { all: amount, top: amount.high }
    }

    fn join(self, other: Count) -> Count {
        Count { all: self.all.join(other.all), top: self.top.min(other.top) }
    }
}

fn counts(memory: &Memory) -> (Count, Count) {
    let allocs = Amount::of(memory.allocs_per_op, memory.allocs_per_op_range);
    (Count::of(allocs), Count::of(Amount::of(memory.bytes_per_op, memory.bytes_per_op_range)))
}

/// Passes that agree but are not called exact have lost something.
fn is_complete(memory: &Memory) -> bool {
    let (allocs, bytes) = counts(memory);
    memory.exact || !(allocs.all.is_exact() && bytes.all.is_exact())
}

impl Measured {
    /// Adds the counts of another process.
    pub fn add(&mut self, memory: &Memory) {
        let (allocs, bytes) = counts(memory);
        self.allocs = self.allocs.join(allocs);
        self.bytes = self.bytes.join(bytes);
        self.peak = self.peak.join(Amount::exact(memory.peak_bytes as f64));
        self.retained = self.retained.max(memory.retained_bytes_per_op);
        self.complete = self.complete && is_complete(memory);
    }

    /// The range over all processes.
    pub fn value(&self, metric: Metric) -> Option<Amount> {
        match metric {
            Metric::AllocsPerOp => Some(self.allocs.all),
            Metric::BytesPerOp => Some(self.bytes.all),
            Metric::NsPerOp => self.ns.map(Amount::exact),
            Metric::PeakBytes if self.program.is_some() => Some(self.peak),
            Metric::PeakBytes => Some(Amount::exact(self.peak.high)),
            Metric::RetainedBytesPerOp => Some(Amount::exact(self.retained)),
        }
    }

    /// The number compared with a baseline: the lowest of the tops of the processes' ranges.
    pub fn top(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::AllocsPerOp => Some(self.allocs.top),
            Metric::BytesPerOp => Some(self.bytes.top),
            _ => self.value(metric).map(|value| value.high),
        }
    }

    /// Whether every process agreed with itself and with the others about this metric. A metric that is no count is one
    /// number.
    pub fn is_exact(&self, metric: Metric) -> bool {
        !metric.is_counted() || self.complete && self.value(metric).is_some_and(Amount::is_exact)
    }

    /// Whether this metric is compared with the baseline without being named.
    pub fn is_compared(&self, metric: Metric) -> bool {
        metric.is_counted() || metric == Metric::PeakBytes && self.program == Some(true) && self.peak.is_exact()
    }

    /// The metric as a person calls it.
    pub fn word(&self, metric: Metric) -> &'static str {
        match (metric, self.program) {
            (_, None) => metric.unit(),
            (Metric::AllocsPerOp, _) => "allocs",
            (Metric::BytesPerOp, _) => "B",
            (Metric::NsPerOp, _) => "ns",
            (Metric::PeakBytes, _) => "peak B",
            (Metric::RetainedBytesPerOp, _) => "live B at exit",
        }
    }

    /// See [`widen`].
    pub(super) fn widen(&mut self, check: &Check) {
        let (Some([low, high]), Against::Baseline) = (check.value_range, check.against) else { return };
        let seen = Count { all: Amount { low, high }, top: check.value.unwrap_or(high) };
        match check.metric {
            Some(Metric::AllocsPerOp) => self.allocs = self.allocs.join(seen),
            Some(Metric::BytesPerOp) => self.bytes = self.bytes.join(seen),
            _ => (),
        }
    }

    /// The entry that this becomes when it is accepted.
    pub fn entry(&self) -> Entry {
        Entry {
            iterations: self.iterations,
            allocs_per_op: self.allocs.all,
            bytes_per_op: self.bytes.all,
            ns_per_op: self.ns,
            peak_bytes: self.value(Metric::PeakBytes),
            retained_bytes_per_op: Some(self.retained),
            sites: by_function(&self.sites),
            lines: Vec::new(),
        }
    }

    /// The same with every line that allocates, which are not for the committed text.
    pub fn entry_with_lines(&self) -> Entry {
        Entry { lines: self.sites.clone(), ..self.entry() }
    }
}

/// The measurements of a run by name, several of one name joined; `sites` by name, too.
pub fn measured(finished: &[Finished], sites: &BTreeMap<String, Vec<PlacedSite>>) -> BTreeMap<String, Measured> {
    let mut all: BTreeMap<String, Measured> = BTreeMap::new();
    let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for one in finished {
        times.entry(&one.name).or_default().extend(one.time.ns_per_op);
        match all.get_mut(&one.name) {
            Some(measured) => measured.add(&one.memory),
            None => {
                let (allocs, bytes) = counts(&one.memory);
                let measured = Measured {
                    name: one.name.clone(),
                    iterations: one.memory.iterations,
                    allocs,
                    bytes,
                    ns: None,
                    paired: true,
                    peak: Amount::exact(one.memory.peak_bytes as f64),
                    program: one.program.as_ref().map(|program| program.memory.peak_exact),
                    retained: one.memory.retained_bytes_per_op,
                    complete: is_complete(&one.memory),
                    sites: sites.get(&one.name).cloned().unwrap_or_default(),
                };
                all.insert(one.name.clone(), measured);
            }
        }
    }
    let paired = |one: &Finished| one.vs.as_ref().is_some_and(|vs| vs.baseline.is_some() && vs.ratio.paired);
    for one in finished.iter().filter(|one| !paired(one)) {
        all.entry(one.name.clone()).and_modify(|measured| measured.paired = false);
    }
    for (name, times) in times {
        if let Some(measured) = all.get_mut(name) {
            measured.ns = crate::results::statistics::median(&times);
        }
    }
    all
}

/// The tests of a run that have numbers, by name. Each process is a count of its own; an operation is a run of the test.
pub fn measured_tests(tests: &[TestFinished]) -> BTreeMap<String, Measured> {
    let count = |[low, high]: [u64; 2]| Count { all: Amount { low: low as f64, high: high as f64 }, top: low as f64 };
    let measured = |test: &TestFinished| {
        let memory = test.memory.as_ref()?;
        let (allocs, bytes) = (count(memory.allocs_range()), count(memory.bytes_range()));
        Some(Measured {
            name: test.name.clone(),
            iterations: 1,
            allocs,
            bytes,
            ns: None,
            paired: true,
            peak: Amount::exact(memory.peak_bytes as f64),
            retained: memory.live_bytes as f64,
            complete: memory.exact || !(allocs.all.is_exact() && bytes.all.is_exact()),
            program: None,
            sites: Vec::new(),
        })
    };
    tests.iter().filter_map(measured).map(|one| (one.name.clone(), one)).collect()
}

/// Adds the counts of the verdicts of the same run: they cover more processes than the results.
pub fn widen(all: &mut BTreeMap<String, Measured>, checks: &[Check]) {
    for check in checks {
        if let Some(measured) = all.get_mut(&check.name) {
            measured.widen(check);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::sample::finished;

    #[test]
    fn measurements_that_differ_are_a_range() {
        let results = [finished("p/t/a", 1.0, 8.0, true), finished("p/t/a", 3.0, 8.0, true)];
        let all = measured(&results, &BTreeMap::new());
        let a = &all["p/t/a"];
        assert_eq!((a.allocs.all, a.bytes.all), (Amount { low: 1.0, high: 3.0 }, Amount::exact(8.0)));
        assert_eq!([Metric::AllocsPerOp, Metric::BytesPerOp].map(|metric| a.is_exact(metric)), [false, true]);
        assert_eq!(a.ns, Some(200.0));
    }

    #[test]
    fn the_largest_of_several_peaks_is_the_peak() {
        let mut results = [finished("p/t/a", 1.0, 8.0, true), finished("p/t/a", 1.0, 8.0, true)];
        (results[0].memory.peak_bytes, results[1].memory.retained_bytes_per_op) = (90, 5.0);
        let all = measured(&results, &BTreeMap::new());
        assert_eq!((all["p/t/a"].value(Metric::PeakBytes), all["p/t/a"].retained), (Some(Amount::exact(90.0)), 5.0));
    }

    #[test]
    fn what_was_lost_is_not_exact() {
        let all = measured(&[finished("p/t/a", 1.0, 8.0, false)], &BTreeMap::new());
        assert!(!all["p/t/a"].is_exact(Metric::AllocsPerOp));
    }
}
