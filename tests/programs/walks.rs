//! Prints, at the end of several kinds of calls, its registers, the words of its stack, and libgcc's own walk of it.

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

unsafe extern "C" {
    fn _Unwind_Backtrace(step: extern "C" fn(*mut c_void, *mut c_void) -> c_int, argument: *mut c_void) -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
    fn qsort(base: *mut c_void, count: usize, size: usize, compare: extern "C" fn(*const u8, *const u8) -> c_int);
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn raise(number: c_int) -> c_int;
}

static STACK_END: AtomicUsize = AtomicUsize::new(0);

extern "C" fn step(context: *mut c_void, addresses: *mut c_void) -> c_int {
    let addresses = unsafe { &mut *addresses.cast::<Vec<usize>>() };
    addresses.push(unsafe { _Unwind_GetIP(context) });
    0
}

#[inline(never)]
fn capture(name: &str) {
    let (pc, sp, bp): (usize, usize, usize);
    unsafe { std::arch::asm!("lea {}, [rip]", "mov {}, rsp", "mov {}, rbp", out(reg) pc, out(reg) sp, out(reg) bp) };
    let mut addresses: Vec<usize> = Vec::with_capacity(2000);
    unsafe { _Unwind_Backtrace(step, (&raw mut addresses).cast()) };
    let words = (sp..STACK_END.load(Relaxed)).step_by(8).map(|at| unsafe { std::ptr::read_volatile(at as *const usize) });
    let hex = |words: Vec<usize>| words.iter().map(|word| format!("{word:x}")).collect::<Vec<_>>().join(" ");
    println!("{name}|{pc:x} {sp:x} {bp:x}|{}|{}", hex(words.collect()), hex(addresses));
}

extern "C" fn compare(a: *const u8, b: *const u8) -> c_int {
    static ONCE: AtomicUsize = AtomicUsize::new(0);
    if ONCE.fetch_add(1, Relaxed) == 0 {
        capture("qsort");
    }
    unsafe { i32::from(*a) - i32::from(*b) }
}

extern "C" fn on_signal(_: c_int) {
    capture("signal");
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    if depth == 0 {
        capture("recursion");
        return 1;
    }
    let frame = black_box([depth; 5]);
    recurse(depth - 1) + frame[(depth % 5) as usize]
}

struct OnDrop;

impl Drop for OnDrop {
    fn drop(&mut self) {
        capture("panic");
    }
}

fn main() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let stack = maps.lines().find(|line| line.ends_with("[stack]")).unwrap();
    let end = stack.split(['-', ' ']).nth(1).unwrap();
    STACK_END.store(usize::from_str_radix(end, 16).unwrap(), Relaxed);
    println!("{maps}");
    capture("plain");
    black_box(recurse(black_box(500)));
    let mut bytes = [3_u8, 1, 2];
    unsafe { qsort(bytes.as_mut_ptr().cast(), 3, 1, compare) };
    let mut once = false;
    let mut numbers: Vec<u64> = (0..100).map(|number| number * 37 % 101).collect();
    numbers.sort_by_key(|number| {
        if !std::mem::replace(&mut once, true) {
            capture("closure");
        }
        format!("{number}")
    });
    unsafe {
        signal(10, on_signal);
        raise(10);
    }
    let _ = std::panic::catch_unwind(|| {
        let _guard = OnDrop;
        std::panic::resume_unwind(Box::new(()));
    });
}
