//! The Mann–Whitney U test: do two samples come from the same distribution? It assumes nothing about that distribution.
//!
//! U counts the pairs in which the value of the first sample is the greater one, ties as halves. Under the null
//! hypothesis its distribution is known, so p is exact for small samples; beyond, U is nearly normal. Source: Mann and
//! Whitney, "On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other" (1947).

use rustc_hash::FxHashMap as HashMap;

use crate::results::special::{choose, normal_cdf};

/// Samples up to this size get an exact p if no two values are equal.
const EXACT_LIMIT: usize = 50;

/// And up to this size if some are equal, because the distribution is harder to compute.
const EXACT_LIMIT_WITH_TIES: usize = 25;

/// Why there is no p.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTest {
    AllEqual,
    NotANumber,
}

/// The test, with the distributions that it has computed so far: the benchmarks of a run mostly share their sample
/// sizes.
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
        let p = tied_count(n, key.1, &key.2) / choose(total as u64, n as u64);
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

/// The number of ways to take `n` values from these groups of equal ones so that 2U is at most `two_u`.
///
/// Group by group: of a group of t values with b below it, r taken ones beat what was not taken below and tie with the
/// t − r others, so that 2U grows by r (2 (b − already taken) + t − r).
fn tied_count(n: usize, two_u: usize, groups: &[usize]) -> f64 {
    if let [first, second] = *groups {
        // Rounded towards zero, as in go-moremath: below the least U this is one way to take them, not none.
        let most = (two_u as i64 - n as i64 * (first as i64 - n as i64)) / (first + second) as i64;
        let ways = |of_second: i64| pick(first, n as i64 - of_second) * pick(second, of_second);
        return (n.saturating_sub(first) as i64..=most.min(n as i64)).map(ways).sum();
    }
    let mut ways = vec![vec![0.0; two_u + 1]; n + 1];
    ways[0][0] = 1.0;
    let mut below = 0;
    for &size in groups {
        // From the top, since fewer taken still have to be those of the groups before.
        for all in (1..=n.min(below + size)).rev() {
            let (fewer, rest) = ways.split_at_mut(all);
            for taken in all.saturating_sub(below).max(1)..=size.min(all) {
                let grows = taken * (2 * (below + taken - all) + size - taken);
                let times = choose(size as u64, taken as u64);
                let reached = rest[0].iter_mut().skip(grows);
                reached.zip(&fewer[all - taken]).for_each(|(ways, before)| *ways += before * times);
            }
        }
        below += size;
    }
    ways[n].iter().sum()
}

fn pick(n: usize, k: i64) -> f64 {
    choose(n as u64, k as u64)
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
