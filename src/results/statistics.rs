//! Median and its confidence interval: no assumption about the distribution, since benchmark timings are not normal.
//!
//! The interval is made of order statistics. How many of n samples lie below the true median is binomial with p = 1/2, so the
//! probability that the median lies between the i-th and the j-th smallest sample is a sum of binomial probabilities:
//! <https://online.stat.psu.edu/stat415/book/export/html/835>. The rules for ties, bias and large n are benchstat's (its
//! packages benchmath and go-moremath), so that `±` here and there is the same number.

use super::special::{choose, normal_cdf, normal_quantile};

/// Above this many samples the binomial distribution is approximated by a normal one.
const EXACT_LIMIT: usize = 30;

/// The search for a sufficient sample size ends here.
const SAMPLES_LIMIT: usize = 50;

/// A confidence interval, in the unit of the samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub lower: f64,
    pub upper: f64,
    /// The level that the interval has, at least the one asked for.
    pub confidence: f64,
}

/// Which order statistics bound the interval: the `lower`-th and the `upper`-th smallest sample, counted from 1. 0 stands for
/// −∞ and n + 1 for +∞.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Orders {
    pub lower: usize,
    pub upper: usize,
    pub confidence: f64,
}

/// The median, in the unit of the samples; None without samples, or if one is NaN.
pub fn median(samples: &[f64]) -> Option<f64> {
    sorted(samples).map(|samples| median_of_sorted(&samples))
}

/// The interval of the median at the level `confidence` (0.95 for 95 %); None if there are too few samples for a finite
/// one (under 6 at 0.95), or if one is NaN.
pub fn median_interval(samples: &[f64], confidence: f64) -> Option<Interval> {
    let samples = sorted(samples)?;
    let orders = median_orders(samples.len(), confidence);
    if orders.lower == 0 || orders.upper > samples.len() {
        return None;
    }
    Some(Interval { lower: samples[orders.lower - 1], upper: samples[orders.upper - 1], confidence: orders.confidence })
}

/// The median of ascending samples (at least one), by quantile definition R-8 of Hyndman and Fan, "Sample Quantiles in
/// Statistical Packages" (1996), which puts it between the two middle samples where their number is even.
pub fn median_of_sorted(samples: &[f64]) -> f64 {
    let position = 1.0 / 3.0 + 0.5 * (samples.len() as f64 + 1.0 / 3.0);
    let (below, fraction) = (position.trunc() as usize, position.fract());
    if below == 0 {
        return samples[0];
    }
    if below >= samples.len() {
        return samples[samples.len() - 1];
    }
    samples[below - 1] + fraction * (samples[below] - samples[below - 1])
}

/// The order statistics that bound the median of `n` samples at the level `confidence`.
pub fn median_orders(n: usize, confidence: f64) -> Orders {
    if confidence >= 1.0 {
        return Orders { lower: 0, upper: n + 1, confidence: 1.0 };
    }
    let (lower, upper, confidence) =
        if n <= EXACT_LIMIT { binomial_orders(n, confidence) } else { normal_orders(n, confidence) };
    Orders { lower: lower.max(0) as usize, upper: (upper.max(0) as usize).min(n + 1), confidence }
}

/// The least number of samples with a finite interval at this level, as benchstat words it: `(">=", 6)` at 0.95.
pub fn samples_for_interval(confidence: f64) -> (&'static str, usize) {
    // One sample is no interval.
    let enough = (2..=SAMPLES_LIMIT).find(|&n| {
        let orders = median_orders(n, confidence);
        orders.lower > 0 && orders.upper <= n
    });
    match enough {
        Some(n) => (">=", n),
        None => (">", SAMPLES_LIMIT),
    }
}

/// Starts at the mode and takes the more probable neighbour, the left one of two equals, until the level is reached.
fn binomial_orders(n: usize, confidence: f64) -> (i64, i64, f64) {
    let n = n as i64;
    let probability = |k: i64| {
        if (0..=n).contains(&k) { choose(n as u64, k as u64) * 0.5f64.powi(n as i32) } else { 0.0 }
    };
    let mode = ((n + 1) as f64 * 0.5).ceil() as i64 - 1;
    let (mut lower, mut upper) = (mode, mode + 1);
    let mut reached = probability(mode);
    loop {
        let (left, right) = (probability(lower - 1), probability(upper));
        // The second half guards against sums that stay under the level by rounding.
        let go_on = reached < confidence && (left > 0.0 || right > 0.0);
        if !go_on {
            return (lower, upper, reached);
        }
        if left >= right {
            reached += left;
            lower -= 1;
        } else {
            reached += right;
            upper += 1;
        }
    }
}

/// The same by the normal distribution with the binomial's mean and variance: point k stands for [k − ½, k + ½].
fn normal_orders(n: usize, confidence: f64) -> (i64, i64, f64) {
    let mean = n as f64 * 0.5;
    let deviation = (n as f64 * 0.5 * 0.5).sqrt();
    let left = normal_quantile((1.0 - confidence) / 2.0) * deviation + mean;
    let right = 2.0 * mean - left;
    let lower = ((left - 0.5).floor() + 0.5).floor() as i64 + 1;
    let upper = ((right - 0.5).ceil() + 0.5).floor() as i64 + 1;
    let below = |k: i64| normal_cdf((k as f64 - 0.5 - mean) / deviation);
    let level = |upper: i64| below(upper) - below(lower);

    // Symmetric so far; one sample less on the right may do.
    let (mut upper, mut reached) = (upper, level(upper));
    let leaning = level(upper - 1);
    if leaning >= confidence && leaning < reached {
        (upper, reached) = (upper - 1, leaning);
    }
    if lower <= 0 && upper > n as i64 {
        reached = 1.0;
    }
    (lower, upper, reached)
}

/// Ascending; None without samples, or if one is NaN.
fn sorted(samples: &[f64]) -> Option<Vec<f64>> {
    if samples.is_empty() || samples.iter().any(|x| x.is_nan()) {
        return None;
    }
    let mut samples = samples.to_vec();
    samples.sort_by(f64::total_cmp);
    Some(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[f64::NAN, 1.0]), None);
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[3.0, 1.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 4.0, 2.0, 3.0]), Some(3.0));
    }

    #[test]
    fn six_samples_are_the_least() {
        let samples = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(median_interval(&samples[..5], 0.95), None);
        let interval = median_interval(&samples, 0.95).unwrap();
        assert_eq!((interval.lower, interval.upper), (1.0, 6.0));
        assert!((interval.confidence - 0.96875).abs() < 1e-15);
        assert_eq!(samples_for_interval(0.95), (">=", 6));
        assert_eq!(samples_for_interval(0.99), (">=", 8));
        assert_eq!(samples_for_interval(1.0), (">", 50));
    }

    #[test]
    fn orders_of_known_sizes() {
        let orders = |n| {
            let orders = median_orders(n, 0.95);
            (orders.lower, orders.upper)
        };
        assert_eq!(orders(1), (0, 2));
        assert_eq!(orders(10), (2, 9));
        assert_eq!(orders(60), (22, 38));
        assert_eq!(orders(1000), (469, 532));
    }

    #[test]
    fn a_level_of_zero_is_no_panic() {
        for n in 1..80 {
            let orders = median_orders(n, 0.0);
            assert!(orders.lower <= orders.upper, "{n}: {orders:?}");
        }
    }
}
