//! `--save-baseline` and `--baseline`: results kept under a name, in a file, or measured again from a revision.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::partition::hash;
use super::{Session, last_run, owner};
use crate::benchstat::input::encoding;
use crate::console;
use crate::formats::json;
use crate::fs::{self, DRAFT, Draft};
use crate::measure::Rivals;
pub use crate::results::lines::Base;
use crate::results::lines::{Memory, Run, RunStarted};
use crate::results::names;
use crate::session::revision;
use crate::{Error, Result};

/// A name stands for a folder below the target directory; text that looks like a path is a path.
pub fn is_name(text: &str) -> bool {
    !text.contains(['/', '\\']) && !text.ends_with(".jsonl") && !matches!(text, "" | "." | "..")
}

/// Where the baseline `name` of the workspace at `root` is, or will be. If another workspace that shares the target
/// directory has the name already, ours gets a suffix.
fn folder(home: &Path, name: &str, root: &Path) -> PathBuf {
    let plain = home.join("baselines").join(name);
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let marked = plain.with_file_name(format!("{name}~{:08x}", hash(&root.to_string_lossy()) as u32));
    let is_foreign = || {
        let text = fs::read_text(plain.join("results.jsonl")).ok()?;
        owner::foreign(&Run::parse(&text).ok()?.started, &root).map(drop)
    };
    if marked.exists() || is_foreign().is_some() { marked } else { plain }
}

/// The results of the baseline `name`, found without asking cargo; `None` if there is none.
pub fn find(name: &str) -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let root = owner::workspace_around(&here).unwrap_or(here);
    let file = folder(&last_run::home()?, name, &root).join("results.jsonl");
    (is_name(name) && file.is_file()).then_some(file)
}

/// Loads the run that `--baseline` names. `words` is the whole command line, for the run of another revision.
pub fn load(label: Option<&String>, words: &[OsString], session: &mut Session) -> Result<Option<Base>> {
    let Some(label) = label.cloned() else { return Ok(None) };
    if let Some(revision) = label.strip_prefix("git:") {
        let measured = revision::measure(revision, words, session)?;
        let run = read(revision::KEPT, &measured.home, &measured.root)?;
        let root = measured.tree.at.clone();
        let rivals = fs::read_to_string(&measured.executables).ok().and_then(|text| serde_json::from_str(&text).ok());
        session.rivals = rivals.map(|rivals: Rivals| rivals.called(&label));
        session.revision = Some(measured);
        return of_this_workspace(Base { label, run, root }, session).map(Some);
    }
    let run = read(&label, &session.workspace.home, &session.workspace.root)?;
    of_this_workspace(Base { label, run, root: session.workspace.root.clone() }, session).map(Some)
}

/// The results kept as `label` below `home`, or in the file of that name.
pub fn read(label: &str, home: &Path, root: &Path) -> Result<Run> {
    let named = is_name(label) && !Path::new(label).is_file();
    let path = if named { folder(home, label, root).join("results.jsonl") } else { PathBuf::from(label) };
    let bytes = fs::read_input(&path).map_err(|error| {
        let known = known(home, root);
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
    let of_it = |error: &dyn std::fmt::Display| Error::usage(format!("--baseline {label}: {error}"));
    // A shell or an editor may have changed how it is written.
    let text = encoding::decode(bytes).map_err(|error| of_it(&error))?;
    Run::parse(&text).map_err(|error| of_it(&error))
}

/// Refuses results that share nothing with this workspace.
fn of_this_workspace(base: Base, session: &Session) -> Result<Base> {
    let packages: BTreeSet<&str> = base.run.finished.iter().map(|one| one.package.as_str()).collect();
    match elsewhere(&packages, session) {
        Some(text) => Err(Error::usage(format!("--baseline {}: it is {text}", base.label))),
        None => Ok(base),
    }
}

/// `of another package: q; here is p`, if none of `packages` is a member of the workspace.
pub fn elsewhere(packages: &BTreeSet<&str>, session: &Session) -> Option<String> {
    let members = &session.workspace.members;
    if packages.is_empty() || members.iter().any(|member| packages.contains(member.as_str())) {
        return None;
    }
    let packages: Vec<&str> = packages.iter().copied().collect();
    Some(format!("of another package: {}; here is {}", packages.join(", "), members.join(", ")))
}

/// The names of this workspace's baselines.
fn known(home: &Path, root: &Path) -> Vec<String> {
    let own = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let name = name.split('~').next()?.to_owned();
        (folder(home, &name, root) == path && !name.starts_with(DRAFT)).then_some(name)
    };
    let mut names: Vec<String> =
        fs::read_dir(home.join("baselines")).unwrap_or_default().into_iter().filter_map(own).collect();
    names.sort();
    names
}

/// Lists the differences between the two runs besides the code.
pub fn warn_of_differences(label: &str, was: &RunStarted, now: &RunStarted) {
    let pairs = [
        ("rustc", &was.rustc, &now.rustc),
        ("target", &was.target, &now.target),
        ("profile", &was.profile, &now.profile),
        ("CPU", &was.cpu, &now.cpu),
    ];
    for (what, was, now) in pairs {
        if !was.is_empty() && was != now {
            console::warn(&format!("{label} was measured with another {what}: {was}, now {now}"));
        }
    }
}

/// Keeps `run` as `name`, with its memory profiles; without them as a file. `recounts`: counts of other processes, by
/// full name.
pub fn save(name: &str, home: &Path, root: &Path, run: &Run, recounts: &BTreeMap<String, Vec<Memory>>) -> Result<()> {
    if run.end().failed > 0 {
        let failed = if run.failed.is_empty() { "tests" } else { "benchmarks" };
        console::warn(&format!("the baseline {name} is not saved: {failed} failed"));
        return Ok(());
    }
    let mut run = Run { checks: Vec::new(), ..run.clone() };
    let mut profiles = Vec::new();
    for finished in &mut run.finished {
        recounts.get(&finished.name).into_iter().flatten().for_each(|memory| finished.memory.join(memory));
        // The next run writes its own over these.
        profiles.push(std::mem::take(&mut finished.profiles).mem);
    }
    if !is_name(name) {
        return fs::write_output(Path::new(name), json::lines(&run).as_bytes());
    }
    let folder = folder(home, name, root);
    let draft = Draft::new_in(&home.join("baselines"))?;
    write_draft(draft.path(), &folder, run, &profiles)?;
    draft.replace(&folder)
}

/// The baseline that will stand in `folder`, in `draft`.
fn write_draft(draft: &Path, folder: &Path, mut run: Run, profiles: &[Option<String>]) -> Result<()> {
    for (finished, from) in run.finished.iter_mut().zip(profiles) {
        let Some(from) = from else { continue };
        let place = Path::new("profiles").join(names::safe_path(&finished.name)).join("mem.prof");
        fs::copy(Path::new(from), &draft.join(&place))?;
        finished.profiles.mem = Some(folder.join(&place).to_string_lossy().into_owned());
    }
    fs::write(draft.join("results.jsonl"), json::lines(&run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::sample::finished;

    /// One benchmark with these allocations and this mem.prof.
    fn run(allocs: f64, mem: &Path) -> Run {
        let text = String::new;
        let mut one = finished("p/t/a", allocs, 8.0, true);
        one.profiles.mem = Some(mem.to_string_lossy().into_owned());
        one.profiles.cpu = one.profiles.mem.clone();
        let started = RunStarted {
            format_version: 1,
            tool: text(),
            rustc: text(),
            target: text(),
            profile: text(),
            cpu: text(),
            commit: None,
            workspace: None,
        };
        Run { started, finished: vec![one], ..Run::default() }
    }

    #[test]
    fn what_is_kept_is_nobody_else_s() {
        let home = tempfile::tempdir().unwrap();
        let (home, mem) = (home.path(), home.path().join("mem.prof"));
        std::fs::write(&mem, "1").unwrap();
        // The profiles are those of the last run, not of this file.
        let file = home.join("kept.jsonl");
        let recounts = BTreeMap::from([("p/t/a".to_owned(), vec![finished("p/t/a", 3.0, 8.0, true).memory])]);
        save(file.to_str().unwrap(), home, home, &run(1.0, &mem), &recounts).unwrap();
        let kept = read(file.to_str().unwrap(), home, home).unwrap().finished.remove(0);
        assert_eq!(kept.profiles, crate::results::lines::Profiles::default());
        // Counts of other processes differ.
        assert_eq!((kept.memory.exact, kept.memory.allocs_per_op_range), (false, Some([1.0, 3.0])));

        save("main", home, home, &run(1.0, &mem), &BTreeMap::new()).unwrap();
        std::fs::write(&mem, "2").unwrap();
        save("main", home, home, &run(2.0, &mem), &BTreeMap::new()).unwrap();
        let allocs = || read("main", home, home).unwrap().finished[0].memory.allocs_per_op;
        let kept = home.join("baselines/main/profiles/p/t/a/mem.prof");
        assert_eq!((allocs(), std::fs::read_to_string(&kept).unwrap().as_str()), (2.0, "2"));
        // A failed save leaves the old baseline.
        assert!(save("main", home, home, &run(3.0, &home.join("none")), &BTreeMap::new()).is_err());
        assert_eq!((allocs(), known(home, home)), (2.0, vec!["main".to_owned()]));
        assert_eq!(std::fs::read_dir(home.join("baselines")).unwrap().count(), 1);
    }

    #[test]
    fn what_looks_like_a_path_is_one() {
        assert!(is_name("main") && is_name("v1.2"));
        assert!(!is_name("a/b") && !is_name("main.jsonl") && !is_name("..") && !is_name(""));
    }
}
