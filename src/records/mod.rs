//! The records that the injected runtime writes and the tool reads: the interface between the two.

mod read;
mod recording;

pub use read::{Reader, parse_all};
pub use recording::*;
