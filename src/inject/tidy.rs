//! Removes runtimes and overlays of earlier versions, compilers and sources that have not been used for a while.
//!
//! Not at once: two toolchains may take turns in one target directory, and another run may still use the older files.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const KEPT_FOR: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const MARK: &str = "used";

fn mark(folder: &Path) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(format!(".{MARK}"));
    name.into()
}

/// Notes beside `folder` that it was used now. If that cannot be written, nothing is lost.
pub fn note_use(folder: &Path) {
    let _ = std::fs::write(mark(folder), "");
}

/// Removes the folders in `dir` whose names begin with `prefix` and that have not been used for two weeks.
pub fn remove_unused(dir: &Path, prefix: &str) {
    let long_ago = |path: &Path| {
        let used = std::fs::metadata(mark(path)).or_else(|_| std::fs::metadata(path)).and_then(|of| of.modified());
        used.is_ok_and(|used| SystemTime::now().duration_since(used).is_ok_and(|age| age > KEPT_FOR))
    };
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(prefix);
        // Symbolic links in an overlay are removed, not followed.
        if ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) && long_ago(&path) {
            let _ = std::fs::remove_dir_all(&path);
            let _ = std::fs::remove_file(mark(&path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_used_for_long_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - KEPT_FOR - Duration::from_secs(60);
        for name in ["runtime-old", "runtime-used", "other"] {
            let path = dir.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("file"), "").unwrap();
            std::fs::File::open(&path).unwrap().set_modified(long_ago).unwrap();
        }
        note_use(&dir.path().join("runtime-used"));
        remove_unused(dir.path(), "runtime-");
        let left = |name: &str| dir.path().join(name).exists();
        assert!(!left("runtime-old") && left("runtime-used") && left("other"));
    }
}
