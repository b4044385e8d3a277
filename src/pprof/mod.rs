//! The job of `go tool pprof`. It knows nothing of benchmarks and could be a crate of its own.
//!
//! `profile` is the model with its file format, filters and merging; `graph` sums it up by function; `reports` prints
//! it, one file per report; `front` handles flags, shell and help, fetches profiles and delivers reports.

pub mod front;
pub mod graph;
pub mod profile;
pub mod reports;
