//! Reports, each in its own file. They share [`report::Report`]: a profile, filtered and aggregated as requested.

pub mod callgrind;
pub mod dot;
pub mod folded;
pub mod header;
pub mod list;
pub mod nodelet;
pub mod proto;
pub mod raw;
pub mod report;
pub mod selection;
pub mod sources;
pub mod speedscope;
pub mod tabwriter;
pub mod tags;
pub mod text;
pub mod traces;
pub mod tree;
