//! What is compared: measurements out of files, whatever format they are in.

pub mod encoding;
pub mod gobench;
pub mod labels;
pub mod record;
pub mod results;
