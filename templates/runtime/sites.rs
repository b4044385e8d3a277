//! The allocations of a scope by their stacks, for the message of a failed assertion: few stacks, found by the platform's
//! own unwinder, which is slow but always there.

use std::ptr;

use crate::memory;
use crate::spin::Spin;

/// Stacks that are told apart, frames of each.
const MOST: usize = 32;
const DEPTH: usize = 32;

/// The allocations of one stack.
#[derive(Clone, Copy)]
pub struct Site {
    pub allocs: u64,
    pub bytes: u64,
    pub live_blocks: u64,
    pub live_bytes: u64,
    /// Return addresses, innermost first; 0 behind the last.
    pub addresses: [usize; DEPTH],
}

/// Zero is one without sites.
struct Found {
    len: usize,
    sites: [Site; MOST],
}

pub struct Sites {
    found: Spin<Found>,
    next: *mut Sites,
}

/// Those that are not in use.
struct Free(*mut Sites);
static FREE: Spin<Free> = Spin::new(Free(ptr::null_mut()));

/// Null where there is no memory.
pub fn make() -> *mut Sites {
    let reused = FREE.with(|free| {
        let first = free.0;
        // SAFETY: null or one that is not in use.
        if let Some(sites) = unsafe { first.as_ref() } {
            free.0 = sites.next;
        }
        first
    });
    let sites = match reused {
        Some(sites) if !sites.is_null() => sites,
        _ => memory::map(std::mem::size_of::<Sites>()) as *mut Sites,
    };
    if !sites.is_null() {
        // SAFETY: memory for one, which nothing refers to.
        unsafe {
            let none = Site { allocs: 0, bytes: 0, live_blocks: 0, live_bytes: 0, addresses: [0; DEPTH] };
            sites.write(Sites { found: Spin::new(Found { len: 0, sites: [none; MOST] }), next: ptr::null_mut() });
        }
    }
    sites
}

/// Nothing refers to it any more.
pub fn give_back(sites: *mut Sites) {
    if !sites.is_null() {
        FREE.with(|free| {
            // SAFETY: `make` gave it, and it is not in use.
            unsafe { (*sites).next = free.0 };
            free.0 = sites;
        });
    }
}

impl Sites {
    /// Counts an allocation by the calling stack; returns the number of its site, or 0.
    pub fn allocated(&self, size: usize) -> u8 {
        let mut addresses = [0; DEPTH];
        calling(&mut addresses);
        self.found
            .with(|found| {
                let known = found.sites[..found.len].iter().position(|site| site.addresses == addresses);
                let at = known.unwrap_or_else(|| {
                    // The last one stands for all that there is no room for.
                    let at = found.len.min(MOST - 1);
                    found.len = at + 1;
                    found.sites[at].addresses = addresses;
                    at
                });
                let site = &mut found.sites[at];
                site.allocs += 1;
                site.bytes += size as u64;
                site.live_blocks += 1;
                site.live_bytes += size as u64;
                at as u8 + 1
            })
            .unwrap_or(0)
    }

    pub fn freed(&self, site: u8, size: usize) {
        self.found.with(|found| {
            if let Some(site) = (site as usize).checked_sub(1).and_then(|at| found.sites.get_mut(at)) {
                site.live_blocks = site.live_blocks.wrapping_sub(1);
                site.live_bytes = site.live_bytes.wrapping_sub(size as u64);
            }
        });
    }

    pub fn all(&self) -> Vec<Site> {
        // Copied under the lock: allocating may come back here.
        let copy = self.found.with(|found| (found.len, found.sites));
        copy.map_or(Vec::new(), |(len, sites)| sites[..len].to_vec())
    }
}

#[cfg(unix)]
fn calling(out: &mut [usize; DEPTH]) {
    use std::os::raw::{c_int, c_void};

    // Of the unwinder that the standard library itself links.
    extern "C" {
        fn _Unwind_Backtrace(each: extern "C" fn(*mut c_void, *mut c_void) -> c_int, argument: *mut c_void) -> c_int;
        fn _Unwind_GetIP(frame: *mut c_void) -> usize;
    }
    struct Walk<'a> {
        out: &'a mut [usize; DEPTH],
        len: usize,
    }
    extern "C" fn frame(frame: *mut c_void, walk: *mut c_void) -> c_int {
        const GO_ON: c_int = 0;
        const STOP: c_int = 5;
        // SAFETY: the walk below, for which no other reference is alive during the call; the frame is the unwinder's.
        let (walk, address) = unsafe { (&mut *(walk as *mut Walk<'_>), _Unwind_GetIP(frame)) };
        match walk.out.get_mut(walk.len) {
            Some(place) => *place = address,
            None => return STOP,
        }
        walk.len += 1;
        GO_ON
    }
    let mut walk = Walk { out, len: 0 };
    // SAFETY: `frame` treats the pointer as its own type, during this call only.
    unsafe { _Unwind_Backtrace(frame, &mut walk as *mut Walk<'_> as *mut c_void) };
}

#[cfg(not(unix))]
fn calling(_: &mut [usize; DEPTH]) {}
