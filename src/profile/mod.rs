//! The profile: pprof's model of "which stacks cost how much", and what can be done with it without showing it.
//!
//! Nothing here does input or output; [`read`] and [`write`] work on bytes. Producers build a [`Profile`] with [`Builder`].

mod builder;
pub mod comment;
pub mod gzip;
pub mod model;
mod read;
mod tables;
mod wire;
mod write;

pub use builder::Builder;
pub use model::{Function, Label, LabelValue, Line, Location, Mapping, Profile, Sample, Text, ValueType};
pub use read::{ReadError, read, read_uncompressed};
pub use write::{write, write_uncompressed};
