//! What the injected runtime writes, as the tool reads it: the seam between the two.

mod model;
mod read;

pub use model::*;
pub use read::Reader;
