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
mod markdown;
mod test_table;
mod verdicts;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

pub use human::Human;
pub use markdown::Markdown;
pub use verdicts::render as verdicts;

use crate::results::lines::{Base, Run};
use crate::results::names;
use crate::results::summary::one_of_each;

/// Every format, in the order of the help.
pub const FORMATS: &[&dyn Format] = &[
    &human::Human,
    &json::Json,
    &markdown::Markdown,
    &csv::Csv,
    &gobench::Gobench,
    &github::Github,
    &junit::Junit,
    &bmf::Bmf,
    &gab::Gab,
];

/// A format.
pub trait Format: Sync {
    /// Its name in `--message-format`.
    fn name(&self) -> &'static str;

    /// One line of help.
    fn about(&self) -> &'static str;

    /// The whole output, with its last line end.
    fn render(&self, run: &Run, view: &View) -> String;

    /// Whether results are printed as they come, not at the end.
    fn is_stream(&self) -> bool {
        false
    }

    /// Whether a run that could not go on makes a report, too, which says so.
    fn reports_abort(&self) -> bool {
        false
    }

    /// Whether it tells the verdicts of a check. If not, they stand on stderr, or nobody would know why a check failed.
    fn has_verdicts(&self) -> bool {
        false
    }

    /// The text for GitHub's page of the run.
    fn step_summary(&self) -> Option<&dyn Format> {
        None
    }
}

impl fmt::Debug for dyn Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The format of this name.
pub fn find(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|format| format.name() == name)
}

/// The options of the output.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Show B/op and allocs/op.
    pub memory: bool,
    /// The variant that each group's rows are compared to; its first if `None`.
    pub against: Option<String>,
    /// Another run, to which the rows are compared instead.
    pub base: Option<Base>,
    /// Paths below it are shown from there.
    pub root: PathBuf,
}

impl View {
    /// `path` relative to the root, if it is below it.
    fn relative<'a>(&self, path: &'a str) -> &'a str {
        Path::new(path).strip_prefix(&self.root).ok().and_then(Path::to_str).unwrap_or(path)
    }
}

/// The shortest unambiguous names of all measured and all missing benchmarks, by full name.
fn names_of(run: &Run) -> HashMap<String, String> {
    let id = |name: &'_ str| name.splitn(3, '/').nth(2).map_or(0, str::len);
    let mut all: BTreeMap<&str, &str> = run
        .checks
        .iter()
        .map(|check| (check.name.as_str(), &check.name[check.name.len() - id(&check.name)..]))
        .collect();
    all.extend(run.finished.iter().map(|row| (row.name.as_str(), row.least_name())));
    all.extend(run.tests.iter().map(|test| (test.name.as_str(), test.id.as_str())));
    let (full, ids): (Vec<&str>, Vec<&str>) = all.into_iter().unzip();
    let short = names::shortest(&full, &ids).into_iter().map(|name| names::one_line(&name).into_owned());
    full.iter().map(|name| (*name).to_owned()).zip(short).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_name_of_its_own_and_a_line_of_help() {
        for format in FORMATS {
            assert_eq!(find(format.name()).map(Format::name), Some(format.name()));
            assert!(!format.about().is_empty() && !format.about().contains('\n'), "{format:?}");
        }
        assert!(find("html").is_none());
    }
}
