//! Profiles that are read when they are first looked at, and kept while there is room.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::report::fetch::{Loaded, load_file};

/// So many are kept; a run may have a thousand benchmarks.
const KEPT: usize = 6;

#[derive(Default)]
pub struct Shelf {
    /// The last used last.
    kept: Mutex<Vec<(PathBuf, Arc<Loaded>)>>,
}

impl Shelf {
    /// The profile in the file at `path`; the error says what to do where the file has gone.
    pub fn get(&self, path: &Path) -> Result<Arc<Loaded>, String> {
        let mut kept = self.kept.lock().map_err(|_| "a page before has failed; start the server again")?;
        let loaded = match kept.iter().position(|(known, _)| known == path) {
            Some(at) => kept.remove(at).1,
            None => Arc::new(load_file(path, None)?),
        };
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((path.to_owned(), loaded.clone()));
        Ok(loaded)
    }
}
