//! A whole program, run once as its user runs it: what it asked of its allocator, what it never gave back, where its time went.
//!
//! [`target`] finds it, [`build`] builds it as `cargo run --release` does, [`run`] runs it. What it records lies in memory that
//! it shares with the tool ([`region`]), and is read from there ([`recorded`], [`ring`], [`timeline`]), however it ends.

pub mod build;
pub mod finished;
pub mod leaks;
pub mod options;
pub mod profiles;
pub mod recorded;
pub mod region;
pub mod ring;
pub mod run;
pub mod summary;
pub mod target;
pub mod timeline;
