//! Heap and CPU profiles, of x86-64 and AArch64 Linux with glibc; elsewhere they are refused. One test: there is one recording.

use std::hint::black_box;

use memprof::{cpu, heap, Error};

#[global_allocator]
static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();

#[inline(never)]
#[allow(clippy::vec_box)] // As many blocks as asked for.
fn kept(n: usize) -> Vec<Box<[u8; 100]>> {
    (0..n).map(|_| black_box(Box::new([0; 100]))).collect()
}

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_env = "gnu",
    not(miri)
)))]
#[test]
fn other_platforms_count_only() {
    assert!(matches!(heap::start(heap::Sample::Exact), Err(Error::Unsupported)));
    assert!(matches!(cpu::start(100), Err(Error::Unsupported)));
    assert_eq!(memprof::measure(|| kept(10)).allocs, 11);
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), target_env = "gnu", not(miri)))]
#[test]
fn heap_and_cpu() {
    assert!(matches!(heap::write(Vec::new()), Err(Error::NotStarted)));
    assert!(matches!(cpu::stop(), Err(Error::NotStarted)));
    assert!(matches!(memprof::snapshot(), Err(Error::NotStarted)));
    let older = kept(5);

    heap::start(heap::Sample::Exact).unwrap();
    assert!(matches!(heap::start(heap::Sample::Exact), Err(Error::AlreadyStarted)));
    drop(older);
    let live = kept(50);
    drop(kept(20));
    let other = std::thread::spawn(|| kept(7)).join().unwrap();
    // Measurements go on beside it, with the same counts.
    assert_eq!(memprof::measure(|| kept(3)).allocs, 4);
    let snapshot = memprof::snapshot().unwrap();
    assert!(snapshot.bytes >= 80 * 100 && snapshot.freed_bytes >= 23 * 100, "{snapshot:?}");
    let profile = heap::profile().unwrap();
    let text = format!("{profile:?}");
    assert!(text.contains("inuse_space"), "{text}");
    for (kind, at_least) in
        [("alloc_objects", 84), ("alloc_space", 80 * 100), ("inuse_objects", 59), ("inuse_space", 57 * 100)]
    {
        let sum = profile.sum(kind);
        assert!((at_least..at_least + at_least / 4 + 800).contains(&sum), "{kind} {sum}");
    }
    assert_eq!(profile.sum("no such type"), 0);
    drop((live, other));

    // Both at once, and each stops by itself.
    cpu::start(1000).unwrap();
    assert!(matches!(cpu::start(100), Err(Error::AlreadyStarted)));
    let worker = std::thread::spawn(|| memprof::label("phase", "work", || memprof::label("inner", "2", spin)));
    spin();
    worker.join().unwrap();
    let stopped = heap::stop().unwrap();
    assert!(stopped.sum("inuse_space") < 5000, "{}", stopped.sum("inuse_space"));
    let samples = cpu::stop().unwrap();
    assert!(samples.sum("samples") > 10, "{samples:?}");
    assert_eq!(samples.sum("cpu"), samples.sum("samples") * 1_000_000);
    let mut bytes = Vec::new();
    samples.write_to(&mut bytes).unwrap();
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for text in ["samples", "phase", "work", "inner", "2", "profiles-"] {
        assert!(has(text), "{text}");
    }
    assert_eq!(has("profiles::spin"), cfg!(feature = "symbolize"));

    sampled();

    // Once more, from the beginning.
    heap::start(heap::Sample::Exact).unwrap();
    drop(kept(1));
    assert_eq!(heap::stop().unwrap().sum("alloc_objects"), 2);
    assert!(matches!(heap::stop(), Err(Error::NotStarted)));
}

/// 300,000 blocks of 100 B, and one in 4,096 bytes: some 7,300 of them, give or take 1.2 %.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), target_env = "gnu", not(miri)))]
fn sampled() {
    for rate in [0, 1] {
        heap::start(heap::Sample::Bytes(rate)).unwrap();
        drop(kept(3));
        let all = heap::stop().unwrap();
        assert_eq!((all.sum("alloc_objects"), all.sum("inuse_objects")), (4, 0), "{rate}");
    }
    heap::start(heap::Sample::Bytes(4096)).unwrap();
    assert!(matches!(heap::start(heap::Sample::Exact), Err(Error::AlreadyStarted)));
    let before = memprof::snapshot().unwrap();
    let live = kept(150_000);
    drop(kept(150_000));
    let after = memprof::snapshot().unwrap();
    // All are counted.
    assert_eq!(after.allocs - before.allocs, 300_002);
    assert_eq!(after.bytes - before.bytes, 300_000 * 108);
    assert_eq!(memprof::measure(|| kept(10)).allocs, 11);
    let profile = heap::stop().unwrap();
    for (kind, expected) in [
        ("alloc_objects", 300_000),
        ("alloc_space", 300_000 * 108),
        ("inuse_objects", 150_000),
        ("inuse_space", 150_000 * 108),
    ] {
        let sum = profile.sum(kind);
        assert!(sum.abs_diff(expected) < expected / 10, "{kind}: {sum}, not {expected}");
    }
    drop(live);
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), target_env = "gnu", not(miri)))]
#[inline(never)]
fn spin() {
    let begun = std::time::Instant::now();
    while begun.elapsed() < std::time::Duration::from_millis(100) {
        black_box((0..1000u64).fold(0, |a, b| a ^ b));
    }
}
