//! A whole program, run once as its user runs it: its allocations, its leaks, and where its time went.
//!
//! [`target`] finds it, [`build`] builds it as `cargo run --release` does, [`run`] runs it. Its records lie in memory
//! that it shares with the tool ([`region`]), and are read from there ([`recorded`], [`ring`], [`timeline`]), however
//! it ends.

pub mod build;
pub mod children;
pub mod events;
pub mod files;
pub mod finished;
pub mod leaks;
pub mod libraries;
pub mod options;
pub mod profiles;
pub mod recorded;
pub mod region;
pub mod ring;
pub mod run;
pub mod sampling;
pub mod summary;
pub mod target;
pub mod timeline;
pub mod trace;
