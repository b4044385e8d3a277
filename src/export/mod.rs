//! Results as text: one file a format.

pub mod json;
pub mod number;
pub mod table;
