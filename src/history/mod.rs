//! Results over commits: what `--keep` kept, each benchmark as a line over its commits, and the commits at which its
//! numbers changed.

mod kept;
mod steps;
mod text;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::git::short_commit;
use crate::results::lines::{Finished, Run};
use crate::results::names;
use crate::results::summary::one_of_each;

pub use kept::{FOLDER, keep, read, since};
pub use steps::{Metric, Step, steps};
pub use text::text;

/// A state of the sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Commit {
    /// When it was committed; without git, when it was measured: seconds since 1970.
    pub committed: i64,
    /// Empty outside a git repository.
    pub id: String,
    /// The sources differed from the commit.
    pub modified: bool,
    pub subject: String,
}

impl Commit {
    /// `1a2b3c4d5e6f`; a star stands behind it for modified sources.
    pub fn short(&self) -> String {
        let id = if self.id.is_empty() { self.date() } else { short_commit(&self.id).to_owned() };
        format!("{id}{}", if self.modified { "*" } else { "" })
    }

    /// `2026-11-29`.
    pub fn date(&self) -> String {
        let time = tz::UtcDateTime::from_timespec(self.committed, 0);
        time.map(|time| format!("{:04}-{:02}-{:02}", time.year(), time.month(), time.month_day())).unwrap_or_default()
    }
}

/// One kept run.
#[derive(Debug, Clone)]
pub struct Kept {
    pub commit: Commit,
    pub run: Run,
}

/// One benchmark at one commit.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// Index into [`History::commits`].
    pub commit: usize,
    pub ns_per_op: Option<f64>,
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// The least and the most.
    pub allocs_per_op: [f64; 2],
    pub bytes_per_op: [f64; 2],
}

/// One benchmark over all commits.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    pub name: String,
    pub short: String,
    pub points: Vec<Point>,
    pub steps: Vec<Step>,
}

#[derive(Debug, Clone, Default, Serialize)]
pub struct History {
    /// The oldest first.
    pub commits: Vec<Commit>,
    /// In the order of the newest run, then those that it does not have.
    pub series: Vec<Series>,
}

impl History {
    /// Runs of one commit are joined: those of several machines, and repeated ones.
    pub fn new(kept: Vec<Kept>) -> History {
        let mut by_commit: BTreeMap<Commit, Vec<Finished>> = BTreeMap::new();
        for one in kept {
            by_commit.entry(one.commit).or_default().extend(one.run.finished);
        }
        let mut all: Vec<Series> = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let rows: Vec<Vec<Finished>> = by_commit.values().map(|finished| one_of_each(finished)).collect();
        for (commit, rows) in rows.iter().enumerate().rev() {
            let of_run = names::shortest_of(rows);
            for row in rows {
                let place = *places.entry(row.name.clone()).or_insert_with(|| {
                    let (name, short) = (row.name.clone(), of_run[&row.name].clone());
                    all.push(Series { name, short, points: Vec::new(), steps: Vec::new() });
                    all.len() - 1
                });
                all[place].points.push(point(commit, row));
            }
        }
        for series in &mut all {
            series.points.reverse();
            series.steps = steps(&series.points);
        }
        History { commits: by_commit.into_keys().collect(), series: all }
    }

    /// Only the series that `wanted` holds of.
    pub fn only(mut self, wanted: impl Fn(&str) -> bool) -> History {
        self.series.retain(|series| wanted(&series.name));
        self
    }
}

fn point(commit: usize, row: &Finished) -> Point {
    Point {
        commit,
        ns_per_op: row.time.ns_per_op,
        lower: row.time.lower,
        upper: row.time.upper,
        allocs_per_op: row.memory.allocs_range(),
        bytes_per_op: row.memory.bytes_range(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::lines::RunStarted;
    use crate::results::sample::finished;

    fn kept(committed: i64, rows: &[(&str, f64)]) -> Kept {
        let finished = rows.iter().map(|(name, allocs)| finished(name, *allocs, 8.0 * allocs, true)).collect();
        let started = RunStarted::default();
        let commit = Commit { committed, id: format!("{committed:040}"), ..Commit::default() };
        Kept { commit, run: Run { started, finished, ..Run::default() } }
    }

    #[test]
    fn runs_of_one_commit_are_one_point_and_machines_are_joined() {
        let all = vec![
            kept(30, &[("p/t/a", 2.0)]),
            kept(10, &[("p/t/a", 1.0), ("p/t/old", 5.0)]),
            kept(20, &[("p/t/a", 1.0)]),
            // Another part of the suite, of the same commit.
            kept(30, &[("p/t/b", 7.0)]),
        ];
        let history = History::new(all);
        assert_eq!(history.commits.iter().map(|commit| commit.committed).collect::<Vec<_>>(), [10, 20, 30]);
        let names: Vec<&str> = history.series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["p/t/a", "p/t/b", "p/t/old"]);
        let a = &history.series[0];
        assert_eq!(
            a.points.iter().map(|point| (point.commit, point.allocs_per_op[0])).collect::<Vec<_>>(),
            [(0, 1.0), (1, 1.0), (2, 2.0)]
        );
        let step = &a.steps[0];
        assert_eq!((step.metric, step.commit, step.before, step.after), (Metric::Allocs, 2, 1.0, 2.0));
        assert!(history.series[1].steps.is_empty() && history.series[2].steps.is_empty());
    }
}
