//! Programs while they run: Go's /debug/pprof for a program that was not changed for it.
//!
//! The program's records lie in memory that it shares with the tool ([`reader`]); the process itself parses nothing and
//! serves nothing. [`endpoint`] reads a request, [`profiles`] makes what it asks for, [`answer`] is what goes back, and only
//! [`server`] has sockets.

pub mod answer;
mod answers;
pub mod attach;
pub mod control;
pub mod delta;
pub mod endpoint;
mod history;
pub mod listen;
pub mod mark;
pub mod names;
mod page;
pub mod profiles;
pub mod reader;
pub mod server;
pub mod serving;
pub mod target;
pub mod text;
pub mod threads;
pub mod top;
pub mod trace;
