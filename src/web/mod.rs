//! The page in the browser: `pprof -http` for one profile, `-http` of a run for all its benchmarks.
//!
//! A request is looked at by [`guard`] (is it for us, may it come from there), turned into what is asked for ([`query`]), and
//! answered by [`site`], which knows nothing of sockets: [`server`] alone does.

pub mod address;
pub mod browser;
pub mod guard;
mod load;
pub mod pages;
pub mod query;
pub mod saved;
pub mod server;
pub mod site;

pub use address::Address;
pub use server::{Listening, serve};
pub use site::{Mount, Site};
