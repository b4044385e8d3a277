//! Reports: one file prints one of them. They share [`report::Report`]: a profile, filtered and aggregated as was asked.

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
