//! A run as text: one file a format, all from the same set of results.

mod bmf;
mod csv;
mod gab;
mod github;
mod gobench;
mod human;
pub mod json;
mod junit;
pub mod markdown;
pub mod number;
pub mod table;
mod verdicts;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

pub use bmf::Bmf;
pub use csv::Csv;
pub use gab::Gab;
pub use github::Github;
pub use gobench::Gobench;
pub use human::Human;
pub use junit::Junit;
pub use markdown::Markdown;

use crate::result::model::{Finished, Run};
use crate::result::names;

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

/// One measurement of each benchmark, for formats in which a name stands for one: of several that with the median time.
fn one_of_each(run: &Run) -> Vec<&Finished> {
    let medians = table::medians(&run.finished);
    let mut seen = HashSet::new();
    let first = run.finished.iter().filter(|one| seen.insert(one.name.as_str()));
    first.map(|one| medians[one.name.as_str()]).collect()
}

/// The shortest unambiguous names of what was measured, by full name.
fn names_of(run: &Run) -> HashMap<String, String> {
    let full: Vec<&str> = run.finished.iter().map(|row| row.name.as_str()).collect();
    let ids: Vec<&str> = run.finished.iter().map(|row| row.id.as_str()).collect();
    full.iter().map(|name| (*name).to_owned()).zip(names::shortest(&full, &ids)).collect()
}
