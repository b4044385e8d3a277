//! Memory that does not come from the allocator under observation: straight from the system's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

static TOTAL: AtomicUsize = AtomicUsize::new(0);

pub fn look() {}

fn layout(len: usize) -> Option<Layout> {
    Layout::from_size_align(len.max(1), 64).ok()
}

/// Memory that only makes things faster is not taken: the system may count all of it as used.
pub fn map_to_spare(_len: usize) -> *mut u8 {
    ptr::null_mut()
}

/// `len` zeroed bytes; null if there are none.
pub fn map(len: usize) -> *mut u8 {
    TOTAL.fetch_add(len, Ordering::Relaxed);
    // SAFETY: the size is not 0.
    layout(len).map_or(ptr::null_mut(), |layout| unsafe { System.alloc_zeroed(layout) })
}

/// Gives back memory from [`map`].
///
/// # Safety
/// `at` and `len` are those of one earlier [`map`], and nothing refers to it any more.
pub unsafe fn unmap(at: *mut u8, len: usize) {
    TOTAL.fetch_sub(len, Ordering::Relaxed);
    if let Some(layout) = layout(len) {
        System.dealloc(at, layout);
    }
}

/// Bytes of all that was taken.
pub fn resident() -> u64 {
    TOTAL.load(Ordering::Relaxed) as u64
}

/// Makes mapped memory zero again.
///
/// # Safety
/// `at` and `len` are those of one earlier [`map`], and no code relies on its contents.
pub unsafe fn empty(at: *mut u8, len: usize) {
    ptr::write_bytes(at, 0, len);
}
