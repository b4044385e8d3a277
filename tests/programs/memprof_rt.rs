//! Stands in for the injected runtime: an allocator of the same crate and type name that keeps the stack of one allocation.
#![allow(clippy::missing_safety_doc)]

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

pub struct Track<A>(pub A);

pub static ARMED: AtomicBool = AtomicBool::new(false);
pub static DEPTH: AtomicUsize = AtomicUsize::new(0);
pub static STACK: [AtomicUsize; 128] = [const { AtomicUsize::new(0) }; 128];

unsafe extern "C" {
    fn _Unwind_Backtrace(step: extern "C" fn(*mut c_void, *mut c_void) -> i32, argument: *mut c_void) -> i32;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
}

extern "C" fn step(context: *mut c_void, _: *mut c_void) -> i32 {
    let depth = DEPTH.fetch_add(1, Relaxed);
    if let Some(slot) = STACK.get(depth) {
        slot.store(unsafe { _Unwind_GetIP(context) }, Relaxed);
    }
    0
}

#[inline(never)]
pub fn record() {
    if ARMED.swap(false, Relaxed) {
        DEPTH.store(0, Relaxed);
        unsafe { _Unwind_Backtrace(step, std::ptr::null_mut()) };
    }
}

unsafe impl<A: GlobalAlloc> GlobalAlloc for Track<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        record();
        unsafe { self.0.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        record();
        unsafe { self.0.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        record();
        unsafe { self.0.realloc(pointer, layout, size) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { self.0.dealloc(pointer, layout) }
    }
}
