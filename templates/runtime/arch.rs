//! What differs between processors: registers and how a walk goes up by one frame, system calls, the state that a signal
//! interrupted, comparing many stack words. One file each; the names are the same in all.

#[cfg_attr(target_arch = "x86_64", path = "arch/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "arch/aarch64.rs")]
mod chosen;

pub use chosen::*;
