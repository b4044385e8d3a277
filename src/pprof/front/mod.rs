//! The front end: flags, shell, help, fetching and delivery.
//!
//! Two tables drive everything: [`command::COMMANDS`] and [`config::OPTIONS`]. The flags ([`arguments`]), the shell
//! ([`shell`]) and the help ([`help`]) are made from them. A request is fetched ([`fetch`]), filtered and aggregated
//! ([`generate`]), printed by its report, and delivered ([`output`]).

pub mod arguments;
pub mod command;
pub mod config;
pub mod fetch;
pub mod focus;
pub mod generate;
pub mod help;
pub mod http;
pub mod options;
pub mod output;
pub mod shell;
pub mod symbolize;
pub mod terminal;
