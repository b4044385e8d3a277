//! The part that runs inside the user's bench: counters, stacks, the CPU sampler, and the records that carry their data
//! out.
//!
//! Compiled by the user's own toolchain and linked into the user's own executable, so: std and libc only, conservative Rust,
//! and nothing on the allocation path that allocates, panics, or takes a lock shared by all threads for more than a few
//! instructions (`spin`).
//!
//! One compiled criterion serves every bench of a workspace, therefore this crate holds no `#[global_allocator]`: that lives
//! in `memprof_alloc`, which only the counting executable gets.
#![allow(clippy::missing_safety_doc)]

mod arch;
mod attend;
mod barrier;
mod between;
// Without an override of libc's functions no waits are noted.
#[cfg_attr(any(test, target_feature = "crt-static"), allow(dead_code))]
mod block;
mod bracket;
mod buffer;
mod calling;
mod child;
mod chunks;
mod common;
mod cost;
mod dhat;
mod disturbance;
mod driver;
pub mod embed;
mod entries;
mod entry;
mod events;
mod filter;
mod follow;
mod fork;
mod growth;
mod idle;
mod inherit;
mod inside;
mod interrupted;
mod interrupts;
mod labels;
mod left_out;
#[cfg(not(any(test, target_feature = "crt-static")))]
mod libraries;
mod life;
mod live;
mod live_map;
mod live_sum;
mod lives;
mod log;
mod mark;
mod memo;
mod memory;
mod objects;
mod peak;
// Without an override of libc's functions no library is opened.
#[cfg_attr(any(test, target_feature = "crt-static"), allow(dead_code))]
mod places;
mod plan;
mod poisson;
mod process;
mod program;
mod records;
mod results;
mod rules;
mod sampler;
mod scope;
mod scoped;
mod shared;
mod sites;
mod spin;
mod stacks;
mod standing;
mod sys;
mod table;
#[cfg(feature = "testing")]
pub mod testing;
mod tests;
mod thread;
mod threads;
mod timed;
mod totals;
mod track;
mod unwind;
#[cfg(not(any(test, target_feature = "crt-static")))]
mod waits;
mod witness;
mod word;

pub use block::own as own_waits;
pub use bracket::{batched, close, close_shared, iter_entry, open, open_custom, open_shared};
pub use driver::{asked, benchmark, runs_on, Asked, Identity};
pub use records::description;
pub use tests::{list_test, test, tests_asked, uncounted, TestsAsked};
pub use timed::{between, is_warm, sampled, start_again, Timing, MOST_SAMPLES};
pub use track::Track;
