//! The tests of a workspace, each run and counted in a process of its own.
//!
//! A [`session`] goes through it all: [`target`] finds what can have tests, [`build`] builds it as `cargo test` does, with a second executable beside each
//! that counts, [`list`] asks those for their tests, [`select`] chooses, [`run`] runs them side by side, [`attempt`] is
//! one process of one test, [`verdict`] says how it ended, and [`report`] prints.

pub mod attempt;
pub mod build;
pub mod list;
mod located;
pub mod options;
pub mod profile;
pub mod report;
pub mod run;
pub mod select;
pub mod session;
pub mod target;
pub mod verdict;
