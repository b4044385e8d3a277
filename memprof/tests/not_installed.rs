//! A program without the allocator: nothing passes on counts of zero.

use std::panic::catch_unwind;

use memprof::{allocs_per_run, assert_allocs, assert_no_leaks, heap, measure, Error};

fn refused(body: impl FnOnce() + std::panic::UnwindSafe) {
    let error = catch_unwind(body).expect_err("it passed");
    let text = error.downcast::<String>().unwrap();
    assert!(text.contains("#[global_allocator] static ALLOCATOR: memprof::Allocator ="), "{text}");
}

#[test]
fn everything_that_counts_fails() {
    refused(|| assert_eq!(measure(|| ()).allocs, 0));
    refused(|| assert_eq!(allocs_per_run(1, || ()), 0.0));
    refused(|| assert_allocs!(<= 5, ()));
    refused(|| memprof::assert_bytes!(<= 5, ()));
    refused(|| memprof::assert_peak!(<= 5, ()));
    refused(|| assert_no_leaks!(()));
    assert!(matches!(heap::start(heap::Sample::Exact), Err(Error::NotInstalled)));
    assert_eq!(memprof::all_threads(|| memprof::label("a", "b", || 1)), 1);
}
