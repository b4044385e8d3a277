//! Counts of closures, beside other tests of this file and beside threads that allocate all the time.

use std::hint::black_box;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::thread;

use memprof::{all_threads, allocs_per_run, assert_allocs, assert_bytes, assert_no_leaks, assert_peak, measure};

#[global_allocator]
static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();

/// Whether threads that are started inside count.
const FOLLOWS: bool = cfg!(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_env = "gnu",
    not(miri),
    not(target_feature = "crt-static")
));

/// Ends the threads that look at it, after a failed assertion, too.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn boxes(n: usize) {
    for i in 0..n {
        drop(black_box(Box::new(i)));
    }
}

#[test]
fn a_vec_that_grows() {
    let counts = measure(|| {
        let mut bytes: Vec<u8> = Vec::with_capacity(8);
        bytes.extend([0; 8]);
        bytes.push(1);
        bytes
    });
    // 8, then a resize to 16.
    assert_eq!((counts.allocs, counts.bytes, counts.frees), (2, 24, 2));
    assert_eq!((counts.peak, counts.retained, counts.retained_blocks), (16, 0, 0));
}

#[test]
fn older_blocks_are_told_apart() {
    let old = vec![0u8; 1000];
    let mut grown: Vec<u8> = Vec::with_capacity(100);
    let counts = measure(|| {
        drop(old);
        grown.resize(150, 0);
        std::mem::forget(black_box(Box::new(7u64)));
    });
    // The resize asks for its size, and adds what it adds: the older block's end is none of ours.
    assert_eq!((counts.allocs, counts.frees, counts.retained_blocks), (2, 0, 1));
    assert_eq!(counts.bytes, grown.capacity() as u64 + 8);
    assert_eq!((counts.retained, counts.peak), (grown.capacity() as u64 - 100 + 8, grown.capacity() as u64 - 100 + 8));
}

#[test]
fn threads_started_inside_count_and_others_do_not() {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = AtEnd(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                boxes(100);
            }
        });
        let plain = measure(|| {
            thread::spawn(|| ()).join().unwrap();
        });
        for _ in 0..20 {
            let spawned = measure(|| {
                thread::spawn(|| thread::spawn(|| boxes(10)).join().unwrap()).join().unwrap();
            });
            let scoped = measure(|| thread::scope(|inner| drop(inner.spawn(|| boxes(30)))));
            if FOLLOWS {
                assert_eq!(spawned.allocs, plain.allocs * 2 + 10);
                assert!(scoped.allocs >= 30 && scoped.allocs < 60, "{scoped:?}");
            }
            // The last of a scoped thread may come late; such a thread is only waited for where it is known.
            let retained = (spawned.retained_blocks, scoped.retained_blocks);
            assert!(!FOLLOWS || retained == (0, 0), "{spawned:?} {scoped:?}");
        }
    });
}

/// std enters each thread in a map of all threads, whose nodes stay as long as other threads need them.
#[test]
fn the_start_of_a_thread_depends_on_no_other() {
    let others = std::sync::Barrier::new(41);
    let at_once = |n: usize| {
        let barrier = std::sync::Barrier::new(n + 1);
        measure(|| {
            thread::scope(|scope| {
                (0..n).for_each(|_| drop(scope.spawn(|| barrier.wait())));
                barrier.wait();
            })
        })
    };
    let check = || {
        // The first one begins what is made once.
        let [_, one, two, forty] = [1, 1, 2, 40].map(at_once);
        assert_eq!(forty.allocs, one.allocs + 39 * (two.allocs - one.allocs), "{one:?} {two:?} {forty:?}");
        assert_eq!(forty.retained_blocks, 0, "{forty:?}");
    };
    if FOLLOWS {
        check();
        thread::scope(|scope| {
            (0..40).for_each(|_| drop(scope.spawn(|| others.wait())));
            check();
            others.wait();
        });
    }
}

/// A thread that outlives the measurement counts for it no more, and not for the next one either.
#[test]
fn a_thread_that_lives_on() {
    let (send, receive) = std::sync::mpsc::sync_channel::<()>(0);
    let mut thread = None;
    let first = measure(|| {
        let named = thread::Builder::new().spawn(move || {
            while receive.recv().is_ok() {
                boxes(1000);
            }
        });
        // Kept by the caller: nothing of it is freed here.
        thread = Some(named.unwrap());
    });
    assert!(first.allocs < 30, "{first:?}");
    for _ in 0..50 {
        assert_eq!(measure(|| boxes(3)).allocs, 3);
        send.send(()).unwrap();
    }
    drop(send);
    thread.unwrap().join().unwrap();
}

#[test]
fn a_block_freed_by_another_thread_is_no_leak() {
    let handed: Mutex<Option<Box<u64>>> = Mutex::new(None);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let end = AtEnd(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                drop(handed.lock().unwrap().take());
            }
        });
        let counts = measure(|| {
            *handed.lock().unwrap() = Some(Box::new(1));
            while handed.lock().unwrap().is_some() {
                thread::yield_now();
            }
        });
        drop(end);
        // The other thread may have taken it and be about to free it.
        assert_eq!((counts.allocs, counts.frees + counts.retained_blocks), (1, 1), "{counts:?}");
    });
    assert_no_leaks!(drop(thread::spawn(|| Box::new(1)).join().unwrap()));
}

#[test]
fn nested_measurements() {
    let mut inner = memprof::Counts::default();
    let outer = measure(|| {
        boxes(1);
        let mut kept = None;
        inner = measure(|| kept = Some(Box::new(5u64)));
        assert_allocs!(== 2, boxes(2));
        // The inner one is closed, the outer one sees the free.
        drop(kept);
    });
    assert_eq!((inner.allocs, inner.retained), (1, 8));
    assert_eq!((outer.allocs, outer.frees, outer.retained, outer.peak), (4, 4, 0, 8 + 8));
}

/// To the inner one the block is one from before: its growth counts, and is over when the block is freed.
#[test]
fn a_block_that_an_inner_measurement_grows() {
    let mut inner = [memprof::Counts::default(); 3];
    let outer = measure(|| {
        let mut bytes: Vec<u8> = Vec::with_capacity(100);
        inner[0] = measure(|| bytes.reserve_exact(300));
        inner[1] = measure(|| {
            bytes.reserve_exact(500);
            bytes.reserve_exact(600);
            drop(std::mem::take(&mut bytes));
        });
        inner[2] = measure(|| ());
    });
    let all = |counts: &memprof::Counts| (counts.allocs, counts.bytes, counts.frees, counts.retained, counts.peak);
    assert_eq!(all(&inner[0]), (1, 300, 0, 200, 200));
    assert_eq!(all(&inner[1]), (2, 1100, 0, 0, 300));
    assert_eq!(all(&inner[2]), (0, 0, 0, 0, 0));
    assert_eq!(all(&outer), (4, 1500, 4, 0, 600));

    // A block of another thread's measurement, which is open.
    let (slot, barrier) = (Mutex::new(None), std::sync::Barrier::new(2));
    thread::scope(|scope| {
        let beside = scope.spawn(|| {
            measure(|| {
                *slot.lock().unwrap() = Some(Vec::<u8>::with_capacity(100));
                barrier.wait();
                barrier.wait();
            })
        });
        barrier.wait();
        let mut taken = slot.lock().unwrap().take().unwrap();
        assert_eq!(all(&measure(|| taken.reserve_exact(300))), (1, 300, 0, 200, 200));
        drop(taken);
        barrier.wait();
        assert_eq!(beside.join().unwrap().retained, 0);
    });
    let told = failure(|| {
        measure(|| {
            let mut bytes: Vec<u8> = Vec::with_capacity(1);
            assert_allocs!(== 0, bytes.reserve_exact(10));
        });
    });
    assert!(told.starts_with("1 allocations, expected == 0 (1 allocations, 10 B)\n  1 × at, 10 B:\n"), "{told}");
}

#[test]
fn a_panic_goes_on_and_leaves_everything_as_it_was() {
    let outer = measure(|| {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            measure(|| {
                boxes(1);
                std::panic::resume_unwind(Box::new("mine"));
            })
        }));
        assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "mine");
    });
    // The panic's own box, and what the unwinder takes.
    assert!(outer.allocs > 1, "{outer:?}");
    assert_eq!(outer.retained_blocks, 0);
    assert_eq!(measure(|| boxes(4)).allocs, 4);
}

#[test]
fn a_pool_counts_where_all_threads_do() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let work = || pool.install(|| rayon::join(|| boxes(50), || boxes(50)));
    work();
    // The pool's workers were there before.
    assert!(measure(work).allocs < 100);
    assert!(measure(|| all_threads(work)).allocs >= 100);
    assert!(measure(|| all_threads(|| all_threads(work))).allocs >= 100);
    assert_eq!(all_threads(|| 5), 5);
}

#[test]
fn runs() {
    let mut runs = 0;
    let allocs = allocs_per_run(10, || {
        runs += 1;
        boxes(if runs == 1 { 1000 } else { runs % 2 });
    });
    assert_eq!((allocs, runs), (0.5, 11));
    assert_eq!(allocs_per_run(0, || boxes(2)), 2.0);
}

#[test]
fn assertions_that_hold_give_the_value() {
    let value = assert_allocs!(<= 1, { String::from("x") });
    assert_eq!(value, "x");
    assert_allocs!(< 2, boxes(1));
    assert_bytes!(== 16, boxes(2),);
    assert_peak!(<= 8, boxes(5));
    assert_no_leaks!({
        let list: Vec<String> = (0..10).map(|i| i.to_string()).collect();
        thread::scope(|scope| drop(scope.spawn(|| drop(list.clone()))));
        list
    });
}

fn failure(body: impl FnOnce()) -> String {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let error = catch_unwind(AssertUnwindSafe(body)).unwrap_err();
    std::panic::set_hook(hook);
    *error.downcast::<String>().unwrap()
}

#[test]
fn assertions_that_fail_say_where() {
    let told = failure(|| assert_allocs!(<= 2, boxes(3)));
    assert!(told.starts_with("3 allocations, expected <= 2 (3 allocations, 24 B)\n  3 × at, 24 B:\n"), "{told}");
    // Its first line is the call of the program itself.
    let is_named = cfg!(feature = "symbolize") && told.lines().nth(2).unwrap().contains("boxes  ");
    assert!(is_named || !cfg!(feature = "symbolize") && told.contains("0x"), "{told}");
    assert_eq!(told.contains("measure.rs:"), cfg!(feature = "symbolize"), "{told}");
    let told = failure(|| assert_bytes!(< 24, boxes(3)));
    assert!(told.starts_with("24 bytes, expected < 24"), "{told}");
    let told = failure(|| assert_peak!(== 9, boxes(3)));
    assert!(told.starts_with("8 bytes at the peak, expected == 9"), "{told}");
    let told = failure(|| {
        assert_no_leaks!({
            boxes(2);
            Box::leak(Box::new(3u64));
        })
    });
    assert!(told.starts_with("1 blocks leaked, 8 B\n  1 × at, 8 B:\n"), "{told}");
    assert_eq!(told.matches("× at").count(), 1, "{told}");
}
