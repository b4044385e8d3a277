//! What the injected runtime writes, as the tool reads it: the seam between the two.

mod read;
mod recording;

pub use read::{Reader, parse_all};
pub use recording::*;
