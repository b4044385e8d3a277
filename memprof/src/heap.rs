//! Heap profiles: the stack of every allocation, with what it allocated and what of that is live.
//!
//! ```
//! # #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), target_env = "gnu"))]
//! # fn main() -> memprof::Result<()> {
//! #[global_allocator]
//! static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
//!
//! memprof::heap::start(memprof::heap::Sample::Exact)?;
//! let kept = vec![0u8; 100];
//! let mut bytes = Vec::new();
//! memprof::heap::write(&mut bytes)?; // as often as you like
//! memprof::heap::stop()?;
//! # drop(kept);
//! # Ok(())
//! # }
//! # #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), target_env = "gnu")))]
//! # fn main() {}
//! ```

use std::collections::HashMap;
use std::io::Write;
use std::sync::Mutex;
use std::time::{Instant, SystemTime};

use crate::embed;
use crate::error::Started;
use crate::measure::is_installed;
use crate::profile::{Profile, Stack};
use crate::{Error, Result};

/// Which allocations are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sample {
    /// All of them.
    Exact,
    /// Of all bytes one in so many, at random, and the block that it is in; `Bytes(512 << 10)` is Go's. A profile stands for
    /// all by its sums: each stack is scaled by the chance that its blocks had, as in Go. Counters, as
    /// [`snapshot`](crate::snapshot), stay exact.
    Bytes(u64),
}

/// When, and at what rate.
static STARTED: Mutex<Option<(Started, u64)>> = Mutex::new(None);

/// Starts recording, on all threads. Blocks from before are not in the profile, nor are their frees.
///
/// The first start reads the unwind information of the program: some milliseconds, 30 for an executable of 26 MB. From
/// then on an allocation costs some 40 ns more, its free 10 ns; one that a sample leaves out a few ns. Under the tool, which
/// records all, a sample is exact, too.
///
/// # Errors
///
/// [`Error::NotInstalled`]; [`Error::AlreadyStarted`]; [`Error::Unsupported`] on other platforms than Linux with glibc on
/// x86-64 and AArch64; [`Error::Refused`] where there is no memory.
pub fn start(sample: Sample) -> Result<()> {
    if !is_installed() {
        return Err(Error::NotInstalled);
    }
    let rate = match sample {
        Sample::Exact => 1,
        Sample::Bytes(rate) => rate.max(1),
    };
    let rate = embed::start_heap(rate, crate::TABLE)?;
    let now = (SystemTime::now(), Instant::now());
    *STARTED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some((now, rate));
    Ok(())
}

/// The profile since the start; recording goes on. The types are Go's: `alloc_objects`, `alloc_space`, `inuse_objects`,
/// `inuse_space`, of which pprof shows the last one first.
///
/// # Errors
///
/// [`Error::NotStarted`].
///
/// ```
/// assert!(matches!(memprof::heap::profile(), Err(memprof::Error::NotStarted)));
/// ```
pub fn profile() -> Result<Profile> {
    let now = (SystemTime::now(), Instant::now());
    let ((begun, started), rate) = STARTED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).unwrap_or((now, 1));
    embed::unrecorded(|| {
        // Each thread has its own.
        let mut counts = HashMap::<Vec<u64>, [u64; 4]>::new();
        embed::heap(&mut |addresses, [allocs, bytes, _, _, frees, freed]| {
            // Behind their calls, outermost first.
            let addresses = addresses.iter().rev().map(|address| address.wrapping_sub(1)).collect();
            let sums = counts.entry(addresses).or_default();
            sums.iter_mut().zip([allocs, bytes, frees, freed]).for_each(|(sum, count)| *sum += count);
        })?;
        let stack = |(addresses, [allocs, bytes, frees, freed]): (_, [u64; 4])| {
            let ((all, all_bytes), (live, live_bytes)) =
                (scaled(allocs, bytes, rate), scaled(allocs - frees, bytes - freed, rate));
            Stack { addresses, values: vec![all, all_bytes, live, live_bytes], label: 0, thread: None }
        };
        let mut stacks: Vec<Stack> = counts.into_iter().map(stack).collect();
        stacks.sort_by(|a, b| (b.values[1], &a.addresses).cmp(&(a.values[1], &b.addresses)));
        Ok(Profile {
            types: &[
                ("alloc_objects", "count"),
                ("alloc_space", "bytes"),
                ("inuse_objects", "count"),
                ("inuse_space", "bytes"),
            ],
            default_type: "inuse_space",
            period: Some(("space", "bytes", rate)),
            stacks,
            begun,
            duration: started.elapsed(),
            comments: Vec::new(),
            is_heap: true,
        })
    })
}

/// The blocks and bytes that a sample stands for: a block of `size` bytes is in it with the probability 1 − e^(−size/rate).
fn scaled(blocks: u64, bytes: u64, rate: u64) -> (u64, u64) {
    if rate < 2 || blocks == 0 || bytes == 0 {
        return (blocks, bytes);
    }
    let mean = bytes as f64 / blocks as f64;
    let scale = 1.0 / (1.0 - (-mean / rate as f64).exp());
    ((blocks as f64 * scale) as u64, (bytes as f64 * scale) as u64)
}

/// Writes the profile since the start; recording goes on. See [`Profile::write_to`].
///
/// # Errors
///
/// [`Error::NotStarted`], and what `out` returns.
///
/// ```
/// assert!(matches!(memprof::heap::write(Vec::new()), Err(memprof::Error::NotStarted)));
/// ```
pub fn write(out: impl Write) -> Result<()> {
    profile()?.write_to(out)
}

/// Stops recording; returns the last profile.
///
/// # Errors
///
/// [`Error::NotStarted`].
///
/// ```
/// assert!(matches!(memprof::heap::stop(), Err(memprof::Error::NotStarted)));
/// ```
pub fn stop() -> Result<Profile> {
    let profile = profile()?;
    embed::stop_heap()?;
    Ok(profile)
}
