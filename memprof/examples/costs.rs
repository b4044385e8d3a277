//! The cost of each state of the recorder: the table of docs/library.md.
//!
//!     cargo run --release -p memprof --example costs

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();

const TIMES: u32 = 200_000;

/// Nanoseconds of `body`, the least of many rounds.
fn cost(mut body: impl FnMut()) -> f64 {
    let mut round = || {
        let begun = Instant::now();
        (0..TIMES).for_each(|_| body());
        begun.elapsed().as_nanos() as f64 / f64::from(TIMES)
    };
    (0..10).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// An allocation and its free, by the allocator of the program.
fn block() {
    let layout = Layout::new::<[u64; 4]>();
    // SAFETY: the size is not 0; the block is given back with the layout it was allocated with.
    unsafe { std::alloc::dealloc(black_box(std::alloc::alloc(layout)), layout) }
}

fn main() {
    let layout = Layout::new::<[u64; 4]>();
    // SAFETY: as above.
    let system = cost(|| unsafe { System.dealloc(black_box(System.alloc(layout)), layout) });
    println!("an allocation and its free: {system:.1} ns by the system");
    let added = |state: &str, ns: f64| println!("{:>8.1} ns more: {state}", ns - system);
    added("off", cost(block));
    std::thread::scope(|scope| {
        let (stop, wait) = std::sync::mpsc::channel::<()>();
        let (ready, begun) = std::sync::mpsc::channel();
        scope.spawn(move || {
            memprof::measure(|| {
                ready.send(()).unwrap();
                let _ = wait.recv();
            })
        });
        begun.recv().unwrap();
        added("another thread measures", cost(block));
        drop(stop);
    });
    let mut inside = 0.0;
    memprof::measure(|| inside = cost(block));
    added("inside measure", inside);
    memprof::assert_allocs!(<= u64::MAX, inside = cost(block));
    added("inside an assertion, this deep a stack", inside);
    let one = cost(|| {
        let _ = memprof::measure(|| ());
    });
    println!("{one:>8.1} ns: measure(|| ()) itself");
    let one = cost(|| memprof::assert_allocs!(<= 0, ()));
    println!("{one:>8.1} ns: assert_allocs!(<= 0, ()) itself");
    let one = cost(|| memprof::label("key", "value", || ()));
    println!("{one:>8.1} ns: label(\"key\", \"value\", || ()) itself");

    let begun = Instant::now();
    if let Err(error) = memprof::heap::start(memprof::heap::Sample::Exact) {
        return println!("no profiles: {error}");
    }
    println!("{:>8.1} ms: the first start of a profile", begun.elapsed().as_nanos() as f64 / 1e6);
    added("heap::start", cost(block));
    memprof::heap::stop().unwrap();
    memprof::heap::start(memprof::heap::Sample::Bytes(512 << 10)).unwrap();
    added("heap::start of a sample, one byte in 524,288", cost(block));
    memprof::heap::stop().unwrap();
    memprof::cpu::start(100).unwrap();
    added("cpu::start(100)", cost(block));
    memprof::cpu::stop().unwrap();
    added("off again", cost(block));
}
