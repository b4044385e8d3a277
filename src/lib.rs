//! `cargo memprof`: time, allocations and profiles of the benches a project already has.
//!
//! Data flows one way: the words that were typed (`cli`) → one measuring session (`session`) → the user's project (`project`)
//! → the code that is added to it (`inject`) → the run (`measure`), whose records (`records`) become numbers (`results`) and
//! profiles (`symbolize`, `pprof::profile`) → verdicts (`check`), reasons (`explain`) and pictures (`formats`, `pprof::reports`,
//! `benchstat`, `web`). Nothing in this library is a public API: it exists so that the executable and the tests share it.
#![forbid(unsafe_code)]

pub mod benchstat;
pub mod check;
pub mod cli;
pub mod console;
pub mod error;
pub mod exit;
pub mod explain;
pub mod formats;
pub mod fs;
pub mod git;
pub mod go;
pub mod history;
pub mod inject;
pub mod live;
pub mod measure;
pub mod os;
pub mod pprof;
pub mod programs;
pub mod project;
pub mod records;
pub mod results;
pub mod session;
pub mod symbolize;
pub mod test_runs;
pub mod unwind;
pub mod web;

pub use error::{Error, Result};
