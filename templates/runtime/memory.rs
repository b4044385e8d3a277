//! Memory that does not come from the allocator under observation.

use std::os::raw::c_int;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{shared, sys};

/// The mappings, for the sum of their resident memory. Mappings beyond this number are left out.
struct Mapping {
    at: AtomicUsize,
    len: AtomicUsize,
}

const MAPPINGS: usize = 4096;
#[allow(clippy::declare_interior_mutable_const)]
const NONE: Mapping = Mapping { at: AtomicUsize::new(0), len: AtomicUsize::new(0) };
static MAPPED: [Mapping; MAPPINGS] = [NONE; MAPPINGS];

/// Bytes of address space that may be taken in total, and those that only make things faster; the bytes taken of each.
static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);
static TOTAL: AtomicUsize = AtomicUsize::new(0);
static MOST_TO_SPARE: AtomicUsize = AtomicUsize::new(usize::MAX);
static SPARED: AtomicUsize = AtomicUsize::new(0);

/// Looks at how much address space there is: if it is limited, the user's own allocations need it. Called once, before
/// anything is recorded.
pub fn look() {
    const RLIMIT_DATA: c_int = 2;
    const RLIMIT_AS: c_int = 9;
    /// Whether the kernel counts every mapping as memory that will be used.
    const STRICT: u64 = 1 << 30;
    let mut room = u64::MAX;
    for resource in [RLIMIT_DATA, RLIMIT_AS] {
        let mut limit = sys::rlimit { soft: u64::MAX, hard: u64::MAX };
        // SAFETY: the structure has libc's layout.
        if unsafe { sys::getrlimit(resource, &mut limit) } == 0 {
            room = room.min(limit.soft);
        }
    }
    if matches!(std::fs::read_to_string("/proc/sys/vm/overcommit_memory"), Ok(mode) if mode.trim() == "2") {
        room = room.min(STRICT);
    }
    if room != u64::MAX {
        MOST.store(room as usize / 4, Ordering::Relaxed);
        MOST_TO_SPARE.store(room as usize / 16, Ordering::Relaxed);
    }
}

/// Bytes of address space that may be taken.
pub fn most() -> usize {
    MOST.load(Ordering::Relaxed)
}

/// False if `len` more bytes would be more than `most`; adds them to `taken`.
fn take(taken: &AtomicUsize, most: &AtomicUsize, len: usize) -> bool {
    let fits = taken.fetch_add(len, Ordering::Relaxed).saturating_add(len) <= most.load(Ordering::Relaxed);
    if !fits {
        taken.fetch_sub(len, Ordering::Relaxed);
    }
    fits
}

/// Like [`map`], for memory that only makes things faster.
pub fn map_to_spare(len: usize) -> *mut u8 {
    if take(&SPARED, &MOST_TO_SPARE, len) {
        map(len)
    } else {
        ptr::null_mut()
    }
}

/// `len` zeroed bytes straight from the kernel, touched (and so resident) only as they are used; null if there are
/// none.
pub fn map(len: usize) -> *mut u8 {
    if shared::is_open() {
        return shared::take(len);
    }
    if !take(&TOTAL, &MOST, len) {
        return ptr::null_mut();
    }
    // SAFETY: an anonymous private mapping at an address of the kernel's choice touches nothing that exists.
    let at = unsafe {
        sys::mmap(
            ptr::null_mut(),
            len,
            sys::PROT_READ | sys::PROT_WRITE,
            sys::MAP_PRIVATE | sys::MAP_ANONYMOUS | sys::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if at as isize == -1 {
        TOTAL.fetch_sub(len, Ordering::Relaxed);
        return ptr::null_mut();
    }
    let vacant = |mapping: &&Mapping| {
        mapping.at.load(Ordering::Relaxed) == 0
            && mapping.at.compare_exchange(0, at as usize, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    };
    if let Some(mapping) = MAPPED.iter().find(vacant) {
        mapping.len.store(len, Ordering::Relaxed);
    }
    at as *mut u8
}

/// Gives back memory from [`map`], except memory in the region.
///
/// # Safety
/// `at` and `len` are those of one earlier [`map`], and nothing refers to it any more.
pub unsafe fn unmap(at: *mut u8, len: usize) {
    if shared::holds(at) {
        return;
    }
    if let Some(mapping) = MAPPED.iter().find(|mapping| mapping.at.load(Ordering::Relaxed) == at as usize) {
        mapping.len.store(0, Ordering::Relaxed);
        mapping.at.store(0, Ordering::Relaxed);
    }
    sys::munmap(at.cast(), len);
    TOTAL.fetch_sub(len, Ordering::Relaxed);
}

/// Resident bytes of all mappings: pages that were ever written to.
pub fn resident() -> u64 {
    let page_size = sys::page_size();
    let mut pages = [0u8; 4096];
    let mut resident = 0;
    for mapping in &MAPPED {
        let (at, end) = (mapping.at.load(Ordering::Relaxed), mapping.len.load(Ordering::Relaxed));
        for from in (0..end).step_by(pages.len() * page_size) {
            let len = (end - from).min(pages.len() * page_size);
            let told = &mut pages[..(len + page_size - 1) / page_size];
            // SAFETY: `told` has a byte for each page asked about; if a mapping has gone meanwhile, the call returns an
            // error, no more.
            if unsafe { sys::mincore((at + from) as *mut _, len, told.as_mut_ptr()) } == 0 {
                resident += told.iter().filter(|&&page| page & 1 != 0).count() * page_size;
            }
        }
    }
    resident as u64
}

/// Makes mapped memory zero again and gives its pages back; it stays mapped.
///
/// # Safety
/// `at` and `len` are those of one earlier [`map`], and no code relies on its contents.
pub unsafe fn empty(at: *mut u8, len: usize) {
    sys::madvise(at.cast(), len, sys::MADV_DONTNEED);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_to_is_resident() {
        let at = map(64 << 20);
        for page in 0..1000 {
            // SAFETY: inside the mapping.
            unsafe { at.add(page * 4096).write_volatile(1) };
        }
        assert!(resident() >= 1000 * 4096);
        // SAFETY: the test's own mapping.
        unsafe { unmap(at, 64 << 20) };
    }
}
