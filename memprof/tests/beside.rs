//! 64 tests beside each other, and beside threads that allocate all the time: none disturbs another. `.ci/slow` runs this a
//! hundred times.

use std::hint::black_box;
use std::sync::Once;
use std::thread;

use memprof::{assert_allocs, assert_bytes, assert_no_leaks, assert_peak, measure};

#[global_allocator]
static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();

fn boxes(n: usize) {
    for i in 0..n {
        drop(black_box(Box::new(i)));
    }
}

fn make_noise() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for _ in 0..2 {
            thread::spawn(|| loop {
                let mut lists: Vec<Vec<u64>> = (1..20).map(|n| vec![0; n]).collect();
                lists.iter_mut().for_each(|list| list.resize(200, 1));
                drop(black_box(lists));
                thread::yield_now();
            });
        }
    });
}

fn check(number: usize) {
    make_noise();
    for round in 1..=20 {
        let n = number % 7 + round;
        assert_allocs!(== n as u64, boxes(n));
        assert_allocs!(<= 1, boxes(1));
        assert_bytes!(== 8 * n as u64, boxes(n));
        assert_peak!(== 100, drop(black_box(vec![0u8; 100])));
        assert_no_leaks!({
            thread::scope(|scope| drop(scope.spawn(|| boxes(n))));
            let list: Vec<String> = (0..n).map(|i| i.to_string()).collect();
            thread::spawn(move || drop(list)).join().unwrap();
        });
        let scoped = measure(|| thread::scope(|scope| scope.spawn(|| boxes(1000)).join().unwrap()));
        let follows = cfg!(all(
            target_os = "linux",
            any(target_arch = "x86_64", target_arch = "aarch64"),
            target_env = "gnu",
            not(miri)
        ));
        assert!(!follows || (1000..1030).contains(&scoped.allocs), "{scoped:?}");
        assert_eq!(scoped.retained_blocks, 0, "{scoped:?}");
    }
}

macro_rules! tests {
    ($($ten:ident)*) => {
        $(mod $ten {
            #[test]
            fn a() { super::check(1) }
            #[test]
            fn b() { super::check(2) }
            #[test]
            fn c() { super::check(3) }
            #[test]
            fn d() { super::check(4) }
            #[test]
            fn e() { super::check(5) }
            #[test]
            fn f() { super::check(6) }
            #[test]
            fn g() { super::check(7) }
            #[test]
            fn h() { super::check(8) }
        })*
    };
}
tests! { one two three four five six seven eight }
