use super::*;
use crate::live_map;
use crate::track::Track;
use std::alloc::{GlobalAlloc, Layout, System};

/// Threads that outlive the bracket are counted until it closes, and no further.
#[test]
fn nothing_is_counted_once_the_bracket_is_closed() {
    let _one_bracket = live_map::tests::lock();
    thread::initialize();
    closes_over_busy_threads();
    // As if the kernel refused.
    barrier::tests::refuse();
    begin(COUNT);
    open();
    assert_eq!(RECORDING.load(Ordering::Relaxed), COUNT | FENCED);
    end();
    closes_over_busy_threads();
    thread::initialize();
}

fn closes_over_busy_threads() {
    static ALLOCATOR: Track<System> = Track::new(System);
    static OVER: AtomicBool = AtomicBool::new(false);
    fn spin() {
        (0..1_000).for_each(|_| std::hint::spin_loop());
    }
    OVER.store(false, Ordering::Relaxed);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let layout = Layout::new::<u64>();
                while !OVER.load(Ordering::Relaxed) {
                    // SAFETY: the size is not 0; the block is given back with the layout it was allocated with.
                    unsafe { ALLOCATOR.dealloc(ALLOCATOR.alloc(layout), layout) };
                }
            });
        }
        let (mut counted, mut late, mut odd) = (0, 0, 0);
        for round in 0..1_000 {
            begin(if round % 2 == 0 { COUNT } else { COUNT | LIVE });
            open();
            spin();
            close();
            let at_close = Totals::now();
            spin();
            late += u32::from(Totals::now() != at_close);
            let totals = end().totals;
            odd += u32::from(totals.frees > totals.allocs);
            counted += totals.allocs;
        }
        OVER.store(true, Ordering::Relaxed);
        assert_eq!((late, odd), (0, 0));
        assert!(counted > 0);
    });
}
