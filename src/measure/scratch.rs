//! The folder of one run: its records, plans and tables, and what it tells the wrapper. Two runs at a time do not meet.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Is removed when the run is over, however it ends.
#[derive(Debug)]
pub struct Scratch(pub PathBuf);

impl Scratch {
    /// Makes it below the tool's own folder.
    pub fn make(home: &Path) -> Result<Scratch> {
        let dir = home.join("runs").join(std::process::id().to_string());
        std::fs::create_dir_all(&dir).map_err(|e| Error::other(format!("cannot write to {}: {e}", dir.display())))?;
        Ok(Scratch(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
