//! Programs while they run: Go's /debug/pprof for a program that was not changed for it.

pub mod delta;
pub mod text;
