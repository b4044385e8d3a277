//! A benchmark as the gate sees it: all measurements of a run, and counts of other processes, in one.

use std::collections::BTreeMap;

use super::amount::Amount;
use super::baseline::Entry;
use super::site::by_function;
use crate::result::check::{Check, PlacedSite};
use crate::result::metric::Metric;
use crate::result::model::{Finished, Memory};

/// What a benchmark does today.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub name: String,
    pub iterations: u64,
    pub allocs: Amount,
    pub bytes: Amount,
    /// The median over measurements.
    pub ns: Option<f64>,
    pub peak: f64,
    pub retained: f64,
    /// Every process agreed with itself and with the others.
    pub exact: bool,
    pub sites: Vec<PlacedSite>,
}

fn amounts(memory: &Memory) -> (Amount, Amount) {
    let amount = |value: f64, range: Option<[f64; 2]>| match range {
        Some([low, high]) => Amount { low, high },
        None => Amount::exact(value),
    };
    (amount(memory.allocs_per_op, memory.allocs_per_op_range), amount(memory.bytes_per_op, memory.bytes_per_op_range))
}

impl Measured {
    /// Takes in what another process counted.
    pub fn add(&mut self, memory: &Memory) {
        let (allocs, bytes) = amounts(memory);
        self.allocs = self.allocs.join(allocs);
        self.bytes = self.bytes.join(bytes);
        self.peak = self.peak.min(memory.peak_bytes as f64);
        self.retained = self.retained.min(memory.retained_bytes_per_op);
        self.exact = self.exact && memory.exact && self.allocs.is_exact() && self.bytes.is_exact();
    }

    pub fn value(&self, metric: Metric) -> Option<Amount> {
        match metric {
            Metric::AllocsPerOp => Some(self.allocs),
            Metric::BytesPerOp => Some(self.bytes),
            Metric::NsPerOp => self.ns.map(Amount::exact),
            Metric::PeakBytes => Some(Amount::exact(self.peak)),
            Metric::RetainedBytesPerOp => Some(Amount::exact(self.retained)),
        }
    }

    /// Takes in what a verdict of the same run says: the counts of more processes than the result itself.
    pub fn widen(&mut self, check: &Check) {
        let Some([low, high]) = check.value_range else { return };
        let range = Amount { low, high };
        match check.metric {
            Some(Metric::AllocsPerOp) => self.allocs = self.allocs.join(range),
            Some(Metric::BytesPerOp) => self.bytes = self.bytes.join(range),
            _ => return,
        }
        self.exact = false;
    }

    /// The entry that this becomes when it is accepted.
    pub fn entry(&self) -> Entry {
        Entry {
            iterations: self.iterations,
            allocs_per_op: self.allocs,
            bytes_per_op: self.bytes,
            ns_per_op: self.ns,
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
                let (allocs, bytes) = amounts(&one.memory);
                let measured = Measured {
                    name: one.name.clone(),
                    iterations: one.memory.iterations,
                    allocs,
                    bytes,
                    ns: None,
                    peak: one.memory.peak_bytes as f64,
                    retained: one.memory.retained_bytes_per_op,
                    exact: one.memory.exact,
                    sites: sites.get(&one.name).cloned().unwrap_or_default(),
                };
                all.insert(one.name.clone(), measured);
            }
        }
    }
    for (name, times) in times {
        if let Some(measured) = all.get_mut(name) {
            measured.ns = crate::result::statistics::median(&times);
        }
    }
    all
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::result::model::{Profiles, Time};

    /// A result with these counts.
    pub fn finished(name: &str, allocs: f64, bytes: f64, exact: bool) -> Finished {
        let mut parts = name.splitn(3, '/').map(str::to_owned);
        Finished {
            name: name.to_owned(),
            package: parts.next().unwrap_or_default(),
            target: parts.next().unwrap_or_default(),
            id: parts.next().unwrap_or_default(),
            harness: "criterion 0.5.1".to_owned(),
            group: String::new(),
            time: Time {
                ns_per_op: Some(100.0 * allocs),
                lower: None,
                upper: None,
                iterations: 10,
                samples: Vec::new(),
                tracker: None,
                custom: false,
            },
            memory: Memory {
                iterations: 1000,
                allocs_per_op: allocs,
                bytes_per_op: bytes,
                frees_per_op: 0.0,
                reallocs_per_op: 0.0,
                grown_bytes_per_op: 0.0,
                retained_bytes_per_op: 0.0,
                peak_bytes: 7,
                recording: None,
                exact,
                allocs_per_op_range: None,
                bytes_per_op_range: None,
            },
            throughput: None,
            whole_process: false,
            profiles: Profiles::default(),
        }
    }

    #[test]
    fn measurements_that_differ_are_a_range() {
        let results = [finished("p/t/a", 1.0, 8.0, true), finished("p/t/a", 3.0, 8.0, true)];
        let all = measured(&results, &BTreeMap::new());
        let a = &all["p/t/a"];
        assert_eq!((a.allocs, a.bytes), (Amount { low: 1.0, high: 3.0 }, Amount::exact(8.0)));
        assert!(!a.exact);
        assert_eq!(a.ns, Some(200.0));
    }
}
