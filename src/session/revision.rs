//! `--baseline git:REV`: that revision in a worktree of its own, measured there with the same options. Only the history
//! of the user's tree is read, and nothing is changed in it.
//!
//! The worktree has one place for each target directory. The files of a revision keep the time of its first measurement
//! there, until another revision is measured: so cargo rebuilds the output of another revision, and nothing else.

use std::ffi::OsString;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use super::Session;
use crate::console;
use crate::git::{git, short_commit};
use crate::inject::own_path;
use crate::measure::Interrupt;
use crate::{Error, Result, exit, fs, os};

/// The options whose values are about this run and not about the other.
const OWN: [&str; 11] = [
    "--http",
    "--blockprofile",
    "--diff",
    "--baseline",
    "--save-baseline",
    "--message-format",
    "--memprofile",
    "--cpuprofile",
    "--manifest-path",
    "--target-dir",
    "--outputdir",
];

/// A revision that was measured; its results are kept as the baseline [`KEPT`].
pub struct Measured {
    /// The tool's folder there.
    pub home: PathBuf,
    /// The root of its workspace.
    pub root: PathBuf,
    pub tree: Tree,
    /// The list of its executables.
    pub executables: PathBuf,
    /// No other revision replaces it before its results are read.
    _lock: File,
}

/// Runs the benches of `revision` as `words` say.
pub fn measure(revision: &str, words: &[OsString], session: &Session) -> Result<Measured> {
    let root = &session.workspace.root;
    let label = format!("git:{revision}");
    let bad = |what: String| Error::usage(format!("--baseline {label}: {what}"));
    let top = git(root, &["rev-parse", "--show-toplevel"]).map_err(bad)?;
    let commit =
        git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")]);
    let commit = commit.map_err(|_| bad("git knows no such revision".to_owned()))?;
    // A build directory of its own: cargo names build output by paths relative to the workspace, so that in one
    // directory the two trees would take each other's executables for their own.
    let home = session.workspace.home.join("revisions");
    fs::create_dir_all(&home)?;
    let lock = lock(&home, &session.interrupt)?;
    let subject = git(root, &["show", "--no-patch", "--format=%s", &commit]).unwrap_or_default();
    console::note(&format!("{label}: measuring commit {} ({subject}) first", short_commit(&commit)));
    let at = place(&home)?;
    let tree = Tree { repository: PathBuf::from(&top), at };
    // Left behind by a killed run.
    tree.remove();
    let there = tree.at.to_string_lossy().into_owned();
    git(root, &["worktree", "add", "--detach", "--quiet", &there, &commit]).map_err(bad)?;
    let age = first_measured(&home, &commit)?;
    set_age(&tree.at, age).map_err(|e| Error::file("write to", &tree.at, e))?;

    let inside = |path: &Path| path.strip_prefix(&top).map(|rest| tree.at.join(rest)).ok();
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().map_err(|e| Error::with("there is no current directory", e))?;
    let folder = inside(&here).filter(|folder| folder.is_dir());
    let folder = folder.or_else(|| inside(root)).ok_or_else(|| bad(format!("{} is not in {top}", root.display())))?;
    let mut command = Command::new(own_path()?);
    command.arg("run").current_dir(&folder).arg("--target-dir").arg(&home).arg("--message-format=json");
    if let Some(manifest) = session.args.select.cargo.manifest_path.as_deref().and_then(|path| inside(&absolute(path)))
    {
        command.arg("--manifest-path").arg(manifest);
    }
    // A kept baseline is counted in several processes, and its profiles are not those of the next run.
    command.arg("--save-baseline").arg(KEPT);
    let executables = home.join("executables.json");
    command.arg("--executables").arg(&executables);
    command.args(without_own(words)).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.spawn().map_err(|e| Error::run(&command, e))?;
    let watch = session.interrupt.pass_on_to(&child);
    let status = child.wait().map_err(|e| Error::with("cannot wait for the other run", e))?;
    drop(watch);
    session.interrupt.check()?;
    if !status.success() {
        let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::ERROR);
        return Err(Error::OtherRun {
            code,
            message: format!("--baseline git:{revision}: its benches could not be measured (see above)"),
        });
    }
    let there = inside(root).unwrap_or_else(|| tree.at.clone());
    Ok(Measured { home: home.join("memprof"), root: there, tree, executables, _lock: lock })
}

/// The name of the other run's results in its own target directory.
pub const KEPT: &str = "revision";

/// One revision at a time; held until it is dropped.
fn lock(home: &Path, interrupt: &Interrupt) -> Result<File> {
    let path = home.join("lock");
    let file = fs::lock_file(&path)?;
    let mut waits = false;
    loop {
        if os::try_lock(&file).map_err(|e| Error::file("lock", &path, e))? {
            return Ok(file);
        }
        interrupt.check()?;
        if !std::mem::replace(&mut waits, true) {
            console::note("another run measures a revision; waiting for it");
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The worktree's place: always the same, so that cargo recognizes its earlier output. Inside the user's folder cargo
/// would take it for a part of the user's workspace, and read today's configuration.
fn place(home: &Path) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    home.hash(&mut hasher);
    let own = std::env::temp_dir().join(format!("cargo-memprof-{}", os::user()));
    match os::create_private_folder(&own) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(Error::file("make", own, error)),
        _ => (),
    }
    // The name can be guessed: no other user may have made the folder, or may write there.
    let found = own.symlink_metadata().map_err(|e| Error::file("read", &own, e))?;
    if !found.is_dir() || os::owner(&found) != os::user() || os::mode(&found) & 0o077 != 0 {
        return Err(Error::other(format!(
            "{} must be a folder that only you can use; remove it and run again",
            own.display()
        )));
    }
    Ok(own.join(format!("{:016x}", hasher.finish())))
}

/// When the revision that was measured last in `home` was first measured there: now, if that was another one.
fn first_measured(home: &Path, commit: &str) -> Result<SystemTime> {
    let stamp = home.join("measured");
    let is_this = std::fs::read_to_string(&stamp).is_ok_and(|text| text == commit);
    if !is_this {
        fs::replace(&stamp, commit.as_bytes())?;
    }
    stamp.metadata().and_then(|metadata| metadata.modified()).map_err(|e| Error::file("read", &stamp, e))
}

/// Makes all below `path` as old as `age`.
fn set_age(path: &Path, age: SystemTime) -> std::io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            set_age(&entry.path(), age)?;
        } else if kind.is_file() {
            File::open(entry.path())?.set_modified(age)?;
        }
    }
    File::open(path)?.set_modified(age)
}

/// The command line without the options of [`OWN`], `-json`, `--accept` and their values.
fn without_own(words: &[OsString]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let text = word.to_string_lossy();
        if text == "--" {
            kept.push(word.clone());
            break;
        }
        let name = format!("--{}", text.trim_start_matches('-').split('=').next().unwrap_or_default());
        let is_option = text.starts_with('-');
        if is_option && OWN.contains(&name.as_str()) {
            if !text.contains('=') {
                rest.next();
            }
        } else if !(is_option
            && matches!(
                name.as_str(),
                "--json" | "--no-browser" | "--no_browser" | "--accept" | "--last-run" | "--no-run"
            ))
        {
            kept.push(word.clone());
        }
    }
    kept.extend(rest.cloned());
    kept
}

/// A worktree that is gone when it is dropped.
pub struct Tree {
    repository: PathBuf,
    pub at: PathBuf,
}

impl Tree {
    fn remove(&self) {
        let at = self.at.to_string_lossy().into_owned();
        let _ = git(&self.repository, &["worktree", "remove", "--force", &at]);
        let _ = std::fs::remove_dir_all(&self.at);
        let _ = git(&self.repository, &["worktree", "prune"]);
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Build output of another revision is older than the files; that of this revision is newer.
    #[test]
    fn files_are_as_old_as_the_first_measurement_of_their_revision() {
        let home = std::env::temp_dir().join(format!("memprof-ages-{}", std::process::id()));
        let tree = home.join("tree/src");
        std::fs::create_dir_all(&tree).unwrap();
        let first = first_measured(&home, "a").unwrap();
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(tree.join("lib.rs"), "").unwrap();
        assert_eq!(first_measured(&home, "a").unwrap(), first);
        set_age(&home.join("tree"), first).unwrap();
        for path in [&tree, &tree.join("lib.rs")] {
            assert_eq!(path.metadata().unwrap().modified().unwrap(), first);
        }
        let second = first_measured(&home, "b").unwrap();
        assert!(second > first && first_measured(&home, "a").unwrap() >= second);
        std::fs::remove_dir_all(&home).unwrap();
    }

    #[test]
    fn the_other_run_has_the_same_options_but_its_own_places() {
        let words =
            "-benchtime 20ms --baseline git:main pooled -json --target-dir=x --manifest-path y -p z -- --baseline";
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        assert_eq!(without_own(&words).join(" ".as_ref()), "-benchtime 20ms pooled -p z -- --baseline");
    }
}
