//! An overlay: a crate's source folder in which a few files are edited copies and everything else is a symbolic link.
//!
//! rustc compiles from the overlay and is told to write the original paths into everything it makes.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::arguments::Arguments;
use crate::fs::{self, Draft};
use crate::os::symlink;
use crate::{Error, Result};

/// A folder that stands for another one.
#[derive(Debug)]
pub struct Overlay {
    pub folder: PathBuf,
    pub original: PathBuf,
}

impl Overlay {
    /// Lays out `original` below `overlays` with `edited` (path below `original` → text) in it.
    pub fn lay_out(overlays: &Path, original: &Path, edited: &BTreeMap<PathBuf, String>) -> Result<Overlay> {
        Ok(Overlay { folder: lay_out(overlays, original, edited)?, original: original.to_owned() })
    }

    /// Makes the call compile from the overlay and write the original paths, relative ones too, into all of its output.
    pub fn compile_from_it(&self, args: &mut Arguments) {
        let Some(source) = args.source() else { return };
        let Ok(below) = source.strip_prefix(&self.original) else { return };
        let relative = args.source_argument().is_some_and(Path::is_relative);
        args.set_source(&self.folder.join(below));
        // If several prefixes fit, rustc applies the last one, once: so the user's own is applied here.
        let original = remapped(&self.original, &args.remappings());
        let mut remap = |from: &Path, to: &Path| {
            args.push("--remap-path-prefix");
            args.push(format!("{}={}", from.display(), to.display()));
        };
        remap(&self.folder, &original);
        if let (true, Ok(here)) = (relative, std::env::current_dir())
            && let Ok(below) = here.strip_prefix(&self.original)
        {
            remap(&self.folder.join(below), Path::new(""));
        }
    }
}

/// `path`, rewritten by the last of `mappings` that fits it.
fn remapped(path: &Path, mappings: &[(PathBuf, PathBuf)]) -> PathBuf {
    let fitting = mappings.iter().rev().find_map(|(from, to)| Some(to.join(path.strip_prefix(from).ok()?)));
    fitting.unwrap_or_else(|| path.to_owned())
}

/// The folder's name follows from the original's path and the edited texts, so an existing overlay is the right one.
fn lay_out(overlays: &Path, original: &Path, edited: &BTreeMap<PathBuf, String>) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    (original, edited).hash(&mut hasher);
    // A file that appeared or disappeared beside an edited one makes another overlay.
    let folders: BTreeSet<&Path> = edited.keys().flat_map(|file| file.ancestors().skip(1)).collect();
    for folder in folders {
        let mut entries = fs::read_dir(original.join(folder))?;
        entries.sort();
        entries.hash(&mut hasher);
    }
    let target = overlays.join(format!("{:016x}", hasher.finish()));
    super::tidy::note_use(&target);
    if target.exists() {
        return Ok(target);
    }
    let draft = Draft::new_in(overlays)?;
    fill(draft.path(), original, Path::new(""), edited)?;
    // Another call may have been first; its overlay is the same.
    draft.settle(&target)?;
    Ok(target)
}

/// Makes `draft`/`below` a real folder, since an edited file lies in it.
fn fill(draft: &Path, original: &Path, below: &Path, edited: &BTreeMap<PathBuf, String>) -> Result<()> {
    fs::create_dir_all(draft.join(below))?;
    for entry in fs::read_dir(original.join(below))? {
        let path = below.join(entry.file_name().unwrap_or_default());
        if let Some(text) = edited.get(&path) {
            fs::write(draft.join(&path), text)?;
        } else if edited.keys().any(|file| file.starts_with(&path)) {
            fill(draft, original, &path, edited)?;
        } else {
            let link = draft.join(&path);
            symlink(original.join(&path), &link).map_err(|e| Error::file("make", &link, e))?;
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
        std::fs::write(original.join("a/new.rs"), "").unwrap();
        assert!(lay_out(dir.path(), &original, &edited).unwrap().join("a/new.rs").exists());
        let read = |file: &str| std::fs::read_to_string(overlay.join(file)).unwrap();
        assert_eq!(
            (read("a/mod.rs"), read("lib.rs"), read("a/b/x.rs")),
            ("new".into(), "lib.rs".into(), "a/b/x.rs".into())
        );
        assert!(
            overlay.join("a/b").is_symlink() && overlay.join("lib.rs").is_symlink() && !overlay.join("a").is_symlink()
        );
    }
}
