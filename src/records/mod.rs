//! The records that the injected runtime writes and the tool reads: the interface between the two.

#[path = "../../templates/runtime/growth.rs"]
mod growth;
mod read;
mod recording;

pub use growth::Growth;
pub use read::{Reader, parse_all};
pub use recording::*;
