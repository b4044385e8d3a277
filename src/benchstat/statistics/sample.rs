//! The samples of a cell, their summary, and their comparison with the first column.
//!
//! There are two assumptions: noisy values have a median, an interval and a Mann–Whitney test; exact counts need
//! neither repetition nor test, and a difference of one is a difference.

use std::collections::HashMap;

use super::mann_whitney::{MannWhitney, NoTest};
use crate::go::float::{shortest, signed_percent};
use crate::results::statistics::{Orders, median_of_sorted, median_orders, samples_for_interval};

/// The least p that two samples of n values can have, by n, as in benchstat.
const LEAST_P: [f64; 10] = [
    f64::INFINITY,
    1.0,
    0.333_333_333_333_333_3,
    0.1,
    0.028_571_428_571_428_57,
    0.007_936_507_936_507_936,
    0.002_164_502_164_502_164_6,
    0.000_582_750_582_750_582_8,
    0.000_155_400_155_400_155_4,
    4.113_533_525_298_231e-5,
];

/// Measurements of one thing.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Ascending; NaN first.
    values: Vec<f64>,
    /// Counted, not measured.
    exact: bool,
}

/// The middle of a sample and its uncertainty.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The median, or for exact values the most frequent one.
    pub center: f64,
    /// Infinite if there are too few samples.
    pub lower: f64,
    pub upper: f64,
    pub warning: Option<String>,
}

/// The comparison of a sample with that of the first column.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// 0 if the values are exact.
    pub p: f64,
    pub sizes: (usize, usize),
    /// Whether the two differ, as far as can be said.
    pub differs: bool,
    pub centers: (f64, f64),
    pub warning: Option<String>,
}

impl Sample {
    pub fn new(mut values: Vec<f64>, exact: bool) -> Self {
        values.sort_by(|a, b| a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())));
        Sample { values, exact }
    }
}

/// Summarizes and compares samples; caches the results that samples of the same size share.
#[derive(Debug)]
pub struct Analyst {
    confidence: f64,
    alpha: f64,
    orders: HashMap<usize, Orders>,
    test: MannWhitney,
    /// Footnotes for intervals and tests with too few samples.
    too_few_for_interval: String,
    too_few_for_test: String,
    samples_for_test: usize,
}

impl Analyst {
    pub fn new(confidence: f64, alpha: f64) -> Self {
        let (relation, samples) = samples_for_interval(confidence);
        let level = shortest(confidence);
        let too_few_for_interval =
            format!("need {relation} {samples} samples for confidence interval at level {level}");
        let enough = (1..LEAST_P.len()).find(|n| LEAST_P[*n] <= alpha);
        let (relation, samples_for_test) = enough.map_or((">", LEAST_P.len()), |n| (">=", n));
        let too_few_for_test = format!(
            "need {relation} {samples_for_test} samples to detect a difference at alpha level {}",
            shortest(alpha)
        );
        Analyst {
            confidence,
            alpha,
            orders: HashMap::new(),
            test: MannWhitney::default(),
            too_few_for_interval,
            too_few_for_test,
            samples_for_test,
        }
    }

    pub fn summarize(&mut self, sample: &Sample) -> Summary {
        if sample.exact { exact_summary(&sample.values) } else { self.median_summary(&sample.values) }
    }

    fn median_summary(&mut self, values: &[f64]) -> Summary {
        let n = values.len();
        let confidence = self.confidence;
        let orders = self.orders.entry(n).or_insert_with(|| median_orders(n, confidence));
        let lower = if orders.lower == 0 { f64::NEG_INFINITY } else { values[orders.lower - 1] };
        let upper = if orders.upper > n { f64::INFINITY } else { values[orders.upper - 1] };
        let infinite = lower.is_infinite() || upper.is_infinite();
        Summary {
            center: median_of_sorted(values),
            lower,
            upper,
            warning: infinite.then(|| self.too_few_for_interval.clone()),
        }
    }

    /// Compares `new` with `old`; the summaries are theirs.
    pub fn compare(&mut self, old: (&Sample, &Summary), new: (&Sample, &Summary)) -> Comparison {
        let sizes = (old.0.values.len(), new.0.values.len());
        let centers = (old.1.center, new.1.center);
        if old.0.exact && new.0.exact {
            return Comparison { p: 0.0, sizes, differs: true, centers, warning: None };
        }
        let (p, warning) = match self.test.p_value(&old.0.values, &new.0.values) {
            Ok(p) => (
                p,
                (p > self.alpha && sizes.0.max(sizes.1) < self.samples_for_test).then(|| self.too_few_for_test.clone()),
            ),
            Err(NoTest::AllEqual) => (1.0, Some("all samples are equal".to_owned())),
            Err(NoTest::NotANumber) => (1.0, Some("samples must be numbers to compare them".to_owned())),
        };
        Comparison { p, sizes, differs: p <= self.alpha, centers, warning }
    }
}

/// The most frequent value, the lowest if there are several; a warning if the values are not all equal.
fn exact_summary(values: &[f64]) -> Summary {
    let (first, last) = (values[0], values[values.len() - 1]);
    let (mut center, mut most) = (first, 1);
    let (mut value, mut count) = (first, 1);
    for next in &values[1..] {
        if *next == value {
            count += 1;
            if count > most {
                (center, most) = (value, count);
            }
        } else {
            (value, count) = (*next, 1);
        }
    }
    let warning = (most != values.len()).then(|| {
        format!("exact distribution expected, but values range from {} to {}", shortest(first), shortest(last))
    });
    Summary { center, lower: first, upper: last, warning }
}

impl Summary {
    /// The larger side of the interval in percent of the center: `3%`, `∞` without an interval, `?` where the signs
    /// differ.
    pub fn range(&self) -> String {
        if self.lower.is_infinite() || self.upper.is_infinite() {
            return "∞".to_owned();
        }
        let sign = |value: f64| value.partial_cmp(&0.0);
        if sign(self.center).is_none() || sign(self.center) != sign(self.lower) || sign(self.center) != sign(self.upper)
        {
            return "?".to_owned();
        }
        if self.center == 0.0 {
            return "0%".to_owned();
        }
        let (above, below) = (self.upper / self.center - 1.0, 1.0 - self.lower / self.center);
        let range = if above.is_nan() || below.is_nan() { f64::NAN } else { above.max(below) };
        format!("{}%", crate::go::float::fixed(100.0 * range, 0))
    }
}

impl Comparison {
    /// `-17.20%`, `~` if no difference is proven, `?` if there is no ratio.
    pub fn delta(&self) -> String {
        let (old, new) = self.centers;
        match () {
            () if !self.differs => "~".to_owned(),
            () if old == new => "0.00%".to_owned(),
            () if old == 0.0 => "?".to_owned(),
            () => signed_percent((new / old - 1.0) * 100.0),
        }
    }

    /// `p=0.000 n=10`.
    pub fn evidence(&self) -> String {
        let p = if self.p == 0.0 { String::new() } else { format!("p={:.3} ", self.p) };
        let (old, new) = self.sizes;
        if old == new { format!("{p}n={old}") } else { format!("{p}n={old}+{new}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analyst() -> Analyst {
        Analyst::new(0.95, 0.05)
    }

    fn compare(old: &[f64], new: &[f64], exact: bool) -> Comparison {
        let (old, new) = (Sample::new(old.to_vec(), exact), Sample::new(new.to_vec(), exact));
        let mut analyst = analyst();
        let (old_summary, new_summary) = (analyst.summarize(&old), analyst.summarize(&new));
        analyst.compare((&old, &old_summary), (&new, &new_summary))
    }

    #[test]
    fn too_few_samples() {
        let summary = analyst().summarize(&Sample::new(vec![3.0, 1.0], false));
        assert_eq!((summary.center, summary.range()), (2.0, "∞".to_owned()));
        assert_eq!(summary.warning.unwrap(), "need >= 6 samples for confidence interval at level 0.95");
        let comparison = compare(&[1.0, 2.0], &[3.0, 4.0], false);
        assert_eq!((comparison.delta(), comparison.evidence()), ("~".to_owned(), "p=0.333 n=2".to_owned()));
        assert_eq!(comparison.warning.unwrap(), "need >= 4 samples to detect a difference at alpha level 0.05");
    }

    #[test]
    fn exact_values_need_no_repetition() {
        let comparison = compare(&[6.0], &[1.0, 1.0], true);
        assert_eq!((comparison.delta(), comparison.evidence()), ("-83.33%".to_owned(), "n=1+2".to_owned()));
        assert_eq!(compare(&[6.0], &[6.0], true).delta(), "0.00%");
        assert_eq!(compare(&[0.0], &[6.0], true).delta(), "?");
    }

    #[test]
    fn exact_values_that_vary() {
        let summary = analyst().summarize(&Sample::new(vec![2.0, 1.0, 2.0], true));
        assert_eq!(summary.center, 2.0);
        assert_eq!(summary.warning.as_deref(), Some("exact distribution expected, but values range from 1 to 2"));
        assert_eq!(summary.range(), "50%");
    }

    #[test]
    fn values_that_are_no_numbers() {
        let comparison = compare(&[f64::NAN, 1.0], &[2.0, 3.0], false);
        assert_eq!(comparison.delta(), "~");
        let summary = analyst().summarize(&Sample::new(vec![f64::NAN; 7], false));
        assert_eq!(summary.range(), "?");
        let negative = analyst().summarize(&Sample::new(vec![-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0], false));
        assert_eq!(negative.range(), "-75%");
    }
}
