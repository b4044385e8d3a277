//! Tables: gathers measurements into cells, analyses the cells, and prints them in three formats.

pub mod analysis;
pub mod csv;
pub mod gather;
pub mod layout;
pub mod markdown;
pub mod text;
