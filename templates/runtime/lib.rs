//! What runs inside the user's bench: counters, stacks, the CPU sampler and the records that carry them out.
//!
//! Compiled by the user's own toolchain and linked into the user's own executable, so: std and libc only, conservative Rust,
//! and nothing on the allocation path that allocates, takes a lock shared by all threads, or panics.
//!
//! One compiled criterion serves every bench of a workspace, therefore this crate holds no `#[global_allocator]`: that lives
//! in `memprof_alloc`, which only the counting executable gets.
#![allow(clippy::missing_safety_doc)]

mod bracket;
mod cost;
mod driver;
mod entries;
mod live;
mod live_map;
mod memo;
mod memory;
mod objects;
mod peak;
mod plan;
mod records;
mod rules;
mod sampler;
mod stacks;
mod standing;
mod sys;
#[cfg(feature = "testing")]
pub mod testing;
mod thread;
mod threads;
mod track;
mod unwind;

pub use bracket::{batched, close, iter_entry, open, open_custom};
pub use driver::{benchmark, Identity};
pub use track::Track;
