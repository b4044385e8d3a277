//! Memory that does not come from the allocator under observation.

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sys;

/// What is mapped, so that it can be told how much of it is resident. Mappings beyond these are not told of.
struct Mapping {
    at: AtomicUsize,
    len: AtomicUsize,
}

const MAPPINGS: usize = 4096;
#[allow(clippy::declare_interior_mutable_const)]
const NONE: Mapping = Mapping { at: AtomicUsize::new(0), len: AtomicUsize::new(0) };
static MAPPED: [Mapping; MAPPINGS] = [NONE; MAPPINGS];

/// `len` zeroed bytes straight from the kernel, touched (and so resident) only as they are used; null where there are none.
pub fn map(len: usize) -> *mut u8 {
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

/// Gives back what [`map`] returned.
///
/// # Safety
/// `at` and `len` are those of one earlier [`map`], and nothing refers to it any more.
pub unsafe fn unmap(at: *mut u8, len: usize) {
    if let Some(mapping) = MAPPED.iter().find(|mapping| mapping.at.load(Ordering::Relaxed) == at as usize) {
        mapping.len.store(0, Ordering::Relaxed);
        mapping.at.store(0, Ordering::Relaxed);
    }
    sys::munmap(at.cast(), len);
}

/// Bytes of all that is mapped that are in memory: pages that were ever written to.
pub fn resident() -> u64 {
    const PAGE: usize = 4096;
    let mut pages = [0u8; 4096];
    let mut resident = 0;
    for mapping in &MAPPED {
        let (at, end) = (mapping.at.load(Ordering::Relaxed), mapping.len.load(Ordering::Relaxed));
        for from in (0..end).step_by(pages.len() * PAGE) {
            let len = (end - from).min(pages.len() * PAGE);
            let told = &mut pages[..(len + PAGE - 1) / PAGE];
            // SAFETY: `told` has a byte for each page asked about; a mapping that has gone meanwhile is an error, no more.
            if unsafe { sys::mincore((at + from) as *mut _, len, told.as_mut_ptr()) } == 0 {
                resident += told.iter().filter(|&&page| page & 1 != 0).count() * PAGE;
            }
        }
    }
    resident as u64
}

/// Makes mapped memory zero again and gives its pages back; it stays mapped.
///
/// # Safety
/// `at` and `len` are those of one earlier [`map`], and nobody relies on its contents.
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
