//! `cargo memprof`: time, allocations and profiles of the benches a project already has.
//!
//! Data flows one way: what is typed (`cli`) → the user's project (`workspace`) → what is added to it (`inject`) → the run
//! (`measure`), whose records (`record`) become numbers (`result`) and profiles (`symbolize`, `profile`) → what may pass
//! (`gate`, by the rules of `config`), what is said of it (`explain`) and what is shown (`graph`, `report`, `compare`, `export`;
//! `view` is what a browser shows, `page` the documents, `web` the server).
#![forbid(unsafe_code)]

pub mod cli;
pub mod compare;
pub mod config;
pub mod error;
pub mod exit;
pub mod explain;
pub mod export;
pub mod gate;
pub mod graph;
pub mod inject;
pub mod measure;
pub mod page;
pub mod profile;
pub mod record;
pub mod report;
pub mod result;
pub mod symbolize;
pub mod unwind;
pub mod view;
pub mod web;
pub mod workspace;

pub use error::{Error, Result};
