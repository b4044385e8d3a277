//! `--save-baseline` and `--baseline`: results kept under a name, in a file, or made anew from a revision.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::args::RunArgs;
use super::output::{cannot_write, write_results};
use super::prepare::Located;
use super::{revision, shell};
use crate::result::model::{Profiles, Run, RunStarted};
use crate::result::names;
use crate::{Error, Result};

/// What this run is compared with.
pub struct Base {
    /// As it was typed.
    pub label: String,
    pub run: Run,
    /// Where its sources lay.
    pub root: PathBuf,
}

impl Base {
    /// By full name: the same count needs the same number of iterations.
    pub fn counted_iterations(&self) -> HashMap<String, u64> {
        self.run.finished.iter().map(|one| (one.name.clone(), one.memory.iterations)).collect()
    }
}

/// A name is kept below the target directory; what looks like a path is one.
fn is_name(text: &str) -> bool {
    !text.contains(['/', '\\']) && !text.ends_with(".jsonl") && !matches!(text, "" | "." | "..")
}

fn folder(home: &Path, name: &str) -> PathBuf {
    home.join("baselines").join(name)
}

/// What `--baseline` means; `words` is the whole command line, for a run of another revision.
pub fn load(args: &RunArgs, words: &[OsString], located: &Located) -> Result<Option<Base>> {
    let Some(label) = args.output.baseline.clone() else { return Ok(None) };
    if let Some(revision) = label.strip_prefix("git:") {
        let (run, root) = revision::measure(revision, args, words, located)?;
        return of_this_workspace(Base { label, run, root }, located).map(Some);
    }
    let run = read(&label, &located.workspace.home)?;
    of_this_workspace(Base { label, run, root: located.workspace.root.clone() }, located).map(Some)
}

/// The results kept as `label` below `home`, or in the file of that name.
pub fn read(label: &str, home: &Path) -> Result<Run> {
    let named = is_name(label) && !Path::new(label).is_file();
    let path = if named { folder(home, label).join("results.jsonl") } else { PathBuf::from(label) };
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let known = known(home);
        match error.kind() {
            std::io::ErrorKind::NotFound if named && known.is_empty() => {
                Error::usage(format!("there is no baseline `{label}`; make one with --save-baseline {label}"))
            }
            std::io::ErrorKind::NotFound if named => {
                Error::usage(format!("there is no baseline `{label}`, but there are: {}", known.join(", ")))
            }
            _ => Error::usage(format!("--baseline: cannot read {}: {error}", path.display())),
        }
    })?;
    Run::parse(&text).map_err(|error| Error::usage(format!("--baseline {label}: {error}")))
}

/// Refuses results of which nothing can be found here.
fn of_this_workspace(base: Base, located: &Located) -> Result<Base> {
    let packages: BTreeSet<&str> = base.run.finished.iter().map(|one| one.package.as_str()).collect();
    match elsewhere(&packages, located) {
        Some(text) => Err(Error::usage(format!("--baseline {}: it is {text}", base.label))),
        None => Ok(base),
    }
}

/// `of another package: q; here is p`, where none of `packages` is a member of the workspace.
pub fn elsewhere(packages: &BTreeSet<&str>, located: &Located) -> Option<String> {
    let members = &located.workspace.members;
    if packages.is_empty() || members.iter().any(|member| packages.contains(member.as_str())) {
        return None;
    }
    let packages: Vec<&str> = packages.iter().copied().collect();
    Some(format!("of another package: {}; here is {}", packages.join(", "), members.join(", ")))
}

fn known(home: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(home.join("baselines")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Says in what the two runs differ besides the code.
pub fn warn_of_differences(label: &str, was: &RunStarted, now: &RunStarted) {
    let pairs = [
        ("rustc", &was.rustc, &now.rustc),
        ("target", &was.target, &now.target),
        ("profile", &was.profile, &now.profile),
        ("CPU", &was.cpu, &now.cpu),
    ];
    for (what, was, now) in pairs {
        if !was.is_empty() && was != now {
            shell::warn(&format!("{label} was measured with another {what}: {was}, now {now}"));
        }
    }
}

/// Keeps `run` as `name`, with its memory profiles; as a file without.
pub fn save(name: &str, home: &Path, run: &Run) -> Result<()> {
    if !run.failed.is_empty() {
        shell::warn(&format!("the baseline {name} is not saved: benchmarks failed"));
        return Ok(());
    }
    let mut run = Run { checks: Vec::new(), ..run.clone() };
    if !is_name(name) {
        // The next run replaces the profiles.
        run.finished.iter_mut().for_each(|finished| finished.profiles = Profiles::default());
        return write_results(Path::new(name), &run);
    }
    let folder = folder(home, name);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cannot_write(&folder, &error)),
        _ => (),
    }
    for finished in &mut run.finished {
        finished.profiles.cpu = None;
        finished.profiles.dhat = None;
        finished.profiles.block = None;
        let Some(from) = finished.profiles.mem.take() else { continue };
        let to = folder.join("profiles").join(names::safe_path(&finished.name)).join("mem.prof");
        copy(Path::new(&from), &to)?;
        finished.profiles.mem = Some(to.to_string_lossy().into_owned());
    }
    write_results(&folder.join("results.jsonl"), &run)
}

/// Copies a file; the folder is made.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().unwrap_or(to);
    std::fs::create_dir_all(folder).and_then(|()| std::fs::copy(from, to)).map(drop).map_err(|e| cannot_write(to, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_path_is_one() {
        assert!(is_name("main") && is_name("v1.2"));
        assert!(!is_name("a/b") && !is_name("main.jsonl") && !is_name("..") && !is_name(""));
    }
}
