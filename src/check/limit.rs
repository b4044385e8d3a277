//! How far above its baseline a metric may go.

use super::amount::Amount;
use crate::project::settings::Tolerance;
use crate::results::metric::Metric;

/// The highest value that still passes for a baseline of `was`; `None` if it is not compared. `exact`: both sides are;
/// `varies`: the width of today's range;
/// `compared`: it is compared without a tolerance, too.
///
/// A configured tolerance applies as it is. Without one, counts may not grow, except by the [`room`] of inexact ones or
/// by today's own width (passes that agreed by chance do not make a count exact), and no other metric is compared.
pub fn highest(
    (metric, compared): (Metric, bool),
    was: Amount,
    exact: bool,
    varies: f64,
    tolerance: Option<Tolerance>,
) -> Option<f64> {
    let allowed = match tolerance {
        Some(Tolerance::Off) => return None,
        Some(Tolerance::Share(share)) => was.high * share,
        Some(Tolerance::Absolute(value)) => value,
        None if !compared => return None,
        None if exact => 0.0,
        None => room(metric, was).max(varies),
    };
    Some(was.high + allowed)
}

/// The room of a count that is not exact: the width of its range again, at least a hundredth, and at least the
/// variation that starts of threads and blocks of queues cause.
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

    fn limit(metric: Metric, was: Amount, exact: bool, varies: f64, tolerance: Option<Tolerance>) -> Option<f64> {
        highest((metric, metric.is_counted()), was, exact, varies, tolerance)
    }

    #[test]
    fn counts_are_exact_and_times_are_off() {
        let ten = Amount::exact(10.0);
        assert_eq!(limit(Metric::AllocsPerOp, ten, true, 0.0, None), Some(10.0));
        assert_eq!(limit(Metric::NsPerOp, ten, true, 0.0, None), None);
        assert_eq!(limit(Metric::AllocsPerOp, ten, true, 0.0, Some(Tolerance::Share(0.5))), Some(15.0));
        assert_eq!(limit(Metric::BytesPerOp, ten, true, 0.0, Some(Tolerance::Absolute(3.0))), Some(13.0));
        assert_eq!(limit(Metric::BytesPerOp, ten, true, 0.0, Some(Tolerance::Off)), None);
    }

    #[test]
    fn what_is_not_exact_has_room() {
        let range = Amount { low: 40.0, high: 43.0 };
        assert_eq!(limit(Metric::AllocsPerOp, range, false, 0.0, None), Some(46.0));
        assert_eq!(limit(Metric::AllocsPerOp, Amount::exact(2.0), false, 0.0, None), Some(2.1));
        // A queue that was never contended while the baseline was counted.
        assert_eq!(limit(Metric::AllocsPerOp, Amount::exact(129.0), false, 106.0, None), Some(235.0));
        assert_eq!(limit(Metric::AllocsPerOp, Amount::exact(1000.0), false, 0.0, None), Some(1010.0));
        assert_eq!(limit(Metric::BytesPerOp, Amount::exact(100.0), false, 0.0, None), Some(164.0));
        assert_eq!(limit(Metric::AllocsPerOp, range, false, 0.0, Some(Tolerance::Share(1.0))), Some(86.0));
    }

    #[test]
    fn a_tolerance_that_was_said_is_not_widened() {
        let range = Amount { low: 40.0, high: 43.0 };
        assert_eq!(limit(Metric::AllocsPerOp, range, false, 0.0, Some(Tolerance::Absolute(1.0))), Some(44.0));
        assert_eq!(limit(Metric::BytesPerOp, range, false, 0.0, Some(Tolerance::Share(0.0))), Some(43.0));
    }
}
