//! The server: `pprof -http` for one profile, `-http` of a run for all its benchmarks.
//!
//! [`guard`] decides whether a request is allowed, [`query`] parses it, and [`site`] answers it. Only [`listen`] uses
//! sockets.

pub mod address;
pub mod browser;
pub mod guard;
pub mod listen;
mod load;
pub mod query;
pub mod routes;
pub mod saved;
pub mod site;

pub use address::Address;
pub use listen::{Listening, serve};
pub use site::{Mount, Site};
