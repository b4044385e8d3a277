use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use crate::embed::{self, labels};

/// Every label there was, by its number less one: the label around it, key and value.
struct Labels {
    numbers: HashMap<(u32, String, String), u32>,
    all: Vec<(u32, String, String)>,
}

static LABELS: Mutex<Option<Labels>> = Mutex::new(None);

fn lock() -> MutexGuard<'static, Option<Labels>> {
    LABELS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Runs `body` with a label: the samples of the calling thread's CPU time in it carry `key` and `value`, which pprof's
/// `-tagfocus` and `-tags` select. Labels may be nested; the inner one of a key holds. As in Go, heap profiles have
/// none, and as long as no profile is taken nothing else happens.
///
/// A label takes some 100 ns to begin. Keys and values are kept for good: few of them, please, such as routes and phases.
///
/// ```
/// let sum = memprof::label("phase", "parse", || (1..=10).sum::<u32>());
/// assert_eq!(sum, 55);
/// ```
pub fn label<T>(key: &str, value: &str, body: impl FnOnce() -> T) -> T {
    /// Sets the label back, after a panic, too.
    struct Before(u32);
    impl Drop for Before {
        fn drop(&mut self) {
            labels::set(self.0);
        }
    }
    let before = Before(labels::set(0));
    let number = embed::unrecorded(|| number(before.0, key, value));
    labels::set(number);
    body()
}

fn number(around: u32, key: &str, value: &str) -> u32 {
    let mut labels = lock();
    let labels = labels.get_or_insert_with(|| Labels { numbers: HashMap::new(), all: Vec::new() });
    let label = (around, key.to_owned(), value.to_owned());
    if let Some(&number) = labels.numbers.get(&label) {
        return number;
    }
    labels.all.push(label.clone());
    let number = labels.all.len() as u32;
    labels.numbers.insert(label, number);
    number
}

/// Keys and values of a label and those around it.
pub(crate) fn texts(mut number: u32) -> Vec<(String, String)> {
    let labels = lock();
    let mut texts: Vec<(String, String)> = Vec::new();
    while let (Some(labels), Some(at)) = (&*labels, number.checked_sub(1)) {
        let (around, key, value) = &labels.all[at as usize];
        if texts.iter().all(|(known, _)| known != key) {
            texts.push((key.clone(), value.clone()));
        }
        number = *around;
    }
    texts
}
