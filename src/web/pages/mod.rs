//! The documents that a browser opens: one shell with styles and script for the server's pages and for the report in
//! one file, and the data of the report.

mod contents;
mod details;
mod document;
mod file;
pub mod history;
mod overview;
mod programs;
mod shared;
mod terminal;
mod versus;

pub use contents::Report;
pub use details::details;
pub use document::{Assets, Island, asset, document};
pub use file::file;
pub use overview::overview;
pub use terminal::terminal;
