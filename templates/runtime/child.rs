//! A child of fork that is recorded by itself: it goes on in a copy of the region, in a file that the tool has made for it,
//! and counts from the fork on. Blocks of its parent that it frees are not its own.

use std::sync::OnceLock;

use crate::shared;

/// Files for children, by their paths, with a space between.
static FILES: OnceLock<&'static str> = OnceLock::new();

pub fn are_recorded_in(files: &'static str) {
    let _ = FILES.set(files);
}

/// The calling process is such a child; false if there is no file left for it.
pub fn takes_a_file() -> bool {
    let files = FILES.get().copied().unwrap_or_default();
    files.split(' ').filter(|path| !path.is_empty()).any(|path| matches!(shared::go_on_in(path), Ok(true)))
}
