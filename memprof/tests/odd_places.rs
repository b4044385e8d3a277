//! Measurements where programs are hardly there: before main, in a thread's last destructor, in a fork's child.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), target_env = "gnu", not(miri)))]

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use memprof::measure;

#[global_allocator]
static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();

fn boxes(n: usize) {
    for i in 0..n {
        drop(black_box(Box::new(i)));
    }
}

static BEFORE_MAIN: AtomicU64 = AtomicU64::new(0);

#[used]
#[link_section = ".init_array"]
static CONSTRUCTOR: extern "C" fn() = {
    extern "C" fn before_main() {
        BEFORE_MAIN.store(measure(|| boxes(3)).allocs, Ordering::Relaxed);
    }
    before_main
};

#[test]
fn a_static_constructor() {
    assert_eq!(BEFORE_MAIN.load(Ordering::Relaxed), 3);
}

#[test]
fn a_thread_locals_destructor() {
    static COUNTED: AtomicU64 = AtomicU64::new(0);
    struct AtTheEnd;
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            COUNTED.store(measure(|| boxes(4)).allocs, Ordering::Relaxed);
        }
    }
    thread_local! {
        static LAST: AtTheEnd = const { AtTheEnd };
    }
    let around = measure(|| std::thread::spawn(|| LAST.with(|_| boxes(1))).join().unwrap());
    assert_eq!(COUNTED.load(Ordering::Relaxed), 4);
    assert!(around.allocs >= 5, "{around:?}");
}

extern "C" {
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(code: i32) -> !;
}

#[test]
fn a_fork_inside() {
    let mut child = 0;
    let counts = measure(|| {
        boxes(1);
        // SAFETY: the child allocates, which glibc allows, and ends without running anything of its parent's.
        child = unsafe { fork() };
        if child == 0 {
            let inside = measure(|| boxes(5)).allocs;
            unsafe { _exit(if inside == 5 { 7 } else { 1 }) };
        }
        boxes(2);
    });
    let mut status = 0;
    // SAFETY: the child above.
    unsafe { waitpid(child, &mut status, 0) };
    assert_eq!((counts.allocs, status >> 8), (3, 7));
}
