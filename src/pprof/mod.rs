//! `go tool pprof`'s job. It knows nothing of benches and could be a crate of its own.
//!
//! `profile` is the model with its file format, filters and merging; `graph` sums it up by function; `reports` prints it, one
//! file a report; `front` is how one asks: flags, shell, help, where profiles come from and reports go.

pub mod front;
pub mod graph;
pub mod profile;
pub mod reports;
