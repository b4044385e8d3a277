//! Tables: measurements gathered into cells, what each cell says, and the two ways to print them.

pub mod analysis;
pub mod csv;
pub mod gather;
pub mod layout;
pub mod text;
