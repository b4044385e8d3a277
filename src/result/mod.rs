//! A benchmark's numbers, and their statistics. No I/O.

pub mod check;
pub mod metric;
pub mod model;
pub mod names;
pub mod special;
pub mod statistics;
pub mod summary;
