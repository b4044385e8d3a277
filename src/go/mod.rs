//! Go's conventions, shared by the two tools that have Go counterparts: regular expressions, numbers, quoted strings, flags.

pub mod regexp;
