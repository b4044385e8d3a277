//! The folder of one run: its records, plans and tables, and its instructions for the wrapper. Two runs at a time use
//! different ones, even if they are in containers that number their processes alike.

use std::path::{Path, PathBuf};

use crate::inject::remove_unused;
use crate::{Error, Result, fs};

/// Removed when the run is over, however it ends; a later run removes the folder of a killed one.
#[derive(Debug)]
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// Makes it below the tool's own folder.
    pub fn make(home: &Path) -> Result<Scratch> {
        let runs = home.join("runs");
        fs::create_dir_all(&runs)?;
        remove_unused(&runs, "");
        let dir =
            tempfile::Builder::new().prefix("").tempdir_in(&runs).map_err(|e| Error::file("write to", &runs, e))?;
        Ok(Scratch(dir.keep()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_run_takes_the_folder_of_another() {
        let home = tempfile::tempdir().unwrap();
        let one = Scratch::make(home.path()).unwrap();
        std::fs::write(one.0.join("setup.json"), "{}").unwrap();
        let other = Scratch::make(home.path()).unwrap();
        assert_ne!(one.0, other.0);
        assert!(std::fs::read_dir(&other.0).unwrap().next().is_none());
        let path = one.0.clone();
        drop(one);
        assert!(!path.exists() && other.0.exists());
    }
}
