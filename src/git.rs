//! The few questions that the tool asks git.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs git and returns its output; the error is the first line of its stderr.
pub fn git(folder: &Path, args: &[&str]) -> Result<String, String> {
    let out = Command::new("git").args(args).current_dir(folder).stdin(Stdio::null()).output();
    let Output { status, stdout, stderr } = out.map_err(|e| format!("cannot run git: {e}"))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).trim().to_owned());
    }
    let stderr = String::from_utf8_lossy(&stderr);
    Err(stderr.lines().next().unwrap_or("git failed").trim_start_matches("fatal: ").to_owned())
}

/// The commit that is checked out; `None` outside a git repository.
pub fn head_commit(root: &Path) -> Option<String> {
    git(root, &["rev-parse", "HEAD"]).ok()
}

/// The form that git shows.
pub fn short_commit(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}
