//! The workspace that results belong to: several may share one target directory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::results::lines::RunStarted;

/// The workspace of a run, if that is another one than `here` and still exists. Results from another machine, or of a
/// workspace that was moved, name a folder that does not exist, and may belong to any workspace.
pub fn foreign<'a>(started: &'a RunStarted, here: &Path) -> Option<&'a Path> {
    let root = Path::new(started.workspace.as_deref()?);
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    (real(root) != real(here) && root.join("Cargo.toml").is_file()).then_some(root)
}

/// The same, if the workspace around the current directory (or of `manifest`) is not known yet. Outside of any
/// workspace, every run is accepted.
pub fn foreign_to_here<'a>(started: &'a RunStarted, manifest: Option<&Path>) -> Option<&'a Path> {
    let root = Path::new(started.workspace.as_deref()?);
    let folder = match manifest {
        Some(manifest) => std::path::absolute(manifest).ok()?.parent()?.to_owned(),
        None => std::env::current_dir().ok()?,
    };
    // Mostly it is the workspace's own folder, and cargo need not be asked.
    if folder == root {
        return None;
    }
    foreign(started, &workspace_around(&folder)?)
}

/// The root of the workspace around `folder`.
pub fn workspace_around(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find(|folder| folder.join("Cargo.toml").is_file())?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["locate-project", "--workspace", "--message-format", "plain"]).current_dir(folder);
    let out = command.stdin(Stdio::null()).output().ok().filter(|out| out.status.success())?;
    Some(Path::new(String::from_utf8(out.stdout).ok()?.trim()).parent()?.to_owned())
}

/// In words.
pub fn described(root: &Path) -> String {
    format!("it is of another workspace: {}", root.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_workspace_that_is_there_is_foreign() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        for root in [&one, &other] {
            std::fs::create_dir(root).unwrap();
            std::fs::write(root.join("Cargo.toml"), "").unwrap();
        }
        let of = |root: Option<&Path>| RunStarted {
            workspace: root.map(|root| root.display().to_string()),
            ..RunStarted::default()
        };
        assert_eq!(foreign(&of(Some(&other)), &one), Some(&*other));
        assert_eq!(foreign(&of(Some(&one)), &dir.path().join("other/../one")), None);
        assert_eq!(foreign(&of(Some(&dir.path().join("gone"))), &one), None);
        assert_eq!(foreign(&of(None), &one), None);
    }
}
