//! Statistics of samples: the center and its uncertainty, and whether two samples differ.

pub mod mann_whitney;
pub mod sample;
