//! Reports: what is said of a profile, and how one asks for it.
//!
//! Two tables carry everything: [`command::COMMANDS`] and [`config::OPTIONS`]. The flags ([`arguments`]), the shell ([`shell`])
//! and the help ([`help`]) are made of them. What is asked for is fetched ([`fetch`]), filtered and aggregated
//! ([`generate`]), printed by the one file of its report, and delivered ([`output`]).

pub mod arguments;
mod callgrind;
pub mod command;
pub mod config;
mod dot;
pub mod fetch;
pub mod focus;
mod folded;
pub mod generate;
mod header;
pub mod help;
mod http;
mod list;
pub mod nodelet;
pub mod output;
mod parse;
mod proto;
mod raw;
#[expect(clippy::module_inception, reason = "the report that all reports share")]
pub mod report;
pub mod shell;
pub mod sources;
mod speedscope;
mod table;
mod tags;
pub mod terminal;
pub mod text;
mod traces;
mod tree;
