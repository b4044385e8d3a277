//! Finds the commits at which a benchmark's numbers changed. Counts are exact, so each difference is a step; times
//! scatter between runs, so a step needs several commits on each side that do not overlap.

use serde::Serialize;

use super::Point;
use crate::results::lines::are_apart;
use crate::results::statistics::median;

/// Commits on each side of a step of the time. If nothing has changed, five on one side are all above five on the other
/// in one of 126 cases.
const BESIDE: usize = 5;
/// The least change of the time that is called a step: machines drift.
const LEAST: f64 = 0.05;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Metric {
    #[serde(rename = "allocs_per_op")]
    Allocs,
    #[serde(rename = "bytes_per_op")]
    Bytes,
    #[serde(rename = "ns_per_op")]
    Time,
}

impl Metric {
    pub fn title(self) -> &'static str {
        match self {
            Metric::Allocs => "allocs/op",
            Metric::Bytes => "B/op",
            Metric::Time => "ns/op",
        }
    }
}

/// A change at a commit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    pub metric: Metric,
    /// Index of the first commit with the new number.
    pub commit: usize,
    pub before: f64,
    pub after: f64,
}

pub fn steps(points: &[Point]) -> Vec<Step> {
    let mut all = Vec::new();
    for pair in points.windows(2) {
        let (was, now) = (&pair[0], &pair[1]);
        for (metric, before, after) in [
            (Metric::Allocs, was.allocs_per_op, now.allocs_per_op),
            (Metric::Bytes, was.bytes_per_op, now.bytes_per_op),
        ] {
            if are_apart(before, after) {
                let middle = |[least, most]: [f64; 2]| least + (most - least) / 2.0;
                all.push(Step { metric, commit: now.commit, before: middle(before), after: middle(after) });
            }
        }
    }
    all.extend(of_time(points));
    all.sort_by_key(|step| (step.commit, step.metric));
    all
}

fn of_time(points: &[Point]) -> Vec<Step> {
    let timed: Vec<(usize, f64)> = points.iter().filter_map(|point| Some((point.commit, point.ns_per_op?))).collect();
    let mut found: Vec<Step> = Vec::new();
    let mut from = 0;
    for at in BESIDE..(timed.len() + 1).saturating_sub(BESIDE) {
        // A step apart from the one before it.
        if at < from + BESIDE {
            continue;
        }
        let side = |from: usize| timed[from..from + BESIDE].iter().map(|&(_, ns)| ns).collect::<Vec<f64>>();
        let (before, after) = (side(at - BESIDE), side(at));
        let range = |side: &[f64]| {
            [side.iter().copied().fold(f64::INFINITY, f64::min), side.iter().copied().fold(0.0, f64::max)]
        };
        let (Some(was), Some(now)) = (median(&before), median(&after)) else { continue };
        if are_apart(range(&before), range(&after)) && was > 0.0 && (now / was - 1.0).abs() >= LEAST {
            found.push(Step { metric: Metric::Time, commit: timed[at].0, before: was, after: now });
            from = at;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(numbers: &[(f64, [f64; 2])]) -> Vec<Point> {
        let point = |(commit, &(ns, allocs)): (usize, &(f64, [f64; 2]))| Point {
            commit,
            ns_per_op: Some(ns),
            lower: None,
            upper: None,
            allocs_per_op: allocs,
            bytes_per_op: [8.0; 2],
        };
        numbers.iter().enumerate().map(point).collect()
    }

    #[test]
    fn counts_that_meet_are_no_step() {
        let all = points(&[(1.0, [1.0, 1.0]), (1.0, [1.0, 3.0]), (1.0, [2.0, 2.0]), (1.0, [4.0, 4.0])]);
        let found = steps(&all);
        assert_eq!(found, [Step { metric: Metric::Allocs, commit: 3, before: 2.0, after: 4.0 }]);
        assert!(steps(&[]).is_empty() && steps(&all[..1]).is_empty());
    }

    #[test]
    fn times_need_several_commits_on_each_side() {
        let series = |times: &[f64]| {
            let numbers: Vec<(f64, [f64; 2])> = times.iter().map(|&ns| (ns, [1.0; 2])).collect();
            steps(&points(&numbers))
        };
        let noise = [100.0, 104.0, 98.0, 130.0, 101.0, 99.0, 103.0, 100.0, 97.0, 102.0, 100.0];
        assert!(series(&noise).is_empty());
        let slower: Vec<f64> = noise[..6]
            .iter()
            .chain(&noise[..6])
            .enumerate()
            .map(|(at, ns)| if at < 6 { *ns } else { ns * 1.5 })
            .collect();
        assert_eq!(
            series(&slower),
            [Step { metric: Metric::Time, commit: 6, before: 100.5, after: 151.5 }].map(|step| {
                // The medians of five on each side.
                Step { before: 101.0, after: 151.5, ..step }
            })
        );
        // Too few after it, or too small a change.
        assert!(series(&slower[..9]).is_empty());
        let little: Vec<f64> = (0..12).map(|at| if at < 6 { 100.0 } else { 103.0 }).collect();
        assert!(series(&little).is_empty());
    }
}
