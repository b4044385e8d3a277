//! What the injected runtime writes, as the tool reads it: the seam between the two.

mod model;

pub use model::*;
