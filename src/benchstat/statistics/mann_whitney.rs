//! The Mann–Whitney U test: do two samples come from the same distribution? It assumes nothing about that distribution.
//!
//! U counts the pairs in which the value of the first sample is the greater one, ties as halves. Under the null hypothesis its
//! distribution is known, so p is exact for small samples; beyond, U is nearly normal. Sources: Mann and Whitney, "On a Test of
//! Whether one of Two Random Variables is Stochastically Larger than the Other" (1947); with ties, Cheung and Klotz, "The Mann
//! Whitney Wilcoxon Distribution Using Linked Lists" (1997). Sums are taken in go-moremath's order, so that p has its bits.

use rustc_hash::FxHashMap as HashMap;

use crate::results::special::{choose, normal_cdf};

/// Samples up to this size have an exact p where no two values are equal.
const EXACT_LIMIT: usize = 50;

/// And where some are, as the distribution is harder to come by.
const EXACT_LIMIT_WITH_TIES: usize = 25;

/// Why there is no p.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTest {
    AllEqual,
    NotANumber,
}

/// The test, with the distributions that it computed so far: the benchmarks of a run mostly share their sample sizes.
#[derive(Debug, Default)]
pub struct MannWhitney {
    /// P(U ≤ u) for u from 0 to the middle, by the sizes of the samples.
    untied: HashMap<(usize, usize), Vec<f64>>,
    /// P(U ≤ u) by the size of the first sample, 2u and the sizes of the groups of equal values.
    tied: HashMap<(usize, usize, Vec<usize>), f64>,
}

/// The pooled samples.
struct Pooled {
    /// U of the first sample.
    u: f64,
    /// How many values are equal, group by group in ascending order.
    groups: Vec<usize>,
}

impl MannWhitney {
    /// The two-sided p of two ascending samples, none of them empty.
    pub fn p_value(&mut self, a: &[f64], b: &[f64]) -> Result<f64, NoTest> {
        if a.iter().chain(b).any(|value| value.is_nan()) {
            return Err(NoTest::NotANumber);
        }
        let Pooled { u, groups } = pool(a, b);
        let pairs = (a.len() * b.len()) as f64;
        let tied = groups.iter().any(|size| *size > 1);
        let limit = if tied { EXACT_LIMIT_WITH_TIES } else { EXACT_LIMIT };
        if a.len() > limit || b.len() > limit {
            return normal_p(a.len(), b.len(), u, &groups);
        }
        if groups.len() == 1 {
            return Err(NoTest::AllEqual);
        }
        let smaller = u.min(pairs - u);
        // In the middle of a discrete distribution doubling one side counts the middle twice.
        if u == pairs - u {
            return Ok(1.0);
        }
        let below = if tied { self.tied(a.len(), smaller, groups) } else { self.untied(a.len(), b.len(), smaller) };
        Ok(below * 2.0)
    }

    /// P(U ≤ u) without ties, u being whole and below the middle.
    fn untied(&mut self, n: usize, m: usize, u: f64) -> f64 {
        let sizes = (n.min(m), n.max(m));
        self.untied.entry(sizes).or_insert_with(|| untied_distribution(sizes.0, sizes.1))[u as usize]
    }

    /// P(U ≤ u) with ties, 2u being whole.
    fn tied(&mut self, n: usize, u: f64, groups: Vec<usize>) -> f64 {
        let total: usize = groups.iter().sum();
        let key = (n, (2.0 * u) as usize, groups);
        if let Some(p) = self.tied.get(&key) {
            return *p;
        }
        let p = tied_count(n, key.1 as i64, &key.2) / choose(total as u64, n as u64);
        self.tied.insert(key, p);
        p
    }
}

/// Ranks the values of both samples together; equal values share their mean rank.
fn pool(a: &[f64], b: &[f64]) -> Pooled {
    let (mut i, mut j, mut rank_sum) = (0, 0, 0.0);
    let mut groups = Vec::new();
    while i < a.len() || j < b.len() {
        let value = match (a.get(i), b.get(j)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(value), None) | (None, Some(value)) => *value,
            (None, None) => break,
        };
        let of_a = a[i..].iter().take_while(|x| **x == value).count();
        let of_b = b[j..].iter().take_while(|x| **x == value).count();
        let (first, last) = (i + j + 1, i + j + of_a + of_b);
        rank_sum += (first + last) as f64 / 2.0 * of_a as f64;
        groups.push(of_a + of_b);
        (i, j) = (i + of_a, j + of_b);
    }
    Pooled { u: rank_sum - (a.len() * (a.len() + 1)) as f64 / 2.0, groups }
}

/// Cumulative probabilities up to the middle for samples of `n` ≤ `m` values, by the recurrence of Mann and Whitney:
/// p(n, m, u) = (n p(n − 1, m, u − m) + m p(n, m − 1, u)) / (n + m).
fn untied_distribution(n: usize, m: usize) -> Vec<f64> {
    let top = n * m / 2;
    // One row of m at a time; p(n, m) = p(m, n) gives what lies beyond the diagonal.
    let mut row = vec![vec![0.0; top + 1]; n + 1];
    for m in 0..=m {
        row[0][0] = 1.0;
        for n in 1..=n.min(m) {
            let (before, rest) = row.split_at_mut(n);
            let fewer_first = &before[n - 1];
            let current = &mut rest[0];
            let weight = (n + m) as f64;
            // From the top, since u − m < u still has to be the old row's.
            for u in (0..=top.min(n * m)).rev() {
                let left = if u >= m { n as f64 * fewer_first[u - m] } else { 0.0 };
                let fewer_second = if n < m { current[u] } else { fewer_first[u] };
                current[u] = (left + m as f64 * fewer_second) / weight;
            }
        }
    }
    let mut sum = 0.0;
    row[n]
        .iter()
        .map(|p| {
            sum += p;
            sum
        })
        .collect()
}

/// In how many ways `n` values can be taken from these groups of equal ones so that 2U is `two_u` at most.
///
/// Group by group, from the counts for the first k − 1 groups to those for k: if r values come from group k, the others are
/// n − r with a 2U less by r (a(k) − 2n + r), where a(k) is the number of values before the group twice and in it once.
fn tied_count(n: usize, two_u: i64, groups: &[usize]) -> f64 {
    let steps = Steps::new(groups);
    // Which arguments are needed, from the last group down.
    let mut needed = vec![Counts::default(); groups.len() + 1];
    needed[groups.len()].insert((n, two_u), 0.0);
    for k in (3..=groups.len()).rev() {
        let wanted: Vec<_> = needed[k].keys().copied().collect();
        for argument in wanted {
            for taken in steps.takings(k, argument.0) {
                let (left, two_u) = steps.before(k, argument, taken);
                if steps.least(k - 1, left) <= two_u && two_u <= steps.most(k - 1, left) {
                    needed[k - 1].insert((left, two_u), 0.0);
                }
            }
        }
    }
    // With two groups it can be written down.
    let (first, second) = (groups[0], groups[1]);
    let base: Counts = needed[2]
        .keys()
        .map(|&(n, two_u)| {
            // Towards zero, as go-moremath has it: below the least U that is one way instead of none.
            let most = (two_u - n as i64 * (first as i64 - n as i64)) / (first + second) as i64;
            let ways = (n.saturating_sub(first) as i64..=most)
                .map(|r| if r > n as i64 { 0.0 } else { pick(first, n - r as usize) * pick(second, r as usize) });
            ((n, two_u), ways.sum::<f64>())
        })
        .collect();
    let mut counts = base;
    for k in 3..=groups.len() {
        let next = needed[k]
            .keys()
            .map(|&argument| {
                let mut ways = 0.0;
                for taken in steps.takings(k, argument.0) {
                    let (left, two_u) = steps.before(k, argument, taken);
                    let beyond = || {
                        if steps.most(k - 1, left) < two_u { pick(steps.values_before(k), left) } else { 0.0 }
                    };
                    ways += counts.get(&(left, two_u)).copied().unwrap_or_else(beyond) * pick(groups[k - 1], taken);
                }
                (argument, ways)
            })
            .collect();
        counts = next;
    }
    counts.get(&(n, two_u)).copied().unwrap_or(0.0)
}

/// Counts by the values taken and 2U.
type Counts = HashMap<(usize, i64), f64>;

fn pick(n: usize, k: usize) -> f64 {
    choose(n as u64, k as u64)
}

/// The arithmetic of the recurrence. Groups are numbered from 1.
struct Steps<'a> {
    groups: &'a [usize],
    /// a(k) at k − 1.
    a: Vec<i64>,
    /// The number of values in the groups before k, at k − 1.
    before: Vec<usize>,
}

impl<'a> Steps<'a> {
    fn new(groups: &'a [usize]) -> Self {
        let mut before = Vec::with_capacity(groups.len());
        let mut sum = 0;
        for size in groups {
            before.push(sum);
            sum += size;
        }
        let a = groups.iter().zip(&before).map(|(size, before)| (2 * before + size) as i64).collect();
        Steps { groups, a, before }
    }

    fn values_before(&self, k: usize) -> usize {
        self.before[k - 1]
    }

    /// How many of `n` values can come from group k.
    fn takings(&self, k: usize, n: usize) -> std::ops::RangeInclusive<usize> {
        n.saturating_sub(self.values_before(k))..=n.min(self.groups[k - 1])
    }

    fn before(&self, k: usize, (n, two_u): (usize, i64), taken: usize) -> (usize, i64) {
        let r = taken as i64;
        (n - taken, two_u - r * (self.a[k - 1] - 2 * n as i64 + r))
    }

    /// The least 2U of `n` values from the first k groups: all from the lowest.
    fn least(&self, k: usize, n: usize) -> i64 {
        self.extreme(n, 0..k)
    }

    /// The greatest: all from the highest.
    fn most(&self, k: usize, n: usize) -> i64 {
        self.extreme(n, (0..k).rev())
    }

    fn extreme(&self, n: usize, groups: impl Iterator<Item = usize>) -> i64 {
        let mut left = n;
        let mut two_u = -((n * n) as i64);
        for group in groups {
            let taken = left.min(self.groups[group]);
            two_u += taken as i64 * self.a[group];
            left -= taken;
        }
        two_u
    }
}

/// p by the normal distribution, with the corrections for ties and for continuity.
fn normal_p(n: usize, m: usize, u: f64, groups: &[usize]) -> Result<f64, NoTest> {
    let pairs = (n * m) as f64;
    let total = (n + m) as f64;
    let ties: f64 = groups.iter().map(|size| (size * size * size - size) as f64).sum();
    let deviation = (pairs * ((total + 1.0) - ties / (total * (total - 1.0))) / 12.0).sqrt();
    if deviation == 0.0 {
        return Err(NoTest::AllEqual);
    }
    let distance = u - pairs / 2.0;
    let correction = if distance == 0.0 { 0.0 } else { 0.5f64.copysign(distance) };
    let below = normal_cdf((distance - correction) / deviation);
    Ok(2.0 * below.min(1.0 - below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn p(a: &[f64], b: &[f64]) -> Result<f64, NoTest> {
        MannWhitney::default().p_value(a, b)
    }

    /// p by going through all ways to choose the first sample's values.
    fn by_enumeration(a: &[f64], b: &[f64]) -> f64 {
        let pooled: Vec<f64> = a.iter().chain(b).copied().collect();
        let two_u = |chosen: u32| {
            let is_chosen = |at: usize| chosen >> at & 1 == 1;
            let mut sum = 0;
            for i in (0..pooled.len()).filter(|i| is_chosen(*i)) {
                for j in (0..pooled.len()).filter(|j| !is_chosen(*j)) {
                    sum += if pooled[i] > pooled[j] { 2 } else { i64::from(pooled[i] == pooled[j]) };
                }
            }
            sum
        };
        let pairs = (2 * a.len() * b.len()) as i64;
        let seen = two_u((1 << a.len()) - 1);
        if seen * 2 == pairs {
            return 1.0;
        }
        let extreme = seen.min(pairs - seen);
        let ways: Vec<u32> = (0u32..1 << pooled.len()).filter(|way| way.count_ones() as usize == a.len()).collect();
        2.0 * ways.iter().filter(|way| two_u(**way) <= extreme).count() as f64 / ways.len() as f64
    }

    #[test]
    fn exact_p_is_that_of_an_enumeration() {
        let samples: [(&[f64], &[f64]); 7] = [
            (&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0]),
            (&[1.0, 3.0, 5.0], &[2.0, 4.0, 6.0, 7.0, 8.0]),
            (&[1.0, 1.0, 2.0, 5.0], &[1.0, 5.0, 6.0, 6.0]),
            (&[1.0, 1.0, 1.0, 2.0], &[2.0, 2.0, 3.0]),
            (&[1.0, 1.0, 1.0], &[1.0, 1.0, 2.0]),
            (&[1.0, 2.0, 2.0, 3.0, 9.0], &[2.0, 3.0, 3.0, 4.0, 5.0, 9.0]),
            (&[1.0], &[1.0, 2.0, 3.0]),
        ];
        for (a, b) in samples {
            // With ties the distribution is not symmetric: p depends on which sample is the first.
            for (a, b) in [(a, b), (b, a)] {
                let (got, expected) = (p(a, b).unwrap(), by_enumeration(a, b));
                assert!((got - expected).abs() < 1e-12, "{a:?} {b:?}: {got} {expected}");
            }
        }
    }

    #[test]
    fn no_test() {
        assert_eq!(p(&[1.0, 1.0], &[1.0, 1.0]), Err(NoTest::AllEqual));
        assert_eq!(p(&[1.0; 60], &[1.0; 60]), Err(NoTest::AllEqual));
        assert_eq!(p(&[f64::NAN], &[1.0]), Err(NoTest::NotANumber));
        assert_eq!(p(&[f64::INFINITY], &[f64::INFINITY]), Err(NoTest::AllEqual));
    }

    #[test]
    fn large_samples_are_nearly_normal() {
        let a: Vec<f64> = (0..60).map(f64::from).collect();
        let b: Vec<f64> = (0..60).map(|x| f64::from(x) + 12.5).collect();
        let p = p(&a, &b).unwrap();
        assert!((0.0001..0.001).contains(&p), "{p}");
    }
}
