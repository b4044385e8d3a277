//! How far a metric may go: what the configuration says about one benchmark.

use std::collections::BTreeMap;

use super::amount::Amount;
use crate::results::metric::Metric;

/// How far above the baseline a value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// Parts of one.
    Share(f64),
    /// In the metric's own unit.
    Absolute(f64),
    /// It is not compared with the baseline.
    Off,
}

/// An absolute limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Max {
    /// A bare number: for counts that are exact.
    Exact(f64),
    /// `{ max = … }`: the top of a range may not be above it.
    Top(f64),
}

/// What is said about one metric; `None` where nothing is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limit {
    pub max: Option<Max>,
    pub tolerance: Option<Tolerance>,
}

/// What is said about one benchmark; of a metric that is not in it, the defaults hold.
pub type Limits = BTreeMap<Metric, Limit>;

/// The highest value that still passes for a baseline of `was`; `None` where it is not compared. `exact`: both sides are;
/// `varies`: the width of today's range.
///
/// A tolerance that was said holds as it was said. Without one counts may not grow, but for the [`room`] of those that are not
/// exact, or today's own width (passes that agreed by chance do not make a count exact), and nothing else is looked at.
pub fn highest(metric: Metric, was: Amount, exact: bool, varies: f64, tolerance: Option<Tolerance>) -> Option<f64> {
    let allowed = match tolerance {
        Some(Tolerance::Off) => return None,
        Some(Tolerance::Share(share)) => was.high * share,
        Some(Tolerance::Absolute(value)) => value,
        None if !metric.is_counted() => return None,
        None if exact => 0.0,
        None => room(metric, was).max(varies),
    };
    Some(was.high + allowed)
}

/// The room that a count has which is not exact: the width of its range again, at least a hundredth, and at least what the
/// starts of threads and the blocks of queues move it by.
pub fn room(metric: Metric, was: Amount) -> f64 {
    let least = match metric {
        Metric::AllocsPerOp => 0.1,
        Metric::BytesPerOp | Metric::RetainedBytesPerOp => 64.0,
        Metric::PeakBytes | Metric::NsPerOp => 0.0,
    };
    (was.high - was.low).max(was.high / 100.0).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_and_times_are_off() {
        let ten = Amount::exact(10.0);
        assert_eq!(highest(Metric::AllocsPerOp, ten, true, 0.0, None), Some(10.0));
        assert_eq!(highest(Metric::NsPerOp, ten, true, 0.0, None), None);
        assert_eq!(highest(Metric::AllocsPerOp, ten, true, 0.0, Some(Tolerance::Share(0.5))), Some(15.0));
        assert_eq!(highest(Metric::BytesPerOp, ten, true, 0.0, Some(Tolerance::Absolute(3.0))), Some(13.0));
        assert_eq!(highest(Metric::BytesPerOp, ten, true, 0.0, Some(Tolerance::Off)), None);
    }

    #[test]
    fn what_is_not_exact_has_room() {
        let range = Amount { low: 40.0, high: 43.0 };
        assert_eq!(highest(Metric::AllocsPerOp, range, false, 0.0, None), Some(46.0));
        assert_eq!(highest(Metric::AllocsPerOp, Amount::exact(2.0), false, 0.0, None), Some(2.1));
        // A queue that was never contended while the baseline was counted.
        assert_eq!(highest(Metric::AllocsPerOp, Amount::exact(129.0), false, 106.0, None), Some(235.0));
        assert_eq!(highest(Metric::AllocsPerOp, Amount::exact(1000.0), false, 0.0, None), Some(1010.0));
        assert_eq!(highest(Metric::BytesPerOp, Amount::exact(100.0), false, 0.0, None), Some(164.0));
        assert_eq!(highest(Metric::AllocsPerOp, range, false, 0.0, Some(Tolerance::Share(1.0))), Some(86.0));
    }

    #[test]
    fn a_tolerance_that_was_said_is_not_widened() {
        let range = Amount { low: 40.0, high: 43.0 };
        assert_eq!(highest(Metric::AllocsPerOp, range, false, 0.0, Some(Tolerance::Absolute(1.0))), Some(44.0));
        assert_eq!(highest(Metric::BytesPerOp, range, false, 0.0, Some(Tolerance::Share(0.0))), Some(43.0));
    }
}
