//! An overlay: a crate's source folder in which a few files are edited copies and everything else is a symbolic link.
//!
//! rustc compiles from the overlay and is told to write the original paths into everything it makes.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Lays out `original` below `overlays` with `edited` (path below `original` → text) in it; the overlay's folder.
///
/// Its name follows from the original's path and the edited texts, so an overlay that is there is the right one.
pub fn lay_out(overlays: &Path, original: &Path, edited: &BTreeMap<PathBuf, String>) -> anyhow::Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    (original, edited).hash(&mut hasher);
    let target = overlays.join(format!("{:016x}", hasher.finish()));
    if target.exists() {
        return Ok(target);
    }
    let draft = overlays.join(format!("{:016x}-{}", hasher.finish(), std::process::id()));
    let _ = std::fs::remove_dir_all(&draft);
    fill(&draft, original, Path::new(""), edited)
        .with_context(|| format!("cannot lay out {} in {}", original.display(), draft.display()))?;
    // Another call may have been first; its overlay is the same.
    if std::fs::rename(&draft, &target).is_err() {
        let _ = std::fs::remove_dir_all(&draft);
    }
    Ok(target)
}

/// Makes `draft`/`below` a real folder, since an edited file lies in it.
fn fill(draft: &Path, original: &Path, below: &Path, edited: &BTreeMap<PathBuf, String>) -> anyhow::Result<()> {
    std::fs::create_dir_all(draft.join(below))?;
    for entry in std::fs::read_dir(original.join(below))? {
        let path = below.join(entry?.file_name());
        if let Some(text) = edited.get(&path) {
            std::fs::write(draft.join(&path), text)?;
        } else if edited.keys().any(|file| file.starts_with(&path)) {
            fill(draft, original, &path, edited)?;
        } else {
            symlink(original.join(&path), draft.join(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_edited_files_are_copies() {
        let dir = tempfile::tempdir().unwrap();
        let original = dir.path().join("src");
        std::fs::create_dir_all(original.join("a/b")).unwrap();
        std::fs::create_dir_all(original.join("c")).unwrap();
        for file in ["lib.rs", "a/mod.rs", "a/b/x.rs", "c/y.rs"] {
            std::fs::write(original.join(file), file).unwrap();
        }
        let edited = BTreeMap::from([(PathBuf::from("a/mod.rs"), "new".to_owned())]);
        let overlay = lay_out(dir.path(), &original, &edited).unwrap();
        assert_eq!(overlay, lay_out(dir.path(), &original, &edited).unwrap());
        let read = |file: &str| std::fs::read_to_string(overlay.join(file)).unwrap();
        assert_eq!((read("a/mod.rs"), read("lib.rs"), read("a/b/x.rs")), ("new".into(), "lib.rs".into(), "a/b/x.rs".into()));
        assert!(overlay.join("a/b").is_symlink() && overlay.join("lib.rs").is_symlink() && !overlay.join("a").is_symlink());
    }
}
