//! Which benchmarks a command line selects.

use regex::Regex;

use super::options::RunArgs;
use super::partition::Partition;
use crate::project::{BenchTarget, Workspace};
use crate::{Error, Result};

/// The benchmarks that the command line selects.
pub struct Selection {
    bench: Vec<(String, Regex)>,
    filters: Vec<Regex>,
    partition: Option<Partition>,
    against: Option<String>,
}

impl Selection {
    pub fn new(args: &RunArgs) -> Result<Selection> {
        let compile = |text: &String| {
            Regex::new(text).map_err(|e| {
                let reason = e.to_string().lines().last().unwrap_or_default().trim().to_owned();
                Error::usage(format!("`{text}` is no regular expression: {}", reason.trim_start_matches("error: ")))
            })
        };
        Ok(Selection {
            bench: args.select.bench.iter().map(|text| Ok((text.clone(), compile(text)?))).collect::<Result<_>>()?,
            filters: args.filters.iter().map(compile).collect::<Result<_>>()?,
            partition: args.select.partition,
            against: args.output.against.clone(),
        })
    }

    /// The regular expressions that were typed.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.bench.iter().map(|(text, _)| text.as_str()).chain(self.filters.iter().map(Regex::as_str))
    }

    /// The variant that the others of its group are compared with.
    pub fn against(&self) -> Option<&str> {
        self.against.as_deref()
    }

    /// Whether names exclude a part of the benchmarks.
    pub fn is_partial(&self) -> bool {
        !(self.bench.is_empty() && self.filters.is_empty() && self.partition.is_none())
    }

    /// The targets to build: if each --bench is a target's name only those, else all.
    pub fn targets(&self, workspace: &Workspace) -> Vec<BenchTarget> {
        let all = !self.names_targets(workspace);
        let wanted = |target: &&BenchTarget| all || self.bench.iter().any(|(text, _)| *text == target.name);
        workspace.targets.iter().filter(wanted).cloned().collect()
    }

    /// Whether --bench is there, and each one is a target's name.
    pub fn names_targets(&self, workspace: &Workspace) -> bool {
        let is_name = |(text, _): &(String, Regex)| workspace.targets.iter().any(|target| target.name == *text);
        !self.bench.is_empty() && self.bench.iter().all(is_name)
    }

    /// [`Selection::wants`], in any part (`--partition`).
    pub fn matches(&self, targets: &[BenchTarget], package: &str, target: &str, id: &str) -> bool {
        let path = format!("{target}/{id}");
        let full = format!("{package}/{path}");
        let by_bench = |(text, regex): &(String, Regex)| {
            if targets.iter().any(|target| target.name == *text) { target == text } else { regex.is_match(&path) }
        };
        (self.bench.is_empty() || self.bench.iter().any(by_bench))
            && (self.filters.is_empty()
                || self.filters.iter().any(|regex| regex.is_match(&path) || is_suffix(&full, regex.as_str())))
    }

    /// Whether the name of a target may select it alone, whatever its benchmarks are called.
    pub fn may_mean(&self, target: &BenchTarget) -> bool {
        let path = format!("{}/", target.name);
        let full = format!("{}/{path}", target.package);
        let fits = |regex: &Regex| regex.is_match(&path) || regex.as_str().starts_with(&full);
        (self.bench.is_empty() || self.bench.iter().any(|(text, regex)| *text == target.name || fits(regex)))
            && (self.filters.is_empty() || self.filters.iter().any(fits))
    }

    /// Whether a benchmark is wanted. A bench target's name selects that target and no other.
    pub fn wants(&self, targets: &[BenchTarget], package: &str, target: &str, id: &str) -> bool {
        self.matches(targets, package, target, id)
            && self.partition.is_none_or(|partition| partition.has(&format!("{package}/{target}/{id}")))
    }
}

/// Whether `text` is the full name or its last parts, letter by letter: an id may have characters that regular
/// expressions interpret.
fn is_suffix(full: &str, text: &str) -> bool {
    full.strip_suffix(text).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}
