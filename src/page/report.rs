//! What the report is about: a run, and what it is compared with.

use std::collections::HashMap;
use std::path::Path;

use super::{Assets, Island, details, document, overview};
use crate::export::table;
use crate::result::model::{Finished, Run};
use crate::result::names;

/// Another run, to which this one is compared, and what it is called.
pub struct BaseRun {
    pub label: String,
    pub run: Run,
}

/// A run, each benchmark once: of several measurements the one with the median time.
pub struct Report {
    pub run: Run,
    pub rows: Vec<Finished>,
    /// The shortest unambiguous names of `rows`.
    pub short: Vec<String>,
    /// The row that each row is compared to, if that is another one.
    pub references: Vec<Option<usize>>,
    pub against: Option<String>,
    pub base: Option<BaseRun>,
}

impl Report {
    pub fn new(run: Run, against: Option<String>, base: Option<BaseRun>) -> Self {
        let medians = table::medians(&run.finished);
        let mut seen = HashMap::new();
        let mut rows: Vec<Finished> = Vec::new();
        for finished in &run.finished {
            if seen.insert(finished.name.as_str(), ()).is_none() {
                let median = medians.get(finished.name.as_str()).copied().unwrap_or(finished);
                rows.push(median.clone());
            }
        }
        // The last measurement wrote the profiles.
        for row in &mut rows {
            let last = run.finished.iter().rev().find(|finished| finished.name == row.name);
            row.profiles = last.map(|last| last.profiles.clone()).unwrap_or_default();
        }
        let full: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let short = names::shortest(&full, &ids);
        let found = table::references(&rows, against.as_deref());
        let reference = |(at, row): (usize, &Finished)| {
            let key = (row.package.clone(), row.target.clone(), row.group.clone());
            found.get(&key).copied().filter(|reference| *reference != at)
        };
        let references = rows.iter().enumerate().map(reference).collect();
        Report { run, rows, short, references, against, base }
    }

    /// The row of the run compared with that `name` had.
    pub fn base_row(&self, name: &str) -> Option<&Finished> {
        table::medians(&self.base.as_ref()?.run.finished).get(name).copied()
    }

    pub fn title(&self) -> String {
        let packages: std::collections::BTreeSet<&str> = self.rows.iter().map(|row| row.package.as_str()).collect();
        let names: Vec<&str> = packages.into_iter().take(3).collect();
        format!("{} · cargo memprof", if names.is_empty() { "no benchmarks".into() } else { names.join(", ") })
    }

    /// The report as one file that needs nothing else.
    pub fn file(&self) -> std::io::Result<String> {
        let mut islands = vec![Island::json("run-data", &overview(self, &|_, _| None))];
        for number in 0..self.rows.len() {
            islands.push(Island::packed(&format!("benchmark-{number}"), &details(self, number))?);
        }
        Ok(document(&self.title(), &Assets::Inline, &islands))
    }
}

/// The path of a row's profile.
pub fn profile_path<'a>(row: &'a Finished, kind: &str) -> Option<&'a Path> {
    let path = if kind == "cpu" { &row.profiles.cpu } else { &row.profiles.mem };
    path.as_deref().map(Path::new)
}
