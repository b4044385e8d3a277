//! A run as text: one file a format, all from the same set of results.

mod bmf;
pub mod columns;
mod csv;
mod gab;
mod github;
mod gobench;
mod human;
pub mod json;
mod junit;
pub mod markdown;
mod verdicts;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

pub use bmf::Bmf;
pub use csv::Csv;
pub use gab::Gab;
pub use github::Github;
pub use gobench::Gobench;
pub use human::Human;
pub use junit::Junit;
pub use markdown::Markdown;

use crate::results::lines::{Finished, Run};
use crate::results::{names, summary};

/// What is wanted of the results.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Without it B/op and allocs/op are left out.
    pub memory: bool,
    /// The variant that each group's rows are compared to; its first where `None`.
    pub against: Option<String>,
    /// Another run, to which the rows are compared instead.
    pub base: Option<Base>,
    /// Paths below it are shown from there.
    pub root: PathBuf,
}

/// Results to compare with, and what they are called.
#[derive(Debug, Clone, Default)]
pub struct Base {
    pub label: String,
    pub finished: Vec<Finished>,
}

/// A format.
pub trait Export {
    /// All that is printed, with its last line end.
    fn render(&self, run: &Run, view: &View) -> String;
}

impl View {
    /// `path` from the root, where it is below it.
    fn relative<'a>(&self, path: &'a str) -> &'a str {
        Path::new(path).strip_prefix(&self.root).ok().and_then(Path::to_str).unwrap_or(path)
    }
}

/// Each benchmark once, in the order of first appearance, for what knows one number of each: of several measurements the
/// median.
pub fn one_of_each(finished: &[Finished]) -> Vec<Finished> {
    let mut all: HashMap<&str, Vec<&Finished>> = HashMap::new();
    let mut order = Vec::new();
    for one in finished {
        let measurements = all.entry(&one.name).or_default();
        if measurements.is_empty() {
            order.push(one.name.as_str());
        }
        measurements.push(one);
    }
    order.into_iter().filter_map(|name| summary::of_measurements(&all[name])).collect()
}

/// The shortest unambiguous names of what was measured and of what was looked for, by full name.
fn names_of(run: &Run) -> HashMap<String, String> {
    let id = |name: &'_ str| name.splitn(3, '/').nth(2).map_or(0, str::len);
    let mut all: BTreeMap<&str, &str> = run
        .checks
        .iter()
        .map(|check| (check.name.as_str(), &check.name[check.name.len() - id(&check.name)..]))
        .collect();
    all.extend(run.finished.iter().map(|row| (row.name.as_str(), row.least_name())));
    let (full, ids): (Vec<&str>, Vec<&str>) = all.into_iter().unzip();
    full.iter().map(|name| (*name).to_owned()).zip(names::shortest(&full, &ids)).collect()
}
