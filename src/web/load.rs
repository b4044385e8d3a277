//! What takes time is kept while there is room: profiles, which are read when they are first looked at, and pages of large ones.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::pages::Shown;
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

/// What takes longer is kept.
const SLOW: Duration = Duration::from_millis(200);
/// Pages that are kept.
const PAGES: usize = 8;

/// Pages that took long to make: one goes to and fro between a few.
#[derive(Default)]
pub struct Slow {
    kept: Mutex<Vec<(String, Arc<Shown>)>>,
}

impl Slow {
    /// The page called `key`, made by `make` unless it is known.
    pub fn get(&self, key: &str, make: impl FnOnce() -> Result<Shown, String>) -> Result<Arc<Shown>, String> {
        let known = |kept: &Vec<(String, Arc<Shown>)>| {
            kept.iter().find(|(known, _)| known == key).map(|(_, shown)| shown.clone())
        };
        if let Some(shown) = self.kept.lock().ok().as_deref().and_then(known) {
            return Ok(shown);
        }
        let started = Instant::now();
        let shown = Arc::new(make()?);
        if started.elapsed() > SLOW
            && let Ok(mut kept) = self.kept.lock()
        {
            if kept.len() >= PAGES {
                kept.remove(0);
            }
            kept.push((key.to_owned(), shown.clone()));
        }
        Ok(shown)
    }
}
