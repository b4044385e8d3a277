use std::fmt::Write as _;
use std::hint::black_box;

use crate::embed::{self, Site};
use crate::measure::{begin, end, Counts};

/// A bound of an assertion, as it is written.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub enum Limit {
    AtMost(u64),
    Below(u64),
    Exactly(u64),
}

impl Limit {
    fn admits(self, value: u64) -> bool {
        match self {
            Limit::AtMost(limit) => value <= limit,
            Limit::Below(limit) => value < limit,
            Limit::Exactly(limit) => value == limit,
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Limit::AtMost(limit) => write!(f, "<= {limit}"),
            Limit::Below(limit) => write!(f, "< {limit}"),
            Limit::Exactly(limit) => write!(f, "== {limit}"),
        }
    }
}

/// The value of `body`, whose `number` is within `limit`; else panics with the sites.
#[doc(hidden)]
#[track_caller]
pub fn check<T>(unit: &str, limit: Limit, number: fn(&Counts) -> u64, body: impl FnOnce() -> T) -> T {
    let open = begin(true);
    let value = black_box(body());
    let counts = end(&open);
    if !limit.admits(number(&counts)) {
        let sites = open.sites();
        drop(open);
        let told = told(sites, |site| (site.allocs, site.bytes));
        panic!(
            "{} {unit}, expected {limit} ({} allocations, {} B){told}",
            number(&counts),
            counts.allocs,
            counts.bytes
        );
    }
    value
}

/// Runs `body` and drops its value; panics if blocks of it are live.
#[doc(hidden)]
#[track_caller]
pub fn check_leaks<T>(body: impl FnOnce() -> T) {
    let open = begin(true);
    drop(black_box(body()));
    // Where it is one, nothing is lost by waiting.
    open.settle(true);
    let counts = end(&open);
    if counts.retained_blocks != 0 || counts.retained != 0 {
        let sites = open.sites();
        drop(open);
        let told = told(sites, |site| (site.live_blocks, site.live_bytes));
        panic!("{} blocks leaked, {} B{told}", counts.retained_blocks, counts.retained);
    }
}

/// The stacks with most of what is asked for, a line a frame.
fn told(mut sites: Vec<Site>, amount: impl Fn(&Site) -> (u64, u64)) -> String {
    const MOST: usize = 8;
    sites.retain(|site| amount(site).0 != 0);
    sites.sort_by_key(|site| std::cmp::Reverse(amount(site)));
    let mut text = String::new();
    for site in sites.iter().take(MOST) {
        let (blocks, bytes) = amount(site);
        let _ = write!(text, "\n  {blocks} × at, {bytes} B:");
        for line in frames(site) {
            let _ = write!(text, "\n      {line}");
        }
    }
    if sites.len() > MOST {
        let _ = write!(text, "\n  and {} more places", sites.len() - MOST);
    }
    text
}

fn frames(site: &Site) -> Vec<String> {
    let addresses = site.addresses.iter().copied().take_while(|&address| address != 0);
    #[cfg(feature = "symbolize")]
    {
        let named = named(addresses.clone());
        if !named.is_empty() {
            return named;
        }
    }
    addresses
        .map(|address| match embed::place_of(address - 1) {
            Some((path, at)) => format!("{}+{at:#x}", String::from_utf8_lossy(&path)),
            None => format!("{address:#x}"),
        })
        .collect()
}

/// Functions and lines from the program's call of std or the allocator to the start of the thread.
#[cfg(feature = "symbolize")]
fn named(addresses: impl Iterator<Item = usize>) -> Vec<String> {
    let frames = addresses.flat_map(|address| crate::symbolize::frames(address as u64 - 1));
    let frames = frames.skip_while(|frame| !frame.name.contains("__rust_"));
    let is_std =
        |file: &str| ["alloc", "core", "std"].iter().any(|name| file.contains(&format!("/library/{name}/src/")));
    let frames = frames.skip_while(|frame| crate::profile::is_plumbing(&frame.name) || is_std(&frame.file));
    let frames = frames.take_while(|frame| !frame.name.contains("__rust_begin_short_backtrace"));
    frames.map(|frame| format!("{}  {}:{}", frame.name, frame.file, frame.line)).collect()
}

/// Asserts on the number of allocations of a block, whose value it gives: `<=`, `<` or `==` a number.
///
/// Counted are the threads of [`measure`](crate::measure); a resize counts. A failure panics with the places that
/// allocate: `file+offset`, or functions and lines with the feature `symbolize`. It panics, too, where the program's
/// `#[global_allocator]` is not an [`Allocator`](crate::Allocator).
///
/// It takes half a microsecond itself, and some 4 µs an allocation inside, whose stack is kept.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
/// let text = memprof::assert_allocs!(<= 1, { "a".repeat(10) });
/// assert_eq!(text.len(), 10);
/// ```
#[macro_export]
macro_rules! assert_allocs {
    (<= $limit:expr, $body:expr $(,)?) => {
        $crate::check("allocations", $crate::Limit::AtMost($limit), |counts| counts.allocs, || $body)
    };
    (< $limit:expr, $body:expr $(,)?) => {
        $crate::check("allocations", $crate::Limit::Below($limit), |counts| counts.allocs, || $body)
    };
    (== $limit:expr, $body:expr $(,)?) => {
        $crate::check("allocations", $crate::Limit::Exactly($limit), |counts| counts.allocs, || $body)
    };
}

/// As [`assert_allocs!`], on the bytes that a block asks for, in total.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
/// memprof::assert_bytes!(<= 64, { Box::new([0u64; 8]) });
/// ```
#[macro_export]
macro_rules! assert_bytes {
    (<= $limit:expr, $body:expr $(,)?) => {
        $crate::check("bytes", $crate::Limit::AtMost($limit), |counts| counts.bytes, || $body)
    };
    (< $limit:expr, $body:expr $(,)?) => {
        $crate::check("bytes", $crate::Limit::Below($limit), |counts| counts.bytes, || $body)
    };
    (== $limit:expr, $body:expr $(,)?) => {
        $crate::check("bytes", $crate::Limit::Exactly($limit), |counts| counts.bytes, || $body)
    };
}

/// As [`assert_allocs!`], on the most bytes that a block's own allocations hold at one time.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
/// memprof::assert_peak!(<= 100, {
///     drop(vec![0u8; 100]);
///     drop(vec![0u8; 100]);
/// });
/// ```
#[macro_export]
macro_rules! assert_peak {
    (<= $limit:expr, $body:expr $(,)?) => {
        $crate::check("bytes at the peak", $crate::Limit::AtMost($limit), |counts| counts.peak, || $body)
    };
    (< $limit:expr, $body:expr $(,)?) => {
        $crate::check("bytes at the peak", $crate::Limit::Below($limit), |counts| counts.peak, || $body)
    };
    (== $limit:expr, $body:expr $(,)?) => {
        $crate::check("bytes at the peak", $crate::Limit::Exactly($limit), |counts| counts.peak, || $body)
    };
}

/// Asserts that every allocation of a block is freed when its value is dropped, by whatever thread. Threads that are
/// about to end are waited for, up to a second.
///
/// It panics as [`assert_allocs!`] does, with the places that allocated what is left.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
/// memprof::assert_no_leaks!({ vec![String::from("a"), String::from("b")] });
/// ```
///
/// ```should_panic
/// # #[global_allocator]
/// # static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
/// memprof::assert_no_leaks!({ Box::leak(Box::new(1)); });
/// ```
#[macro_export]
macro_rules! assert_no_leaks {
    ($body:expr $(,)?) => {
        $crate::check_leaks(|| $body)
    };
}
