//! Go's conventions, shared by the two tools that have Go counterparts: regular expressions, numbers, flags.

pub mod flags;
pub mod float;
pub mod quote;
pub mod regexp;
