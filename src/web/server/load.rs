//! A bounded cache of profiles, which are read on first use, and of pages that were slow to make.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use super::routes::Shown;
use crate::pprof::front::fetch::{Loaded, load_file};

/// The number of cached profiles; a run may have a thousand benchmarks.
const KEPT: usize = 6;

/// Identifies a file's state when it was read.
type Version = (PathBuf, Option<SystemTime>, u64);

#[derive(Default)]
pub struct Shelf {
    /// The most recently used one is last.
    kept: Mutex<Vec<(Version, Arc<Loaded>)>>,
}

impl Shelf {
    /// The profile in the file at `path`; the error tells the user what to do if the file is gone.
    pub fn get(&self, path: &Path) -> Result<Arc<Loaded>, String> {
        // A run in progress may replace it.
        let metadata = std::fs::metadata(path).ok();
        let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
        let version: Version = (path.to_owned(), modified, metadata.as_ref().map_or(0, |metadata| metadata.len()));
        let known = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let known = kept.iter().position(|(known, _)| *known == version).map(|at| kept.remove(at).1);
            kept.retain(|((other, ..), _)| other != path);
            known
        };
        // Read without the lock, so that other requests do not wait.
        let loaded = match known {
            Some(loaded) => loaded,
            None => Arc::new(load_file(path)?),
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((version, loaded.clone()));
        Ok(loaded)
    }
}

/// Pages that take longer are cached.
const SLOW: Duration = Duration::from_millis(200);
/// The number of cached pages.
const PAGES: usize = 8;

/// A page, and its profile: a profile that was read again counts as a different one.
struct Kept {
    of: Weak<Loaded>,
    key: String,
    shown: Arc<Shown>,
}

/// Pages that took long to make: users go back and forth between a few.
#[derive(Default)]
pub struct Slow {
    kept: Mutex<Vec<Kept>>,
    /// Pages in the making, by key.
    making: Mutex<Vec<(String, Weak<Mutex<()>>)>>,
}

impl Slow {
    /// The page called `key` of a profile; calls `make` unless the page is cached.
    pub fn get(
        &self,
        loaded: &Arc<Loaded>,
        key: &str,
        make: impl FnOnce() -> Result<Shown, String>,
    ) -> Result<Arc<Shown>, String> {
        let of = Arc::downgrade(loaded);
        // A second request for the same page waits for the first.
        let making = self.making(key);
        let _making = making.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().iter().find(|one| one.key == key && one.of.ptr_eq(&of)).map(|one| one.shown.clone());
        if let Some(shown) = known {
            return Ok(shown);
        }
        let started = Instant::now();
        let shown = Arc::new(make()?);
        if started.elapsed() > SLOW {
            let mut kept = lock();
            if kept.len() >= PAGES {
                kept.remove(0);
            }
            kept.push(Kept { of, key: key.to_owned(), shown: shown.clone() });
        }
        Ok(shown)
    }

    /// The lock held while the page called `key` is made.
    fn making(&self, key: &str) -> Arc<Mutex<()>> {
        let mut all = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, making)| making.strong_count() > 0);
        if let Some(making) = all.iter().find(|(other, _)| other == key).and_then(|(_, making)| making.upgrade()) {
            return making;
        }
        let making = Arc::default();
        all.push((key.to_owned(), Arc::downgrade(&making)));
        making
    }
}
