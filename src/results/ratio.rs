//! How one time compares with another.

use serde::{Deserialize, Serialize};

use super::statistics::{median, median_interval};
use super::time::Time;

/// A ratio of times, with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The two sides were sampled in turns. If not, the machine may have changed its speed between them, which no
    /// interval shows.
    pub paired: bool,
    /// Pairs of neighbouring samples; 0 if they were not taken in turns.
    pub pairs: u64,
    pub ratio: f64,
    /// `None` if there are too few samples.
    pub lower: Option<f64>,
    pub upper: Option<f64>,
}

/// The reference of a benchmark's time, and the result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Versus {
    /// The full name of the other side; a benchmark's own name if the other side is a baseline.
    pub name: String,
    /// The baseline that the other side is from, as it was typed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub baseline: Option<String>,
    #[serde(flatten)]
    pub ratio: Ratio,
}

/// By how much two processes differ even if their samples do not scatter: the places of their stacks, heaps and pages are
/// drawn once for each (Mytkowicz et al., "Producing Wrong Data Without Doing Anything Obviously Wrong!", 2009).
#[derive(Debug, Clone, Copy)]
pub enum Placement {
    OneProgram,
    /// Programs of other folders also have other paths in their heaps: in 50 comparisons of fixtures/buffer_write's
    /// `unpooled` with an unchanged revision, whose machine code was the same, the median ratio was 0.987.
    TwoPrograms,
}

impl Placement {
    fn effect(self) -> f64 {
        match self {
            Placement::OneProgram => 0.003,
            Placement::TwoPrograms => 0.02,
        }
    }

    /// Differences below this factor are seen again before they count. Caches may do as much: two processes of fixtures/maps'
    /// `pooled`, which uses 70 KB, differed by 9 % with every pair of their samples, two of `fresh` by 14 %. Between two
    /// revisions little is expected to differ, so there the second look costs little time.
    fn most(self) -> f64 {
        match self {
            Placement::OneProgram => 1.25,
            Placement::TwoPrograms => 2.0,
        }
    }
}

/// By how much the speed of a machine changes between two runs, beyond what their samples scatter. None of 216 comparisons of
/// unchanged code was apart by more, on one virtual machine in ten minutes; others change by far more between hours.
const ANOTHER_TIME: f64 = 0.05;
/// The same where other work disturbed either run: unchanged code took up to 1.98 times as long a minute later.
const ANOTHER_BUSY_TIME: f64 = 1.0;

impl Ratio {
    /// From the ratio of each pair of samples that were taken in turns. The interval is that of their median, by order
    /// statistics, widened by the possible effect of the placement of the two processes.
    pub fn of_pairs(ratios: &[f64], placement: Placement) -> Option<Ratio> {
        let interval = if ratios.len() < 6 { None } else { median_interval(ratios, 0.95) };
        Some(Ratio {
            paired: true,
            pairs: ratios.len() as u64,
            ratio: median(ratios)?,
            lower: interval.map(|interval| interval.lower * (1.0 - placement.effect())),
            upper: interval.map(|interval| interval.upper * (1.0 + placement.effect())),
        })
    }

    /// From two times that were measured one after the other. The interval spans every quotient of the two intervals, widened
    /// by the possible change of the machine's speed.
    pub fn unpaired(from: &Time, to: &Time) -> Option<Ratio> {
        let (from_ns, to_ns) = from.ns_per_op.zip(to.ns_per_op).filter(|(from, _)| *from > 0.0)?;
        let change = 1.0 + if from.is_busy() || to.is_busy() { ANOTHER_BUSY_TIME } else { ANOTHER_TIME };
        let interval = |time: &Time| time.lower.zip(time.upper);
        let interval = interval(from).zip(interval(to)).filter(|((lower, _), _)| *lower > 0.0);
        Some(Ratio {
            paired: false,
            pairs: 0,
            ratio: to_ns / from_ns,
            lower: interval.map(|((_, from_upper), (to_lower, _))| to_lower / from_upper / change),
            upper: interval.map(|((from_lower, _), (_, to_upper))| to_upper / from_lower * change),
        })
    }

    /// Several measurements of the same comparison as one: the median of the ratios, and an interval that spans all of theirs.
    pub fn join(ratios: &[Ratio]) -> Option<Ratio> {
        let bounds = |of: fn(&Ratio) -> Option<f64>| ratios.iter().map(of).collect::<Option<Vec<f64>>>();
        Some(Ratio {
            paired: ratios.iter().all(|one| one.paired),
            pairs: ratios.iter().map(|one| one.pairs).sum(),
            ratio: median(&ratios.iter().map(|one| one.ratio).collect::<Vec<_>>())?,
            lower: bounds(|one| one.lower).and_then(|all| all.into_iter().reduce(f64::min)),
            upper: bounds(|one| one.upper).and_then(|all| all.into_iter().reduce(f64::max)),
        })
    }

    /// Whether a difference is claimed that the placement of two processes may have made.
    pub fn may_be(&self, placement: Placement) -> bool {
        self.is_decided() && self.ratio.max(1.0 / self.ratio) < placement.most()
    }

    /// Whether the samples rule out that both sides take the same time.
    pub fn is_decided(&self) -> bool {
        self.lower.zip(self.upper).is_some_and(|(lower, upper)| upper < 1.0 || lower > 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::time::Sample;

    fn time(ns: f64, spread: f64) -> Time {
        Time {
            ns_per_op: Some(ns),
            lower: Some(ns - spread),
            upper: Some(ns + spread),
            iterations: 1,
            samples: Vec::new(),
            tracker: None,
            custom: false,
            interrupted: 0,
            stolen_ms: 0,
        }
    }

    #[test]
    fn pairs_decide_what_separate_intervals_cannot() {
        let ratios: Vec<f64> = (0..20).map(|at| 0.97 + f64::from(at) * 0.001).collect();
        let of_pairs = |ratios: &[f64]| Ratio::of_pairs(ratios, Placement::OneProgram);
        let ratio = of_pairs(&ratios).unwrap();
        assert!((ratio.paired, ratio.pairs) == (true, 20) && ratio.is_decided());
        // Samples that do not scatter at all say nothing about the placement of the two processes.
        assert!(!of_pairs(&[0.998; 100]).unwrap().is_decided());
        assert!(of_pairs(&[0.992; 100]).unwrap().is_decided());
        assert!(!Ratio::of_pairs(&[0.992; 100], Placement::TwoPrograms).unwrap().is_decided());
        assert!(!of_pairs(&ratios[..5]).unwrap().is_decided());
        assert_eq!(of_pairs(&[]), None);
    }

    #[test]
    fn a_small_difference_may_be_placement() {
        let may_be = |placement: Placement| {
            [0.7, 0.92, 1.001, 1.2, 1.3]
                .map(|ratio| Ratio::of_pairs(&[ratio; 100], placement).unwrap().may_be(placement))
        };
        assert_eq!(may_be(Placement::OneProgram), [false, true, false, true, false]);
        assert_eq!(may_be(Placement::TwoPrograms), [true, true, false, true, true]);
    }

    #[test]
    fn without_pairs_the_intervals_must_be_apart() {
        let unpaired = |from: Time, to: Time| Ratio::unpaired(&from, &to).unwrap();
        let apart = unpaired(time(100.0, 1.0), time(50.0, 1.0));
        assert!((apart.paired, apart.pairs, apart.ratio) == (false, 0, 0.5) && apart.is_decided());
        assert!(!unpaired(time(100.0, 5.0), time(105.0, 5.0)).is_decided());
        // Samples that do not scatter at all say nothing about the speed of the machine at another time.
        assert!(!unpaired(time(100.0, 0.0), time(104.0, 0.0)).is_decided());
        assert!(unpaired(time(100.0, 0.0), time(94.0, 0.0)).is_decided());
        let busy = |ns: f64| Time {
            interrupted: 2,
            samples: vec![Sample { iterations: 1, nanoseconds: ns }; 10],
            ..time(ns, 0.0)
        };
        assert!(!unpaired(time(100.0, 0.0), busy(198.0)).is_decided());
        assert!(unpaired(busy(100.0), time(210.0, 0.0)).is_decided());
        let without = Time { lower: None, ..time(100.0, 1.0) };
        assert!(!unpaired(without, time(50.0, 1.0)).is_decided());
        assert_eq!(Ratio::unpaired(&time(0.0, 0.0), &time(1.0, 0.0)), None);
    }

    #[test]
    fn measurements_join_to_what_spans_them() {
        let one =
            |ratio: f64| Ratio { paired: true, pairs: 9, ratio, lower: Some(ratio - 0.1), upper: Some(ratio + 0.1) };
        let all = Ratio::join(&[one(0.8), one(1.0), one(0.9)]).unwrap();
        assert_eq!((all.pairs, all.ratio, all.lower, all.upper), (27, 0.9, Some(0.8 - 0.1), Some(1.1)));
        assert_eq!(Ratio::join(&[]), None);
    }
}
