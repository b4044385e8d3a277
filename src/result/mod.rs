//! Numbers out of records: what a row of the table says, and the statistics under it.

pub mod special;
pub mod statistics;
