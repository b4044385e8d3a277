//! `--baseline git:REV`: that revision in a worktree of its own, measured there with the same options. Of the user's tree
//! nothing is read but its history, and nothing is changed in it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::args::RunArgs;
use super::prepare::Located;
use crate::result::model::Run;
use crate::{Error, Result, exit};

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

/// Runs the benches of `revision` as `words` say: the results, and the folder that its sources lay in.
pub fn measure(revision: &str, args: &RunArgs, words: &[OsString], located: &Located) -> Result<(Run, PathBuf)> {
    let root = &located.workspace.root;
    let bad = |what: String| Error::usage(format!("--baseline git:{revision}: {what}"));
    let top = git(root, &["rev-parse", "--show-toplevel"]).map_err(bad)?;
    let commit =
        git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")]);
    let commit = commit.map_err(|_| bad("git knows no such revision".to_owned()))?;
    // Inside the user's folder cargo would take it for a part of the user's workspace.
    let at = std::env::temp_dir().join(format!("cargo-memprof-{}-{commit}", std::process::id()));
    let tree = Tree { repository: PathBuf::from(&top), at };
    let place = tree.at.to_string_lossy().into_owned();
    git(root, &["worktree", "add", "--detach", "--quiet", &place, &commit]).map_err(bad)?;

    let inside = |path: &Path| path.strip_prefix(&top).map(|rest| tree.at.join(rest)).ok();
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().map_err(|e| Error::other(format!("no current directory: {e}")))?;
    let folder = inside(&here).filter(|folder| folder.is_dir());
    let folder = folder.or_else(|| inside(root)).ok_or_else(|| bad(format!("{} is not in {top}", root.display())))?;
    // A build directory of its own: cargo names what it builds by paths relative to the workspace, so that in one directory
    // the two trees would take each other's executables for their own.
    let home = located.workspace.home.join("revisions");
    let tool = std::env::current_exe().map_err(|e| Error::other(format!("cannot find myself: {e}")))?;
    let mut command = Command::new(tool);
    command.arg("run").current_dir(&folder).arg("--target-dir").arg(&home).arg("--message-format=json");
    if let Some(manifest) = args.select.manifest_path.as_deref().and_then(|path| inside(&absolute(path))) {
        command.arg("--manifest-path").arg(manifest);
    }
    command.args(without_own(words)).stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status().map_err(|e| Error::other(format!("cannot run {}: {e}", tool_name(&command))))?;
    located.interrupt.check()?;
    if !status.success() {
        let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::ERROR);
        return Err(Error::new(
            code,
            format!("--baseline git:{revision}: its benches could not be measured (see above)"),
        ));
    }
    let results = home.join("memprof").join("results.jsonl");
    let text = std::fs::read_to_string(&results);
    let text = text.map_err(|e| Error::other(format!("cannot read {}: {e}", results.display())))?;
    Ok((Run::parse(&text).map_err(bad)?, tree.at.clone()))
}

fn tool_name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
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
struct Tree {
    repository: PathBuf,
    at: PathBuf,
}

impl Drop for Tree {
    fn drop(&mut self) {
        let at = self.at.to_string_lossy().into_owned();
        let _ = git(&self.repository, &["worktree", "remove", "--force", &at]);
        let _ = std::fs::remove_dir_all(&self.at);
        let _ = git(&self.repository, &["worktree", "prune"]);
    }
}

/// What git prints; the error is its first line.
fn git(folder: &Path, args: &[&str]) -> Result<String, String> {
    let out = Command::new("git").args(args).current_dir(folder).stdin(Stdio::null()).output();
    let Output { status, stdout, stderr } = out.map_err(|e| format!("cannot run git: {e}"))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).trim().to_owned());
    }
    let stderr = String::from_utf8_lossy(&stderr);
    Err(stderr.lines().next().unwrap_or("git failed").trim_start_matches("fatal: ").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_run_has_the_same_options_but_its_own_places() {
        let words =
            "-benchtime 20ms --baseline git:main pooled -json --target-dir=x --manifest-path y -p z -- --baseline";
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        assert_eq!(without_own(&words).join(" ".as_ref()), "-benchtime 20ms pooled -p z -- --baseline");
    }
}
