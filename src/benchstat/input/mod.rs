//! Reads measurements from files of any supported format.

pub mod encoding;
pub mod gobench;
pub mod labels;
pub mod record;
pub mod results;
