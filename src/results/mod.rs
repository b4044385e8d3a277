//! A benchmark's numbers, and their statistics. No I/O.

pub mod check;
pub mod failed;
pub mod groups;
pub mod lines;
pub mod metric;
pub mod names;
pub mod notation;
pub mod pairs;
pub mod profiles;
pub mod program;
pub mod ratio;
#[cfg(test)]
pub mod sample;
pub mod sites;
pub mod special;
pub mod statistics;
pub mod summary;
pub mod tests;
pub mod time;
