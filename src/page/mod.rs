//! The documents that a browser opens: one shell with styles and script for the server's pages and for the report in one file,
//! and what the report says of a run.

mod details;
mod document;
mod overview;
mod report;
mod terminal;

pub use details::details;
pub use document::{Assets, Island, asset, document};
pub use overview::overview;
pub use report::{BaseRun, Report};
pub use terminal::terminal;
