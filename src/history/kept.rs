//! The folder of kept results: one small file a run. Not git notes: a folder is what CI systems keep and hand on, two of
//! them are merged by copying, and nobody needs the right to push. A file is a results.jsonl without samples and
//! profiles, so `compare` and `--baseline` read it too; its first line also names the commit.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::{Commit, Kept};
use crate::formats::json;
use crate::git::{git, short_commit};
use crate::results::lines::{Profiles, Run};
use crate::{Error, Result, fs};

/// The folder below `target/memprof`, unless another one is named.
pub const FOLDER: &str = "history";

/// Keeps the finished benchmarks of `run`, whose sources are at `root`, in `folder`.
pub fn keep(folder: &Path, root: &Path, run: &Run) -> Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let commit = commit(root, &run.started.commit, (now / 1_000_000_000) as i64);
    let mut run = Run { failed: Vec::new(), checks: Vec::new(), ..run.clone() };
    run.started.workspace = None;
    for one in &mut run.finished {
        one.profiles = Profiles::default();
        one.time.samples.clear();
    }
    let text = json::lines(&run);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let mut first: Value = serde_json::from_str(first).map_err(|e| Error::with("cannot keep the results", e))?;
    first["kept"] = serde_json::to_value(&commit).map_err(|e| Error::with("cannot keep the results", e))?;
    let id = if commit.id.is_empty() { "no-commit" } else { short_commit(&commit.id) };
    // No two runs share a name, on whatever machine.
    let path = folder.join(format!("{:010}-{id}-{:08x}.jsonl", commit.committed, now as u32 ^ std::process::id()));
    fs::replace(&path, format!("{first}\n{rest}").as_bytes())?;
    Ok(path)
}

/// The sources at `root`; outside a git repository they are known by the time of the run.
fn commit(root: &Path, id: &Option<String>, now: i64) -> Commit {
    let Some(id) = id else { return Commit { committed: now, ..Commit::default() } };
    let shown = git(root, &["log", "-1", "--format=%ct %s", id]).unwrap_or_default();
    let (committed, subject) = shown.split_once(' ').unwrap_or((&shown, ""));
    let changes = git(root, &["status", "--porcelain", "--untracked-files=no"]);
    Commit {
        committed: committed.parse().unwrap_or(now),
        id: id.clone(),
        modified: changes.is_ok_and(|changes| !changes.is_empty()),
        subject: subject.to_owned(),
    }
}

/// All kept runs in `folder` and the folders below it, as a downloaded artifact has them. A file that cannot be read is
/// an error that names it.
pub fn read(folder: &Path) -> Result<Vec<Kept>> {
    let mut all = Vec::new();
    let mut files = fs::read_dir(folder)?;
    files.sort();
    for path in files {
        if path.is_dir() {
            all.extend(read(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            all.push(kept(&path)?);
        }
    }
    Ok(all)
}

fn kept(path: &Path) -> Result<Kept> {
    let text = fs::read_to_string(path)?;
    let bad = |error: String| Error::usage(format!("{}: {error}", path.display()));
    let run = Run::parse(&text).map_err(bad)?;
    let first: Value = text.lines().next().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let commit = serde_json::from_value(first["kept"].clone())
        .map_err(|_| bad("it is no kept run: `cargo memprof --keep` makes them".to_owned()))?;
    Ok(Kept { commit, run })
}

/// The kept runs of the commits after `revision`, and of that commit itself.
pub fn since(kept: Vec<Kept>, revision: &str, root: &Path) -> Result<Vec<Kept>> {
    let Ok(first) = git(root, &["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")]) else {
        // Without the repository, the kept commits are all that is known.
        let from = kept.iter().find(|one| !revision.is_empty() && one.commit.id.starts_with(revision));
        let from = from.map(|one| one.commit.committed);
        let from = from.ok_or_else(|| {
            Error::usage(format!("--since {revision}: git has no such revision here, and no kept run is of it"))
        })?;
        return Ok(kept.into_iter().filter(|one| one.commit.committed >= from).collect());
    };
    let before = git(root, &["rev-list", &first]).map_err(Error::usage)?;
    let before: HashSet<&str> = before.lines().filter(|id| *id != first).collect();
    Ok(kept.into_iter().filter(|one| !before.contains(one.commit.id.as_str())).collect())
}
