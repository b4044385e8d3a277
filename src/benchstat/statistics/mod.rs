//! What samples say: their middle and its uncertainty, and whether two of them differ.

pub mod mann_whitney;
pub mod sample;
