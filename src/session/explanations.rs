//! Explanations: the selected benchmarks are recorded again, with the lives of all blocks and without timing. Each explanation is
//! kept beside mem.prof, for `--last-run` and for the report.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Session, owner};
use crate::explain::{self, Explanation, PROFILE, SIDECAR, Surroundings};
use crate::formats::json;
use crate::pprof::profile::{self, Profile};
use crate::results::lines::{Failed, Finished, Run, RunStarted};
use crate::results::names;
use crate::{Error, Result, console, fs, measure};

/// An explanation, with the profile that is compared to a baseline's.
pub struct Explained {
    pub explanation: Explanation,
    pub profile: Profile,
    pub iterations: u64,
}

pub type Outcome = std::result::Result<Explained, Failed>;

/// The content of explain.json: the line that `--message-format json` prints, and its workspace.
#[derive(Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Sidecar {
    Explain {
        #[serde(flatten)]
        explanation: Box<Explanation>,
        /// The root of the workspace.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        workspace: Option<String>,
    },
}

impl Session<'_> {
    /// Records and explains the selected benchmarks.
    pub fn explain(&mut self) -> Result<Vec<Outcome>> {
        self.config.needs_stacks("explain")?;
        self.counted_iterations = iterations_of_last_run(self);
        let build = self.build()?;
        let listing = self.list(&build)?;
        let mut outcomes: Vec<Outcome> = listing.failed.iter().cloned().map(Err).collect();
        let sources = Sources::default();
        let read = |file: &str, line: u32| sources.line(file, line);
        let options = self.pass_options();
        self.progress.expect(listing.benchmarks() as u64);
        for suite in &listing.suites {
            if suite.whole_process {
                let target = suite.target();
                console::note(&format!(
                    "{}/{}: not explained, for its operations cannot be told apart",
                    target.package, target.name
                ));
                continue;
            }
            for outcome in measure::explain(suite, &mut self.measuring(&options))? {
                let around = Surroundings { root: self.workspace.root.clone(), source: &read };
                outcomes.push(match outcome {
                    Ok(explained) => Ok(keep(explained, self, &around)?),
                    Err(failed) => Err(failed),
                });
            }
        }
        self.progress.pause();
        self.interrupt.check()?;
        Ok(outcomes)
    }

    /// The kept explanations of the selected benchmarks; with their profiles, if `profiles`.
    pub fn explained_before(&self, profiles: bool) -> Result<Vec<Outcome>> {
        let home = &self.workspace.home;
        let mut files = Vec::new();
        find_sidecars(&home.join("profiles"), &mut files);
        sort_as_explained(&mut files);
        let mut outcomes = Vec::new();
        for file in &files {
            let text = fs::read_to_string(file)?;
            let Ok(Sidecar::Explain { explanation, workspace }) = serde_json::from_str(&text) else {
                console::warn(&format!(
                    "{} is of another version; `cargo memprof explain` makes it anew",
                    file.display()
                ));
                continue;
            };
            let started = RunStarted { workspace, ..RunStarted::default() };
            if !wanted(&explanation.name, self) || owner::foreign(&started, &self.workspace.root).is_some() {
                continue;
            }
            let profile = if profiles { kept_profile(&file.with_file_name(PROFILE))? } else { Profile::default() };
            let iterations = explanation.iterations;
            outcomes.push(Ok(Explained { explanation: *explanation, profile, iterations }));
        }
        if outcomes.is_empty() {
            let found = if files.is_empty() {
                "nothing was explained"
            } else {
                "none of the selected benchmarks was explained"
            };
            let message = format!("{found} since the last run; leave --last-run out to measure");
            return Err(Error::nothing_measured(message));
        }
        Ok(outcomes)
    }
}

/// Explains, and keeps it for later.
fn keep(explained: measure::Explained, session: &Session, around: &Surroundings) -> Result<Explained> {
    let measure::Explained { name, memory, recording, profile } = explained;
    let explanation = explain::explain(&name, &memory, &recording, around);
    let blocks = serde_json::to_vec(&explain::blocks(&recording, around));
    let blocks = blocks.map_err(|e| Error::with("cannot keep the blocks", e))?;
    let at = sidecar(&session.workspace.home, &name);
    fs::replace(&at.with_file_name(explain::BLOCKS), &blocks)?;
    write(&session.workspace.home, &session.workspace.root, &explanation, &profile)?;
    Ok(Explained { explanation, profile, iterations: memory.iterations })
}

/// Keeps an explanation for later, with the profile of its counts.
pub fn write(home: &Path, root: &Path, explanation: &Explanation, profile: &Profile) -> Result<()> {
    let at = sidecar(home, &explanation.name);
    fs::replace(&at.with_file_name(PROFILE), &profile::write(profile))?;
    fs::replace(&at, json::line(&line(explanation, root)).as_bytes())
}

/// Its JSON line.
pub fn line(explanation: &Explanation, root: &Path) -> Sidecar {
    let workspace = Some(root.to_string_lossy().into_owned());
    Sidecar::Explain { explanation: Box::new(explanation.clone()), workspace }
}

fn sidecar(home: &Path, name: &str) -> PathBuf {
    home.join("profiles").join(names::safe_path(name)).join(SIDECAR)
}

/// As many as the last run counted: then the numbers are the same.
fn iterations_of_last_run(session: &Session) -> HashMap<String, u64> {
    let run = read_results(&session.workspace.home).unwrap_or_default();
    run.into_iter().map(|one| (one.name, one.memory.iterations)).collect()
}

fn read_results(home: &Path) -> Option<Vec<Finished>> {
    let text = fs::read_text(home.join("results.jsonl")).ok()?;
    Some(Run::parse(&text).ok()?.finished)
}

/// In the order in which they were written, which is the order in which they were shown.
fn sort_as_explained(files: &mut [PathBuf]) {
    let written = |file: &PathBuf| file.metadata().and_then(|about| about.modified()).ok();
    files.sort_by_cached_key(|file| (written(file), file.clone()));
}

/// The profile of a kept explanation.
fn kept_profile(path: &Path) -> Result<Profile> {
    let wrong = |why: String| {
        Error::other(format!("cannot read {}: {why}; leave --last-run out to measure anew", path.display()))
    };
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    profile::read(&bytes).map_err(|error| wrong(error.to_string()))
}

/// Whether a full name is selected.
fn wanted(name: &str, session: &Session) -> bool {
    session.workspace.targets.iter().any(|target| {
        let id = name.strip_prefix(&format!("{}/{}/", target.package, target.name));
        id.is_some_and(|id| session.selection.wants(&session.workspace.targets, &target.package, &target.name, id))
    })
}

fn find_sidecars(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find_sidecars(&path, found);
        } else if path.ends_with(SIDECAR) {
            found.push(path);
        }
    }
}

/// Lines of source files, each file read once.
#[derive(Default)]
pub struct Sources {
    files: std::cell::RefCell<HashMap<String, Option<Vec<String>>>>,
}

impl Sources {
    pub fn line(&self, file: &str, line: u32) -> Option<String> {
        let mut files = self.files.borrow_mut();
        let lines = files
            .entry(file.to_owned())
            .or_insert_with(|| Some(std::fs::read_to_string(file).ok()?.lines().map(str::to_owned).collect()));
        lines.as_ref()?.get((line as usize).checked_sub(1)?).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_explained_before_comes_in_the_order_of_then() {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, seconds: u64| {
            let path = folder.path().join(name);
            let file = std::fs::File::create(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).unwrap();
            path
        };
        let (last, first, middle) = (written("a", 30), written("b", 10), written("c", 20));
        let mut files = vec![last.clone(), first.clone(), middle.clone()];
        sort_as_explained(&mut files);
        assert_eq!(files, [first, middle, last]);
    }
}
