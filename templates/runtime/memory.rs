//! Memory that does not come from the allocator under observation.

use std::ptr;

use crate::sys;

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
        ptr::null_mut()
    } else {
        at as *mut u8
    }
}

/// Gives back what [`map`] returned.
///
/// # Safety
/// `at` and `len` are those of one earlier [`map`], and nothing refers to it any more.
pub unsafe fn unmap(at: *mut u8, len: usize) {
    sys::munmap(at.cast(), len);
}

/// Makes mapped memory zero again and gives its pages back; it stays mapped.
///
/// # Safety
/// `at` and `len` are those of one earlier [`map`], and nobody relies on its contents.
pub unsafe fn empty(at: *mut u8, len: usize) {
    sys::madvise(at.cast(), len, sys::MADV_DONTNEED);
}
