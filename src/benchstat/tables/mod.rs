//! Tables: measurements gathered into cells, what each cell says, and the three ways to print them.

pub mod analysis;
pub mod csv;
pub mod gather;
pub mod layout;
pub mod markdown;
pub mod text;
