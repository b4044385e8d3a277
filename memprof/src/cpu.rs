//! CPU profiles: every thread is interrupted at a rate of its own CPU time.
//!
//! ```
//! # #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), target_env = "gnu"))]
//! # fn main() -> memprof::Result<()> {
//! memprof::cpu::start(100)?;
//! let profile = memprof::cpu::stop()?;
//! let mut bytes = Vec::new();
//! profile.write_to(&mut bytes)?;
//! # Ok(())
//! # }
//! # #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), target_env = "gnu")))]
//! # fn main() {}
//! ```

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Instant, SystemTime};

use crate::embed;
use crate::error::Started;
use crate::profile::{Profile, Stack};
use crate::Result;

static STARTED: Mutex<Option<Started>> = Mutex::new(None);

/// Starts sampling: `hz` times a second of each thread's CPU time, at most 10,000; 100 is Go's rate. Threads that start
/// later are sampled, too. No allocator is needed.
///
/// The first start reads the unwind information of the program: some milliseconds, 30 for an executable of 26 MB. At
/// 100 Hz sampling takes less than 1 % of the CPU time.
///
/// # Errors
///
/// [`Error::AlreadyStarted`](crate::Error::AlreadyStarted); [`Error::Unsupported`](crate::Error::Unsupported) on other
/// platforms than Linux with glibc on x86-64 and AArch64; [`Error::Refused`](crate::Error::Refused) where the kernel gives no
/// timers.
pub fn start(hz: u32) -> Result<()> {
    embed::start_cpu(hz.clamp(1, 10_000), crate::TABLE)?;
    *STARTED.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some((SystemTime::now(), Instant::now()));
    Ok(())
}

/// Stops sampling. The profile has the types `samples` (count) and `cpu` (nanoseconds).
///
/// # Errors
///
/// [`Error::NotStarted`](crate::Error::NotStarted).
pub fn stop() -> Result<Profile> {
    let samples = embed::stop_cpu()?;
    let (begun, started) = STARTED
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .take()
        .unwrap_or((SystemTime::now(), Instant::now()));
    Ok(embed::unrecorded(|| profile(&samples, begun, started)))
}

fn profile(samples: &embed::Samples, begun: SystemTime, started: Instant) -> Profile {
    let mut counts: HashMap<(&[u64], u64), u64> = HashMap::new();
    let (mut rest, mut cut) = (samples.words.as_slice(), 0);
    while let [amount, depth, thread, behind @ ..] = rest {
        let len = (*depth & 0xFFFF_FFFF) as usize;
        if behind.len() < len {
            break;
        }
        cut += u64::from(depth >> 32 != 0);
        *counts.entry((&behind[..len], *thread)).or_insert(0) += amount;
        rest = &behind[len..];
    }
    let stacks = counts.into_iter().map(|((addresses, thread), count)| {
        // The leaf is the place itself, the others return behind their calls.
        let calls = addresses.iter().enumerate().map(|(i, &address)| address.wrapping_sub(u64::from(i > 0)));
        let values = vec![count, count * samples.period_ns];
        Stack { addresses: calls.collect(), values, label: (thread >> 32) as u32, thread: Some(thread as u32) }
    });
    let mut stacks: Vec<Stack> = stacks.collect();
    stacks.sort_by(|a, b| (&b.values, &a.addresses).cmp(&(&a.values, &b.addresses)));
    let mut comments = Vec::new();
    if cut + samples.lost > 0 {
        comments.push(format!("samples: {cut} with a cut stack, {} lost", samples.lost));
    }
    Profile {
        types: &[("samples", "count"), ("cpu", "nanoseconds")],
        default_type: "cpu",
        period: Some(("cpu", "nanoseconds", samples.period_ns)),
        stacks,
        begun,
        duration: started.elapsed(),
        comments,
        is_heap: false,
    }
}
