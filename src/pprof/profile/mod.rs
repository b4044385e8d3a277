//! The profile: pprof's model of "which stacks cost how much", and the operations on it except printing.
//!
//! Nothing here does input or output; [`read`] and [`write`] work on bytes. Producers build a [`Profile`] with
//! [`Builder`].

mod aggregate;
pub mod arithmetic;
mod builder;
mod combine;
pub mod comment;
mod demangle;
mod error;
mod filter;
pub mod gzip;
mod index;
mod legacy;
mod merge;
mod messages;
pub mod model;
pub mod path;
mod pattern;
mod prune;
mod read;
mod samples;
mod tables;
mod tags;
pub mod unit;
mod wire;
mod write;

pub use aggregate::Details;
pub use builder::Builder;
pub use combine::combine;
pub use demangle::Mode as DemangleMode;
pub use error::ReadError;
pub use filter::{NameFilters, NameMatches};
pub use merge::merge;
pub use model::{Function, Label, LabelValue, Line, Location, Mapping, Profile, Sample, Text, ValueType};
pub use pattern::Pattern;
pub use read::{read, read_uncompressed};
pub use samples::Samples;
pub use tags::{BASE_KEY, LabelUnits};
pub use write::{write, write_quickly, write_uncompressed};
